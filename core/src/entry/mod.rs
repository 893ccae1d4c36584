//! What a cache holds for one policy domain.

mod text;

pub use text::EntryError;
pub(crate) use text::{line, time};

use crate::{
    domain::Domain, few::Few, lookup::CacheOp, policy::Policy, record::RecordId, time::UnixTime, tlsrpt::ResultType,
};
use alloc::{boxed::Box, sync::Arc};

/// One domain's cache entry: the policy held, when it was fetched and checked, and what failed.
///
/// Entries are values. A store keeps their text form ([`Entry::encode`]), and changes it only by
/// [`Entry::apply`], which merges: the order in which slow and fast lookups of several threads or
/// machines report back does not matter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    domain: Domain,
    held: Option<HeldPolicy>,
    checked_at: Option<UnixTime>,
    /// Few entries have one, and a cache has many entries.
    failed: Option<Box<FailedFetch>>,
    /// The latest attempts to fetch, newest first.
    attempts: Few<UnixTime>,
}

/// A policy that was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeldPolicy {
    /// The id that the TXT record gave for it.
    pub id: RecordId,
    /// The policy.
    pub policy: Arc<Policy>,
    /// When it was fetched over HTTPS. Its age counts from here (RFC 8461 §3.2).
    pub fetched_at: UnixTime,
    /// Whether it came under a new id with the very same text as the one before, as it does from
    /// a slow CDN or with a forged id. It is then fetched once more soon.
    pub same_text: bool,
}

/// A fetch that failed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct FailedFetch {
    /// When it failed.
    pub at: UnixTime,
    /// Until when the same id is not tried again. RFC 8461 §3.3.
    pub until: UnixTime,
    /// The id whose policy could not be had.
    pub id: RecordId,
    result: ReportedAs,
}

/// The result types of a failed fetch, in an order of their own so that merging has one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum ReportedAs {
    FetchError,
    Invalid,
    WebPki,
}

impl FailedFetch {
    /// What the failure is called in a TLSRPT report. RFC 8460 §4.3.
    #[must_use]
    pub const fn result_type(&self) -> ResultType {
        match self.result {
            ReportedAs::FetchError => ResultType::StsPolicyFetchError,
            ReportedAs::Invalid => ResultType::StsPolicyInvalid,
            ReportedAs::WebPki => ResultType::StsWebpkiInvalid,
        }
    }

    pub(crate) const fn new(id: RecordId, at: UnixTime, until: UnixTime, result: ResultType) -> Self {
        let result = match result {
            ResultType::StsWebpkiInvalid => ReportedAs::WebPki,
            ResultType::StsPolicyInvalid => ReportedAs::Invalid,
            _ => ReportedAs::FetchError,
        };
        Self { at, until, id, result }
    }
}

/// At most one fetch in this many seconds, whatever the id: it is an unauthenticated hint.
const MIN_INTERVAL: u64 = 10;
/// At most so many fetches an hour.
const MAX_PER_HOUR: usize = 12;
/// A refresh comes no sooner after the last attempt.
const MIN_REFRESH_INTERVAL: u64 = 300;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;
/// How long a policy with `max_age: 0` may be reused as the same delivery.
const SAME_DELIVERY: u64 = 60;

impl Entry {
    fn empty(domain: &Domain) -> Self {
        Self { domain: domain.clone(), held: None, checked_at: None, failed: None, attempts: Few::new() }
    }

    pub(crate) fn fetched(domain: &Domain, held: HeldPolicy) -> Self {
        let at = held.fetched_at;
        Self { held: Some(held), checked_at: Some(at), attempts: Few::from_iter([at]), ..Self::empty(domain) }
    }

    /// An entry for a policy that is known from elsewhere, such as another program's cache.
    ///
    /// `fetched_at` must be the time of an HTTPS fetch, `checked_at` that of the last TXT answer.
    #[must_use]
    pub fn import(domain: &Domain, id: RecordId, policy: Policy, fetched_at: UnixTime, checked_at: UnixTime) -> Self {
        let held = HeldPolicy { id, policy: Arc::new(policy), fetched_at, same_text: false };
        Self { checked_at: Some(checked_at), ..Self::fetched(domain, held) }
    }

    /// The policy domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The policy held, dead or alive; `None` if the entry only remembers a failed fetch.
    #[must_use]
    pub fn held(&self) -> Option<&HeldPolicy> {
        self.held.as_ref()
    }

    /// The last fetch that failed, if none succeeded after it.
    #[must_use]
    pub fn failed(&self) -> Option<&FailedFetch> {
        self.failed.as_deref().filter(|failed| self.held.as_ref().is_none_or(|held| held.fetched_at < failed.at))
    }

    /// When DNS was last asked for the record.
    #[must_use]
    pub fn checked_at(&self) -> Option<UnixTime> {
        self.checked_at
    }

    /// The policy that applies at `now`. RFC 8461 §3.3: a non-expired cached policy MUST be applied.
    ///
    /// A policy from the future, as it is when the clock was set back, is alive unless it lies
    /// further ahead than it lives, so that it is never immortal.
    #[must_use]
    pub fn live(&self, now: UnixTime) -> Option<&HeldPolicy> {
        let held = self.held.as_ref()?;
        let life = held.life();
        (now < held.fetched_at.plus(life) && held.fetched_at <= now.plus(life)).then_some(held)
    }

