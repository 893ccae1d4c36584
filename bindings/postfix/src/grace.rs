//! How long mail waits for a store that cannot be read.

use crate::locked::locked;
use core::time::Duration;
use mta_sts::Domain;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};
use tokio::time::Instant;

/// So many domains with corrupt entries are remembered.
const MAX_CORRUPT: usize = 10_000;
/// Mail that waits is tried again sooner than that: by Postfix within 4000 seconds.
const RETRIED_WITHIN: Duration = Duration::from_secs(2 * 3600);
/// An alert is given once in this time.
const ALERT_EVERY: Duration = Duration::from_secs(60);

/// The clock that runs while the store cannot be read. It is monotonic: a step of the wall clock
/// lets no mail out.
#[derive(Debug, Default)]
pub(crate) struct Grace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The lookups that taught nothing since the store was last read.
    unreadable: Option<Outage>,
    /// The same for domains whose entry is corrupt, in a store that can be read otherwise.
    corrupt_since: HashMap<Domain, Instant>,
    alerted: Option<Instant>,
}

/// Its first and its last failure so far.
#[derive(Debug)]
struct Outage {
    since: Instant,
    last: Instant,
}

impl Grace {
    /// The store was read.
    pub(crate) fn readable(&self) {
        self.state().unreadable = None;
    }

    /// The store could not be read and nothing was learnt in its place: whether that has lasted
    /// for `grace`, so that mail goes out all the same.
    pub(crate) fn is_over(&self, grace: Duration) -> bool {
        let mut state = self.state();
        // After an idle night this is another outage: the store may have been well all the while, and
        // nobody asked it.
        let pause = grace.saturating_add(RETRIED_WITHIN);
        let before = state.unreadable.take().filter(|outage| outage.last.elapsed() <= pause);
        let now = Instant::now();
        let since = before.map_or(now, |outage| outage.since);
        state.unreadable = Some(Outage { since, last: now });
        now.duration_since(since) >= grace
    }

    /// The same of a domain whose entry is corrupt.
    pub(crate) fn is_over_for(&self, domain: &Domain, grace: Duration) -> bool {
        let mut state = self.state();
        if state.corrupt_since.len() >= MAX_CORRUPT && !state.corrupt_since.contains_key(domain) {
            // So many at once are no accident: they begin anew.
            state.corrupt_since.clear();
        }
        state.corrupt_since.entry(domain.clone()).or_insert_with(Instant::now).elapsed() >= grace
    }

    /// The domain's entry is corrupt no more.
    pub(crate) fn mended(&self, domain: &Domain) {
        let mut state = self.state();
        if !state.corrupt_since.is_empty() {
            state.corrupt_since.remove(domain);
        }
    }

    /// Whether the administrator is to be told now that it is over.
    pub(crate) fn alerts(&self) -> bool {
        let mut state = self.state();
        let is_due = state.alerted.is_none_or(|at| at.elapsed() >= ALERT_EVERY);
        if is_due {
            state.alerted = Some(Instant::now());
        }
        is_due
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, pause};

    #[tokio::test]
    async fn the_grace_begins_with_the_first_failure_and_anew_after_the_store_was_read() {
        pause();
        let (grace, hour) = (Grace::default(), Duration::from_secs(3600));
        assert!(!grace.is_over(hour));
        advance(hour - Duration::from_secs(1)).await;
        assert!(!grace.is_over(hour));
        advance(Duration::from_secs(1)).await;
        assert!(grace.is_over(hour));
        grace.readable();
        assert!(!grace.is_over(hour));
        assert!(Grace::default().is_over(Duration::ZERO), "no grace at all");
    }

    #[tokio::test]
    async fn after_an_idle_night_the_grace_begins_anew_and_between_two_tries_of_waiting_mail_it_does_not() {
        pause();
        let (grace, hour) = (Grace::default(), Duration::from_secs(3600));
        assert!(!grace.is_over(hour));
        advance(2 * hour).await;
        assert!(grace.is_over(hour));
        advance(3 * hour).await;
        assert!(grace.is_over(hour));
        advance(3 * hour + Duration::from_secs(1)).await;
        assert!(!grace.is_over(hour));
        advance(hour).await;
        assert!(grace.is_over(hour));
    }

    #[tokio::test]
    async fn a_corrupt_entry_has_a_grace_of_its_own() {
        pause();
        let (grace, hour) = (Grace::default(), Duration::from_secs(3600));
        let [a, b] = ["a.test", "b.test"].map(|name| Domain::from_ascii(name).unwrap());
        assert!(!grace.is_over_for(&a, hour));
        advance(hour).await;
        // The store can be read: of others it says what it holds.
        grace.readable();
        assert!(grace.is_over_for(&a, hour) && !grace.is_over_for(&b, hour) && !grace.is_over(hour));
        grace.mended(&a);
        assert!(!grace.is_over_for(&a, hour));
    }

    #[tokio::test]
    async fn an_alert_comes_once_a_minute() {
        pause();
        let grace = Grace::default();
        assert!(grace.alerts() && !grace.alerts());
        advance(Duration::from_secs(59)).await;
        assert!(!grace.alerts());
        advance(Duration::from_secs(1)).await;
        assert!(grace.alerts());
    }
}
