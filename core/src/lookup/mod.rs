//! A lookup: one policy domain, from what is cached to a decision. RFC 8461 §3.3, §5.1.

mod outcome;
mod wants;

pub use outcome::{CacheOp, Decision, Failure, FetchError, Outcome};
pub use wants::{Config, Flow, HttpsHead, Intent, OutOfTurn, Txt, Want};

use crate::{
    domain::Domain,
    entry::{Entry, FailedFetch, HeldPolicy},
    policy::{Mode, Policy},
    record::{RecordError, RecordId, StsRecord},
    time::UnixTime,
};
use alloc::{string::String, sync::Arc, vec::Vec};
use core::mem;

/// One lookup for one policy domain. It says what it [wants](Lookup::want), takes the answers, and
/// ends with an [`Outcome`]. The crate's front page shows the loop.
#[derive(Debug)]
pub struct Lookup {
    domain: Domain,
    cached: Option<Entry>,
    intent: Intent,
    config: Config,
    started: UnixTime,
    state: State,
}

#[derive(Debug)]
enum State {
    Txt { name: String },
    Https(Fetch),
    Done(Outcome),
}

/// A fetch under way.
#[derive(Debug)]
struct Fetch {
    /// The id under which the policy will be held.
    id: RecordId,
    host: String,
    url: String,
    /// The head was seen and is good.
    head: bool,
    body: Vec<u8>,
}

impl Lookup {
    /// Starts a lookup. `cached` is what the host's cache holds for the domain.
    ///
    /// A [`Deliver`](Intent::Deliver) whose live policy was checked lately wants nothing at all.
    #[must_use]
    pub fn new(domain: &Domain, cached: Option<Entry>, intent: Intent, config: Config, now: UnixTime) -> Self {
        let cached = cached.filter(|entry| entry.domain() == domain);
        let ask = State::Txt { name: String::new() };
        let mut lookup = Self { domain: domain.clone(), cached, intent, config, started: now, state: ask };
        let skip = lookup.cached.as_ref().is_some_and(|entry| match intent {
            Intent::Deliver => Self::at_once(entry, config, now).is_some(),
            // RFC 8461 §5: never before the record was asked for.
            Intent::BeforeBounce => false,
            Intent::Refresh => entry.refreshed_lately(now),
        });
        if skip {
            lookup.finish(CacheOp::Keep, None, now);
        } else {
            lookup.state = State::Txt { name: domain.txt_name() };
        }
        lookup
    }

    /// The decision of a lookup for a [delivery](Intent::Deliver) that wants nothing, as with a live
    /// policy that was checked lately; `None` if it would want something. For hosts that answer from
    /// memory: it copies nothing.
    #[must_use]
    pub fn at_once(cached: &Entry, config: Config, now: UnixTime) -> Option<Decision> {
        // RFC 8461 §5.1: a live policy is applied; asking for a newer one each time is optional.
        let held = cached.live(now)?;
        cached.checked_within(config.recheck_after.into(), now).then(|| Decision::of(&held.policy))
    }

