//! The store of a process that needs no other.

use super::{BoxFuture, PolicyStore, StoreError};
use crate::{
    bounded::{Bounded, locked},
    sharded::Sharded,
};
use core::{cmp::Reverse, fmt, future::ready, mem, num::NonZeroU32, ops::Bound};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use std::{
    collections::{BTreeSet, BinaryHeap},
    sync::{Arc, Mutex},
};

/// Two looks that find an entry dead must lie so many seconds apart.
const BETWEEN_LOOKS: u64 = 3600;
/// Some so many entries are kept ready to use besides; the others are read from their text form.
const MAX_READY: usize = 10_000;
/// One use in so many makes an entry ready. What is asked for often soon is, and what is asked for
/// once in a while does not drive it out.
const USES_TO_READY: u32 = 8;
/// The room of an entry in octets of text, on the average. Most take a tenth of it.
const MEAN_ROOM: usize = 4096;

/// A bounded store in memory. What it holds is gone with the process, and with it the protection
/// until the first fetch (RFC 8461 §10.2): prefer a durable store where there is one.
///
/// When it is full, entries without a live policy make room, then those that were not used lately.
pub struct MemoryStore {
    held: Mutex<Held>,
    ready: Arc<Sharded<Ready>>,
}

/// An entry that was used lately: most lookups end here, without the lock of all entries.
struct Ready {
    entry: Arc<Entry>,
    /// When it was used last, if `entries` does not know yet.
    used: Option<UnixTime>,
}

struct Held {
    entries: Bounded<Slot>,
    /// Entries come and go here only while all is locked.
    ready: Arc<Sharded<Ready>>,
    /// When policies end, soonest first, and at which place of `entries`; 0 for an entry without a
    /// policy. What no longer agrees with the entry there does not count.
    ends: BinaryHeap<Reverse<(UnixTime, u32)>>,
    /// The domains of `entries`, for pages.
    order: BTreeSet<Domain>,
    /// Of all texts.
    octets: usize,
    max_octets: usize,
    /// Counts the uses of entries that are not ready.
    uses: u32,
}

struct Slot {
    /// The text form of the entry: it takes half the room.
    text: Box<[u8]>,
    end: UnixTime,
    /// When the entry was first found dead.
    dead_since: Second,
    /// When it was used last.
    used: Second,
    /// It was used since it last had to prove that.
    is_spared: bool,
}

impl MemoryStore {
    /// The bound of [`MemoryStore::default`], in entries.
    pub const DEFAULT_MAX_ENTRIES: usize = 10_000;

    /// A store for at most `max_entries` domains, and at least one. An entry takes some 450
    /// octets more than the text of its policy, and twice that if it is one of some 10,000 used often.
    /// Policies may have 64 KiB: there is room for 4 KiB of each on the average.
    #[must_use]
    pub fn new(max_entries: usize) -> Self {
        let ready = Arc::new(Sharded::new(max_entries.min(MAX_READY)));
        Self {
            held: Mutex::new(Held {
                entries: Bounded::new(max_entries),
                ready: ready.clone(),
                ends: BinaryHeap::new(),
                order: BTreeSet::new(),
                octets: 0,
                // A single one always finds room.
                max_octets: max_entries.max(1).saturating_mul(MEAN_ROOM),
                uses: 0,
            }),
            ready,
        }
    }

