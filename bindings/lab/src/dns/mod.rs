//! A DNS server that plays the recursive resolver of a machine.

mod message;
mod server;
mod zones;

use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) use server::{bind, serve_tcp, serve_udp};
pub(crate) use zones::{Zones, key};

/// The type of a DNS question.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// An alias.
    Cname,
    /// A mail exchanger.
    Mx,
    /// A certificate association (RFC 6698).
    Tlsa,
    /// Text.
    Txt,
    /// Any other type, by number.
    Other(u16),
}

/// The data of one record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// An alias of another name.
    Cname(String),
    /// A mail exchanger.
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// The host's name.
        host: String,
    },
    /// A certificate association (RFC 6698).
    Tlsa {
        /// 3 for DANE-EE.
        usage: u8,
        /// 1 for the public key.
        selector: u8,
        /// 1 for SHA-256.
        matching: u8,
        /// The digest, or what is matched itself.
        data: Vec<u8>,
    },
    /// The character-strings of one TXT record; one of more than 255 octets is split.
    Txt(Vec<Vec<u8>>),
}

impl Record {
    /// A TXT record of one text.
    #[must_use]
    pub fn txt(text: &str) -> Self {
        Self::Txt(vec![text.as_bytes().to_vec()])
    }

    fn record_type(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::Aaaa,
            Self::Cname(_) => RecordType::Cname,
            Self::Mx { .. } => RecordType::Mx,
            Self::Tlsa { .. } => RecordType::Tlsa,
            Self::Txt(_) => RecordType::Txt,
        }
    }
}

/// What the lab's name server answers for a name and type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// These records, in this order. None at all is "no data": the name exists, but not with this type.
    Records(Vec<Record>),
    /// The name does not exist.
    NxDomain,
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
    /// Nothing, ever.
    Silence,
    /// SERVFAIL or REFUSED with an extended error (RFC 8914) for clients that speak EDNS(0).
    Failure {
        /// REFUSED in place of SERVFAIL.
        refused: bool,
        /// The INFO-CODE, such as 6 for "DNSSEC bogus".
        extended_error: u16,
    },
}
