//! The ruling: from what is known of a domain to a reply. No IO, no clock.

use crate::{
    dane::{Dane, Found},
    policy_map,
    reply::{Reply, reply_for_hosts, secure_reply},
    zone::{Asked, DaneMode},
};
use mta_sts::{
    Answer, Decision, Domain, Entry, Failure, FetchError, Mode, Policy, Source, UnixTime, Warm,
    core::{
        RecordId,
        socketmap::{PolicyDecision, PolicyReply},
    },
};
use std::sync::Arc;

/// What is known when a request is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) domain: &'a Domain,
    /// `None` if it is not known and [does not matter](is_settled).
    pub(crate) policy: Option<&'a Standing>,
    /// `None` if it is not known and [does not matter](is_settled).
    pub(crate) dane: Option<&'a Found>,
    /// The message would otherwise be returned to its sender.
    pub(crate) before_bounce: bool,
    pub(crate) now: UnixTime,
}

/// Where a domain stands with MTA-STS.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// An override says that nothing is looked up.
    Exempt,
    /// An override's policy.
    Static(Arc<Policy>),
    /// What memory alone could tell.
    Warm(Warm),
    /// What the lookup taught.
    Learnt(Box<Answer>, Store),
}

/// Whether a policy may be hidden in the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Store {
    /// No: it was read, or a policy was learnt in its place.
    Read,
    /// Yes, and mail waits for it.
    Unreadable,
    /// Yes, and mail has waited long enough.
    GraceOver,
}

/// What is answered, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ruling {
    pub(crate) reply: Reply,
    /// `None` with a temporary failure that hides it.
    pub(crate) decision: Option<PolicyDecision>,
    /// A word that never changes.
    pub(crate) reason: &'static str,
    pub(crate) source: &'static str,
    /// Nothing was looked up for it.
    pub(crate) was_known: bool,
    /// For how many seconds the policy lives on.
    pub(crate) remaining: Option<u64>,
}

/// Whether this is enough for a reply: what is not known would not change it.
pub(crate) fn is_settled(asked: &Asked, policy: Option<&Standing>, dane: Option<Dane>) -> bool {
    match (asked.zone.dane, policy, dane) {
        (_, Some(Standing::Exempt), _) | (DaneMode::Off, Some(_), _) | (_, Some(_), Some(_)) => true,
        (DaneMode::Reply, None, Some(Dane::Broken)) => true,
        // Postfix is told nothing but "not found", clients also the reason.
        (DaneMode::Yield, None, Some(Dane::Usable)) => !asked.for_clients,
        (DaneMode::Yield, Some(policy), None) => !asked.for_clients && !policy.may_enforce(asked),
        _ => false,
    }
}

/// What to answer.
pub(crate) fn ruling_from(case: &Case<'_>) -> Ruling {
    let remaining = case.policy.and_then(|policy| policy.remaining(case.now));
    let was_known = case.policy.is_none_or(Standing::was_known) && case.dane.is_none_or(|found| found.was_known);
    let of = |verdict: &Verdict<'_>, source| {
        let reply = case.express(verdict);
        // The policy stands, but cannot be put into words.
        let reason = match (&reply, verdict.decision()) {
            (Reply::Temp(_), Some(_)) => "not-expressible",
            _ => verdict.reason,
        };
        Ruling { reply, decision: verdict.decision(), reason, source, was_known, remaining }
    };
    match case.by_dane() {
        Some(verdict) => of(&verdict, "dane"),
        None => of(&case.by_policy(), case.policy.map_or("none", Standing::source)),
    }
}

struct Verdict<'a> {
    what: What<'a>,
    reason: &'static str,
}

enum What<'a> {
    Wait(&'static str),
    NoPolicy,
    Testing,
    Enforce(&'a Arc<Policy>),
    /// Only on these hosts, and by no other rule than the policy's.
    EnforceOn(&'a Arc<Policy>, &'a [String]),
    Dane,
    DaneOnly,
}

impl Verdict<'_> {
    fn decision(&self) -> Option<PolicyDecision> {
        Some(match self.what {
            What::Wait(_) => return None,
            What::NoPolicy => PolicyDecision::NoPolicy,
            What::Testing => PolicyDecision::Testing,
            What::Enforce(_) | What::EnforceOn(..) => PolicyDecision::Enforce,
            What::Dane => PolicyDecision::Dane,
            What::DaneOnly => PolicyDecision::DaneOnly,
        })
    }
}

