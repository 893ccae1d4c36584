//! A socketmap client.

use crate::{input::in_words, output::escape};
use core::{fmt, str::FromStr};
use mta_sts_core::socketmap::{Frame, MAX_REPLY, Reply, Request, decode};
use std::{io, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::{Instant, timeout},
};

/// As long as Postfix waits.
const PATIENCE: Duration = Duration::from_secs(100);

/// Where a socketmap server listens, and perhaps a map of it: `127.0.0.1:8461`, `unix:/path`, and
/// either with `:MAP`. A whole `socketmap:inet:127.0.0.1:8461:postfix` of main.cf is read too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Server {
    place: Place,
    map: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A host, which may be a name, and a port.
    Tcp(String, u16),
    Unix(PathBuf),
}

impl FromStr for Server {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix("socketmap:").unwrap_or(text);
        if let Some(rest) = text.strip_prefix("unix:") {
            let (path, map) = match rest.rsplit_once(':') {
                Some((path, map)) if !map.contains('/') => (path, Some(map)),
                _ => (rest, None),
            };
            if path.is_empty() || map == Some("") {
                return Err(NO_SERVER);
            }
            return Ok(Self { place: Place::Unix(path.into()), map: map.map(str::to_owned) });
        }
        let text = text.strip_prefix("inet:").unwrap_or(text);
        // An IPv6 address stands in brackets.
        let (host, rest) = match text.strip_prefix('[') {
            Some(text) => {
                let (host, rest) = text.split_once(']').ok_or(NO_SERVER)?;
                (host, rest.strip_prefix(':').ok_or(NO_SERVER)?)
            }
            None => text.split_once(':').ok_or(NO_SERVER)?,
        };
        let (port, map) = rest.split_once(':').map_or((rest, None), |(port, map)| (port, Some(map)));
        let port: u16 = port.parse().map_err(|_| NO_SERVER)?;
        if host.is_empty() || port == 0 || map == Some("") {
            return Err(NO_SERVER);
        }
        Ok(Self { place: Place::Tcp(host.to_owned(), port), map: map.map(str::to_owned) })
    }
}

const NO_SERVER: &str = "not a socketmap server such as 127.0.0.1:8461, 127.0.0.1:8461:postfix or unix:/path";

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(host, port) if host.contains(':') => write!(f, "[{}]:{port}", escape::text(host)),
            Place::Tcp(host, port) => write!(f, "{}:{port}", escape::text(host)),
            Place::Unix(path) => write!(f, "unix:{}", escape::path(path)),
        }
    }
}

/// A reply.
#[derive(Debug)]
pub(crate) struct Asked {
    /// As it came, without the netstring around it.
    pub(crate) reply: Vec<u8>,
    /// From the connection to the reply.
    pub(crate) took: Duration,
}

impl Asked {
    pub(crate) fn parsed(&self) -> Option<Reply<'_>> {
        Reply::parse(&self.reply).ok()
    }

    pub(crate) fn status(&self) -> &'static str {
        match self.parsed() {
            Some(Reply::Ok(_)) => "ok",
            Some(Reply::NotFound) => "notfound",
            Some(Reply::Temp(_)) => "temp",
            Some(Reply::Timeout(_)) => "timeout",
            Some(Reply::Perm(_)) => "perm",
            None => "unknown",
        }
    }

    /// What follows the word.
    pub(crate) fn text(&self) -> &[u8] {
        match self.parsed() {
            Some(Reply::Ok(text) | Reply::Temp(text) | Reply::Timeout(text) | Reply::Perm(text)) => text,
            Some(Reply::NotFound) => self.reply.get("NOTFOUND ".len()..).unwrap_or_default(),
            None => &self.reply,
        }
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum Trouble {
    Connect {
        server: String,
        error: io::Error,
    },
    /// It ended the connection, without a reply.
    Closed {
        server: String,
    },
    /// What it sent is no reply.
    Nonsense {
        server: String,
    },
    Silent {
        server: String,
    },
}

impl Server {
    pub(crate) fn at(place: Place) -> Self {
        Self { place, map: None }
    }

    pub(crate) fn map(&self) -> Option<&str> {
        self.map.as_deref()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) async fn ask(&self, map: &str, key: &str) -> Result<Asked, Trouble> {
        let server = self.to_string();
        let began = Instant::now();
        let reply = timeout(PATIENCE, async {
            let refused = |error| Trouble::Connect { server: self.to_string(), error };
            match &self.place {
                Place::Tcp(host, port) => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(refused)?;
                    self.exchange(stream, map, key).await
                }
                Place::Unix(path) => {
                    let stream = UnixStream::connect(path).await.map_err(refused)?;
                    self.exchange(stream, map, key).await
                }
            }
        });
        let reply = reply.await.map_err(|_| Trouble::Silent { server })??;
        Ok(Asked { reply, took: began.elapsed() })
    }

    async fn exchange(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        map: &str,
        key: &str,
    ) -> Result<Vec<u8>, Trouble> {
        let closed = || Trouble::Closed { server: self.to_string() };
        let mut request = Vec::new();
        Request { map: map.as_bytes(), key: key.as_bytes() }.encode(&mut request);
        stream.write_all(&request).await.map_err(|_| closed())?;
        let mut received = Vec::new();
        loop {
            // Its limit bounds what is read.
            match decode(&received, MAX_REPLY) {
                Ok(Frame::Complete { payload, .. }) => return Ok(payload.to_vec()),
                Ok(Frame::Partial) => {}
                Err(_) => return Err(Trouble::Nonsense { server: self.to_string() }),
            }
            if stream.read_buf(&mut received).await.map_err(|_| closed())? == 0 {
                return Err(closed());
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { server, error } => {
                let help = match error.kind() {
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "; is the daemon running?",
                    io::ErrorKind::PermissionDenied => "; see the mode and owner of the socket and its directories",
                    _ => "",
                };
                write!(f, "{server}: cannot connect: {}{help}", in_words(error))
            }
            Self::Closed { server } => {
                write!(f, "{server}: it closed the connection without a reply; is this a socketmap server?")
            }
            Self::Nonsense { server } => write!(f, "{server}: what it sent is no socketmap reply"),
            Self::Silent { server } => write!(f, "{server}: no reply in 100 seconds, when Postfix gives up too"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_people_and_main_cf_write_them() {
        let tcp = |host: &str| Place::Tcp(host.to_owned(), 8461);
        for (text, place, map) in [
            ("127.0.0.1:8461", tcp("127.0.0.1"), None),
            ("127.0.0.1:8461:postfix", tcp("127.0.0.1"), Some("postfix")),
            ("socketmap:inet:localhost:8461:QUERYwithTLSRPT", tcp("localhost"), Some("QUERYwithTLSRPT")),
            ("[::1]:8461:x", tcp("::1"), Some("x")),
            ("unix:/run/a.sock", Place::Unix("/run/a.sock".into()), None),
            ("socketmap:unix:/run/a.sock:postfix", Place::Unix("/run/a.sock".into()), Some("postfix")),
            ("unix:mta-sts/a:b.sock/c", Place::Unix("mta-sts/a:b.sock/c".into()), None),
        ] {
            let map = map.map(str::to_owned);
            assert_eq!(text.parse(), Ok(Server { place, map }), "{text}");
        }
        for text in ["", "localhost", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:1:", "[::1]", ":1", "unix:"]
        {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }
}
