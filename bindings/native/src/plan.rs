//! The delivery plan: which MX host a conforming sender delivers to, and why not to the others.

use crate::{
    answer::Answer,
    dane::{Association, DaneStatus, HostDane, SecureMx},
    dns::DnsError,
    judge::{Judge, Verdict},
    mx::{self, MxHost, MxHosts},
    probe::ProbeResult,
    resolver::Resolver,
};
use core::fmt;
use futures_util::{StreamExt, stream};
use mta_sts_core::{Domain, Intent, ResultType};

/// So many MX hosts are asked at once.
const PROBES_AT_ONCE: usize = 4;

/// What a plan is to consider.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Ask each MX host by SMTP whether TLS works and its certificate is valid. Without it hosts
    /// are taken to be reachable and good. Default: `false`.
    pub probe: bool,
    /// What the policy is looked up for. Default: [`Intent::Deliver`].
    pub intent: Intent,
    /// The MX hosts to consider, in their order, instead of those that DNS names. DANE does not
    /// apply to them. Default: those of DNS.
    pub hosts: Option<Vec<MxHost>>,
    /// Names of this sender as they stand in MX records. A host as far or farther away than one of
    /// them is not delivered to (RFC 5321 §5.1). Default: none.
    pub local_hosts: Vec<String>,
    /// The mail carries a TLS report: it is delivered even if TLS fails. RFC 8460 §3. Default:
    /// `false`.
    pub ignore_policy: bool,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { probe: false, intent: Intent::Deliver, hosts: None, local_hosts: Vec::new(), ignore_policy: false }
    }
}

/// How a conforming sender delivers to a next hop.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The policy, and how it was learnt.
    pub answer: Answer,
    /// The MX hosts in their order; none if they could not be learnt or there are none.
    pub hosts: Vec<Candidate>,
    /// What to do.
    pub delivery: Delivery,
}

/// An MX host and its verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// The name in the MX record, in its letter case, without final dot; escaped, see
    /// [`MxHost::name`].
    pub host: String,
    /// The preference, lower is tried first; `None` for a domain without MX records.
    pub preference: Option<u16>,
    /// Whether the policy names the host; `None` if no policy applies.
    pub permitted: Option<bool>,
    /// What DANE says.
    pub dane: DaneStatus,
    /// What the host did, if it was asked.
    pub probe: Option<ProbeResult>,
    /// Whether and how to deliver to it.
    pub verdict: Verdict,
    /// What to report of it, also where it is delivered to all the same (mode `testing`).
    /// RFC 8460 §4.3.
    pub result_types: Vec<ResultType>,
}

/// What to do with the mail.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Delivery {
    /// Deliver it: the first host in order that is acceptable.
    To {
        /// The host, as in [`Candidate::host`].
        host: String,
        /// The TLS that it needs.
        tls: TlsLevel,
    },
    /// Try again later.
    Defer(DeferReason),
    /// Return it: the domain accepts no mail (RFC 7505).
    NullMx,
}

/// How much TLS a delivery has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TlsLevel {
    /// STARTTLS with a certificate that is valid for the host, or that DANE vouches for.
    Verified,
    /// STARTTLS whatever the certificate is; without a probe, STARTTLS if it is offered.
    Any,
    /// None: STARTTLS does not work there.
    Plaintext,
}

/// Why mail has to wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DeferReason {
    /// All MX hosts are this sender, or farther away than it.
    Local,
    /// DNS did not tell the MX hosts.
    MxLookup(DnsError),
    /// No MX host is acceptable; each says why.
    NoHost,
    /// The policy store could not be read, and nothing was learnt in its place.
    PolicyUnknown,
}

/// What is known of a candidate before it is judged.
pub(crate) struct Facts {
    pub(crate) host: MxHost,
    pub(crate) is_local: bool,
    pub(crate) dane: DaneStatus,
    association: Option<Association>,
    pub(crate) probe: Option<ProbeResult>,
}

