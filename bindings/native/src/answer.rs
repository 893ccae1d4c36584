//! What a lookup tells its caller.

use crate::store::StoreError;
use core::{error::Error, fmt};
use mta_sts_core::{CacheOp, Decision, Domain, DomainError, Entry, Failure, Intent, Outcome, ResultType, UnixTime};

/// What is known of a domain's policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The policy domain.
    pub domain: Domain,
    /// What to do with mail for it. RFC 8461 §5.
    pub decision: Decision,
    /// What could not be learnt, and why. The decision stands all the same (RFC 8461 §3.3).
    pub failure: Option<Failure>,
    /// What `failure` is called in a TLSRPT report, if it belongs in one. RFC 8460 §4.3.
    pub result_type: Option<ResultType>,
    /// Where the decision comes from.
    pub source: Source,
    /// Nothing was looked up for it: the cache held a live policy, or it was remembered that there is none.
    pub was_known: bool,
    /// What the cache holds after the lookup, dead or alive.
    pub entry: Option<Entry>,
    /// The policy host was tried.
    pub asked_https: bool,
    /// A refresh failed: the policy in force ends in so many seconds. RFC 8461 §3.3, §10.2.
    pub alert: Option<u64>,
    /// Before this time another lookup for a delivery is of no use.
    pub next_check: UnixTime,
    /// The policy store could not be read, so that there may be a policy that is not known here.
    pub store_error: Option<StoreError>,
    /// Whether a message that failed under this policy may be returned to its sender, as far as
    /// MTA-STS goes: only after a lookup with [`Intent::BeforeBounce`]. RFC 8461 §5, §5.1 (3).
    pub confirms_bounce: bool,
}

/// What [`Resolver::warm`](crate::Resolver::warm) knows at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Warm {
    /// What to do with mail for the domain. RFC 8461 §5.
    pub decision: Decision,
    /// What is cached, and alive.
    pub entry: Entry,
    /// The time for which this holds.
    pub at: UnixTime,
}

/// A second in which nothing changed: while [`Resolver::moment`](crate::Resolver::moment) is the same,
/// so is every answer of [`Resolver::warm`](crate::Resolver::warm), unless a store of one's own changes
/// what it has [at once](crate::PolicyStore::at_once) by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    pub(crate) at: UnixTime,
    pub(crate) changes: u64,
}

impl Warm {
    /// For how many seconds the policy lives on.
    #[must_use]
    pub fn remaining(&self, now: UnixTime) -> u64 {
        self.entry.expires_at().map_or(0, |end| end.since(now))
    }

    pub(crate) fn log(&self, now: UnixTime) {
        tracing::debug!(
            domain = %self.entry.domain(), decision = word(&self.decision), source = ?Source::Cache,
            intent = ?Intent::Deliver, remaining = self.remaining(now),
            "policy decision"
        );
    }
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::NoPolicy => "no-policy",
        Decision::Testing(_) => "testing",
        Decision::Enforce(_) => "enforce",
    }
}

/// Where a decision comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// A live cached policy, as it was.
    Cache,
    /// A live cached policy; DNS has just confirmed its id.
    Checked,
    /// A policy that was fetched just now.
    Fetched,
    /// There is no policy, or none could be had.
    None,
}

impl Answer {
    /// The cache could not be read and nothing was learnt in its place: "no policy" here is no
    /// knowledge. Try again later rather than deliver without protection.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.store_error.is_some() && self.source == Source::None && self.failure.is_some()
    }

    /// For how many seconds the policy lives on, if one applies.
    #[must_use]
    pub fn remaining(&self, now: UnixTime) -> Option<u64> {
        let entry = self.entry.as_ref()?;
        entry.live(now)?;
        entry.expires_at().map(|end| end.since(now))
    }

    /// The answer of a lookup that has ended.
    pub(crate) fn of(domain: &Domain, outcome: Outcome, known: Option<Entry>, now: UnixTime) -> Self {
        let entry = Entry::apply(known, domain, &outcome.cache, now);
        let is_live = entry.as_ref().is_some_and(|entry| entry.live(now).is_some());
        let source = match outcome.cache {
            CacheOp::Fetched(_) => Source::Fetched,
            _ if !is_live => Source::None,
            CacheOp::Checked { .. } if outcome.failure.is_none() => Source::Checked,
            _ => Source::Cache,
        };
        Self {
            domain: domain.clone(),
            failure: outcome.failure,
            result_type: outcome.result_type(),
            source,
            entry,
            was_known: false,
            asked_https: false,
            alert: outcome.alert,
            next_check: outcome.next_check,
            store_error: None,
            confirms_bounce: outcome.confirms_bounce(),
            decision: outcome.decision,
        }
    }

    /// A policy that cannot be read may be one that is not confirmed.
    pub(crate) fn with_store_error(self, error: Option<StoreError>) -> Self {
        Self { confirms_bounce: self.confirms_bounce && error.is_none(), store_error: error, ..self }
    }

    /// An answer from what is cached alone, or from nothing.
    pub(crate) fn without_lookup(
        domain: &Domain,
        decision: Option<Decision>,
        entry: Option<Entry>,
        failure: Option<Failure>,
        next_check: UnixTime,
    ) -> Self {
        Self {
            domain: domain.clone(),
            source: if decision.is_some() { Source::Cache } else { Source::None },
            decision: decision.unwrap_or(Decision::NoPolicy),
            failure,
            // What is still under way has not failed.
            result_type: None,
            entry,
            was_known: false,
            asked_https: false,
            alert: None,
            next_check,
            store_error: None,
            confirms_bounce: false,
        }
    }

    /// One line a decision, with the reason and the remaining lifetime, and nothing that
    /// came from the wire.
    pub(crate) fn log(&self, intent: Intent, now: UnixTime) {
        let decision = word(&self.decision);
        let failure = self.failure.as_ref().map(tracing::field::display);
        let store_error = self.store_error.as_ref().map(tracing::field::display);
        let remaining = self.remaining(now);
        match self.alert {
            Some(ends_in) => tracing::warn!(
                domain = %self.domain, decision, source = ?self.source, ?intent, failure, store_error, ends_in,
                "the policy in force could not be refreshed"
            ),
            None => tracing::debug!(
                domain = %self.domain, decision, source = ?self.source, ?intent, failure, store_error, remaining,
                "policy decision"
            ),
        }
    }
}

/// A text is no policy domain, so that there is nothing to look up: mail for it has no MTA-STS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResolveError(
    /// What is wrong with the name.
    pub DomainError,
);

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a policy domain: {}", self.0)
    }
}

impl Error for ResolveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl From<DomainError> for ResolveError {
    fn from(error: DomainError) -> Self {
        Self(error)
    }
}
