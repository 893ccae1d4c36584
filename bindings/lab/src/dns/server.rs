//! The UDP and TCP sides of the name server.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

use super::message::Request;
use crate::sync::{accept, locked};
use crate::world::Inner;

const IDLE: Duration = Duration::from_secs(10);
const ATTEMPTS: usize = 16;

/// One port for both; with 0, a free one.
pub(crate) async fn bind(port: u16) -> io::Result<(UdpSocket, TcpListener)> {
    let mut attempts = 1;
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port == 0 && attempts < ATTEMPTS => {
                attempts += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

pub(crate) async fn serve_udp(world: Arc<Inner>, socket: UdpSocket) {
    let mut octets = vec![0; usize::from(u16::MAX)];
    loop {
        match socket.recv_from(&mut octets).await {
            Ok((length, client)) => {
                if let Some(reply) = answer(&world, &octets[..length], true) {
                    // A client that is gone asks again or does not care.
                    let _ = socket.send_to(&reply, client).await;
                }
            }
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

pub(crate) async fn serve_tcp(world: Arc<Inner>, listener: TcpListener) {
    accept(listener, |stream| {
        let world = world.clone();
        async move {
            // An error here is the client's end of the connection.
            let _ = serve_connection(&world, stream).await;
        }
    })
    .await;
}

async fn serve_connection(world: &Inner, mut stream: TcpStream) -> io::Result<()> {
    loop {
        let length = timeout(IDLE, stream.read_u16()).await??;
        let mut octets = vec![0; usize::from(length)];
        timeout(IDLE, stream.read_exact(&mut octets)).await??;
        if let Some(reply) = answer(world, &octets, false) {
            let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
            let framed = [&length.to_be_bytes(), reply.as_slice()].concat();
            timeout(IDLE, stream.write_all(&framed)).await??;
        }
    }
}

fn answer(world: &Inner, octets: &[u8], by_udp: bool) -> Option<Vec<u8>> {
    match Request::read(octets) {
        Request::Question(question) => {
            world.queries.push((question.name.clone(), question.kind));
            question.answer(&locked(&world.zones), by_udp)
        }
        Request::Other(reply) => Some(reply),
        Request::Noise => None,
    }
}
