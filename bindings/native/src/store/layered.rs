//! The store as the resolver sees it: with a deadline, behind a bounded memory, and with another
//! memory for what it failed to keep.

mod unsaved;

use super::{MemoryStore, PolicyStore, StoreError, breaker::Breaker, outage::Outage};
use crate::{bounded::locked, sharded::Sharded};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// Some so many entries that the store failed to keep, or lost, are kept here.
const MAX_OVERLAY: usize = 4096;
/// Counting what a store holds may read all of it.
const BETWEEN_COUNTS: Duration = Duration::from_secs(60);

pub(crate) struct Layered {
    store: Arc<dyn PolicyStore>,
    /// Policies that answer without the store.
    memory: Option<MemoryStore>,
    deadline: Duration,
    /// By the reads alone: a disk that syncs slowly is read as fast as ever.
    breaker: Breaker,
    overlay: Sharded<Entry>,
    /// Changes when something is forgotten: what was read before must not come back.
    forgotten: AtomicU64,
    /// Held while something is forgotten, and while something goes from memory to the store.
    forgetting: tokio::sync::Mutex<()>,
    /// Changes whenever [`Layered::at_once`] may say something else.
    changes: AtomicU64,
    len: Mutex<Option<(Instant, Option<usize>)>>,
    counts: Counts,
    not_read: Outage,
    not_written: Outage,
    /// Of single domains: it does not end when another one can be read.
    corrupt: Outage,
}

#[derive(Default)]
struct Counts {
    reads: AtomicU64,
    read_errors: AtomicU64,
    writes: AtomicU64,
    write_errors: AtomicU64,
    memory_hits: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What the policy store did since the resolver was made. For metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Reads of one entry, also those that failed.
    pub reads: u64,
    /// Reads that failed.
    pub read_errors: u64,
    /// Changes, also those that failed.
    pub writes: u64,
    /// Changes that failed. They are kept in memory and tried again with the next change.
    pub write_errors: u64,
    /// For how long every change has failed; `None` if the last one did not.
    pub write_outage: Option<Duration>,
    /// Entries that memory alone holds: they are lost with the process.
    pub unsaved: usize,
    /// Lookups that began with a live policy, from wherever it was cached.
    pub hits: u64,
    /// Lookups that began without one.
    pub misses: u64,
    /// Those of `hits` that the memory level answered without the store.
    pub memory_hits: u64,
    /// Entries in the memory level.
    pub memory_entries: usize,
}

/// What is known of a domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) entry: Option<Entry>,
    /// The store could not be read: it may hold more.
    pub(crate) error: Option<StoreError>,
    /// How long the store was waited for; `None` if it was not asked.
    waited: Option<Duration>,
}

impl Layered {
    /// `memory_entries` may be 0: no memory level.
    pub(crate) fn new(store: Arc<dyn PolicyStore>, deadline: Duration, memory_entries: usize) -> Self {
        Self {
            store,
            memory: (memory_entries > 0).then(|| MemoryStore::new(memory_entries)),
            deadline,
            breaker: Breaker::default(),
            overlay: Sharded::new(MAX_OVERLAY),
            forgotten: AtomicU64::default(),
            forgetting: tokio::sync::Mutex::default(),
            changes: AtomicU64::default(),
            len: Mutex::default(),
            counts: Counts::default(),
            not_read: Outage::new("the policy store cannot be read", "the policy store can be read again"),
            not_written: Outage::new("the policy store cannot be written", "the policy store can be written again"),
            corrupt: Outage::new("entries of the policy store are corrupt", ""),
        }
    }

