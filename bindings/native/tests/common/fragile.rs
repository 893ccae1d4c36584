//! A store that can be broken, and that tells what it was asked.

use mta_sts::{BoxFuture, CacheOp, Domain, Entry, MemoryStore, PolicyStore, StoreError, UnixTime};
use std::{
    future::ready,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

#[derive(Default)]
pub struct Fragile {
    pub inner: MemoryStore,
    pub cannot_read: AtomicBool,
    pub cannot_write: AtomicBool,
    pub hangs: AtomicBool,
    /// What is read is no entry.
    pub is_corrupt: AtomicBool,
    /// Calls that read one entry.
    pub reads: AtomicUsize,
    /// When mail was sent to domains, as it was told.
    pub touched: Mutex<Vec<(String, UnixTime)>>,
    /// When the domains were used, as it says.
    pub used: Mutex<Option<UnixTime>>,
}

impl Fragile {
    fn fails<T: Send + 'static>(&self, fails: &AtomicBool) -> Option<BoxFuture<'static, Result<T, StoreError>>> {
        if self.hangs.load(Ordering::SeqCst) {
            return Some(Box::pin(std::future::pending()));
        }
        fails.load(Ordering::SeqCst).then(|| {
            let failed: BoxFuture<'static, _> = Box::pin(ready(Err(StoreError::Failed("broken".to_owned()))));
            failed
        })
    }
}

impl PolicyStore for Fragile {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.is_corrupt.load(Ordering::SeqCst) {
            return Box::pin(ready(Err(StoreError::Corrupt)));
        }
        self.fails(&self.cannot_read).unwrap_or_else(|| self.inner.get(domain))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.fails(&self.cannot_write).unwrap_or_else(|| self.inner.apply(domain, op, now))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        self.inner.list(after, limit)
    }

    fn remove<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.fails(&self.cannot_write).unwrap_or_else(|| self.inner.remove(domain))
    }

    fn touch<'a>(&'a self, domain: &'a Domain, now: UnixTime) -> BoxFuture<'a, Result<(), StoreError>> {
        self.touched.lock().unwrap().push((domain.as_str().to_owned(), now));
        Box::pin(ready(Ok(())))
    }

    fn used<'a>(&'a self, _: &'a Domain) -> BoxFuture<'a, Result<Option<UnixTime>, StoreError>> {
        Box::pin(ready(Ok(*self.used.lock().unwrap())))
    }
}
