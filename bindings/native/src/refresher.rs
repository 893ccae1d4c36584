//! Renews cached policies before they end. RFC 8461 §3.3, §10.2.

use crate::{
    bounded::{Bounded, locked},
    resolver::Resolver,
};
use futures_util::{StreamExt, stream};
use mta_sts_core::{Domain, Entry, Mode, UnixTime, entry::HeldPolicy};
use ring::rand::{SecureRandom, SystemRandom};
use std::{collections::hash_map::RandomState, hash::BuildHasher, sync::Mutex, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

/// The pause between two looks through the store, with up to a quarter more at random.
const PERIOD: Duration = Duration::from_secs(60);
const BETWEEN_PRUNES: Duration = Duration::from_secs(600);
const PAGE: usize = 100;
const AT_ONCE: usize = 8;
/// A refresh comes up to so many seconds after it is due, so that domains whose policies were
/// fetched together are not all asked together.
const MAX_JITTER: u64 = 300;
/// Of all processes on one store only one refreshes a domain in this time: as long as a lookup may
/// take, and until the entry it leaves says that no other is due.
const LEASE: Duration = Duration::from_secs(300);
/// A policy that ended is asked for hourly for a day, then daily.
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;
/// No refresh comes sooner after a fetch.
const MIN_INTERVAL: u64 = 300;

/// A refresher at work. Dropping it stops the refresher.
#[derive(Debug)]
#[must_use = "dropping the handle stops the refresher"]
pub struct RefresherHandle(JoinHandle<()>);

impl Drop for RefresherHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a refresher remembers between two looks.
struct Rounds {
    jitter: RandomState,
    /// When policies that had ended were last asked for: a lookup that learns nothing leaves no
    /// trace in their entries.
    tried: Mutex<Bounded<UnixTime>>,
    pruned: Option<Instant>,
}

impl Rounds {
    fn new() -> Self {
        Self { jitter: RandomState::new(), tried: Mutex::new(Bounded::new(10_000)), pruned: None }
    }
}

impl Resolver {
    /// Starts to renew the policies of the store before they end, on the current tokio runtime:
    /// over HTTPS at half of their life or daily, whichever is sooner, and never more often than
    /// hourly. A policy that ended all the same is asked for hourly for a day, then daily. Of
    /// several processes on one store one at a time does that for a domain. A failed renewal is
    /// logged with the time that is left, and so is a TXT record that vanished. Live policies that memory
    /// holds and the store has lost, as one that was emptied, are stored again.
    ///
    /// Domains without mail for [`unused_after`](crate::ResolverBuilder::unused_after), or for the
    /// life of their policy if that is longer, are left alone. What has ended and is not wanted back
    /// is pruned from the store.
    ///
    /// The resolver lives at least as long as the refresher.
    pub fn spawn_refresher(&self) -> RefresherHandle {
        let resolver = self.clone();
        RefresherHandle(tokio::spawn(async move {
            let mut rounds = Rounds::new();
            loop {
                resolver.flush().await;
                let cost = resolver.refresh_due(&mut rounds).await;
                // A large or slow store is looked through less often.
                sleep(pause().max(cost * 20)).await;
            }
        }))
    }

    /// Looks once through the store, and says how long the store took.
    async fn refresh_due(&self, rounds: &mut Rounds) -> Duration {
        let core = &self.core;
        let mut cost = Duration::ZERO;
        let mut last: Option<Domain> = None;
        loop {
            let began = Instant::now();
            let page = self.cached_after(last.as_ref(), PAGE).await;
            cost += began.elapsed();
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "the refresher cannot list the policy store");
                    return cost;
                }
            };
            let is_last = page.len() < PAGE;
            let now = core.clock.now();
            core.store.restore(last.as_ref(), &page, is_last, now).await;
            let Some(end) = page.last() else { break };
            last = Some(end.domain().clone());
            let due = page.iter().filter(|entry| self.is_due(entry, rounds, now));
            let due: Vec<_> = due.map(|entry| self.refresh_if_used(entry, rounds, now)).collect();
            stream::iter(due).buffer_unordered(AT_ONCE).for_each(core::future::ready).await;
            if is_last {
                break;
            }
        }
        if rounds.pruned.is_none_or(|at| at.elapsed() >= BETWEEN_PRUNES) {
            rounds.pruned = Some(Instant::now());
            let now = core.clock.now();
            let unused_before = UnixTime(now.0.saturating_sub(core.unused_after.as_secs()));
            if let Err(error) = core.store.prune(now, unused_before).await {
                tracing::warn!(%error, "the policy store cannot be pruned");
            }
        }
        cost
    }

    async fn refresh_if_used(&self, entry: &Entry, rounds: &Rounds, now: UnixTime) {
        let (core, domain) = (&self.core, entry.domain());
        let life = entry.held().map_or(0, |held| held.policy.max_age().into());
        if now.since(core.last_used(domain, now).await) > core.unused_after.as_secs().max(life) {
            return;
        }
        match core.store.lease(domain, LEASE).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::debug!(%domain, %error, "no lease for a refresh"),
        }
        self.refresh(domain).await;
        if entry.live(now).is_none() {
            locked(&rounds.tried).insert(domain, now);
        }
    }

    fn is_due(&self, entry: &Entry, rounds: &Rounds, now: UnixTime) -> bool {
        let Some(held) = entry.live(now) else {
            return entry.held().is_some_and(|held| is_wanted_back(entry, held, rounds, now));
        };
        // A policy from the future is due at once, whatever the clock did.
        if held.fetched_at > now {
            return entry.refresh_at(now).is_some();
        }
        if self.refresh_every(entry.domain()).is_some_and(|every| last_attempt(entry, held).plus(every) <= now) {
            return true;
        }
        let Some(due) = entry.refresh_at(now) else { return false };
        let left = entry.expires_at().unwrap_or_default().since(due);
        let delay = rounds.jitter.hash_one((entry.domain(), held.fetched_at)) % (MAX_JITTER.min(left / 2) + 1);
        due.plus(delay) <= now
    }

    /// The domain's own interval, in seconds.
    fn refresh_every(&self, domain: &Domain) -> Option<u64> {
        let every = locked(&self.core.refresh_every).clone()?;
        Some(every(domain)?.as_secs().max(MIN_INTERVAL))
    }
}

