//! Renews cached policies before they end. RFC 8461 §3.3, §10.2.

use crate::resolver::Resolver;
use futures_util::{StreamExt, stream};
use mta_sts_core::{Domain, Entry, Intent, UnixTime};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

/// How often the store is looked through, with up to a quarter more at random.
const PERIOD: Duration = Duration::from_secs(60);
const PAGE: usize = 100;
const AT_ONCE: usize = 8;
/// A refresh comes up to so many seconds after it is due, so that domains whose policies were
/// fetched together are not all asked together.
const MAX_JITTER: u64 = 300;
/// RULES 21: domains without mail for so long are no longer refreshed.
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
                let began = Instant::now();
                resolver.refresh_due(&jitter).await;
                sleep(pause().saturating_sub(began.elapsed())).await;
            }
        }))
    }

    /// Looks once through the store.
    async fn refresh_due(&self, jitter: &RandomState) {
        let core = &self.core;
        let mut last: Option<Domain> = None;
        loop {
            let page = match core.store.list(last.as_ref(), PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "the refresher cannot list the policy store");
                    return;
                }
            };
            let Some(end) = page.last() else { break };
            last = Some(end.domain().clone());
            let is_last = page.len() < PAGE;
            let now = core.clock.now();
            let due = page.iter().filter(|entry| self.is_due(entry, jitter, now));
            let due: Vec<_> = due.map(|entry| self.refresh(entry.domain().clone())).collect();
            stream::iter(due)
                .buffer_unordered(AT_ONCE)
                .for_each(core::future::ready)
                .await;
            if is_last {
                break;
            }
        }
        if let Err(error) = core.store.prune(core.clock.now()).await {
            tracing::warn!(%error, "the policy store cannot be pruned");
        }
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