impl Resolver {
    /// How to deliver to `next_hop`: its policy, its MX hosts in order, and each host's verdict.
    ///
    /// Without [`PlanOptions::probe`] nobody but DNS and the policy host is asked.
    pub async fn plan(&self, next_hop: &Domain, options: &PlanOptions) -> Plan {
        let (answer, hosts) =
            tokio::join!(self.resolve_with(next_hop, options.intent), self.candidates(next_hop, options));
        let (hosts, is_secure) = match hosts {
            Ok((MxHosts::Hosts(hosts), is_secure)) => (hosts, is_secure),
            Ok((MxHosts::Null, _)) => return Plan { answer, hosts: Vec::new(), delivery: Delivery::NullMx },
            Err(why) => {
                let delivery = Delivery::Defer(DeferReason::MxLookup(why));
                return Plan { answer, hosts: Vec::new(), delivery };
            }
        };
        let cut = local_preference(&hosts, &options.local_hosts);
        let judge = Judge::new(&answer.decision, options.ignore_policy);
        let facts = stream::iter(hosts)
            .map(|host| {
                // RFC 5321 §5.1, before the policy is looked at (RFC 8461 §8.4).
                let is_local = cut.is_some_and(|cut| host.preference >= cut);
                let asks = options.probe && !is_local;
                let dane_applies = is_secure && !options.ignore_policy && !is_local;
                self.facts(next_hop, host, is_local, asks, dane_applies)
            })
            .buffered(PROBES_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let hosts = judge.all(facts);
        let delivery = deliver(&answer, &hosts, options.ignore_policy);
        tracing::debug!(domain = %next_hop, ?delivery, "delivery plan");
        Plan { answer, hosts, delivery }
    }

    /// Asks an MX host whether STARTTLS works and its certificate is valid for `host`, the name in
    /// the MX record. No mail is sent.
    pub async fn probe(&self, host: &str) -> ProbeResult {
        self.core.prober.probe(host.strip_suffix('.').unwrap_or(host), None).await
    }

    /// The MX hosts, and whether DANE may apply to them.
    async fn candidates(&self, next_hop: &Domain, options: &PlanOptions) -> Result<(MxHosts, bool), DnsError> {
        match (&options.hosts, &self.core.dane) {
            (Some(hosts), _) => Ok((MxHosts::Hosts(hosts.clone()), false)),
            (None, Some(dane)) => dane.mx_hosts(next_hop).await.map(|SecureMx { hosts, secure, .. }| (hosts, secure)),
            (None, None) => mx::look_up(&self.core.dns, next_hop).await.map(|hosts| (hosts, false)),
        }
    }

    async fn facts(&self, next_hop: &Domain, host: MxHost, is_local: bool, asks: bool, dane_applies: bool) -> Facts {
        let HostDane { status: dane, association, .. } = match &self.core.dane {
            Some(dane) if dane_applies => dane.host(next_hop, &host.name).await,
            _ => HostDane::default(),
        };
        let mut facts = Facts { host, is_local, dane, association, probe: None };
        if asks && facts.dane != DaneStatus::Broken {
            facts.probe = Some(self.core.prober.probe(&facts.host.name, facts.association.as_ref()).await);
        }
        facts
    }
}

/// The preference of the nearest host that is this sender itself.
fn local_preference(hosts: &[MxHost], local: &[String]) -> Option<Option<u16>> {
    let bare = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let local: Vec<_> = local.iter().map(|name| bare(name)).collect();
    hosts.iter().find(|host| local.contains(&bare(&host.name))).map(|host| host.preference)
}

fn deliver(answer: &Answer, hosts: &[Candidate], ignore_policy: bool) -> Delivery {
    // RFC 8461 §3.3: a store that cannot be read may hold a policy that forbids this.
    if answer.is_uncertain() && !ignore_policy {
        return Delivery::Defer(DeferReason::PolicyUnknown);
    }
    let acceptable = hosts.iter().find_map(|candidate| match candidate.verdict {
        Verdict::Deliver { tls } => Some(Delivery::To { host: candidate.host.clone(), tls }),
        _ => None,
    });
    let is_local = |candidate: &Candidate| candidate.verdict == Verdict::Dropped;
    let reason = if hosts.iter().all(is_local) { DeferReason::Local } else { DeferReason::NoHost };
    acceptable.unwrap_or(Delivery::Defer(reason))
}

impl fmt::Display for TlsLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verified => "verified",
            Self::Any => "any",
            Self::Plaintext => "plaintext",
        })
    }
}

impl fmt::Display for DeferReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("all MX hosts are this sender or farther away than it"),
            Self::MxLookup(why) => write!(f, "the MX hosts are not known: {why}"),
            Self::NoHost => f.write_str("no MX host is acceptable"),
            Self::PolicyUnknown => f.write_str("the policy store could not be read, and no policy was learnt"),
        }
    }
}