/// Whether to ask for a policy that has ended. One that is not refreshed while it lives is fetched
/// when it is used.
fn is_wanted_back(entry: &Entry, held: &HeldPolicy, rounds: &Rounds, now: UnixTime) -> bool {
    let max_age = u64::from(held.policy.max_age());
    if held.policy.mode() == Mode::None || max_age <= HOUR || held.fetched_at > now {
        return false;
    }
    let tried = locked(&rounds.tried).peek(entry.domain()).copied().unwrap_or_default();
    let last = tried.max(last_attempt(entry, held));
    let since_end = now.since(held.fetched_at.plus(max_age));
    let pause = if since_end < DAY { HOUR } else { DAY };
    // What lies ahead is no reason to wait.
    last > now || last.plus(pause) <= now
}

fn last_attempt(entry: &Entry, held: &HeldPolicy) -> UnixTime {
    entry.failed().map_or(held.fetched_at, |failed| failed.at.max(held.fetched_at))
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
    fn a_policy_is_due_daily_with_some_jitter() {
        let (resolver, rounds) = (resolver(), Rounds::new());
        let due = |max_age, age| resolver.is_due(&entry("a.test", max_age, age), &rounds, NOW);
        assert!(!due(604_800, 86_399));
        assert!(due(604_800, 86_400 + 300));
        assert!(due(10_000, 5000 + 300));
        assert!(!due(3600, 3599));
        let delays = (0..50).filter(|i| resolver.is_due(&entry(&format!("d{i}.test"), 604_800, 86_550), &rounds, NOW));
        assert!((5..45).contains(&delays.count()));
    }

    #[test]
    fn a_policy_that_ended_is_asked_for_hourly_for_a_day_then_daily() {
        let (resolver, rounds) = (resolver(), Rounds::new());
        let name = Domain::from_ascii("a.test").unwrap();
        const WEEK: u64 = 604_800;
        let due = |ended: u64, tried: u64| {
            locked(&rounds.tried).insert(&name, UnixTime(NOW.0 - tried));
            resolver.is_due(&entry("a.test", 604_800, WEEK + ended), &rounds, NOW)
        };
        assert!(!due(HOUR, HOUR - 1) && due(HOUR, HOUR));
        assert!(!due(2 * DAY, DAY - 1) && due(2 * DAY, DAY));
        assert!(!resolver.is_due(&entry("b.test", 3600, DAY), &rounds, NOW), "it is fetched on use");
    }

    #[test]
    fn a_domain_may_have_an_interval_of_its_own() {
        let (resolver, rounds) = (resolver(), Rounds::new());
        let due = |name: &str, age| resolver.is_due(&entry(name, 604_800, age), &rounds, NOW);
        assert!(!due("a.test", 1000));
        resolver.set_refresh_every(|domain| (domain.as_str() == "a.test").then_some(Duration::from_secs(900)));
        assert!(due("a.test", 900) && !due("a.test", 899) && !due("b.test", 1000));
        resolver.set_refresh_every(|_| Some(Duration::ZERO));
        assert!(due("a.test", 300) && !due("a.test", 299));
    }
}
