//! DANE for SMTP (RFC 7672): what the TLSA records of MX hosts demand.

mod host;
mod lookups;
mod next_hop;
mod tlsa;

use crate::{
    builder::{BuildError, Timeouts},
    clock::Clock,
    dns::{DnsError, absolute},
    mx::{MxHosts, of_records},
    name_server::NameServer,
    secure_dns::{AdBit, SecureDns, Validating},
};
use hickory_resolver::proto::rr::RecordType;
pub use host::DaneStatus;
pub(crate) use host::HostDane;
use lookups::Lookups;
use mta_sts_core::Domain;
pub use next_hop::{DaneAnswer, NextHopDane};
use std::sync::Arc;
pub(crate) use tlsa::Association;

/// Whose word on DNSSEC counts. DANE without DNSSEC would be no protection.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum DaneTrust {
    /// Nobody's: DANE is not looked at.
    #[default]
    Off,
    /// That of the name servers, by the AD bit. All of them must be plain ones on loopback that are
    /// named in the settings (RFC 4035 §4.9.3), and must validate.
    AdBit,
    /// Nobody's but the signatures': each answer is validated here. The name servers may be any
    /// that pass DNSSEC records on. A good answer that hickory's validator does not understand fails
    /// as a bad one does: known of are wildcard aliases in zones with NSEC records.
    Validate {
        /// The text of a file of trust anchors: DNSKEY records of the root in zone file format, such
        /// as `/usr/share/dns/root.key` of Debian. DS records are passed over. Default: the keys of
        /// the root of 2017 and 2024, which hickory has built in.
        anchors: Option<String>,
    },
}

pub(crate) struct Dane {
    dns: SecureDns,
    timeouts: Timeouts,
    lookups: Lookups,
}

/// MX hosts, and whether DNSSEC vouches for them.
pub(crate) struct SecureMx {
    pub(crate) hosts: MxHosts,
    pub(crate) secure: bool,
    ttl: u32,
}

impl Dane {
    /// `None` if DANE is off.
    pub(crate) fn new(
        trust: &DaneTrust,
        servers: &[NameServer],
        tls: &rustls::ClientConfig,
        timeouts: Timeouts,
        max_under_way: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Arc<Self>>, BuildError> {
        let dns = match trust {
            DaneTrust::Off => return Ok(None),
            DaneTrust::AdBit => SecureDns::AdBit(AdBit::new(servers, timeouts.dns)?),
            DaneTrust::Validate { anchors } => {
                SecureDns::Validating(Validating::new(servers, timeouts.dns, tls, anchors.as_deref())?)
            }
        };
        Ok(Some(Arc::new(Self { dns, timeouts, lookups: Lookups::new(max_under_way, clock) })))
    }

    /// RFC 7672 §2.2.1. That there are none is vouched for as well: the domain then is its own host.
    pub(crate) async fn mx_hosts(&self, domain: &Domain) -> Result<SecureMx, DnsError> {
        let name = absolute(domain.as_str()).ok_or(DnsError::Malformed)?;
        let answer = self.dns.ask(&name, RecordType::MX).await?;
        Ok(SecureMx { hosts: of_records(domain, answer.data), secure: answer.secure, ttl: answer.ttl })
    }

    /// Whether the MX records of a name, or their denial, are secure.
    pub(crate) async fn vouches_for(&self, name: &str) -> Result<bool, DnsError> {
        let name = absolute(name).ok_or(DnsError::Malformed)?;
        Ok(self.dns.ask(&name, RecordType::MX).await?.secure)
    }

    /// Ends the lookups under way.
    pub(crate) fn abort_all(&self) {
        self.lookups.abort_all();
    }
}
