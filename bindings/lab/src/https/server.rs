//! The listeners of all policy hosts, and the request's side of HTTP.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::{HelloSeen, HttpSeen, PolicyHost, Reply, Response, WELL_KNOWN, reply};
use crate::handshake::{Alert, Hello, close};
use crate::sync::accept;
use crate::world::Inner;

const LARGEST_HEAD: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);
/// No exchange lasts longer, however slow it is meant to be.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(600);
const ATTEMPTS: usize = 16;

/// The same port at 127.0.0.1 and, where there is IPv6, ::1; with 0, a free one.
pub(crate) async fn bind(port: u16) -> io::Result<(TcpListener, Option<TcpListener>)> {
    let mut attempts = 1;
    loop {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        match TcpListener::bind((Ipv6Addr::LOCALHOST, v4.local_addr()?.port())).await {
            Ok(v6) => return Ok((v4, Some(v6))),
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => return Ok((v4, None)),
            Err(_) if port == 0 && attempts < ATTEMPTS => attempts += 1,
            Err(error) => return Err(error),
        }
    }
}

pub(crate) async fn serve(world: Arc<Inner>, listener: TcpListener) {
    accept(listener, |stream| {
        let world = world.clone();
        async move {
            // Past the deadline or broken off by the client: both end the exchange.
            let _ = timeout(LONGEST_EXCHANGE, exchange(&world, stream)).await;
        }
    })
    .await;
}

async fn exchange(world: &Inner, stream: TcpStream) -> io::Result<()> {
    let hello = Hello::read(stream).await?;
    world.hellos.push(HelloSeen { sni: hello.sni.clone(), at: SystemTime::now() });
    let asked = hello.sni.clone().unwrap_or_default();
    let Some((name, host)) = world.policy_host_for(&asked) else {
        hello.refuse(Alert::UnrecognizedName).await;
        return Ok(());
    };
    let Some(mut tls) = hello.answer(&world.authority, &name, &host.tls, &[b"http/1.1"]).await else {
        return Ok(());
    };
    let Some(seen) = timeout(PATIENCE, read_request(&mut tls, asked)).await?? else {
        return reply::send(&mut tls, "GET", &Response::status(400)).await;
    };
    world.requests.push(seen.clone());
    let response = match reply_to(&host, &seen.path) {
        Some(Reply::Response(response)) => response,
        Some(Reply::Silence) => return wait_for_end(&mut tls).await,
        None => Response::status(404),
    };
    let response = if world.cors.load(Ordering::Relaxed) { response.shared() } else { response };
    reply::send(&mut tls, &seen.method, &response).await
}

fn reply_to(host: &PolicyHost, path: &str) -> Option<Reply> {
    if path == WELL_KNOWN {
        return Some(host.reply.clone());
    }
    let (_, response) = host.elsewhere.iter().find(|(known, _)| known == path)?;
    Some(Reply::Response(response.clone()))
}

/// `None`: that was no HTTP/1 request.
async fn read_request(tls: &mut TlsStream<TcpStream>, host: String) -> io::Result<Option<HttpSeen>> {
    let mut head = Vec::new();
    let end = loop {
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if head.len() >= LARGEST_HEAD {
            return Ok(None);
        }
        let mut piece = [0; 4096];
        match tls.read(&mut piece).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => head.extend_from_slice(&piece[..length]),
        }
    };
    let head = String::from_utf8_lossy(&head[..end]);
    let mut lines = head.split("\r\n");
    let request_line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, path, version] = request_line[..] else {
        return Ok(None);
    };
    if !version.starts_with("HTTP/1.") {
        return Ok(None);
    }
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Some(HttpSeen { host, method: method.to_owned(), path: path.to_owned(), headers, at: SystemTime::now() }))
}

async fn wait_for_end(tls: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while tls.read(&mut ignored).await? > 0 {}
    tls.shutdown().await?;
    close(tls.get_mut().0).await;
    Ok(())
}
