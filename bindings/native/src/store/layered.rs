//! The store as the resolver sees it: with a deadline, and with a memory for what it failed to keep.

use super::{PolicyStore, StoreError};
use crate::bounded::{Bounded, locked};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;

/// So many entries that the store failed to keep are kept here.
const MAX_OVERLAY: usize = 4096;

pub(crate) struct Layered {
    store: Arc<dyn PolicyStore>,
    deadline: Duration,
    overlay: Mutex<Bounded<Entry>>,
}

/// What is known of a domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) entry: Option<Entry>,
    /// The store could not be read: it may hold more.
    pub(crate) error: Option<StoreError>,
}

impl Layered {
    pub(crate) fn new(store: Arc<dyn PolicyStore>, deadline: Duration) -> Self {
        Self { store, deadline, overlay: Mutex::new(Bounded::new(MAX_OVERLAY)) }
    }

    pub(crate) async fn read(&self, domain: &Domain, now: UnixTime) -> Known {
        let (entry, error) = match self.within(self.store.get(domain)).await {
            Ok(entry) => (entry.filter(|entry| entry.domain() == domain), None),
            Err(error) => (None, Some(error)),
        };
        let kept = locked(&self.overlay).get(domain).cloned();
        let entry = match (entry, kept) {
            (Some(entry), Some(kept)) => Some(entry.merge(kept, now)),
            (entry, kept) => entry.or(kept),
        };
        Known { entry, error }
    }

    /// Applies `op`. If the store fails the result is kept in memory, and goes to the store with
    /// the next change of the domain. `known` is what the lookup was started with.
    pub(crate) async fn write(&self, domain: &Domain, op: &CacheOp, known: Option<Entry>, now: UnixTime) {
        let kept = locked(&self.overlay).peek(domain).cloned();
        let was_kept = kept.is_some();
        if *op == CacheOp::Keep && !was_kept {
            return;
        }
        let whole = if was_kept { Entry::apply(kept, domain, op, now).map(CacheOp::Fetched) } else { None };
        match self.within(self.store.apply(domain, whole.as_ref().unwrap_or(op), now)).await {
            Ok(()) if was_kept => drop(locked(&self.overlay).remove(domain)),
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%domain, %error, "the policy store could not be written, kept in memory");
                if let Some(entry) = Entry::apply(known, domain, op, now) {
                    let mut overlay = locked(&self.overlay);
                    let entry = match overlay.remove(domain) {
                        Some(kept) => entry.merge(kept, now),
                        None => entry,
                    };
                    overlay.insert(domain, entry);
                }
            }
        }
    }

    pub(crate) async fn list(&self, after: Option<&Domain>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        // A page is many entries, and nobody waits for it.
        timeout(self.deadline * 100, self.store.list(after, limit)).await.unwrap_or(Err(StoreError::Timeout))
    }

    pub(crate) async fn prune(&self, now: UnixTime) -> Result<usize, StoreError> {
        timeout(self.deadline * 100, self.store.prune(now)).await.unwrap_or(Err(StoreError::Timeout))
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        timeout(self.deadline, call).await.unwrap_or(Err(StoreError::Timeout))
    }
}