impl<'a> Case<'a> {
    /// What DANE alone decides. RFC 8461 §2: MTA-STS must not loosen DANE; nor does DANE, which may
    /// be there for some MX hosts only, open the others to mail that an enforced policy keeps from them.
    fn by_dane(&self) -> Option<Verdict<'a>> {
        if matches!(self.policy, Some(Standing::Exempt)) {
            return None;
        }
        let found = self.dane?;
        let may_enforce = || self.policy.is_some_and(|policy| policy.may_enforce(self.asked));
        let enforced = || self.policy.and_then(|policy| policy.enforced(self.asked));
        let broken = What::Wait("the DANE records of the MX hosts cannot be looked up");
        if let (DaneMode::Reply | DaneMode::Yield, Dane::Mixed, Some(policy)) =
            (self.asked.zone.dane, found.status, enforced())
        {
            // A policy with fewer hosts must get into nobody's cache.
            let for_postfix = What::EnforceOn(policy, &found.unbroken);
            let what = if self.asked.for_clients { What::DaneOnly } else { for_postfix };
            return Some(Verdict { what, reason: "dane-mixed" });
        }
        let (what, reason) = match (self.asked.zone.dane, found.status) {
            (DaneMode::Off, _) | (_, Dane::Unknown | Dane::Insecure | Dane::Unusable) => return None,
            (DaneMode::Reply, Dane::Broken) => (broken, "dane-broken"),
            (DaneMode::Reply, _) if may_enforce() => (What::DaneOnly, "dane"),
            (DaneMode::Reply, _) => (What::Dane, "dane"),
            (DaneMode::Yield, Dane::Mixed | Dane::Broken) if may_enforce() => (broken, "dane-broken"),
            (DaneMode::Yield, _) => (What::NoPolicy, "dane-yielded"),
        };
        Some(Verdict { what, reason })
    }

    fn by_policy(&self) -> Verdict<'a> {
        let is_strict = self.asked.zone.strict_testing;
        let by_decision = |decision: &'a Decision, why_none: &dyn Fn() -> &'static str| match decision {
            Decision::Enforce(policy) => (What::Enforce(policy), "policy"),
            Decision::Testing(policy) if is_strict => (What::Enforce(policy), "strict-testing"),
            Decision::Testing(_) => (What::Testing, "policy"),
            Decision::NoPolicy => (What::NoPolicy, why_none()),
        };
        let (what, reason) = match self.policy {
            None => (What::NoPolicy, "not-looked-up"),
            Some(Standing::Exempt) => (What::NoPolicy, "exempt"),
            Some(Standing::Static(policy)) => match policy.mode() {
                Mode::Enforce => (What::Enforce(policy), "override"),
                Mode::Testing if is_strict => (What::Enforce(policy), "override"),
                Mode::Testing => (What::Testing, "override"),
                Mode::None => (What::NoPolicy, "override"),
            },
            // RFC 8461 §3.3: a store that cannot be read may hold a live policy. Everything else that
            // could not be learnt is "no policy" unless one is cached: foreign faults hold no mail up.
            Some(Standing::Learnt(_, Store::Unreadable)) => {
                let why = "the MTA-STS policy store cannot be read, and no policy was learnt in its place";
                (What::Wait(why), "store-unreadable")
            }
            Some(Standing::Learnt(_, Store::GraceOver)) => (What::NoPolicy, "store-grace-over"),
            Some(Standing::Learnt(answer, Store::Read)) => by_decision(&answer.decision, &|| why_no_policy(answer)),
            Some(Standing::Warm(warm)) => by_decision(&warm.decision, &|| "mode-none"),
        };
        Verdict { what, reason }
    }

    fn express(&self, verdict: &Verdict<'_>) -> Reply {
        match (&verdict.what, verdict.decision()) {
            (What::Wait(why), _) => Reply::Temp(why),
            (_, Some(decision)) if self.asked.for_clients => self.for_clients(decision, verdict.reason),
            (What::Dane, _) => Reply::Ok("dane".to_owned()),
            (What::DaneOnly, _) => Reply::Ok("dane-only".to_owned()),
            (What::Enforce(policy), _) => secure_reply(self.asked, self.domain, policy),
            (What::EnforceOn(policy, hosts), _) => reply_for_hosts(self.asked, policy, hosts)
                .unwrap_or(Reply::Temp("the DANE records of the MX hosts in the MTA-STS policy cannot be looked up")),
            // RFC 8461 §5: mail is delivered whatever a policy in mode "testing" says.
            (What::NoPolicy | What::Testing, _) => Reply::NotFound,
        }
    }

    fn for_clients(&self, decision: PolicyDecision, reason: &str) -> Reply {
        let entry = self.policy.and_then(|policy| policy.entry(self.domain, self.now));
        let confirms_bounce = self.before_bounce
            && match self.policy {
                None => false,
                // Nobody but the administrator could change it.
                Some(Standing::Exempt | Standing::Static(_)) => true,
                Some(Standing::Warm(_)) => false,
                Some(Standing::Learnt(answer, _)) => answer.confirms_bounce,
            };
        policy_map::reply(&PolicyReply {
            decision,
            reason,
            domain: self.domain.clone(),
            valid_until: entry.as_ref().and_then(Entry::expires_at),
            confirms_bounce,
            entry,
        })
    }
}

