//! The MX hosts of a next hop. RFC 5321 §5.1, RFC 7505.

use crate::{
    dns::{Dns, DnsError},
    resolver::Resolver,
};
use hickory_resolver::proto::rr::{RData, RecordType};
use mta_sts_core::Domain;

/// Where mail for a domain goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MxHosts {
    /// To these hosts, in this order; there is at least one.
    Hosts(Vec<MxHost>),
    /// Nowhere: the domain accepts no mail (a null MX, RFC 7505).
    Null,
}

/// A host that may accept mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MxHost {
    /// The name in the MX record, in A-labels and the letter case of the record, without final dot.
    /// Octets that are no printable ASCII are escaped as `\DDD`.
    pub name: String,
    /// The preference, lower is tried first; `None` if the domain has no MX record and stands for
    /// its own host.
    pub preference: Option<u16>,
}

/// A domain with more MX hosts than this is tried at the first ones.
const MAX_HOSTS: usize = 100;

impl Resolver {
    /// The MX hosts of `domain` in the order of their preference; those of the same preference stay
    /// in the order of the DNS answer, which name servers rotate. At most 100.
    ///
    /// # Errors
    /// [`DnsError`] if DNS did not say which they are: try again later.
    pub async fn mx_hosts(&self, domain: &Domain) -> Result<MxHosts, DnsError> {
        look_up(&self.core.dns, domain).await
    }
}

pub(crate) async fn look_up(dns: &Dns, domain: &Domain) -> Result<MxHosts, DnsError> {
    Ok(of_records(domain, dns.records(domain.as_str(), RecordType::MX).await?))
}

pub(crate) fn of_records(domain: &Domain, records: Vec<RData>) -> MxHosts {
    let (mut hosts, mut is_null) = (Vec::new(), false);
    for data in records {
        let RData::MX(mx) = data else { continue };
        if mx.exchange.is_root() {
            is_null = true;
            continue;
        }
        let name = mx.exchange.to_ascii();
        let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
        hosts.push(MxHost { name, preference: Some(mx.preference) });
    }
    // RFC 7505 §3: a null MX stands alone. Beside others it names no host.
    if hosts.is_empty() && is_null {
        return MxHosts::Null;
    }
    if hosts.is_empty() {
        // RFC 5321 §5.1: the implicit MX.
        hosts.push(MxHost { name: domain.to_string(), preference: None });
    }
    hosts.sort_by_key(|host| host.preference);
    hosts.truncate(MAX_HOSTS);
    MxHosts::Hosts(hosts)
}
