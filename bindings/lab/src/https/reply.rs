//! Writes a response octet by octet: the faults are in what no HTTP library would send.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::server::TlsStream;

use super::{Framing, Response};
use crate::handshake::close;

const MOST_PADDING: usize = 16 * 1024 * 1024;
const PADDING_LINE: &[u8] = b"x-pad: x\n";
const LINES_AT_ONCE: usize = 1024;

pub(super) async fn send(tls: &mut TlsStream<TcpStream>, method: &str, response: &Response) -> io::Result<()> {
    let plan = Plan::of(response)?;
    tls.write_all(plan.head.as_bytes()).await?;
    tls.flush().await?;
    if plan.has_body && method != "HEAD" {
        send_body(tls, &plan, response).await?;
    }
    if response.close_notify {
        tls.shutdown().await?;
    }
    close(tls.get_mut().0).await;
    Ok(())
}

struct Plan<'a> {
    head: String,
    has_body: bool,
    /// What is sent of it.
    body: Cow<'a, [u8]>,
    chunked: bool,
    goes_on: bool,
}

impl<'a> Plan<'a> {
    fn of(response: &'a Response) -> io::Result<Self> {
        let has_body = !matches!(response.status, 100..=199 | 204 | 205 | 304);
        let goes_on = response.endless && !response.gzip;
        let chunked = response.framing == Framing::Chunked || goes_on;
        let mut body = encoded(response)?;
        let mut announced = response.declared_length.unwrap_or(body.len() as u64);
        if response.truncated && !chunked {
            let by_length = response.framing == Framing::ContentLength;
            if !by_length || announced <= body.len() as u64 {
                let half = body.len() / 2;
                body.to_mut().truncate(half);
            }
            announced = announced.max(body.len() as u64 + 1);
        }
        let framing = match response.status {
            100..=199 | 204 | 304 => String::new(),
            205 => "Content-Length: 0\r\n".to_owned(),
            _ if chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
            _ if response.framing == Framing::Close => String::new(),
            _ => format!("Content-Length: {announced}\r\n"),
        };
        Ok(Self { head: head(response, &framing), has_body, body, chunked, goes_on })
    }
}

fn head(response: &Response, framing: &str) -> String {
    let mut head: String = response.interim.iter().map(|status| status_line(*status) + "\r\n").collect();
    head += &status_line(response.status);
    for value in &response.content_type {
        head += &format!("Content-Type: {value}\r\n");
    }
    if response.gzip {
        head += "Content-Encoding: gzip\r\n";
    }
    for (name, value) in &response.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head + framing + "Connection: close\r\n\r\n"
}

fn status_line(status: u16) -> String {
    let reason = match status {
        100 => "Continue",
        200 => "OK",
        404 => "Not Found",
        101..=199 => "Interim",
        201..=299 => "Success",
        300..=399 => "See elsewhere",
        400..=499 => "Client's fault",
        _ => "Server's fault",
    };
    format!("HTTP/1.1 {status:03} {reason}\r\n")
}

fn encoded(response: &Response) -> io::Result<Cow<'_, [u8]>> {
    if !response.gzip {
        return Ok(Cow::Borrowed(&response.body));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&response.body)?;
    if response.endless {
        let padding = PADDING_LINE.repeat(LINES_AT_ONCE);
        for _ in 0..MOST_PADDING / padding.len() {
            encoder.write_all(&padding)?;
        }
    }
    Ok(Cow::Owned(encoder.finish()?))
}

async fn send_body(tls: &mut TlsStream<TcpStream>, plan: &Plan<'_>, response: &Response) -> io::Result<()> {
    send_piece(tls, &plan.body, plan.chunked, response.octet_delay).await?;
    if plan.goes_on {
        let padding = PADDING_LINE.repeat(LINES_AT_ONCE);
        for _ in 0..MOST_PADDING / padding.len() {
            send_piece(tls, &padding, true, response.octet_delay).await?;
        }
        return Ok(());
    }
    if plan.chunked && !response.truncated {
        tls.write_all(b"0\r\n\r\n").await?;
    }
    tls.flush().await
}

async fn send_piece(
    tls: &mut TlsStream<TcpStream>,
    octets: &[u8],
    chunked: bool,
    octet_delay: Option<Duration>,
) -> io::Result<()> {
    let at_once = match octet_delay {
        Some(_) => 1,
        None => octets.len().max(1),
    };
    for piece in octets.chunks(at_once) {
        if let Some(delay) = octet_delay {
            sleep(delay).await;
        }
        if chunked {
            let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            tls.write_all(&framed).await?;
        } else {
            tls.write_all(piece).await?;
        }
        tls.flush().await?;
    }
    Ok(())
}