impl Standing {
    /// The policy that is enforced.
    fn enforced(&self, asked: &Asked) -> Option<&Arc<Policy>> {
        let policy = match self {
            Self::Static(policy) => policy,
            Self::Warm(warm) => warm.decision.policy()?,
            Self::Learnt(answer, Store::Read) => answer.decision.policy()?,
            Self::Exempt | Self::Learnt(..) => return None,
        };
        let is_enforced = match policy.mode() {
            Mode::Enforce => true,
            Mode::Testing => asked.zone.strict_testing,
            Mode::None => false,
        };
        is_enforced.then_some(policy)
    }

    /// Whether a policy is enforced, or might be if the store could be read.
    fn may_enforce(&self, asked: &Asked) -> bool {
        matches!(self, Self::Learnt(_, Store::Unreadable)) || self.enforced(asked).is_some()
    }

    fn remaining(&self, now: UnixTime) -> Option<u64> {
        match self {
            Self::Warm(warm) => Some(warm.remaining(now)),
            Self::Learnt(answer, _) => answer.remaining(now),
            Self::Exempt | Self::Static(_) => None,
        }
    }

    fn was_known(&self) -> bool {
        match self {
            Self::Exempt | Self::Static(_) | Self::Warm(_) => true,
            Self::Learnt(answer, _) => answer.was_known,
        }
    }

    fn source(&self) -> &'static str {
        match self {
            Self::Exempt | Self::Static(_) => "override",
            Self::Warm(_) => "cache",
            Self::Learnt(answer, _) => match answer.source {
                Source::Cache => "cache",
                Source::Checked => "checked",
                Source::Fetched => "fetched",
                _ => "none",
            },
        }
    }

    /// The cache entry with the policy that applies.
    fn entry(&self, domain: &Domain, now: UnixTime) -> Option<Entry> {
        match self {
            Self::Exempt => None,
            Self::Static(policy) => {
                let id = RecordId::new("override")?;
                Some(Entry::import(domain, id, Policy::clone(policy), now, now))
            }
            Self::Warm(warm) => Some(warm.entry.clone()),
            Self::Learnt(answer, _) => answer.entry.clone().filter(|_| answer.source != Source::None),
        }
    }
}

fn why_no_policy(answer: &Answer) -> &'static str {
    match &answer.failure {
        _ if answer.source != Source::None => "mode-none",
        None => "no-record",
        Some(Failure::BackOff { .. }) => "back-off",
        Some(Failure::DnsTemporary) => "dns-temporary",
        Some(Failure::Record(_)) => "bad-record",
        Some(Failure::Fetch(why)) => match why {
            FetchError::Certificate => "fetch-certificate",
            FetchError::Connect => "fetch-connect",
            FetchError::Dns => "fetch-dns",
            FetchError::Encoding => "fetch-encoding",
            FetchError::Http => "fetch-http",
            FetchError::Incomplete => "fetch-incomplete",
            FetchError::MediaType => "fetch-media-type",
            FetchError::NotAllowed => "fetch-not-allowed",
            FetchError::NotTried => "fetch-not-tried",
            FetchError::Policy(_) => "fetch-policy",
            FetchError::Status(_) => "fetch-status",
            FetchError::Timeout => "fetch-timeout",
            FetchError::Tls => "fetch-tls",
            FetchError::TooLarge => "fetch-too-large",
            _ => "fetch-failed",
        },
        Some(_) => "not-learnt",
    }
}

#[cfg(test)]
mod tests;
