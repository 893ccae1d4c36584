//! Renews cached policies before they end. RFC 8461 §3.3, §10.2.

use crate::resolver::Resolver;
use futures_util::{StreamExt, stream};
use mta_sts_core::{Domain, Entry, Intent, UnixTime};
use ring::rand::{SecureRandom, SystemRandom};
use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

/// The pause between two looks through the store, with up to a quarter more at random.
const PERIOD: Duration = Duration::from_secs(60);
const PAGE: usize = 100;
const AT_ONCE: usize = 8;
/// A refresh comes up to so many seconds after it is due, so that domains whose policies were
/// fetched together are not all asked together.
const MAX_JITTER: u64 = 300;
/// Domains without mail for so long are no longer refreshed.
const UNUSED_AFTER: u64 = 30 * 86_400;

/// A refresher at work. Dropping it stops the refresher.
#[derive(Debug)]
#[must_use = "dropping the handle stops the refresher"]
pub struct RefresherHandle(JoinHandle<()>);

impl Drop for RefresherHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Resolver {
    /// Starts to renew the policies of the store before they end, on the current tokio runtime:
    /// over HTTPS at half of their life or daily, whichever is sooner, and never more often than
    /// hourly. Domains that got no mail from this process for 30 days, or for the life of their
    /// policy if that is longer, are left alone. A failed renewal is logged with the time that is
    /// left. Dead entries are pruned from the store.
    ///
    /// The resolver lives at least as long as the refresher.
    pub fn spawn_refresher(&self) -> RefresherHandle {
        let resolver = self.clone();
        RefresherHandle(tokio::spawn(async move {
            let jitter = RandomState::new();
            loop {
                let cost = resolver.refresh_due(&jitter).await;
                // A large or slow store is looked through less often.
                sleep(pause().max(cost * 20)).await;
            }
        }))
    }

    /// Looks once through the store, and says how long the store took.
    async fn refresh_due(&self, jitter: &RandomState) -> Duration {
        let core = &self.core;
        let mut cost = Duration::ZERO;
        let mut last: Option<Domain> = None;
        loop {
            let began = Instant::now();
            let page = core.store.list(last.as_ref(), PAGE).await;
            cost += began.elapsed();
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "the refresher cannot list the policy store");
                    return cost;
                }
            };
            let Some(end) = page.last() else { break };
            last = Some(end.domain().clone());
            let is_last = page.len() < PAGE;
            let now = core.clock.now();
            let due = page.iter().filter(|entry| self.is_due(entry, jitter, now));
            let due: Vec<_> = due.map(|entry| self.refresh(entry.domain().clone())).collect();
            stream::iter(due).buffer_unordered(AT_ONCE).for_each(core::future::ready).await;
            if is_last {
                break;
            }
        }
        if let Err(error) = core.store.prune(core.clock.now()).await {
            tracing::warn!(%error, "the policy store cannot be pruned");
        }
        cost
    }

    async fn refresh(&self, domain: Domain) {
        self.resolve_with(&domain, Intent::Refresh).await;
    }

    fn is_due(&self, entry: &Entry, jitter: &RandomState, now: UnixTime) -> bool {
        let Some(held) = entry.live(now) else { return false };
        let Some(due) = entry.refresh_at(now) else { return false };
        let unused_after = UNUSED_AFTER.max(held.policy.max_age().into());
        if now.since(self.core.last_used(entry.domain(), now)) > unused_after {
            return false;
        }
        let left = entry.expires_at().unwrap_or_default().since(due);
        let delay = jitter.hash_one((entry.domain(), held.fetched_at)) % (MAX_JITTER.min(left / 2) + 1);
        // A policy from the future is due at once, whatever the clock did.
        held.fetched_at > now || due.plus(delay) <= now
    }
}

fn pause() -> Duration {
    let mut random = [0];
    // Without randomness, without jitter.
    let _ = SystemRandom::new().fill(&mut random);
    PERIOD + PERIOD / 4 * u32::from(random[0]) / 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use mta_sts_core::{Policy, RecordId};

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn resolver() -> Resolver {
        let builder = Resolver::builder().only_extra_ca(true).name_servers(["127.0.0.1".parse().unwrap()]);
        builder.extra_ca_pem(include_bytes!("../tests/ca.pem")).unwrap().build().unwrap()
    }

    fn entry(name: &str, max_age: u32, age: u64) -> Entry {
        let text = format!("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: {max_age}\n");
        let (policy, at) = (Policy::parse(text.as_bytes()).unwrap(), UnixTime(NOW.0 - age));
        Entry::import(&Domain::from_ascii(name).unwrap(), RecordId::new("1").unwrap(), policy, at, at)
    }

    #[test]
    fn a_policy_is_due_daily_with_some_jitter_and_never_when_dead() {
        let (resolver, jitter) = (resolver(), RandomState::new());
        let due = |max_age, age| resolver.is_due(&entry("a.test", max_age, age), &jitter, NOW);
        assert!(!due(604_800, 86_399));
        assert!(due(604_800, 86_400 + 300));
        assert!(due(10_000, 5000 + 300));
        assert!(!due(3600, 3599));
        assert!(!due(604_800, 604_800));
        let delays = (0..50).filter(|i| resolver.is_due(&entry(&format!("d{i}.test"), 604_800, 86_550), &jitter, NOW));
        assert!((5..45).contains(&delays.count()));
    }

    #[test]
    fn domains_without_mail_for_30_days_or_max_age_are_left_alone() {
        let (resolver, jitter) = (resolver(), RandomState::new());
        const DAY: u64 = 86_400;
        for (max_age, unused, is_due) in [
            (604_800, 29 * DAY, true),
            (604_800, 31 * DAY, false),
            (40 * 86_400, 31 * DAY, true),
            (40 * 86_400, 41 * DAY, false),
        ] {
            let entry = entry("a.test", max_age, 2 * DAY);
            resolver.core.use_now(entry.domain(), UnixTime(NOW.0 - unused));
            assert_eq!(resolver.is_due(&entry, &jitter, NOW), is_due, "{max_age} {unused}");
        }
    }
}
