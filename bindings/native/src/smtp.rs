//! The client's side of SMTP, as far as a probe goes. RFC 5321 §4.2.

use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// RFC 5321 §4.5.3.1.5 allows 512 octets; real hosts exceed that.
const MAX_LINE: usize = 4096;
const MAX_LINES: usize = 100;

#[derive(Debug)]
pub(crate) struct Smtp<S> {
    stream: S,
    buffer: Vec<u8>,
    /// The time for one command with its reply.
    patience: Duration,
}

/// Why a dialogue ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Broken {
    Closed,
    Garbage,
    Timeout,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    lines: Vec<Vec<u8>>,
}

impl Reply {
    /// Whether a reply to EHLO offers the extension. Its first line is the greeting.
    pub(crate) fn has_extension(&self, keyword: &str) -> bool {
        let is_it = |line: &Vec<u8>| {
            let word = line.split(|octet| *octet == b' ').next().unwrap_or_default();
            word.eq_ignore_ascii_case(keyword.as_bytes())
        };
        self.code == 250 && self.lines.iter().skip(1).any(is_it)
    }
}

impl<S> Smtp<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, buffer: Vec::new(), patience }
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Forgets what was read ahead.
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Smtp<S> {
    pub(crate) async fn command(&mut self, line: &str) -> Result<Reply, Broken> {
        let octets = format!("{line}\r\n");
        let write = async {
            self.stream.write_all(octets.as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(self.patience, write).await.map_err(|_| Broken::Timeout)?.map_err(|_| Broken::Closed)?;
        self.reply().await
    }

    pub(crate) async fn reply(&mut self) -> Result<Reply, Broken> {
        timeout(self.patience, self.read_reply()).await.unwrap_or(Err(Broken::Timeout))
    }

    /// Takes leave politely; what becomes of it does not matter.
    pub(crate) async fn quit(&mut self) {
        let _ = timeout(Duration::from_secs(2), self.command("QUIT")).await;
        let _ = timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }

    async fn read_reply(&mut self) -> Result<Reply, Broken> {
        let mut reply = Reply { code: 0, lines: Vec::new() };
        while reply.lines.len() < MAX_LINES {
            let line = self.read_line().await?;
            let (code, rest) = line.split_at_checked(3).ok_or(Broken::Garbage)?;
            let code = core::str::from_utf8(code).ok().filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
            let code = code.and_then(|code| code.parse().ok()).ok_or(Broken::Garbage)?;
            if !(200..600).contains(&code) || reply.code != 0 && reply.code != code {
                return Err(Broken::Garbage);
            }
            reply.code = code;
            reply.lines.push(rest.get(1..).unwrap_or_default().to_vec());
            match rest.first() {
                None | Some(b' ') => return Ok(reply),
                Some(b'-') => {}
                Some(_) => return Err(Broken::Garbage),
            }
        }
        Err(Broken::Garbage)
    }

    async fn read_line(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            let end = self.buffer.iter().position(|octet| *octet == b'\n');
            if end.unwrap_or(self.buffer.len()) > MAX_LINE {
                return Err(Broken::Garbage);
            }
            if let Some(end) = end {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(line);
            }
            let mut piece = [0; 1024];
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return Err(Broken::Closed),
                Ok(length) => self.buffer.extend_from_slice(&piece[..length]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    async fn reply_to(octets: &[u8]) -> Result<Reply, Broken> {
        let (ours, mut theirs) = duplex(65_536);
        theirs.write_all(octets).await.unwrap();
        drop(theirs);
        Smtp::new(ours, Duration::from_secs(5)).reply().await
    }

    #[tokio::test]
    async fn extensions_are_whole_words_after_the_greeting() {
        let reply = reply_to(b"250-starttls.example\r\n250-XSTARTTLS\r\n250 starttls\r\n").await.unwrap();
        assert!(reply.has_extension("STARTTLS"));
        let reply = reply_to(b"250-STARTTLS\r\n250 STARTTLSX\r\n").await.unwrap();
        assert!(!reply.has_extension("STARTTLS"));
    }

    #[tokio::test]
    async fn what_is_no_reply_ends_the_dialogue() {
        let long = [b"220 ".as_slice(), &b"x".repeat(5000), b"\r\n"].concat();
        let endless = b"220-x\r\n".repeat(101);
        for octets in [b"HTTP/1.1 400\r\n".as_slice(), b"220-a\r\n250 b\r\n", b"22\r\n", b"999 x\r\n", &long, &endless]
        {
            assert_eq!(reply_to(octets).await.err(), Some(Broken::Garbage));
        }
        assert_eq!(reply_to(b"220 no end").await.err(), Some(Broken::Closed));
    }
}