    /// When the held policy ends. RFC 8461 §3.2.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.held.as_ref().map(|held| held.fetched_at.plus(held.policy.max_age().into()))
    }

    /// When to refresh the held policy, at `now` or in the past if it is due. RFC 8461 §3.3, §10.2.
    ///
    /// At half of its life or daily, whichever is sooner, never more often than hourly, and not at
    /// all if it does not live that long. A policy that came under a new id with the same text is
    /// fetched again after five minutes; let some of five minutes more pass at random.
    #[must_use]
    pub fn refresh_at(&self, now: UnixTime) -> Option<UnixTime> {
        let held = self.held.as_ref()?;
        let max_age = u64::from(held.policy.max_age());
        let after = if held.same_text { MIN_REFRESH_INTERVAL } else { (max_age / 2).clamp(HOUR, DAY) };
        if after >= max_age {
            return None;
        }
        let due = if held.fetched_at > now { now } else { held.fetched_at.plus(after) };
        let last = self.last_attempt(now).filter(|&last| last > held.fetched_at || held.fetched_at > now);
        Some(last.map_or(due, |last| due.max(last.plus(HOUR))))
    }

    /// Whether DNS was asked within the last `seconds`.
    pub(crate) fn checked_within(&self, seconds: u64, now: UnixTime) -> bool {
        self.checked_at.is_some_and(|at| at.within(seconds, now))
    }

    /// Whether a refresh at `now` is too soon after the last attempt.
    pub(crate) fn refreshed_lately(&self, now: UnixTime) -> bool {
        self.last_attempt(now).is_some_and(|at| at.within(MIN_REFRESH_INTERVAL, now))
    }

    /// Until when the id must not be fetched, if it must not. RFC 8461 §3.3 (back-off per id) and
    /// the limits for a domain whatever the id.
    pub(crate) fn barred_until(&self, id: RecordId, now: UnixTime) -> Option<UnixTime> {
        let backed_off = self.failed().filter(|f| f.id == id && f.at <= now && now < f.until).map(|f| f.until);
        let too_soon = self.last_attempt(now).filter(|at| at.within(MIN_INTERVAL, now)).map(|at| at.plus(MIN_INTERVAL));
        let of_this_hour = || self.attempts.iter().filter(|at| at.within(HOUR, now));
        let too_many = of_this_hour().nth(MAX_PER_HOUR - 1).map(|at| at.plus(HOUR));
        backed_off.max(too_soon).max(too_many)
    }

    fn last_attempt(&self, now: UnixTime) -> Option<UnixTime> {
        self.attempts.iter().copied().find(|&at| at <= now)
    }

    /// Applies what a lookup says to do to the cache, and gives what the cache must then hold.
    ///
    /// `current` is what the store holds at this moment, not what the lookup was started with; the
    /// store reads and writes in one step. `now` is the time of this call.
    #[must_use]
    pub fn apply(current: Option<Self>, domain: &Domain, op: &CacheOp, now: UnixTime) -> Option<Self> {
        let current = current.filter(|entry| entry.domain == *domain);
        let change = match op {
            CacheOp::Keep => return current,
            CacheOp::Fetched(entry) if entry.domain == *domain => entry.clone(),
            CacheOp::Fetched(_) => return current,
            // That DNS was asked is worth nothing without a policy.
            CacheOp::Checked { .. } if current.is_none() => return None,
            CacheOp::Checked { at } => Self { checked_at: Some(*at), ..Self::empty(domain) },
            CacheOp::Failed(failed) => Self {
                checked_at: Some(failed.at),
                failed: Some(Box::new(*failed)),
                attempts: Few::from_iter([failed.at]),
                ..Self::empty(domain)
            },
        };
        Some(match current {
            Some(entry) => entry.merge(change, now),
            None => change,
        })
    }

    /// Merges two entries of one domain. For a given `now` this is commutative, associative and
    /// idempotent, so that any order of the same changes gives the same entry.
    ///
    /// The policy fetched last wins. What claims to come from the future loses: a clock that was
    /// set back must not keep an old policy over one fetched since.
    #[must_use]
    pub fn merge(self, other: Self, now: UnixTime) -> Self {
        if self.domain != other.domain {
            return self;
        }
        let past = |at: UnixTime| (at <= now, at);
        let held = later(self.held, other.held, |a, b| {
            let key = |held: &HeldPolicy| (past(held.fetched_at), held.id, held.same_text);
            key(a).cmp(&key(b)).then_with(|| a.policy.text().cmp(b.policy.text()))
        });
        let checked_at = later(self.checked_at, other.checked_at, |a, b| past(*a).cmp(&past(*b)));
        let failed = later(self.failed, other.failed, |a, b| past(a.at).cmp(&past(b.at)).then(a.cmp(b)));
        let mut attempts = self.attempts;
        attempts.extend(other.attempts);
        attempts.retain(|at| *at <= now);
        attempts.sort_unstable_by(|a, b| b.cmp(a));
        attempts.dedup();
        attempts.truncate(MAX_PER_HOUR);
        Self { domain: self.domain, held, checked_at, failed, attempts }
    }
}

impl HeldPolicy {
    /// For how many seconds it may be applied. RFC 8461 §3.2, and `max_age: 0` for the delivery it was fetched for.
    #[must_use]
    pub fn life(&self) -> u64 {
        match self.policy.max_age() {
            0 => SAME_DELIVERY,
            seconds => seconds.into(),
        }
    }
}

fn later<T>(a: Option<T>, b: Option<T>, order: impl Fn(&T, &T) -> core::cmp::Ordering) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if order(&a, &b).is_lt() { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests;
