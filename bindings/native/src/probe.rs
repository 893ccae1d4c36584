//! Asks an MX host for STARTTLS (RFC 3207) and looks at its certificate, without sending mail.

use crate::{
    builder::Timeouts,
    dane::Association,
    dns::Dns,
    guard::Guard,
    smtp::{Broken, Smtp},
    tls::Trust,
};
use core::fmt;
use mta_sts_core::ResultType;
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    io,
    net::IpAddr,
    sync::{Arc, OnceLock},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// What an MX host does when it is asked for TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProbeResult {
    /// STARTTLS works and the certificate is valid for the host, or by DANE where that is required.
    Ok {
        /// The version of TLS.
        version: TlsVersion,
    },
    /// TLS works, but the certificate is not valid for the host. RFC 8461 §4.2.
    Certificate(CertProblem),
    /// STARTTLS is not offered, or refused.
    NoStarttls,
    /// After TLS was set up the host did not speak SMTP.
    Protocol,
    /// STARTTLS was accepted, but no TLS session came about.
    TlsFailed,
    /// TLS works, but no TLSA record agrees with the certificate. RFC 7672 §2.2.
    TlsaMismatch,
    /// The host could not be asked.
    Unreachable(Unreachable),
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What is wrong with an MX host's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CertProblem {
    /// It, or one above it, is out of date.
    Expired,
    /// It does not name the host.
    NameMismatch,
    /// There is no chain to a trust anchor that allows it.
    NotTrusted,
    /// It cannot be understood.
    Other,
}

/// Why an MX host could not be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unreachable {
    /// The connection ended early.
    Closed,
    /// DNS did not tell its addresses.
    Dns,
    /// There is no way to it.
    Network,
    /// It has no address.
    NoAddress,
    /// Its addresses are not global ones, and [`allow_nets`](crate::ResolverBuilder::allow_nets)
    /// does not open them.
    NotAllowed,
    /// It does not speak SMTP.
    NotSmtp,
    /// Nothing listens there.
    Refused,
    /// It greeted with this SMTP reply code, or answered EHLO so.
    Rejected(u16),
    /// It took too long.
    Timeout,
}

impl ProbeResult {
    /// What this is called in a TLSRPT report, if it belongs in one. RFC 8460 §4.3.
    #[must_use]
    pub const fn result_type(self) -> Option<ResultType> {
        match self {
            // A host that cannot be reached says nothing about TLS.
            Self::Ok { .. } | Self::Unreachable(_) => None,
            Self::Certificate(CertProblem::Expired) => Some(ResultType::CertificateExpired),
            Self::Certificate(CertProblem::NameMismatch) => Some(ResultType::CertificateHostMismatch),
            Self::Certificate(CertProblem::NotTrusted) => Some(ResultType::CertificateNotTrusted),
            Self::NoStarttls => Some(ResultType::StarttlsNotSupported),
            Self::TlsaMismatch => Some(ResultType::TlsaInvalid),
            Self::Certificate(CertProblem::Other) | Self::Protocol | Self::TlsFailed => {
                Some(ResultType::ValidationFailure)
            }
        }
    }
}

/// An MX host with more addresses than this is asked at the first ones.
const MAX_ADDRESSES: usize = 4;

pub(crate) struct Prober {
    pub(crate) trust: Trust,
    pub(crate) verifier: Arc<WebPkiServerVerifier>,
    pub(crate) dns: Arc<Dns>,
    pub(crate) guard: Guard,
    pub(crate) port: u16,
    pub(crate) timeouts: Timeouts,
}

impl Prober {
    /// Asks `host`, the name in the MX record. With `tlsa` the certificate is judged by these
    /// records in place of WebPKI, and their base domain is the server name.
    pub(crate) async fn probe(&self, host: &str, tlsa: Option<&Association>) -> ProbeResult {
        self.ask(host, tlsa).await.unwrap_or_else(|result| result)
    }

