//! The store of a process that needs no other.

use super::{BoxFuture, PolicyStore, StoreError};
use crate::bounded::{Bounded, locked};
use core::{fmt, future::ready};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use std::{collections::BTreeSet, sync::Mutex};

/// Two looks that find an entry dead must lie so many seconds apart.
const BETWEEN_LOOKS: u64 = 3600;

/// A bounded store in memory. What it holds is gone with the process, and with it the protection
/// until the first fetch (RFC 8461 §10.2): prefer a durable store where there is one.
///
/// When it is full, entries without a live policy make room, then those that were used least
/// recently.
pub struct MemoryStore {
    held: Mutex<Held>,
}

struct Held {
    entries: Bounded<Slot>,
    /// The ends of the entries' policies, soonest first; 0 for an entry without a policy.
    ends: BTreeSet<(UnixTime, Domain)>,
}

struct Slot {
    entry: Entry,
    end: UnixTime,
    /// When the entry was first found dead.
    dead_since: Option<UnixTime>,
}

impl MemoryStore {
    /// The bound of [`MemoryStore::default`], in entries.
    pub const DEFAULT_MAX_ENTRIES: usize = 10_000;

    /// A store for at most `max_entries` domains, and at least one. An entry takes little more than
    /// the text of its policy, at most 64 KiB.
    #[must_use]
    pub fn new(max_entries: usize) -> Self {
        Self { held: Mutex::new(Held { entries: Bounded::new(max_entries), ends: BTreeSet::new() }) }
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

impl Held {
    fn put(&mut self, domain: &Domain, entry: Entry) {
        let end = entry.expires_at().unwrap_or_default();
        let slot = Slot { entry, end, dead_since: None };
        if let Some(before) = self.entries.put(domain, slot) {
            self.ends.remove(&(before.end, domain.clone()));
        }
        self.ends.insert((end, domain.clone()));
    }

    fn remove(&mut self, domain: &Domain) {
        if let Some(slot) = self.entries.remove(domain) {
            self.ends.remove(&(slot.end, domain.clone()));
        }
    }

    /// Makes room. `but` was stored just now and stays.
    fn evict(&mut self, now: UnixTime, but: &Domain) {
        while self.entries.is_over() {
            let dead = self.ends.iter().take_while(|(end, _)| *end <= now).find(|(_, domain)| domain != but);
            if let Some((_, domain)) = dead.cloned() {
                self.remove(&domain);
            } else if let Some((domain, slot)) = self.entries.remove_oldest() {
                self.ends.remove(&(slot.end, domain));
            }
        }
    }

    fn prune(&mut self, now: UnixTime) -> usize {
        let mut doomed = Vec::new();
        for (domain, slot) in self.entries.iter_mut() {
            if slot.entry.live(now).is_some() {
                slot.dead_since = None;
                continue;
            }
            let since = *slot.dead_since.get_or_insert(now);
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
        let entry = locked(&self.held).entries.get(domain).map(|slot| slot.entry.clone());
        Box::pin(ready(Ok(entry)))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut held = locked(&self.held);
        let current = held.entries.peek(domain).map(|slot| slot.entry.clone());
        if let Some(entry) = Entry::apply(current, domain, op, now) {
            held.put(domain, entry);
            held.evict(now, domain);
        }
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        let held = locked(&self.held);
        let page = held.entries.after(after).take(limit).map(|(_, slot)| slot.entry.clone()).collect();
        Box::pin(ready(Ok(page)))
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
