//! The verdict on each MX host. RFC 8461 §5, RFC 7672 §2.2.

use crate::{
    dane::DaneStatus,
    plan::{Candidate, Facts, TlsLevel},
    probe::{ProbeResult, Unreachable},
};
use core::fmt;
use mta_sts_core::{Decision, Policy, ResultType};
use std::sync::Arc;

/// Whether and how to deliver to an MX host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// Deliver, with this TLS.
    Deliver {
        /// How much TLS is needed, or can be had.
        tls: TlsLevel,
    },
    /// Never reached: it is this sender itself, or not nearer than it. RFC 5321 §5.1.
    Dropped,
    /// Do not deliver to it.
    Refuse(Refusal),
    /// It cannot be reached, so the next one is tried.
    Skip(Unreachable),
}

/// Why a host is not delivered to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its TLSA records could not be looked up. RFC 7672 §2.1.
    DaneBroken,
    /// Other MX hosts have TLSA records and an enforce policy is in force: this one has none.
    NoTlsa,
    /// The policy does not name it. RFC 8461 §4.1.
    NotInPolicy,
    /// Its TLS is not what the policy, or DANE, demands.
    Tls(ProbeResult),
}

/// Judges hosts by one decision.
pub(crate) struct Judge<'a> {
    decision: &'a Decision,
    ignore_policy: bool,
}

/// What TLS must be for mail to be delivered.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Demand {
    /// Verified.
    Valid,
    /// There, whatever the certificate.
    Encrypted,
    /// Nothing: opportunistic TLS.
    Nothing,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(decision: &'a Decision, ignore_policy: bool) -> Self {
        Self { decision, ignore_policy }
    }

    pub(crate) fn all(&self, facts: Vec<Facts>) -> Vec<Candidate> {
        let has_dane = facts.iter().any(|facts| facts.dane == DaneStatus::Usable);
        facts.into_iter().map(|facts| self.one(facts, has_dane)).collect()
    }

    fn one(&self, facts: Facts, has_dane: bool) -> Candidate {
        let permitted = self.decision.policy().map(|policy: &Arc<Policy>| policy.permits_mx(&facts.host.name));
        let (verdict, result_types) = self.verdict(&facts, permitted, has_dane);
        Candidate {
            host: facts.host.name,
            preference: facts.host.preference,
            permitted,
            dane: facts.dane,
            probe: facts.probe,
            verdict,
            result_types,
        }
    }

    fn verdict(&self, facts: &Facts, permitted: Option<bool>, has_dane: bool) -> (Verdict, Vec<ResultType>) {
        if facts.is_local {
            return (Verdict::Dropped, Vec::new());
        }
        // RFC 8460 §3: reports are delivered despite TLS failures.
        if self.ignore_policy {
            return (tls_verdict(facts.probe, Demand::Nothing), Vec::new());
        }
        let enforces = matches!(self.decision, Decision::Enforce(_));
        let of_probe = facts.probe.and_then(ProbeResult::result_type);
        match facts.dane {
            // RFC 8461 §2: MTA-STS never overrides a failing DANE validation.
            DaneStatus::Broken => {
                return (Verdict::Refuse(Refusal::DaneBroken), vec![ResultType::DnssecInvalid]);
            }
            DaneStatus::Usable => {
                return (tls_verdict(facts.probe, Demand::Valid), of_probe.into_iter().collect());
            }
            // RFC 8461 §2: DANE goes first. Beside hosts that have TLSA records, those without
            // wait as long as a policy is enforced.
            _ if has_dane && enforces => return (Verdict::Refuse(Refusal::NoTlsa), Vec::new()),
            _ => {}
        }
        let mut result_types = Vec::new();
        if permitted == Some(false) {
            result_types.push(ResultType::ValidationFailure);
        }
        if permitted.is_some() {
            result_types.extend(of_probe);
        }
        result_types.dedup();
        let demand = match (enforces, facts.dane) {
            // RFC 8461 §5: enforce needs a host that the policy names, STARTTLS and a valid certificate.
            (true, _) if permitted == Some(false) => {
                return (Verdict::Refuse(Refusal::NotInPolicy), result_types);
            }
            (true, _) => Demand::Valid,
            // RFC 7672 §2.2: records that cannot be used still call for TLS.
            (false, DaneStatus::Unusable) => Demand::Encrypted,
            (false, _) => Demand::Nothing,
        };
        (tls_verdict(facts.probe, demand), result_types)
    }
}

fn tls_verdict(probe: Option<ProbeResult>, demand: Demand) -> Verdict {
    let acceptable = if demand == Demand::Valid { TlsLevel::Verified } else { TlsLevel::Any };
    let tls = match probe {
        None | Some(ProbeResult::Ok { .. }) => acceptable,
        Some(ProbeResult::Unreachable(why)) => return Verdict::Skip(why),
        Some(ProbeResult::Certificate(_) | ProbeResult::TlsaMismatch) if demand != Demand::Valid => TlsLevel::Any,
        Some(_) if demand == Demand::Nothing => TlsLevel::Plaintext,
        Some(failed) => return Verdict::Refuse(Refusal::Tls(failed)),
    };
    Verdict::Deliver { tls }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver { tls: TlsLevel::Verified } => f.write_str("deliver with verified TLS"),
            Self::Deliver { tls: TlsLevel::Any } => f.write_str("deliver with opportunistic TLS"),
            Self::Deliver { tls: TlsLevel::Plaintext } => f.write_str("deliver without TLS"),
            Self::Dropped => f.write_str("not nearer than this sender itself"),
            Self::Refuse(why) => write!(f, "refused: {why}"),
            Self::Skip(why) => write!(f, "skipped: {why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DaneBroken => f.write_str("its TLSA records cannot be looked up"),
            Self::NoTlsa => f.write_str("it has no TLSA records, and others have"),
            Self::NotInPolicy => f.write_str("the policy does not name it"),
            Self::Tls(why) => why.fmt(f),
        }
    }
}
