//! DANE for SMTP (RFC 7672): TLSA records of MX hosts. What DNSSEC proves is taken from the AD bit
//! of validating name servers on loopback.

use crate::{
    builder::BuildError,
    dns::{DnsError, absolute},
    mx::{MxHosts, of_records},
    name_server::NameServer,
    secure_dns::SecureDns,
    tls::Trust,
};
use hickory_resolver::proto::rr::{RData, RecordType};
use mta_sts_core::Domain;
use ring::digest::{SHA256, SHA512, digest};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::{sync::Arc, time::Duration};

/// What DANE says about an MX host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum DaneStatus {
    /// DANE is not asked for, or the MX records or the host's addresses are not secure.
    #[default]
    NotApplicable,
    /// Securely no TLSA record, or insecure ones.
    Absent,
    /// The TLSA lookup failed: the host must not be used, or else blocking the records would be
    /// enough to be rid of them. RFC 7672 §2.1.
    Broken,
    /// TLSA records, but none that can be used: TLS is required, without authentication by DANE.
    Unusable,
    /// Secure TLSA records: the host's certificate must agree with one. RFC 7672 §2.2.
    Usable,
}

pub(crate) struct Dane {
    dns: SecureDns,
}

impl Dane {
    /// RFC 4035 §4.9.3: the AD bit is worth as much as the way to the name server.
    pub(crate) fn new(servers: &[NameServer], timeout: Duration) -> Result<Self, BuildError> {
        let plain = |server: &NameServer| match server {
            NameServer::Plain(addr) if addr.ip().is_loopback() => Some(*addr),
            _ => None,
        };
        let servers: Option<Vec<_>> = servers.iter().map(plain).collect();
        match servers {
            Some(servers) if !servers.is_empty() => Ok(Self { dns: SecureDns { servers, timeout } }),
            _ => Err(BuildError::DaneNeedsLoopback),
        }
    }

    /// The MX hosts, and whether DNSSEC vouches for them.
    pub(crate) async fn mx_hosts(&self, domain: &Domain) -> Result<(MxHosts, bool), DnsError> {
        let name = absolute(domain.as_str()).ok_or(DnsError::Malformed)?;
        let answer = self.dns.ask(&name, RecordType::MX).await?;
        Ok((of_records(domain, answer.data), answer.secure))
    }

    /// The usable TLSA records of an MX host whose MX record is secure. RFC 7672 §2.2.
    pub(crate) async fn tlsa(&self, host: &str) -> (DaneStatus, Vec<Tlsa>) {
        let none = |status| (status, Vec::new());
        let Some(name) = absolute(host) else { return none(DaneStatus::NotApplicable) };
        let (v4, v6) = tokio::join!(self.dns.ask(&name, RecordType::A), self.dns.ask(&name, RecordType::AAAA));
        // RFC 7672 §2.2.2: addresses first; without secure ones no TLSA lookup.
        let is_secure = match (&v4, &v6) {
            (Ok(v4), Ok(v6)) => v4.secure && v6.secure,
            _ => return none(DaneStatus::Broken),
        };
        if !is_secure {
            return none(DaneStatus::NotApplicable);
        }
        let Some(name) = absolute(&format!("_25._tcp.{host}")) else { return none(DaneStatus::NotApplicable) };
        let answer = match self.dns.ask(&name, RecordType::TLSA).await {
            Ok(answer) => answer,
            Err(_) => return none(DaneStatus::Broken),
        };
        if !answer.secure || answer.data.is_empty() {
            return none(DaneStatus::Absent);
        }
        let usable: Vec<_> = answer.data.iter().filter_map(Tlsa::usable).collect();
        if usable.is_empty() { none(DaneStatus::Unusable) } else { (DaneStatus::Usable, usable) }
    }
}

/// A usable TLSA record. RFC 6698 §2.1, RFC 7672 §3.1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Tlsa {
    /// DANE-TA(2), else DANE-EE(3).
    anchor: bool,
    /// SPKI(1), else the whole certificate (0).
    spki: bool,
    matching: u8,
    data: Vec<u8>,
}

impl Tlsa {
    /// RFC 7672 §3.1.3: the PKIX usages 0 and 1 are of no use to SMTP.
    fn usable(data: &RData) -> Option<Self> {
        let RData::TLSA(tlsa) = data else { return None };
        let (usage, selector, matching) = (u8::from(tlsa.cert_usage), u8::from(tlsa.selector), u8::from(tlsa.matching));
        let right_length = match matching {
            0 => !tlsa.cert_data.is_empty(),
            1 => tlsa.cert_data.len() == 32,
            2 => tlsa.cert_data.len() == 64,
            _ => false,
        };
        (matches!(usage, 2 | 3) && selector <= 1 && right_length).then(|| Self {
            anchor: usage == 2,
            spki: selector == 1,
            matching,
            data: tlsa.cert_data.clone(),
        })
    }

    /// Whether the chain, leaf first, agrees with the record.
    pub(crate) fn verifies(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, trust: &Trust) -> bool {
        let Some((leaf, above)) = chain.split_first() else { return false };
        if !self.anchor {
            // RFC 7671 §5.1: neither names nor dates matter; DNSSEC vouches for the key.
            return self.matches(leaf);
        }
        above.iter().filter(|one| self.matches(one)).any(|anchor| {
            let mut roots = RootCertStore::empty();
            if roots.add(anchor.clone().into_owned()).is_err() {
                return false;
            }
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), trust.provider().clone()).build();
            // RFC 7671 §5.2: names and dates count below a trust anchor.
            verifier.is_ok_and(|verifier| verifier.verify_server_cert(leaf, above, name, &[], UnixTime::now()).is_ok())
        })
    }

    fn matches(&self, certificate: &CertificateDer<'_>) -> bool {
        let spki;
        let octets: &[u8] = if self.spki {
            let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return false };
            spki = parsed.subject_public_key_info();
            spki.as_ref()
        } else {
            certificate.as_ref()
        };
        match self.matching {
            0 => octets == self.data,
            1 => digest(&SHA256, octets).as_ref() == self.data,
            _ => digest(&SHA512, octets).as_ref() == self.data,
        }
    }
}
