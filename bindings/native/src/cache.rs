//! What the resolver has cached: to look at, to forget, to renew.

use crate::{
    answer::Answer,
    bounded::locked,
    resolver::Resolver,
    store::{Known, StoreError, StoreStats},
};
use mta_sts_core::{Domain, Entry, Intent, UnixTime};
use std::{sync::Arc, time::Duration};

/// Says how often domains are refreshed that have an interval of their own.
pub(crate) type RefreshEvery = Arc<dyn Fn(&Domain) -> Option<Duration> + Send + Sync>;

/// Hears of each lookup.
pub(crate) type OnLookup = Arc<dyn Fn(&Answer) + Send + Sync>;

impl Resolver {
    /// What is cached for the domain, dead or alive. Nothing is looked up.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read and nothing is known beside it.
    pub async fn cached(&self, domain: &Domain) -> Result<Option<Entry>, StoreError> {
        match self.core.store.read(domain, self.now()).await {
            Known { entry: None, error: Some(error), .. } => Err(error),
            Known { entry, .. } => Ok(entry),
        }
    }

    /// Up to `limit` entries of the store, of the domains after `after` in their order; fewer only
    /// at the end.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub async fn cached_after(&self, after: Option<&Domain>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.core.store.list(after, limit, self.now()).await
    }

    /// For how many domains the store holds something, as it was within the last minute; `None` if
    /// it cannot tell.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub async fn cached_len(&self) -> Result<Option<usize>, StoreError> {
        self.core.store.len().await
    }

    /// Forgets all that is cached for the domain, here and in the store, and says whether there was
    /// anything. Other processes on the same store that remember it store it again: forget it in each.
    ///
    /// This takes protection away until the next fetch (RFC 8461 §10.2): it is for an administrator
    /// who knows that a policy is wrong.
    ///
    /// # Errors
    /// [`StoreError`] if the store still holds it.
    pub async fn forget(&self, domain: &Domain) -> Result<bool, StoreError> {
        self.core.forget_no_policy(domain);
        let forgotten = self.core.store.forget(domain).await;
        // Again, for a lookup that ended in between.
        self.core.forget_no_policy(domain);
        forgotten
    }

    /// Forgets what is cached here and not in the store, of every domain, and says of how many: what the
    /// store failed to keep, or what another process removed from it. What the store holds is read again.
    ///
    /// # Errors
    /// [`StoreError`], as of a store, though memory does not fail.
    pub async fn forget_all_here(&self) -> Result<u64, StoreError> {
        self.core.forget_every_no_policy();
        self.core.store.forget_all_here().await
    }

    /// Renews what is cached for the domain and waits for the end: [`Intent::Refresh`]. Nothing is
    /// asked within five minutes of the last fetch.
    pub async fn refresh(&self, domain: &Domain) -> Answer {
        self.resolve_with(domain, Intent::Refresh).await
    }

    /// Tries once more to store what the store failed to keep, as the refresher does now and then: for
    /// the end of a program.
    pub async fn flush(&self) {
        self.core.store.flush(self.now()).await;
    }

    /// The time on the resolver's clock.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.core.clock.now()
    }

    /// What the policy store did so far.
    #[must_use]
    pub fn store_stats(&self) -> StoreStats {
        self.core.store.stats()
    }

    /// Gives domains a refresh interval of their own, in place of the one before. A domain for which
    /// `every` says something is refreshed that often if that is sooner than the refresher would
    /// (half of `max_age`, or daily), and never within five minutes of the last fetch.
    pub fn set_refresh_every(&self, every: impl Fn(&Domain) -> Option<Duration> + Send + Sync + 'static) {
        *locked(&self.core.refresh_every) = Some(Arc::new(every));
    }

    /// Tells `hear` of each lookup that asked DNS when it ends, also of those that nobody waits for;
    /// in place of who was told before. It is called on the lookup's task: it must be quick.
    pub fn on_lookup(&self, hear: impl Fn(&Answer) + Send + Sync + 'static) {
        *locked(&self.core.on_lookup) = Some(Arc::new(hear));
    }
}
