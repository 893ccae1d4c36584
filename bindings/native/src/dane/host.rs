//! What DANE says of one MX host. RFC 7672 §2.2.2, §2.2.3.

use super::{
    Dane,
    tlsa::{Association, Tlsa},
};
use crate::{
    dns::{DnsError, absolute},
    secure_dns::SecureAnswer,
};
use hickory_resolver::proto::rr::{Name, RecordType};
use mta_sts_core::Domain;

/// What DANE says about an MX host.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DaneStatus {
    /// DANE is not asked for, or the MX records or the host's addresses are not secure, or it has
    /// no address.
    #[default]
    NotApplicable,
    /// Securely no TLSA record, or insecure ones.
    Absent,
    /// A lookup failed: the host must not be used, or else blocking the records would be enough to
    /// be rid of them. RFC 7672 §2.1.
    Broken,
    /// TLSA records, but none that can be used: TLS is required, without authentication by DANE.
    Unusable,
    /// Secure TLSA records: the host's certificate must agree with one. RFC 7672 §2.2.
    Usable,
}

/// An MX host whose MX record is secure.
#[derive(Debug, Default)]
pub(crate) struct HostDane {
    pub(crate) status: DaneStatus,
    /// With [`DaneStatus::Usable`].
    pub(crate) association: Option<Association>,
    /// For how many seconds it holds; of no meaning if the lookup failed.
    pub(super) ttl: u32,
}

impl Dane {
    /// `host`: the name in the MX record of `next_hop`, which is secure.
    pub(crate) async fn host(&self, next_hop: &Domain, host: &str) -> HostDane {
        match self.try_host(next_hop, host).await {
            Ok(host) => host,
            Err(_) => HostDane::broken(),
        }
    }

    async fn try_host(&self, next_hop: &Domain, host: &str) -> Result<HostDane, DnsError> {
        // A name that cannot be asked for has no address.
        let Some(name) = absolute(host) else { return Ok(HostDane { ttl: u32::MAX, ..HostDane::default() }) };
        let (candidates, mut ttl) = self.base_domains(&name).await?;
        let status = if candidates.is_empty() { DaneStatus::NotApplicable } else { DaneStatus::Absent };
        for base in candidates {
            let Some(owner) = tlsa_name(&base) else { continue };
            let answer = self.dns.ask(&owner, RecordType::TLSA).await?;
            ttl = ttl.min(answer.ttl);
            if !answer.secure || answer.data.is_empty() {
                continue;
            }
            let records: Vec<_> = answer.data.iter().filter_map(Tlsa::usable).collect();
            if records.is_empty() {
                return Ok(HostDane { status: DaneStatus::Unusable, association: None, ttl });
            }
            let base = bare(&base);
            let names = vec![base.clone(), bare(&name), next_hop.to_string()];
            let association = Some(Association { base, names, records });
            return Ok(HostDane { status: DaneStatus::Usable, association, ttl });
        }
        Ok(HostDane { status, association: None, ttl })
    }

    /// Where TLSA records may be, the first place with any counts: the name that aliases lead to, if
    /// all are secure, then the host itself. RFC 7671 §7, RFC 7672 §2.2.2. And for how many seconds
    /// that holds.
    async fn base_domains(&self, host: &Name) -> Result<(Vec<Name>, u32), DnsError> {
        let (v4, v6) = tokio::join!(self.dns.ask(host, RecordType::A), self.dns.ask(host, RecordType::AAAA));
        let failure = v4.as_ref().err().or(v6.as_ref().err()).copied();
        let answers: Vec<SecureAnswer> = [v4, v6].into_iter().flatten().collect();
        let mut ttl = answers.iter().map(|answer| answer.ttl).min().unwrap_or(0);
        let found: Vec<_> = answers.iter().filter(|answer| !answer.data.is_empty()).collect();
        let Some(first) = found.first() else {
            return match failure {
                Some(why) => Err(why),
                None => Ok((Vec::new(), ttl)),
            };
        };
        if found.iter().all(|answer| answer.secure) {
            let mut candidates = vec![first.owner.clone(), host.clone()];
            candidates.dedup();
            return Ok((candidates, ttl));
        }
        if found.iter().all(|answer| answer.owner == *host) {
            return Ok((Vec::new(), ttl));
        }
        // RFC 7672 §2.2.2: a secure alias of an insecure name may have records of its own.
        let alias = self.dns.ask(host, RecordType::CNAME).await?;
        ttl = ttl.min(alias.ttl);
        let is_secure = alias.secure && !alias.data.is_empty();
        Ok((if is_secure { vec![host.clone()] } else { Vec::new() }, ttl))
    }
}

impl HostDane {
    pub(super) fn broken() -> Self {
        Self { status: DaneStatus::Broken, ..Self::default() }
    }
}

/// `None`: the name would be too long, so that there is none.
fn tlsa_name(base: &Name) -> Option<Name> {
    let prefix = Name::from_ascii("_25._tcp").ok()?;
    prefix.append_domain(base).ok()
}

fn bare(name: &Name) -> String {
    let name = name.to_ascii();
    name.strip_suffix('.').map(str::to_owned).unwrap_or(name)
}