    async fn ask(&self, host: &str, tlsa: Option<&Association>) -> Result<ProbeResult, ProbeResult> {
        let mut smtp = self.greeted(host).await.map_err(ProbeResult::Unreachable)?;
        let name = ehlo_name(&smtp);
        let unreachable = |broken| ProbeResult::Unreachable(Unreachable::of(broken));
        let ehlo = smtp.command(&format!("EHLO {name}")).await.map_err(unreachable)?;
        if ehlo.code / 100 == 4 {
            return Err(ProbeResult::Unreachable(Unreachable::Rejected(ehlo.code)));
        }
        if !ehlo.has_extension("STARTTLS") {
            smtp.quit().await;
            return Ok(ProbeResult::NoStarttls);
        }
        let go_ahead = smtp.command("STARTTLS").await.map_err(|_| ProbeResult::NoStarttls)?;
        if go_ahead.code != 220 {
            smtp.quit().await;
            return Ok(ProbeResult::NoStarttls);
        }
        // RFC 3207 §4.2: what came in plain text is forgotten, `into_stream` drops it.
        let stream = smtp.into_stream();
        let server = tlsa.map_or(host, |tlsa| tlsa.base.as_str());
        let server = ServerName::try_from(server.to_owned()).map_err(|_| ProbeResult::TlsFailed)?;
        let seen = Arc::new(Recording { webpki: self.verifier.clone(), seen: OnceLock::new() });
        let config = self.trust.config_with(seen.clone(), &[]).map_err(|_| ProbeResult::TlsFailed)?;
        let handshake = TlsConnector::from(Arc::new(config)).connect(server, stream);
        let stream = match timeout(self.timeouts.smtp, handshake).await {
            Ok(Ok(stream)) => stream,
            _ => return Ok(ProbeResult::TlsFailed),
        };
        let version = match stream.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        };
        let Some(seen) = seen.seen.get() else { return Ok(ProbeResult::TlsFailed) };
        let verdict = match tlsa {
            Some(tlsa) if tlsa.verifies(&seen.chain, &self.trust) => None,
            Some(_) => Some(ProbeResult::TlsaMismatch),
            None => seen.problem.map(ProbeResult::Certificate),
        };
        let mut smtp = Smtp::new(stream, self.timeouts.smtp);
        let ehlo = smtp.command(&format!("EHLO {name}")).await;
        smtp.quit().await;
        let speaks = ehlo.is_ok_and(|reply| reply.code == 250);
        Ok(verdict.unwrap_or(if speaks { ProbeResult::Ok { version } } else { ProbeResult::Protocol }))
    }

    /// A connection to the first address that greets.
    async fn greeted(&self, host: &str) -> Result<Smtp<TcpStream>, Unreachable> {
        let mut addresses = self.dns.addresses(host).await.map_err(|_| Unreachable::Dns)?;
        if addresses.is_empty() {
            return Err(Unreachable::NoAddress);
        }
        addresses.retain(|address| self.guard.allows(*address));
        let mut why = Unreachable::NotAllowed;
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            match self.greeted_at(address).await {
                Ok(smtp) => return Ok(smtp),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    async fn greeted_at(&self, address: IpAddr) -> Result<Smtp<TcpStream>, Unreachable> {
        let connect = timeout(self.timeouts.connect, TcpStream::connect((address, self.port)));
        let stream = connect.await.map_err(|_| Unreachable::Timeout)?.map_err(|error| Unreachable::of_io(&error))?;
        let mut smtp = Smtp::new(stream, self.timeouts.smtp);
        let greeting = smtp.reply().await.map_err(Unreachable::of)?;
        if greeting.code == 220 { Ok(smtp) } else { Err(Unreachable::Rejected(greeting.code)) }
    }
}

impl Unreachable {
    fn of(broken: Broken) -> Self {
        match broken {
            Broken::Closed => Self::Closed,
            Broken::Garbage => Self::NotSmtp,
            Broken::Timeout => Self::Timeout,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::Closed,
            _ => Self::Network,
        }
    }
}

/// RFC 5321 §4.1.3: a client without a name of its own gives its address.
fn ehlo_name(smtp: &Smtp<TcpStream>) -> String {
    match smtp.stream().local_addr().map(|local| local.ip().to_canonical()) {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => "[127.0.0.1]".to_owned(),
    }
}

/// Notes what WebPKI says of the certificate and lets the handshake go on, so that a host whose
/// TLS works with a bad certificate is told from one whose TLS does not work.
#[derive(Debug)]
struct Recording {
    webpki: Arc<WebPkiServerVerifier>,
    seen: OnceLock<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// The leaf first.
    chain: Vec<CertificateDer<'static>>,
    problem: Option<CertProblem>,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.webpki.verify_server_cert(leaf, intermediates, name, ocsp, now);
        let chain = core::iter::once(leaf).chain(intermediates).map(|one| one.clone().into_owned()).collect();
        let problem = verified.err().map(|error| CertProblem::of(&error));
        // Asked once in a handshake.
        let _ = self.seen.set(Seen { chain, problem });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

impl CertProblem {
    fn of(error: &rustls::Error) -> Self {
        use CertificateError as Cert;
        match error {
            rustls::Error::InvalidCertificate(why) => match why {
                Cert::Expired | Cert::ExpiredContext { .. } => Self::Expired,
                Cert::NotValidForName | Cert::NotValidForNameContext { .. } => Self::NameMismatch,
                Cert::BadEncoding => Self::Other,
                // RFC 8460 §4.3.1: an untrusted CA, name constraints, chain errors and the like.
                _ => Self::NotTrusted,
            },
            _ => Self::Other,
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

impl fmt::Display for ProbeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok { version } => write!(f, "{version} with a valid certificate"),
            Self::Certificate(problem) => problem.fmt(f),
            Self::NoStarttls => f.write_str("no STARTTLS"),
            Self::Protocol => f.write_str("no SMTP after STARTTLS"),
            Self::TlsFailed => f.write_str("no TLS session after STARTTLS"),
            Self::TlsaMismatch => f.write_str("the certificate agrees with no TLSA record"),
            Self::Unreachable(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for CertProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the certificate has expired",
            Self::NameMismatch => "the certificate does not name the host",
            Self::NotTrusted => "the certificate has no trusted chain",
            Self::Other => "the certificate cannot be understood",
        })
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection ended early",
            Self::Dns => "DNS does not tell the host's addresses",
            Self::Network => "there is no way to the host",
            Self::NoAddress => "the host has no address",
            Self::NotAllowed => "the host's addresses are not allowed",
            Self::NotSmtp => "the host does not speak SMTP",
            Self::Refused => "the host refuses connections",
            Self::Rejected(code) => return write!(f, "the host answers {code}"),
            Self::Timeout => "the host took too long",
        })
    }
}