    /// What is known when a lookup begins. What the memory level holds is all of it if it
    /// `suffices`; the store is not asked then.
    pub(crate) async fn look(&self, domain: &Domain, now: UnixTime, suffices: impl FnOnce(&Entry) -> bool) -> Known {
        let remembered = self.recall(domain).await.filter(suffices);
        let known = match remembered {
            Some(entry) => {
                self.counts.memory_hits.fetch_add(1, Relaxed);
                Known { entry: Some(entry), ..Known::default() }
            }
            None => self.read(domain, now).await,
        };
        let is_live = known.entry.as_ref().is_some_and(|entry| entry.live(now).is_some());
        let count = if is_live { &self.counts.hits } else { &self.counts.misses };
        count.fetch_add(1, Relaxed);
        known
    }

    /// All that is known: what the store and the memories hold, merged.
    pub(crate) async fn read(&self, domain: &Domain, now: UnixTime) -> Known {
        let forgotten = self.forgotten.load(Relaxed);
        let began = Instant::now();
        self.counts.reads.fetch_add(1, Relaxed);
        let (stored, error) = match self.read_within(self.store.get(domain)).await {
            Ok(entry) => (entry.filter(|entry| entry.domain() == domain), None),
            Err(error) => (None, Some(error)),
        };
        let waited = Some(began.elapsed());
        match &error {
            None => self.not_read.worked(),
            Some(error) => {
                self.counts.read_errors.fetch_add(1, Relaxed);
                self.failed(error, domain, &self.not_read);
            }
        }
        let entry = self.with_memory(domain, stored.clone(), now).await;
        if let Some(entry) = &entry {
            if error.is_none() && unsaved::is_lost(stored.as_ref(), entry, now) {
                self.keep(entry.clone(), forgotten, now);
            }
            self.remember(entry, forgotten, now).await;
        }
        Known { entry, error, waited }
    }

    /// What is known when a lookup starts that was asked for with `known`. With `is_old` others have
    /// looked the domain up since.
    pub(crate) async fn catch_up(&self, domain: &Domain, known: Known, is_old: bool, now: UnixTime) -> Known {
        // Nobody waits twice for a store that hangs.
        let suffices = known.waited.is_some() && (known.error.is_some() || !is_old);
        if suffices {
            return Known { entry: self.with_memory(domain, known.entry, now).await, ..known };
        }
        let read = self.read(domain, now).await;
        let waited = read.waited.map(|waited| waited + known.waited.unwrap_or_default());
        Known { waited, ..read }
    }

    /// How much longer who waits for a lookup may wait for the store.
    pub(crate) fn patience(&self, known: &Known) -> Duration {
        self.deadline.saturating_sub(known.waited.unwrap_or_default())
    }

    /// What memory holds of the domain, if that is all there is to know.
    pub(crate) fn at_once(&self, domain: &Domain, now: UnixTime) -> Option<Entry> {
        let is_kept = self.overlay.of(domain).peek(domain).is_some();
        if is_kept {
            return None;
        }
        match &self.memory {
            Some(memory) => memory.at_once(domain, now),
            None => self.store.at_once(domain, now),
        }
    }