    /// How many domains it holds something for.
    #[must_use]
    pub fn len(&self) -> usize {
        locked(&self.held).entries.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A time in half the room, or none: there are many.
#[derive(Clone, Copy, Default)]
struct Second(Option<NonZeroU32>);

impl Second {
    fn get(self) -> Option<UnixTime> {
        self.0.map(|seconds| UnixTime(seconds.get().into()))
    }
}

impl From<UnixTime> for Second {
    fn from(time: UnixTime) -> Self {
        Self(NonZeroU32::new(u32::try_from(time.0).unwrap_or(u32::MAX)))
    }
}

impl Slot {
    fn entry(&self, domain: &Domain) -> Option<Entry> {
        // It was encoded here, for this domain.
        Entry::decode(&self.text, domain).ok()
    }
}

impl Held {
    /// The entry, without counting as a use.
    fn peek(&self, domain: &Domain) -> Option<Entry> {
        self.entries.peek(domain)?.entry(domain)
    }

    /// The entry, which counts as used, and may become ready by that.
    fn use_now(&mut self, domain: &Domain, now: UnixTime) -> Option<Arc<Entry>> {
        let slot = self.entries.peek_mut(domain)?;
        (slot.used, slot.is_spared) = (now.into(), true);
        let is_short = slot.text.len() <= MEAN_ROOM;
        let entry = Arc::new(slot.entry(domain)?);
        self.uses = self.uses.wrapping_add(1);
        if is_short && self.uses.is_multiple_of(USES_TO_READY) {
            let oldest = self.ready.of(domain).insert(domain, Ready { entry: entry.clone(), used: None });
            if let Some((domain, Ready { used: Some(used), .. })) = oldest {
                self.note_use(&domain, used);
            }
        }
        Some(entry)
    }

    fn note_use(&mut self, domain: &Domain, used: UnixTime) {
        if let Some(slot) = self.entries.peek_mut(domain) {
            (slot.used, slot.is_spared) = (used.into(), true);
        }
    }

    fn put(&mut self, domain: &Domain, entry: Entry) {
        let end = entry.expires_at().unwrap_or_default();
        let used = self.used(domain).map(Second::from).unwrap_or_default();
        let text: Box<[u8]> = entry.encode().into();
        self.octets += text.len();
        // It goes to the end of the queue anyway.
        let slot = Slot { text, end, dead_since: Second::default(), used, is_spared: false };
        let (place, before) = self.entries.put(domain, slot);
        match &before {
            Some(before) => self.octets -= before.text.len(),
            None => drop(self.order.insert(domain.clone())),
        }
        if before.is_none_or(|before| before.end != end) {
            self.ends.push(Reverse((end, place)));
        }
        self.ready.of(domain).remove(domain);
        // Ends that no longer count would pile up.
        if self.ends.len() > 2 * self.entries.len() + 64 {
            self.ends = self.entries.places().map(|(place, (_, slot))| Reverse((slot.end, place))).collect();
        }
    }

    fn remove(&mut self, domain: &Domain) {
        if let Some(slot) = self.entries.remove(domain) {
            self.octets -= slot.text.len();
        }
        self.ready.of(domain).remove(domain);
        self.order.remove(domain);
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
                        Some((domain, slot)) if slot.end == end => {
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
    fn was_used(&mut self, domain: &Domain) -> bool {
        let told = self.ready.of(domain).peek_mut(domain).and_then(|ready| ready.used.take());
        if let Some(used) = told {
            self.note_use(domain, used);
        }
        self.entries.peek_mut(domain).is_some_and(|slot| mem::take(&mut slot.is_spared))
    }

    /// When it was used last.
    fn used(&self, domain: &Domain) -> Option<UnixTime> {
        let ready = self.ready.of(domain).peek(domain).and_then(|ready| ready.used);
        ready.or_else(|| self.entries.peek(domain)?.used.get())
    }

    fn prune(&mut self, now: UnixTime) -> usize {
        let mut doomed = Vec::new();
        for (domain, slot) in self.entries.iter_mut() {
            if slot.entry(domain).is_some_and(|entry| entry.live(now).is_some()) {
                slot.dead_since = Second::default();
                continue;
            }
            let since = slot.dead_since.get().unwrap_or(now);
            slot.dead_since = since.into();
            if now.since(since) >= BETWEEN_LOOKS {
                doomed.push(domain.clone());
            }
        }
        doomed.iter().for_each(|domain| self.remove(domain));
        doomed.len()
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
        let mut held = locked(&self.held);
        if let Some(slot) = held.entries.peek_mut(domain) {
            slot.is_spared = true;
        }
        Box::pin(ready(Ok(held.peek(domain))))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut held = locked(&self.held);
        let current = held.peek(domain);
        if let Some(entry) = Entry::apply(current, domain, op, now) {
            held.put(domain, entry);
            held.evict(now, domain);
        }
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        let held = locked(&self.held);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = held.order.range::<Domain, _>((start, Bound::Unbounded)).take(limit);
        let page = page.filter_map(|domain| held.peek(domain)).collect();
        Box::pin(ready(Ok(page)))
    }

    fn at_once(&self, domain: &Domain, now: UnixTime) -> Option<Arc<Entry>> {
        if let Some(ready) = self.ready.of(domain).get(domain) {
            ready.used = Some(now);
            return Some(ready.entry.clone());
        }
        locked(&self.held).use_now(domain, now)
    }

    fn used<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<UnixTime>, StoreError>> {
        Box::pin(ready(Ok(locked(&self.held).used(domain))))
    }

    fn prune(&self, now: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(ready(Ok(locked(&self.held).prune(now))))
    }

    fn remove<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<bool, StoreError>> {
        let mut held = locked(&self.held);
        let was_there = held.entries.peek(domain).is_some();
        held.remove(domain);
        Box::pin(ready(Ok(was_there)))
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
        assert!(locked(&store.held).ends.len() <= 2 * 4 + 65);
        assert_eq!(store.len(), 3);
        // A dead entry that comes in stays until the next one comes.
        let dead = put(&store, "dead.test", 0, NOW.plus(1000)).await;
        assert!(store.get(&dead).await.unwrap().is_some());
        put(&store, "next.test", 86_400, NOW.plus(1100)).await;
        assert!(store.get(&dead).await.unwrap().is_none());
        assert!(store.get(&kept).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn an_entry_is_the_one_stored_last_used_lately_or_not() {
        let store = MemoryStore::new(MAX_READY + 50);
        for at in [NOW, NOW.plus(60)] {
            for i in 0..MAX_READY + 50 {
                let domain = put(&store, &format!("d{i}.test"), 86_400, at).await;
                let fetched = |entry: Option<Entry>| entry.unwrap().held().unwrap().fetched_at;
                assert_eq!(fetched(store.get(&domain).await.unwrap()), at);
                assert_eq!(fetched(store.at_once(&domain, at).as_deref().cloned()), at);
            }
        }
        assert!((MAX_READY / USES_TO_READY as usize..=MAX_READY).contains(&store.ready.len()));
    }

    #[tokio::test]
    async fn what_is_used_often_is_soon_ready_and_its_use_is_known() {
        let store = MemoryStore::default();
        let domain = put(&store, "busy.test", 86_400, NOW).await;
        assert_eq!(store.used(&domain).await.unwrap(), None);
        for use_ in 1..=2 * u64::from(USES_TO_READY) {
            assert!(store.at_once(&domain, NOW.plus(use_)).is_some());
            assert_eq!(store.used(&domain).await.unwrap(), Some(NOW.plus(use_)));
        }
        assert_eq!(store.ready.len(), 1);
        // A new policy does not make it forget.
        put(&store, "busy.test", 86_400, NOW.plus(100)).await;
        assert_eq!(store.used(&domain).await.unwrap(), Some(NOW.plus(16)));
        assert_eq!(store.ready.len(), 0);
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
            assert!(locked(&store.held).octets <= 10 * MEAN_ROOM);
        }
        assert_eq!(store.len(), 2);
        assert_eq!(store.ready.len(), 0);
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
