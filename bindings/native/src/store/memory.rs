//! The store of a process that needs no other.

use super::{BoxFuture, PolicyStore, StoreError};
use crate::bounded::Bounded;
use core::{
    cmp::Reverse,
    fmt,
    future::ready,
    ops::Bound,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use std::{
    collections::{BTreeSet, BinaryHeap},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Two looks that find an entry dead must lie so many seconds apart.
const BETWEEN_LOOKS: u64 = 3600;
/// The room of a policy in octets, on the average. Most take a tenth of it.
const MEAN_ROOM: usize = 4096;

/// A bounded store in memory. What it holds is gone with the process, and with it the protection
/// until the first fetch (RFC 8461 §10.2): prefer a durable store where there is one.
///
/// When it is full, entries without a live policy make room, then those that were not used lately.
pub struct MemoryStore(RwLock<Held>);

struct Held {
    entries: Bounded<Slot>,
    /// When policies end, soonest first, and at which place of `entries`; 0 for an entry without a
    /// policy. What no longer agrees with the entry there does not count.
    ends: BinaryHeap<Reverse<(UnixTime, u32)>>,
    /// The domains of `entries`, for pages.
    order: BTreeSet<Domain>,
    /// Of all policies.
    octets: usize,
    max_octets: usize,
}

struct Slot {
    entry: Entry,
    /// When the entry was first found dead.
    dead_since: Second,
    /// When it was used last.
    used: Second,
    /// It was used since it last had to prove that.
    is_spared: AtomicBool,
}

impl MemoryStore {
    /// The bound of [`MemoryStore::default`], in entries.
    pub const DEFAULT_MAX_ENTRIES: usize = 10_000;

    /// A store for at most `max_entries` domains, and at least one. An entry takes some 370 octets
    /// more than the text of its policy. Policies may have 64 KiB: there is room for 4 KiB of each on
    /// the average.
    #[must_use]
    pub fn new(max_entries: usize) -> Self {
        Self(RwLock::new(Held {
            entries: Bounded::new(max_entries),
            ends: BinaryHeap::new(),
            order: BTreeSet::new(),
            octets: 0,
            // A single one always finds room.
            max_octets: max_entries.max(1).saturating_mul(MEAN_ROOM),
        }))
    }

    /// How many domains it holds something for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held().entries.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // Also after a panic elsewhere: every change under the lock is whole or not made.
    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_mut(&self) -> RwLockWriteGuard<'_, Held> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time in half the room, since there are many, or none. Whoever may only read sets it, too.
#[derive(Default)]
struct Second(AtomicU32);

impl Second {
    fn get(&self) -> Option<UnixTime> {
        let seconds = self.0.load(Relaxed);
        (seconds > 0).then(|| UnixTime(seconds.into()))
    }

    fn set(&self, time: Option<UnixTime>) {
        let seconds = time.map_or(0, |time| u32::try_from(time.0).unwrap_or(u32::MAX));
        self.0.store(seconds, Relaxed);
    }
}

impl Slot {
    fn new(entry: Entry) -> Self {
        // It goes to the end of the queue anyway.
        Self { entry, dead_since: Second::default(), used: Second::default(), is_spared: AtomicBool::new(false) }
    }

    /// When the policy ends.
    fn end(&self) -> UnixTime {
        self.entry.expires_at().unwrap_or_default()
    }

    /// What the policy takes, in octets: its text, and as much again if all of it are MX patterns.
    fn octets(&self) -> usize {
        const PATTERN: usize = 8;
        self.entry.held().map_or(0, |held| held.policy.text().len() + PATTERN * held.policy.mx().len())
    }
}

impl Held {
    fn entry(&self, domain: &Domain) -> Option<&Entry> {
        self.entries.peek(domain).map(|slot| &slot.entry)
    }

    fn put(&mut self, domain: &Domain, entry: Entry) {
        let slot = Slot::new(entry);
        slot.used.set(self.entries.peek(domain).and_then(|before| before.used.get()));
        let end = slot.end();
        self.octets += slot.octets();
        let (place, before) = self.entries.put(domain, slot);
        match &before {
            Some(before) => self.octets -= before.octets(),
            None => drop(self.order.insert(domain.clone())),
        }
        if before.is_none_or(|before| before.end() != end) {
            self.ends.push(Reverse((end, place)));
        }
        // Ends that no longer count would pile up.
        if self.ends.len() > 2 * self.entries.len() + 64 {
            self.ends = self.entries.places().map(|(place, (_, slot))| Reverse((slot.end(), place))).collect();
        }
    }

    fn remove(&mut self, domain: &Domain) -> bool {
        let Some(slot) = self.entries.remove(domain) else { return false };
        self.octets -= slot.octets();
        self.order.remove(domain);
        true
    }

    /// Makes room. `but` was stored just now and stays.
    fn evict(&mut self, now: UnixTime, but: &Domain) {
        let mut end_of_but = None;
        let mut spares_used = true;
        while self.entries.is_over() || (self.octets > self.max_octets && self.entries.len() > 1) {
            match self.ends.peek() {
                Some(&Reverse((end, place))) if end <= now => {
                    self.ends.pop();
                    match self.entries.at(place) {
                        Some((domain, slot)) if slot.end() == end => {
                            if domain == but {
                                end_of_but = Some(Reverse((end, place)));
                            } else {
                                let domain = domain.clone();
                                self.remove(&domain);
                            }
                        }
                        _ => {}
                    }
                }
                _ => {
                    let Some(oldest) = self.entries.oldest().cloned() else { break };
                    if oldest == *but || (spares_used && self.was_used(&oldest)) {
                        // After one round the oldest goes, however busy it is.
                        spares_used &= oldest != *but;
                        self.entries.get(&oldest);
                    } else {
                        self.remove(&oldest);
                    }
                }
            }
        }
        self.ends.extend(end_of_but);
    }

    /// Whether it was used since this was asked last.
    fn was_used(&self, domain: &Domain) -> bool {
        self.entries.peek(domain).is_some_and(|slot| slot.is_spared.swap(false, Relaxed))
    }

    fn prune(&mut self, now: UnixTime) -> usize {
        let mut doomed = Vec::new();
        for (_, (domain, slot)) in self.entries.places() {
            if slot.entry.live(now).is_some() {
                slot.dead_since.set(None);
                continue;
            }
            let since = slot.dead_since.get().unwrap_or(now);
            slot.dead_since.set(Some(since));
            if now.since(since) >= BETWEEN_LOOKS {
                doomed.push(domain.clone());
            }
        }
        doomed.iter().filter(|domain| self.remove(domain)).count()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Self::DEFAULT_MAX_ENTRIES)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("len", &self.len()).finish()
    }
}

impl PolicyStore for MemoryStore {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        let held = self.held();
        let slot = held.entries.peek(domain);
        let entry = slot.map(|slot| {
            slot.is_spared.store(true, Relaxed);
            slot.entry.clone()
        });
        Box::pin(ready(Ok(entry)))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut held = self.held_mut();
        let current = held.entry(domain).cloned();
        if let Some(entry) = Entry::apply(current, domain, op, now) {
            held.put(domain, entry);
            held.evict(now, domain);
        }
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        let held = self.held();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = held.order.range::<Domain, _>((start, Bound::Unbounded)).take(limit);
        let page = page.filter_map(|domain| held.entry(domain).cloned()).collect();
        Box::pin(ready(Ok(page)))
    }

    fn at_once(&self, domain: &Domain, now: UnixTime) -> Option<Entry> {
        let held = self.held();
        let slot = held.entries.peek(domain)?;
        // What has ended settles nothing.
        slot.entry.live(now)?;
        slot.used.set(Some(now));
        slot.is_spared.store(true, Relaxed);
        Some(slot.entry.clone())
    }

    fn used<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<UnixTime>, StoreError>> {
        let used = self.held().entries.peek(domain).and_then(|slot| slot.used.get());
        Box::pin(ready(Ok(used)))
    }

    fn prune(&self, now: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(ready(Ok(self.held_mut().prune(now))))
    }

    fn remove<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(ready(Ok(self.held_mut().remove(domain))))
    }

    fn len(&self) -> BoxFuture<'_, Result<Option<usize>, StoreError>> {
        Box::pin(ready(Ok(Some(self.len()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mta_sts_core::{Policy, RecordId};

    const NOW: UnixTime = UnixTime(1_800_000_000);

    async fn put(store: &MemoryStore, name: &str, max_age: u32, at: UnixTime) -> Domain {
        let domain = Domain::from_ascii(name).unwrap();
        let text = format!("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: {max_age}\n");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let entry = Entry::import(&domain, RecordId::new("1").unwrap(), policy, at, at);
        store.apply(&domain, &CacheOp::Fetched(entry), at).await.unwrap();
        domain
    }

    #[tokio::test]
    async fn dead_entries_make_room_before_used_ones() {
        let store = MemoryStore::new(2);
        let dead = put(&store, "dead.test", 10, NOW).await;
        let live = put(&store, "live.test", 86_400, NOW).await;
        // The dead one was used last, and goes all the same.
        store.get(&dead).await.unwrap();
        let new = put(&store, "new.test", 86_400, NOW.plus(60)).await;
        assert!(store.get(&dead).await.unwrap().is_none());
        // Among the living, the one used least recently goes.
        store.get(&live).await.unwrap();
        put(&store, "newer.test", 86_400, NOW.plus(61)).await;
        assert!(store.get(&new).await.unwrap().is_none());
        assert!(store.get(&live).await.unwrap().is_some());
        assert_eq!(store.len(), 2);
    }

    #[tokio::test]
    async fn dead_entries_make_room_however_often_they_were_stored() {
        let store = MemoryStore::new(3);
        let kept = put(&store, "kept.test", 86_400, NOW).await;
        for i in 0..1000 {
            // One that lives on and on, whose former ends no longer count, and many that are soon dead.
            put(&store, "a.test", 10, NOW.plus(i)).await;
            put(&store, &format!("d{i}.test"), 1, NOW.plus(i)).await;
        }
        assert!(store.get(&kept).await.unwrap().is_some());
        assert!(store.held().ends.len() <= 2 * 4 + 65);
        assert_eq!(store.len(), 3);
        // A dead entry that comes in stays until the next one comes.
        let dead = put(&store, "dead.test", 0, NOW.plus(1000)).await;
        assert!(store.get(&dead).await.unwrap().is_some());
        put(&store, "next.test", 86_400, NOW.plus(1100)).await;
        assert!(store.get(&dead).await.unwrap().is_none());
        assert!(store.get(&kept).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_use_is_known_and_a_new_policy_does_not_make_it_forget() {
        let store = MemoryStore::default();
        let domain = put(&store, "busy.test", 86_400, NOW).await;
        assert_eq!(store.used(&domain).await.unwrap(), None);
        let entry = store.at_once(&domain, NOW.plus(1));
        assert_eq!(entry, store.get(&domain).await.unwrap());
        assert_eq!(store.used(&domain).await.unwrap(), Some(NOW.plus(1)));
        put(&store, "busy.test", 86_400, NOW.plus(100)).await;
        assert_eq!(store.used(&domain).await.unwrap(), Some(NOW.plus(1)));
        let fetched = store.at_once(&domain, NOW.plus(101)).unwrap().held().unwrap().fetched_at;
        assert_eq!(fetched, NOW.plus(100));
    }

    #[tokio::test]
    async fn long_policies_take_no_more_room_than_many_short_ones() {
        let store = MemoryStore::new(10);
        let long = "# ".to_owned() + &"x".repeat(20_000);
        for i in 0..20 {
            let domain = Domain::from_ascii(format!("d{i}.test")).unwrap();
            let text = format!("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 86400\nx: {long}\n");
            let policy = Policy::parse(text.as_bytes()).unwrap();
            let entry = Entry::import(&domain, RecordId::new("1").unwrap(), policy, NOW, NOW);
            store.apply(&domain, &CacheOp::Fetched(entry), NOW).await.unwrap();
            assert!(store.at_once(&domain, NOW).is_some());
            assert!(store.held().octets <= 10 * MEAN_ROOM);
        }
        assert_eq!(store.len(), 2);
    }

    #[tokio::test]
    async fn an_entry_is_pruned_only_after_two_looks_an_hour_apart() {
        let store = MemoryStore::default();
        put(&store, "a.test", 10, NOW).await;
        let later = NOW.plus(100_000);
        assert_eq!(store.prune(later).await.unwrap(), 0);
        assert_eq!(store.prune(later.plus(3599)).await.unwrap(), 0);
        // A clock that was wrong for a while: the entry lives, and the looks start anew.
        assert_eq!(store.prune(NOW.plus(5)).await.unwrap(), 0);
        assert_eq!(store.prune(later.plus(3600)).await.unwrap(), 0);
        assert_eq!(store.prune(later.plus(7200)).await.unwrap(), 1);
        assert!(store.is_empty());
    }

    #[tokio::test]
    async fn pages_give_every_entry_once() {
        let store = MemoryStore::default();
        for name in ["c.test", "a.test", "b.test"] {
            put(&store, name, 86_400, NOW).await;
        }
        let first = store.list(None, 2).await.unwrap();
        let rest = store.list(Some(first[1].domain()), 2).await.unwrap();
        let names: Vec<_> = first.iter().chain(&rest).map(|entry| entry.domain().as_str()).collect();
        assert_eq!(names, ["a.test", "b.test", "c.test"]);
    }
}