    /// While it is the same, [`Layered::at_once`] says the same.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Acquire)
    }

    /// To be called when the change is made: who then sees the old count may still see the old state.
    fn changed(&self) {
        self.changes.fetch_add(1, Release);
    }

    /// Takes note of a lookup that [`Layered::at_once`] sufficed for.
    pub(crate) fn sufficed(&self) {
        if self.memory.is_some() {
            self.counts.memory_hits.fetch_add(1, Relaxed);
        }
        self.counts.hits.fetch_add(1, Relaxed);
    }

    /// Applies `op`. If the store fails the result is kept in memory, and goes to the store with
    /// the next change of the domain. `known` is what the lookup was started with.
    pub(crate) async fn write(&self, domain: &Domain, op: &CacheOp, known: Option<Entry>, now: UnixTime) {
        let kept = self.overlay.of(domain).peek(domain).cloned();
        let was_kept = kept.is_some();
        if *op == CacheOp::Keep && !was_kept {
            return;
        }
        let whole = if was_kept { Entry::apply(kept, domain, op, now).map(CacheOp::Fetched) } else { None };
        let forgotten = self.forgotten.load(Relaxed);
        self.counts.writes.fetch_add(1, Relaxed);
        match self.write_within(self.store.apply(domain, whole.as_ref().unwrap_or(op), now)).await {
            Ok(()) => {
                self.not_written.worked();
                if was_kept {
                    self.overlay.of(domain).remove(domain);
                }
            }
            Err(error) => {
                self.counts.write_errors.fetch_add(1, Relaxed);
                self.failed(&error, domain, &self.not_written);
                if let Some(entry) = Entry::apply(known, domain, op, now) {
                    self.keep(entry, forgotten, now);
                }
            }
        }
        // Last: nobody is to be told of a policy that a crash would still take back, unless the store
        // takes longer than anybody waits.
        if self.forgotten.load(Relaxed) == forgotten {
            self.change_memory(domain, op, now).await;
        }
        self.changed();
    }

    /// Forgets the domain everywhere, and says whether there was anything.
    ///
    /// # Errors
    /// If the store cannot: it still holds what it held.
    pub(crate) async fn forget(&self, domain: &Domain) -> Result<bool, StoreError> {
        let _forgetting = self.forgetting.lock().await;
        let was_here = self.forget_here(domain).await?;
        let was_stored = self.write_within(self.store.remove(domain)).await?;
        // Once more, for what was read before it was removed.
        self.forget_here(domain).await?;
        Ok(was_here || was_stored)
    }

    /// Forgets all that is held here, of every domain, and says of how many.
    pub(crate) async fn forget_all_here(&self) -> Result<u64, StoreError> {
        let _forgetting = self.forgetting.lock().await;
        let mut forgotten = 0;
        for kept in self.overlay.values() {
            forgotten += u64::from(self.forget_here(kept.domain()).await?);
        }
        let Some(memory) = &self.memory else { return Ok(forgotten) };
        loop {
            let page = memory.list(None, 1000).await?;
            if page.is_empty() {
                return Ok(forgotten);
            }
            for remembered in &page {
                forgotten += u64::from(self.forget_here(remembered.domain()).await?);
            }
        }
    }

    async fn forget_here(&self, domain: &Domain) -> Result<bool, StoreError> {
        self.forgotten.fetch_add(1, Relaxed);
        let was_remembered = match &self.memory {
            Some(memory) => memory.remove(domain).await?,
            None => false,
        };
        let was_kept = self.overlay.of(domain).remove(domain).is_some();
        self.changed();
        Ok(was_remembered || was_kept)
    }

    /// A page of the store.
    pub(crate) async fn list(
        &self,
        after: Option<&Domain>,
        limit: usize,
        now: UnixTime,
    ) -> Result<Vec<Entry>, StoreError> {
        let forgotten = self.forgotten.load(Relaxed);
        let page = self.patiently(self.store.list(after, limit)).await?;
        // What other processes fetched is known here as well from now on. Looking counts as no use.
        if let Some(memory) = &self.memory {
            let remembered = memory.list(after, page.len()).await?;
            for old in &remembered {
                let found = page.binary_search_by_key(&old.domain(), |entry| entry.domain());
                let new = found.ok().and_then(|at| page.get(at)).filter(|new| new.held() != old.held());
                if let Some(new) = new {
                    self.remember(new, forgotten, now).await;
                }
            }
        }
        Ok(page)
    }

    pub(crate) async fn prune(&self, now: UnixTime, unused_before: UnixTime) -> Result<usize, StoreError> {
        if let Some(memory) = &self.memory {
            memory.prune(now).await?;
        }
        self.patiently(self.store.prune_unused(now, unused_before)).await
    }

    pub(crate) async fn touch(&self, domain: &Domain, now: UnixTime) -> Result<(), StoreError> {
        self.write_within(self.store.touch(domain, now)).await
    }

    /// When the memory level was last used for the domain.
    pub(crate) async fn used_here(&self, domain: &Domain) -> Option<UnixTime> {
        // Memory does not fail.
        self.memory.as_ref()?.used(domain).await.ok().flatten()
    }

    pub(crate) async fn used(&self, domain: &Domain) -> Result<Option<UnixTime>, StoreError> {
        self.read_within(self.store.used(domain)).await
    }

    pub(crate) async fn lease(&self, domain: &Domain, time: Duration) -> Result<bool, StoreError> {
        self.write_within(self.store.lease(domain, time)).await
    }

    /// How much the store holds, as it was within the last minute.
    pub(crate) async fn len(&self) -> Result<Option<usize>, StoreError> {
        if let Some((at, len)) = *locked(&self.len)
            && at.elapsed() < BETWEEN_COUNTS
        {
            return Ok(len);
        }
        let len = self.patiently(self.store.len()).await?;
        *locked(&self.len) = Some((Instant::now(), len));
        Ok(len)
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let counts = &self.counts;
        StoreStats {
            reads: counts.reads.load(Relaxed),
            read_errors: counts.read_errors.load(Relaxed),
            writes: counts.writes.load(Relaxed),
            write_errors: counts.write_errors.load(Relaxed),
            write_outage: self.not_written.lasts(),
            unsaved: self.overlay.len(),
            hits: counts.hits.load(Relaxed),
            misses: counts.misses.load(Relaxed),
            memory_hits: counts.memory_hits.load(Relaxed),
            memory_entries: self.memory.as_ref().map_or(0, MemoryStore::len),
        }
    }

    fn failed(&self, error: &StoreError, domain: &Domain, outage: &Outage) {
        match error {
            StoreError::Corrupt => self.corrupt.failed(Some(domain), error),
            _ => outage.failed(None, error),
        }
    }

    async fn recall(&self, domain: &Domain) -> Option<Entry> {
        // Memory does not fail.
        self.memory.as_ref()?.get(domain).await.ok().flatten()
    }

    /// The entry, and what the memories hold of the domain.
    async fn with_memory(&self, domain: &Domain, entry: Option<Entry>, now: UnixTime) -> Option<Entry> {
        let remembered = self.recall(domain).await;
        let kept = self.overlay.of(domain).get(domain).cloned();
        let known = [remembered, kept].into_iter().flatten();
        known.fold(entry, |entry, more| Some(entry.map_or(more.clone(), |entry| entry.merge(more, now))))
    }

    /// Only policies: what failed matters to the lookups, which read the store as well.
    async fn remember(&self, entry: &Entry, forgotten: u64, now: UnixTime) {
        if let Some(memory) = &self.memory
            && entry.live(now).is_some()
            && self.forgotten.load(Relaxed) == forgotten
        {
            let _ = memory.apply(entry.domain(), &CacheOp::Fetched(entry.clone()), now).await;
            self.changed();
        }
    }

    async fn change_memory(&self, domain: &Domain, op: &CacheOp, now: UnixTime) {
        let Some(memory) = &self.memory else { return };
        let brings_policy = matches!(op, CacheOp::Fetched(entry) if entry.live(now).is_some());
        if brings_policy || self.recall(domain).await.is_some() {
            let _ = memory.apply(domain, op, now).await;
        }
    }

    async fn read_within<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let pass = self.breaker.pass().ok_or(StoreError::Timeout)?;
        match timeout(self.deadline, call).await {
            Ok(result) => {
                pass.in_time();
                result
            }
            Err(_) => {
                pass.too_slow();
                Err(StoreError::Timeout)
            }
        }
    }

    async fn write_within<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.breaker.is_open() {
            return Err(StoreError::Timeout);
        }
        timeout(self.deadline, call).await.unwrap_or(Err(StoreError::Timeout))
    }

    /// A call that is long by its nature, and that nobody waits for.
    async fn patiently<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        timeout(self.deadline * 100, call).await.unwrap_or(Err(StoreError::Timeout))
    }
}
