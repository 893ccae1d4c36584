//! What DANE says of a next hop, all MX hosts together. RFC 7672 §2.2.

use super::{Dane, DaneStatus, SecureMx, host::HostDane};
use crate::mx::MxHosts;
use futures_util::{StreamExt, stream};
use mta_sts_core::Domain;
use tokio::time::{Instant, timeout_at};

/// So many MX hosts are looked at, in the order of preference.
const MAX_HOSTS: usize = 20;
const HOSTS_AT_ONCE: usize = 8;
/// A host takes four DNS questions one after another at most, and the MX records one before.
const LONGEST: u32 = 5;

/// What DANE says of the MX hosts of a next hop.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DaneAnswer {
    /// All together.
    pub status: NextHopDane,
    /// The MX hosts that were looked at, at most 20, in the order of preference: the name in the MX
    /// record as in [`MxHost::name`](crate::MxHost::name), and what DANE says of it. None if the
    /// status is [`NextHopDane::Unknown`] or the MX records are not secure.
    pub hosts: Vec<(String, DaneStatus)>,
}

/// What DANE says of a next hop. A policy of MTA-STS must not loosen it (RFC 8461 §2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NextHopDane {
    /// DANE is not asked for, or DNS did not tell the MX hosts, so that it cannot be learnt whether
    /// they are secure: MTA-STS alone decides.
    Unknown,
    /// There is no DANE: the MX records are not secure, or no MX host has secure TLSA records, or the
    /// domain accepts no mail. MTA-STS alone decides.
    Insecure,
    /// There are secure TLSA records, but none can be used, and no lookup failed: MTA-STS decides.
    /// Without a policy such hosts need TLS, with any certificate (RFC 7672 §2.2).
    Unusable,
    /// An MX host has usable TLSA records: DANE decides. Hosts without them may be used if no policy
    /// is enforced, and have to wait if one is; those whose lookup failed are not to be used.
    Usable,
    /// The lookups of some hosts failed, and none of the others has usable TLSA records. Those that
    /// failed are not to be used, or else blocking their records would be enough to be rid of them;
    /// the others are as with [`NextHopDane::Insecure`] and [`NextHopDane::Unusable`].
    ///
    /// Under an enforced policy: deliver only to hosts of [`DaneAnswer::unbroken`] that the policy
    /// names, with a certificate for that very name; if there is none, try again later. Without one:
    /// leave it to DANE in the mail server, which passes over hosts whose lookups fail. Never
    /// answer with the policy's own patterns, which admit the hosts that failed.
    Mixed,
    /// The lookups of all MX hosts failed: try again later. RFC 7672 §2.1.
    Broken,
}

impl DaneAnswer {
    /// The hosts that may be used, as far as DANE goes.
    pub fn unbroken(&self) -> impl Iterator<Item = &str> {
        let unbroken = self.hosts.iter().filter(|(_, status)| *status != DaneStatus::Broken);
        unbroken.map(|(host, _)| host.as_str())
    }

    pub(super) fn without_hosts(status: NextHopDane) -> Self {
        Self { status, hosts: Vec::new() }
    }
}

impl NextHopDane {
    fn of(hosts: &[(String, DaneStatus)]) -> Self {
        let any = |status| hosts.iter().any(|(_, one)| *one == status);
        let all_broken = hosts.iter().all(|(_, one)| *one == DaneStatus::Broken);
        match (any(DaneStatus::Usable), any(DaneStatus::Broken), any(DaneStatus::Unusable)) {
            (true, _, _) => Self::Usable,
            (_, true, _) if all_broken => Self::Broken,
            (_, true, _) => Self::Mixed,
            (_, _, true) => Self::Unusable,
            _ => Self::Insecure,
        }
    }
}

impl Dane {
    /// Asks DNS; also for how many seconds the answer holds, if nothing failed.
    pub(super) async fn next_hop(&self, domain: &Domain) -> (DaneAnswer, u32) {
        let end = Instant::now() + self.timeouts.dns.saturating_mul(LONGEST);
        let Ok(Ok(SecureMx { hosts, secure, mut ttl })) = timeout_at(end, self.mx_hosts(domain)).await else {
            return (DaneAnswer::without_hosts(NextHopDane::Unknown), 0);
        };
        let MxHosts::Hosts(hosts) = hosts else {
            return (DaneAnswer::without_hosts(NextHopDane::Insecure), ttl);
        };
        if !secure {
            return (DaneAnswer::without_hosts(NextHopDane::Insecure), ttl);
        }
        let looked_at: Vec<_> = stream::iter(hosts.into_iter().take(MAX_HOSTS))
            .map(async |mx| {
                let host = timeout_at(end, self.host(domain, &mx.name)).await;
                (mx.name, host.unwrap_or_else(|_| HostDane::broken()))
            })
            .buffered(HOSTS_AT_ONCE)
            .collect()
            .await;
        for (_, host) in looked_at.iter().filter(|(_, host)| host.status != DaneStatus::Broken) {
            ttl = ttl.min(host.ttl);
        }
        let hosts: Vec<_> = looked_at.into_iter().map(|(name, host)| (name, host.status)).collect();
        (DaneAnswer { status: NextHopDane::of(&hosts), hosts }, ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_together_say_what_becomes_of_the_next_hop() {
        use DaneStatus::{Absent, Broken, NotApplicable, Unusable, Usable};
        for (hosts, expected) in [
            (&[NotApplicable, Absent][..], NextHopDane::Insecure),
            (&[Unusable, Absent], NextHopDane::Unusable),
            (&[Absent, Broken, Unusable, Usable], NextHopDane::Usable),
            (&[Broken, Absent], NextHopDane::Mixed),
            (&[Broken, Unusable], NextHopDane::Mixed),
            (&[NotApplicable, Broken], NextHopDane::Mixed),
            (&[Broken, Broken], NextHopDane::Broken),
        ] {
            let hosts: Vec<_> = hosts.iter().map(|status| (String::new(), *status)).collect();
            assert_eq!(NextHopDane::of(&hosts), expected, "{hosts:?}");
        }
    }
}
