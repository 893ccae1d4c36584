//! Lookups of next hops: one for each at a time, whoever waits for it, and what they found.

use super::{Dane, DaneAnswer, NextHopDane};
use crate::{
    bounded::{Bounded, locked},
    clock::Clock,
    resolver::Resolver,
};
use mta_sts_core::{Domain, UnixTime};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::{sync::watch, task::AbortHandle};

/// The next hops whose answers are kept.
const MAX_KNOWN: usize = 10_000;
/// In seconds. TTLs are kept to within reason.
const SHORTEST: u32 = 60;
const LONGEST: u32 = 3600;
/// In seconds, for what failed: it may soon be mended.
const FAILED: u32 = 30;

impl Resolver {
    /// What DANE (RFC 7672) says of the MX hosts of `next_hop`, from DNS or as it was found a short
    /// time ago: answers are kept for their smallest TTL, but for at least a minute and at most an
    /// hour; those with failed lookups and without usable TLSA records for 30 seconds.
    ///
    /// Takes five times [`Timeouts::dns`](crate::Timeouts::dns) at most. Callers of one next hop share
    /// one lookup. The future may be dropped at any time: the lookup goes on and its result is kept.
    /// [`NextHopDane::Broken`] if too many are under way, [`NextHopDane::Unknown`] without
    /// [`ResolverBuilder::dane_trust`](crate::ResolverBuilder::dane_trust).
    pub async fn dane(&self, next_hop: &Domain) -> DaneAnswer {
        let Some(dane) = &self.core.dane else { return DaneAnswer::without_hosts(NextHopDane::Unknown) };
        // RFC 7672 §2.1: what was not learnt must not be taken for "no DANE".
        let broken = DaneAnswer::without_hosts(NextHopDane::Broken);
        if let Some(known) = dane.lookups.known(next_hop) {
            return known;
        }
        let Some(mut lookup) = dane.join(next_hop) else { return broken };
        // The sender is gone without an answer if the lookup was aborted.
        let answer = lookup.wait_for(Option::is_some).await;
        answer.ok().and_then(|answer| answer.clone()).unwrap_or(broken)
    }

    /// The answer of [`Resolver::dane`] that is still good, without asking DNS; `None` if there is
    /// none.
    #[must_use]
    pub fn known_dane(&self, next_hop: &Domain) -> Option<DaneAnswer> {
        match &self.core.dane {
            Some(dane) => dane.lookups.known(next_hop),
            None => Some(DaneAnswer::without_hosts(NextHopDane::Unknown)),
        }
    }
}

pub(super) struct Lookups {
    known: Mutex<Bounded<Known>>,
    under_way: Mutex<HashMap<Domain, Lookup>>,
    max_under_way: usize,
    clock: Arc<dyn Clock>,
}

struct Known {
    answer: DaneAnswer,
    since: UnixTime,
    until: UnixTime,
}

struct Lookup {
    answer: watch::Receiver<Option<DaneAnswer>>,
    task: AbortHandle,
}

impl Lookups {
    pub(super) fn new(max_under_way: usize, clock: Arc<dyn Clock>) -> Self {
        Self { known: Mutex::new(Bounded::new(MAX_KNOWN)), under_way: Mutex::default(), max_under_way, clock }
    }

    fn known(&self, next_hop: &Domain) -> Option<DaneAnswer> {
        let now = self.clock.now();
        let mut known = locked(&self.known);
        let known = known.get(next_hop)?;
        // A clock that was set back must not make it last.
        (known.since <= now && now < known.until).then(|| known.answer.clone())
    }

    fn keep(&self, next_hop: &Domain, answer: DaneAnswer, ttl: u32) {
        let since = self.clock.now();
        let seconds = match answer.status {
            NextHopDane::Unknown | NextHopDane::Mixed | NextHopDane::Broken => FAILED,
            NextHopDane::Insecure | NextHopDane::Unusable | NextHopDane::Usable => ttl.clamp(SHORTEST, LONGEST),
        };
        let until = UnixTime(since.0.saturating_add(seconds.into()));
        locked(&self.known).insert(next_hop, Known { answer, since, until });
    }

    pub(super) fn abort_all(&self) {
        // Out of the lock first: a task that is dropped takes it to leave the list.
        let under_way = core::mem::take(&mut *locked(&self.under_way));
        under_way.values().for_each(|lookup| lookup.task.abort());
    }
}

impl Dane {
    /// Joins the lookup under way, or starts it on the current runtime. It runs to its end even if
    /// nobody waits for it. `None`: too much is under way.
    fn join(self: &Arc<Self>, next_hop: &Domain) -> Option<watch::Receiver<Option<DaneAnswer>>> {
        let mut under_way = locked(&self.lookups.under_way);
        if let Some(lookup) = under_way.get(next_hop) {
            return Some(lookup.answer.clone());
        }
        if under_way.len() >= self.lookups.max_under_way {
            return None;
        }
        let (sender, receiver) = watch::channel(None);
        let (dane, name) = (self.clone(), next_hop.clone());
        let task = tokio::spawn(async move {
            // Made here: a runtime that ends drops the task at once, while the list is locked.
            let landing = Landing { dane, next_hop: name };
            let (answer, ttl) = landing.dane.next_hop(&landing.next_hop).await;
            tracing::debug!(domain = %landing.next_hop, status = ?answer.status, ttl, "DANE");
            landing.dane.lookups.keep(&landing.next_hop, answer.clone(), ttl);
            drop(landing);
            sender.send_replace(Some(answer));
        });
        under_way.insert(next_hop.clone(), Lookup { answer: receiver.clone(), task: task.abort_handle() });
        Some(receiver)
    }
}

/// Takes the lookup out of the list, however it ends.
struct Landing {
    dane: Arc<Dane>,
    next_hop: Domain,
}

impl Drop for Landing {
    fn drop(&mut self) {
        locked(&self.dane.lookups.under_way).remove(&self.next_hop);
    }
}
