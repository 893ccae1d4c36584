//! Says that the store fails: once a minute, and once when it is back.

use super::StoreError;
use crate::bounded::locked;
use mta_sts_core::Domain;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// The failures of one kind of call.
#[derive(Debug)]
pub(super) struct Outage {
    failing: &'static str,
    back: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the first of the failures in a row came.
    since: Option<Instant>,
    failures: u64,
    said: Option<Instant>,
    /// The failures in a row were told of.
    is_known: bool,
}

impl Outage {
    /// What to say while it lasts and when it is over.
    pub(super) fn new(failing: &'static str, back: &'static str) -> Self {
        Self { failing, back, state: Mutex::default() }
    }

    /// Takes note of a failure; if it is that of one entry, of `domain`.
    pub(super) fn failed(&self, domain: Option<&Domain>, error: &StoreError) {
        if let Some((failures, seconds)) = self.count(Instant::now()) {
            let domain = domain.map(tracing::field::display);
            tracing::warn!(domain, failures, seconds, %error, "{}", self.failing);
        }
    }

    pub(super) fn worked(&self) {
        if let Some(failures) = self.end() {
            tracing::info!(failures, "{}", self.back);
        }
    }

    /// For how long there were failures only; `None` if the last call did not fail.
    pub(super) fn lasts(&self) -> Option<Duration> {
        locked(&self.state).since.map(|since| since.elapsed())
    }

    /// How many failures there were for how many seconds, if that is to be said now.
    fn count(&self, now: Instant) -> Option<(u64, u64)> {
        let mut state = locked(&self.state);
        state.failures += 1;
        let since = *state.since.get_or_insert(now);
        if state.said.is_some_and(|said| now.saturating_duration_since(said) < BETWEEN_LINES) {
            return None;
        }
        (state.said, state.is_known) = (Some(now), true);
        Some((state.failures, now.saturating_duration_since(since).as_secs()))
    }

    /// How many failures there were, if they were told of.
    fn end(&self) -> Option<u64> {
        let mut state = locked(&self.state);
        state.since?;
        let ended = state.is_known.then_some(state.failures);
        *state = State { said: state.said, ..State::default() };
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_said_once_a_minute_and_their_end_once() {
        let (outage, began) = (Outage::new("failing", "back"), Instant::now());
        assert_eq!(outage.end(), None);
        assert_eq!(outage.count(began), Some((1, 0)));
        assert_eq!(outage.count(began + Duration::from_secs(59)), None);
        assert_eq!(outage.count(began + Duration::from_secs(61)), Some((3, 61)));
        assert_eq!(outage.end(), Some(3));
        assert_eq!(outage.end(), None);
        // It comes and goes: what was not said is not taken back.
        assert_eq!(outage.count(began + Duration::from_secs(62)), None);
        assert_eq!(outage.end(), None);
        assert_eq!(outage.count(began + Duration::from_secs(121)), Some((1, 0)));
    }
}
