//! Name servers and how they are written.

use core::{error::Error, fmt, str::FromStr};
use std::net::{IpAddr, SocketAddr};

/// A recursive name server to ask.
///
/// ```
/// use mta_sts::NameServer;
///
/// let plain: NameServer = "192.0.2.53".parse()?;
/// assert_eq!(plain, NameServer::Plain("192.0.2.53:53".parse()?));
/// let tls: NameServer = "tls://[2001:db8::53]:853#dns.example".parse()?;
/// assert_eq!(tls.to_string(), "tls://[2001:db8::53]:853#dns.example");
/// assert!("https://192.0.2.53/dns-query#dns.example".parse::<NameServer>().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NameServer {
    /// DNS over UDP, then TCP. `192.0.2.53`, `192.0.2.53:5300`, `[2001:db8::53]:5300`; port 53
    /// unless given.
    Plain(SocketAddr),
    /// DNS over TLS (RFC 7858). `tls://192.0.2.53#dns.example`; port 853 unless given.
    Tls {
        /// Where it is.
        addr: SocketAddr,
        /// What its certificate must name: the address unless given.
        name: String,
    },
    /// DNS over HTTPS (RFC 8484) with HTTP/2. `https://192.0.2.53/dns-query#dns.example`; port 443
    /// and `/dns-query` unless given.
    Https {
        /// Where it is.
        addr: SocketAddr,
        /// What its certificate must name: the address unless given.
        name: String,
        /// The path of the query URL.
        path: String,
    },
}

impl NameServer {
    /// The address that is connected to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        match self {
            Self::Plain(addr) | Self::Tls { addr, .. } | Self::Https { addr, .. } => *addr,
        }
    }
}

impl FromStr for NameServer {
    type Err = NameServerError;

    fn from_str(text: &str) -> Result<Self, NameServerError> {
        let (rest, name) = match text.split_once('#') {
            Some((_, "")) => return Err(NameServerError),
            Some((rest, name)) => (rest, Some(name.to_owned())),
            None => (text, None),
        };
        let name_or = |addr: SocketAddr| name.clone().unwrap_or_else(|| addr.ip().to_string());
        if let Some(rest) = rest.strip_prefix("tls://") {
            let addr = address(rest, 853)?;
            Ok(Self::Tls { addr, name: name_or(addr) })
        } else if let Some(rest) = rest.strip_prefix("https://") {
            let (host, path) = rest.find('/').map_or((rest, "/dns-query"), |at| rest.split_at(at));
            let addr = address(host, 443)?;
            Ok(Self::Https { addr, name: name_or(addr), path: path.to_owned() })
        } else if name.is_none() {
            Ok(Self::Plain(address(rest, 53)?))
        } else {
            // A name would promise a check that plain DNS cannot make.
            Err(NameServerError)
        }
    }
}

fn address(text: &str, port: u16) -> Result<SocketAddr, NameServerError> {
    let unbracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match unbracketed.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, port)),
        Err(_) => text.parse().map_err(|_| NameServerError),
    }
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(addr) => write!(f, "{addr}"),
            Self::Tls { addr, name } => write!(f, "tls://{addr}#{name}"),
            Self::Https { addr, name, path } => write!(f, "https://{addr}{path}#{name}"),
        }
    }
}

/// A text is not a name server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NameServerError;

impl fmt::Display for NameServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a name server: give ADDRESS, ADDRESS:PORT, tls://ADDRESS#NAME or https://ADDRESS/PATH#NAME")
    }
}

impl Error for NameServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_and_written() {
        for (text, written) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5300", "192.0.2.53:5300"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5300", "[2001:db8::53]:5300"),
            ("tls://192.0.2.53#dns.example", "tls://192.0.2.53:853#dns.example"),
            ("tls://192.0.2.53", "tls://192.0.2.53:853#192.0.2.53"),
            ("https://192.0.2.53/dns-query#dns.example", "https://192.0.2.53:443/dns-query#dns.example"),
            ("https://[2001:db8::53]:8443/q", "https://[2001:db8::53]:8443/q#2001:db8::53"),
            ("https://192.0.2.53", "https://192.0.2.53:443/dns-query#192.0.2.53"),
        ] {
            let server: NameServer = text.parse().unwrap();
            assert_eq!(server.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(server), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_server_is_refused() {
        for text in ["", "dns.example", "192.0.2.53#name", "tls://dns.example", "tls://192.0.2.53#", "192.0.2.53:x"] {
            assert_eq!(text.parse::<NameServer>(), Err(NameServerError), "{text}");
        }
    }
}
