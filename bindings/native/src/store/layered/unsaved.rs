//! What memory holds and the store does not: what it failed to keep, and what it lost, as one that was
//! emptied or replaced. A policy that is known must not end with the process. RFC 8461 §10.2.

use super::Layered;
use crate::store::{PolicyStore, StoreError};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use std::sync::atomic::Ordering::Relaxed;

const PAGE: usize = 100;

/// Whether the store, which was read, lacks the policy that applies.
pub(super) fn is_lost(stored: Option<&Entry>, known: &Entry, now: UnixTime) -> bool {
    known.live(now).is_some() && stored.and_then(Entry::held) != known.held()
}

impl Layered {
    /// Keeps an entry that the store lacks until it is stored, unless something was forgotten since
    /// `forgotten`. The next change of the domain stores all of it.
    pub(super) fn keep(&self, entry: Entry, forgotten: u64, now: UnixTime) {
        let domain = entry.domain().clone();
        let mut overlay = self.overlay.of(&domain);
        // Under the lock: who forgets counts first, and then takes away what is here.
        if self.forgotten.load(Relaxed) != forgotten {
            return;
        }
        let entry = match overlay.remove(&domain) {
            Some(kept) => entry.merge(kept, now),
            None => entry,
        };
        overlay.insert(&domain, entry);
        drop(overlay);
        self.changed();
    }

    /// Tries once more to store what the store lacks, until it fails again.
    pub(crate) async fn flush(&self, now: UnixTime) {
        for entry in self.overlay.values() {
            let domain = entry.domain();
            let _nothing_is_forgotten = self.forgetting.lock().await;
            // It may have been forgotten, or stored, in the meantime.
            if self.overlay.of(domain).peek(domain) != Some(&entry) {
                continue;
            }
            match self.save(&entry, now).await {
                Ok(()) => {}
                // That of one domain is no reason to give up the others.
                Err(StoreError::Corrupt) => continue,
                Err(_) => return,
            }
            let mut overlay = self.overlay.of(domain);
            if overlay.peek(domain) == Some(&entry) {
                overlay.remove(domain);
                drop(overlay);
                self.changed();
            }
        }
    }

    /// Stores again the live policies that memory holds and a page of the store lacks: those of the
    /// domains after `after` up to the end of the page, or of all that follow if it is the last one.
    pub(crate) async fn restore(&self, after: Option<&Domain>, page: &[Entry], is_last: bool, now: UnixTime) {
        let end = page.last().map(Entry::domain).filter(|_| !is_last);
        let mut after = after.cloned();
        while let Some(remembered) = self.memory_after(after.as_ref()).await {
            for entry in &remembered {
                if end.is_some_and(|end| entry.domain() > end) {
                    return;
                }
                let found = page.binary_search_by_key(&entry.domain(), |stored| stored.domain());
                let stored = found.ok().and_then(|at| page.get(at));
                if self.restore_one(stored, entry, now).await.is_err() {
                    return;
                }
            }
            after = remembered.last().map(|entry| entry.domain().clone());
        }
    }

    async fn restore_one(&self, stored: Option<&Entry>, entry: &Entry, now: UnixTime) -> Result<(), StoreError> {
        if !is_lost(stored, entry, now) {
            return Ok(());
        }
        let whole = match stored {
            Some(stored) => entry.clone().merge(stored.clone(), now),
            None => entry.clone(),
        };
        // That of the store may be the newer one.
        if !is_lost(stored, &whole, now) {
            return Ok(());
        }
        let _nothing_is_forgotten = self.forgetting.lock().await;
        // It may have been forgotten since it was seen there.
        if self.recall(entry.domain()).await.is_none() {
            return Ok(());
        }
        self.save(&whole, now).await
    }

    /// The next entries of the memory level; `None` if there are no more.
    async fn memory_after(&self, after: Option<&Domain>) -> Option<Vec<Entry>> {
        let memory = self.memory.as_ref()?;
        // Memory does not fail.
        memory.list(after, PAGE).await.ok().filter(|page| !page.is_empty())
    }

    async fn save(&self, entry: &Entry, now: UnixTime) -> Result<(), StoreError> {
        self.counts.writes.fetch_add(1, Relaxed);
        let op = CacheOp::Fetched(entry.clone());
        let saved = self.patiently(self.store.apply(entry.domain(), &op, now)).await;
        match &saved {
            Ok(()) => self.not_written.worked(),
            Err(error) => {
                self.counts.write_errors.fetch_add(1, Relaxed);
                self.failed(error, entry.domain(), &self.not_written);
            }
        }
        saved
    }
}