    /// What the host must do next. Asking twice gives the same answer.
    #[must_use]
    pub fn want(&self) -> Want<'_> {
        match &self.state {
            State::Txt { name } => Want::Txt { name },
            State::Https(fetch) => Want::Https { url: &fetch.url, host: &fetch.host, max_body: self.config.max_body },
            State::Done(_) => Want::Nothing,
        }
    }

    /// How the lookup ended; `None` while it wants something.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Ends the lookup and gives the outcome; `None` if it still wants something.
    #[must_use]
    pub fn into_outcome(self) -> Option<Outcome> {
        match self.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The decision of the live cached policy, before any answer. `None` if there is none.
    ///
    /// RFC 8461 §5.1: the host may deliver by it at once and let the lookup go on behind.
    #[must_use]
    pub fn provisional(&self) -> Option<Decision> {
        self.live(self.started).map(|held| Decision::of(&held.policy))
    }

    /// The decision as far as it is known: that of the outcome, before the end the
    /// [provisional](Lookup::provisional) one. `None` means that mail has to wait.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        match self.outcome() {
            Some(outcome) => Some(outcome.decision.clone()),
            None => self.provisional(),
        }
    }

    /// Takes the answer to [`Want::Txt`].
    ///
    /// # Errors
    /// [`OutOfTurn`] if that is not wanted; nothing changes then.
    pub fn txt(&mut self, answer: Txt<'_>, now: UnixTime) -> Result<(), OutOfTurn> {
        let State::Txt { .. } = self.state else { return Err(OutOfTurn) };
        let record = match answer {
            Txt::Records(rrset) => StsRecord::from_rrset(rrset).map_err(Failure::Record),
            Txt::Absent => Err(Failure::Record(RecordError::NotFound)),
            Txt::TempFail => Err(Failure::DnsTemporary),
        };
        match record {
            Ok(record) => self.discovered(record.id, now),
            Err(why) => self.undiscovered(why, now),
        }
        Ok(())
    }

    /// There is one valid record.
    fn discovered(&mut self, id: RecordId, now: UnixTime) {
        let live = self.live(now);
        // RFC 8461 §3: the policy is current as long as its id is.
        if self.intent != Intent::Refresh && live.is_some_and(|held| held.id == id) {
            return self.finish(CacheOp::Checked { at: now }, None, now);
        }
        let barred = self.cached.as_ref().and_then(|entry| entry.barred_until(id, now));
        match barred {
            // RFC 8461 §3.3: not again for five minutes per id.
            Some(until) => {
                let failed = self.cached.as_ref().and_then(|entry| entry.failed()).filter(|failed| failed.id == id);
                let result = failed.map(FailedFetch::result_type);
                self.finish(CacheOp::Checked { at: now }, Some(Failure::BackOff { until, result }), now);
            }
            None => self.fetch(id),
        }
    }

    /// There is no valid record, or DNS told nothing.
    fn undiscovered(&mut self, why: Failure, now: UnixTime) {
        match self.live(now).map(|held| held.id) {
            // RFC 8461 §10.2: a refresh goes on regardless of the record, or whoever can suppress
            // that could let the policy run out.
            Some(id) if self.intent == Intent::Refresh => self.fetch(id),
            // RFC 8461 §3.1, §5.1: the record's absence does not end a cached policy.
            _ => self.finish(CacheOp::Checked { at: now }, Some(why), now),
        }
    }

    fn fetch(&mut self, id: RecordId) {
        let (host, url) = (self.domain.policy_host(), self.domain.policy_url());
        self.state = State::Https(Fetch { id, host, url, head: false, body: Vec::new() });
    }

    /// Takes the status and header fields of the answer to [`Want::Https`].
    ///
    /// # Errors
    /// [`OutOfTurn`] if that is not wanted; nothing changes then.
    pub fn https_head(&mut self, head: &HttpsHead<'_>, now: UnixTime) -> Result<Flow, OutOfTurn> {
        let State::Https(fetch @ Fetch { head: false, .. }) = &mut self.state else { return Err(OutOfTurn) };
        match head.check() {
            Ok(()) => {
                fetch.head = true;
                Ok(Flow::Continue)
            }
            Err(why) => {
                self.https_failed(why, now)?;
                Ok(Flow::Stop)
            }
        }
    }

    /// Takes a piece of the body.
    ///
    /// # Errors
    /// [`OutOfTurn`] if the head was not taken before; nothing changes then.
    pub fn https_body(&mut self, piece: &[u8], now: UnixTime) -> Result<Flow, OutOfTurn> {
        let State::Https(fetch @ Fetch { head: true, .. }) = &mut self.state else { return Err(OutOfTurn) };
        // RFC 8461 §3.3: a limit on the size. Over it the fetch has failed; nothing is cut.
        if piece.len() > self.config.max_body.saturating_sub(fetch.body.len()) {
            self.https_failed(FetchError::TooLarge, now)?;
            return Ok(Flow::Stop);
        }
        fetch.body.extend_from_slice(piece);
        Ok(Flow::Continue)
    }

    /// The body has ended, and the host is sure that it is complete: by its Content-Length, the
    /// last chunk, END_STREAM or `close_notify`. Anything else is [`FetchError::Incomplete`].
    ///
    /// # Errors
    /// [`OutOfTurn`] if the head was not taken before; nothing changes then.
    pub fn https_end(&mut self, now: UnixTime) -> Result<(), OutOfTurn> {
        let State::Https(fetch @ Fetch { head: true, .. }) = &mut self.state else { return Err(OutOfTurn) };
        let (id, body) = (fetch.id, mem::take(&mut fetch.body));
        match Policy::parse_within(&body, self.config.max_body) {
            Ok(policy) => {
                self.fetched(id, policy, now);
                Ok(())
            }
            Err(error) => self.https_failed(FetchError::Policy(error), now),
        }
    }

    fn fetched(&mut self, id: RecordId, policy: Policy, now: UnixTime) {
        let before = self.cached.as_ref().and_then(Entry::held);
        let same_text = before.is_some_and(|held| held.id != id && held.policy.text() == policy.text());
        let held = HeldPolicy { id, policy: Arc::new(policy), fetched_at: now, same_text };
        let entry = Entry::fetched(&self.domain, held);
        self.cached = Some(entry.clone());
        self.finish(CacheOp::Fetched(entry), None, now);
    }

    /// The fetch failed, for a reason that the host knows.
    ///
    /// # Errors
    /// [`OutOfTurn`] if no fetch is wanted; nothing changes then.
    pub fn https_failed(&mut self, why: FetchError, now: UnixTime) -> Result<(), OutOfTurn> {
        let State::Https(fetch) = &self.state else { return Err(OutOfTurn) };
        let until = now.plus(self.config.backoff.into());
        let cache = match why {
            // Nothing was asked of the policy host, so nothing is known of it.
            FetchError::NotTried => CacheOp::Keep,
            // RFC 8461 §3.3. The id that failed is remembered apart from the id that is held.
            _ => CacheOp::Failed(FailedFetch::new(fetch.id, now, until, why.result_type())),
        };
        self.finish(cache, Some(Failure::Fetch(why)), now);
        Ok(())
    }

    fn live(&self, now: UnixTime) -> Option<&HeldPolicy> {
        self.cached.as_ref().and_then(|entry| entry.live(now))
    }

    /// The one place where a decision is made.
    fn finish(&mut self, cache: CacheOp, failure: Option<Failure>, now: UnixTime) {
        let live = self.live(now);
        // RFC 8461 §3.3: a live cached policy is applied whatever could not be learnt; without one
        // delivery goes on as though the domain had not implemented MTA-STS.
        let decision = live.map_or(Decision::NoPolicy, |held| Decision::of(&held.policy));
        let protects = live.is_some_and(|held| held.policy.mode() != Mode::None);
        // That there is no record is a failure only if it should be there.
        let failure = failure.filter(|why| protects || *why != Failure::Record(RecordError::NotFound));
        let remaining = self.cached.as_ref().and_then(Entry::expires_at).map_or(0, |end| end.since(now));
        // RFC 8461 §3.3: alert when a refresh fails, unless the policy's mode is "none".
        let alert = self.intent == Intent::Refresh && protects && failure.is_some();
        let recheck = now.plus(self.config.recheck_after.into());
        let soon = now.plus(self.config.recheck_after.min(Config::RETRY_DNS_AFTER).into());
        let next_check = match (&failure, live) {
            (_, Some(_)) => recheck.min(now.plus(remaining)),
            (Some(Failure::BackOff { until, .. }), None) => *until,
            (Some(Failure::Fetch(FetchError::NotTried) | Failure::DnsTemporary), None) => soon,
            (Some(Failure::Fetch(_)), None) => now.plus(self.config.backoff.into()),
            (_, None) => recheck,
        };
        self.state = State::Done(Outcome {
            decision,
            cache: if live.is_none() && matches!(cache, CacheOp::Checked { .. }) { CacheOp::Keep } else { cache },
            failure,
            next_check,
            alert: alert.then_some(remaining),
            reportable: protects,
            before_bounce: self.intent == Intent::BeforeBounce,
        });
    }
}

#[cfg(test)]
mod tests;
