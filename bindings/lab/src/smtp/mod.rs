//! Mail exchangers: what they offer, and how badly.

mod hosts;
mod session;

use std::time::{Duration, SystemTime};

pub(crate) use hosts::MxHosts;

use crate::Tls;

/// An SMTP server for one name, on a loopback address of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MxHost {
    /// STARTTLS is offered and accepted.
    pub starttls: bool,
    /// The certificate.
    pub tls: Tls,
    /// `false`: nothing listens at its address.
    pub reachable: bool,
    /// The pause before the greeting.
    pub greeting_delay: Option<Duration>,
}

impl Default for MxHost {
    fn default() -> Self {
        Self { starttls: true, tls: Tls::Valid, reachable: true, greeting_delay: None }
    }
}

impl From<Tls> for MxHost {
    fn from(tls: Tls) -> Self {
        Self { tls, ..Self::default() }
    }
}

/// Something that happened at an MX host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SmtpSeen {
    /// The MX host's name.
    pub host: String,
    /// What happened.
    pub event: SmtpEvent,
    /// When.
    pub at: SystemTime,
}

/// What can happen at an MX host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SmtpEvent {
    /// A client connected.
    Connected,
    /// It asked for TLS, and may.
    StartTls,
    /// The server name of its `ClientHello`, in lower case.
    Sni(Option<String>),
    /// The handshake is done: the client has accepted the certificate.
    TlsOk,
    /// The handshake failed, on either side's part.
    TlsFailed,
    /// A mail was accepted.
    Mail,
    /// The client said goodbye.
    Quit,
}

/// A mail that an MX host accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mail {
    /// The MX host's name.
    pub host: String,
    /// It came through TLS.
    pub tls: bool,
    /// The server name that the client sent in TLS, in lower case.
    pub sni: Option<String>,
    /// The address of MAIL FROM, empty for a bounce.
    pub from: String,
    /// The addresses of RCPT TO.
    pub to: Vec<String>,
    /// The message: CRLF lines, dots unstuffed.
    pub data: Vec<u8>,
}
