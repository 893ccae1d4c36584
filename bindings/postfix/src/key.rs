//! Keys: what Postfix asks for, and the policy domain in it.

use core::{error::Error, fmt, net::IpAddr, str};
use mta_sts::{
    Domain,
    core::domain::{DomainError, DomainErrorKind},
};

/// Longer keys hold no domain, however their U-labels are written.
const MAX_KEY: usize = 1024;

/// The policy domain of a next hop. U-labels are converted; letter case, white space around the key
/// and one final dot do not matter.
///
/// `smart_hosts`: see [`Zone::smart_hosts`](crate::Zone::smart_hosts).
///
/// # Errors
/// Why there is no policy domain in it: the key is "not found".
pub fn policy_domain(key: &[u8], smart_hosts: bool) -> Result<Domain, NoDomain> {
    let key = key.trim_ascii();
    // Nothing else is in most keys.
    if let Ok(domain) = Domain::from_ascii(key) {
        return if is_hexadecimal(&domain) { Err(NoDomain::Address) } else { Ok(domain) };
    }
    match key {
        [] => return Err(NoDomain::Empty),
        // Postfix tries all parents of a next hop, but a policy covers no subdomains (RFC 8461 §3.4).
        [b'.', ..] => return Err(NoDomain::Parent),
        _ if key.len() > MAX_KEY => return Err(NoDomain::TooLong),
        _ if key.contains(&b'@') => return Err(NoDomain::Mailbox),
        _ => {}
    }
    let key = str::from_utf8(key).map_err(|_| NoDomain::NotText)?;
    let (host, is_next_hop) = host(key)?;
    // RFC 8461 §3.4: no policy is associated with an address literal.
    let may_be_ipv4 = host.ends_with(|last: char| last.is_ascii_digit());
    if host.contains(':') || (may_be_ipv4 && host.parse::<IpAddr>().is_ok()) {
        return Err(NoDomain::Address);
    }
    if is_next_hop && !smart_hosts {
        return Err(NoDomain::SmartHost);
    }
    match Domain::from_unicode(host) {
        Ok(domain) if is_hexadecimal(&domain) => Err(NoDomain::Address),
        Ok(domain) => Ok(domain),
        Err(DomainError { kind: DomainErrorKind::IpAddress, .. }) => Err(NoDomain::Address),
        Err(error) => Err(NoDomain::NotAName(error)),
    }
}

/// The host in a next hop, and whether brackets or a port show that it is one host.
fn host(key: &str) -> Result<(&str, bool), NoDomain> {
    if let Some(rest) = key.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(NoDomain::BadNextHop)?;
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Ok((host, true)),
            Some(port) if is_port(port) => Ok((host, true)),
            _ => Err(NoDomain::BadNextHop),
        };
    }
    match key.split_once(':') {
        None => Ok((key, false)),
        Some((_, rest)) if rest.contains(':') => Err(NoDomain::Address),
        Some((host, port)) if is_port(port) => Ok((host, true)),
        Some(_) => Err(NoDomain::BadNextHop),
    }
}

/// A number or the name of a service.
fn is_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// `inet_aton` reads `0x7f000001` as an address; no name ends so.
fn is_hexadecimal(domain: &Domain) -> bool {
    let last = domain.as_str().rsplit('.').next().unwrap_or_default();
    last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Why there is no policy domain in a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NoDomain {
    /// An IP address, which has no policy.
    Address,
    /// Brackets that do not close, or a port that is none.
    BadNextHop,
    /// Nothing.
    Empty,
    /// An address of a mailbox.
    Mailbox,
    /// No domain name.
    NotAName(DomainError),
    /// Not UTF-8.
    NotText,
    /// `.example.com`, by which Postfix asks for an entry of all subdomains.
    Parent,
    /// `[host]` or `host:port` in a zone that does not look them up.
    SmartHost,
    /// Longer than any domain name.
    TooLong,
}

impl fmt::Display for NoDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "an IP address has no policy",
            Self::BadNextHop => "no next hop: brackets or port are wrong",
            Self::Empty => "the key is empty",
            Self::Mailbox => "an address of a mailbox, where a domain is looked up",
            Self::NotAName(error) => return write!(f, "no domain name: {error}"),
            Self::NotText => "the key is not UTF-8",
            Self::Parent => "policies do not cover subdomains",
            Self::SmartHost => "this zone has no policies for single hosts",
            Self::TooLong => "the key is longer than any domain name",
        })
    }
}

impl Error for NoDomain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotAName(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_domain_is_the_next_hop() {
        for (key, domain) in [
            ("example.com", "example.com"),
            (" Example.COM. ", "example.com"),
            ("[relay.example.com]", "relay.example.com"),
            ("[relay.example.com]:587", "relay.example.com"),
            ("relay.example.com:submission", "relay.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("[BÜCHER.example]:25", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(policy_domain(key.as_bytes(), true).map(|d| d.to_string()), Ok(domain.to_owned()), "{key}");
        }
    }

    #[test]
    fn what_holds_no_policy_domain_says_why() {
        use NoDomain::*;
        let long = "a".repeat(5000);
        for (key, reason) in [
            (&b""[..], Empty),
            (b"  ", Empty),
            (b".example.com", Parent),
            (b".", Parent),
            (b"user@example.com", Mailbox),
            (b"192.0.2.1", Address),
            (b"[192.0.2.1]", Address),
            (b"[192.0.2.1]:25", Address),
            (b"192.0.2.1:25", Address),
            (b"127.1", Address),
            (b"0x7f.1", Address),
            (b"0x7f000001", Address),
            (b"2001:db8::1", Address),
            (b"[2001:db8::1]:25", Address),
            (b"[IPv6:2001:db8::1]", Address),
            (b"[ipv6:fe80::1%eth0]", Address),
            ("１９２.0.2.1".as_bytes(), Address),
            (b"[example.com", BadNextHop),
            (b"[example.com]x", BadNextHop),
            (b"example.com:", BadNextHop),
            (b"example.com:2 5", BadNextHop),
            (b"\xff\xfe", NotText),
            (long.as_bytes(), TooLong),
        ] {
            assert_eq!(policy_domain(key, true), Err(reason), "{}", key.escape_ascii());
        }
        for key in
            ["a..example", "a_b.example", "a b.example", "a\0.example", "[]", "-a.example", "a\u{200b}_ü.example"]
        {
            let reason = policy_domain(key.as_bytes(), true);
            assert!(matches!(reason, Err(NotAName(_))), "{reason:?} {}", key.escape_debug());
        }
    }

    #[test]
    fn single_hosts_are_looked_up_only_where_the_zone_says_so() {
        for key in ["[relay.example.com]", "[relay.example.com]:25", "relay.example.com:25"] {
            assert!(policy_domain(key.as_bytes(), true).is_ok());
            assert_eq!(policy_domain(key.as_bytes(), false), Err(NoDomain::SmartHost));
        }
        assert!(policy_domain(b"relay.example.com", false).is_ok());
    }
}
