//! Where policies are kept. RFC 8461 §3.3, §5.1.

mod breaker;
mod layered;
mod memory;
mod outage;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "redis")]
pub use self::redis::{RedisOptions, RedisStore};
pub use layered::StoreStats;
pub(crate) use layered::{Known, Layered};
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

use core::{error::Error, fmt, future::Future, future::ready, pin::Pin, time::Duration};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};

/// What the calls of a [`PolicyStore`] return: `Box::pin(async move { … })`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A cache of policies, perhaps shared with other processes and machines.
///
/// A call that takes longer than [`Timeouts::store`](crate::Timeouts::store) counts as failed and
/// its future is dropped. A store that fails is an unreadable cache and not an empty one: return an
/// error and never `None` for what could not be read.
#[expect(clippy::len_without_is_empty, reason = "a size for metrics, not a collection")]
pub trait PolicyStore: Send + Sync {
    /// What is held for the domain.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be told.
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>>;

    /// What is held for the domain, if the store can say so at once and without fail: it is in
    /// memory, and nowhere else is there more. Default: `None`, ask [`get`].
    ///
    /// It counts as a use of the entry for mail, at `now`.
    ///
    /// [`get`]: PolicyStore::get
    fn at_once(&self, domain: &Domain, now: UnixTime) -> Option<Entry> {
        let _ = (domain, now);
        None
    }

    /// Changes what is held to what [`Entry::apply`] gives for it, in one step: nobody else may
    /// change it in between.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be done. The entry is then as it was.
    fn apply<'a>(&'a self, domain: &'a Domain, op: &'a CacheOp, now: UnixTime)
    -> BoxFuture<'a, Result<(), StoreError>>;

    /// Up to `limit` entries of domains that come after `after`, in the order of [`Domain`]; fewer
    /// only at the end. The refresher walks the store by it.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>>;

    /// Forgets entries that hold no live policy, and says how many. An entry may go only if it was
    /// found dead twice, at least an hour apart: a clock that jumps must not empty the store. The
    /// refresher calls this now and then; the default does nothing.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be done.
    fn prune(&self, now: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        let _ = now;
        Box::pin(ready(Ok(0)))
    }

    /// [`prune`](PolicyStore::prune), which spares policies that have ended and are wanted back: those
    /// that the refresher renews, of domains that were used since `unused_before`. The refresher
    /// calls this now and then. The default, for a store that does not know of use, spares none.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be done.
    fn prune_unused(&self, now: UnixTime, unused_before: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        let _ = unused_before;
        self.prune(now)
    }

    /// Forgets what is held for the domain, dead or alive, and says whether there was anything. Only
    /// an administrator asks for this. The default cannot.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be done.
    fn remove<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<bool, StoreError>> {
        let _ = domain;
        Box::pin(ready(Err(StoreError::Failed("this store cannot remove an entry".into()))))
    }

    /// Notes that mail was sent to the domain, if anything is held for it, so that
    /// [`used`](PolicyStore::used) tells it after a restart. The resolver calls this at most once a
    /// day per domain. The default does nothing.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be done.
    fn touch<'a>(&'a self, domain: &'a Domain, now: UnixTime) -> BoxFuture<'a, Result<(), StoreError>> {
        let _ = (domain, now);
        Box::pin(ready(Ok(())))
    }

    /// The time of the last [`touch`](PolicyStore::touch), or of the first entry if there was none;
    /// `None` if the store does not know, as the default does.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be told.
    fn used<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<UnixTime>, StoreError>> {
        let _ = domain;
        Box::pin(ready(Ok(None)))
    }

    /// Whether this process may refresh the domain: of all that share the store only one may in the
    /// time given. The default, for a store that nobody shares, always says so.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be told.
    fn lease<'a>(&'a self, domain: &'a Domain, time: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        let _ = (domain, time);
        Box::pin(ready(Ok(true)))
    }

    /// For how many domains something is held; `None` if the store cannot tell without reading
    /// everything, as the default.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be told.
    fn len(&self) -> BoxFuture<'_, Result<Option<usize>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }
}

/// Why a store could not be read or written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// What is stored is no entry.
    Corrupt,
    /// The store says so.
    Failed(String),
    /// It took longer than [`Timeouts::store`](crate::Timeouts::store).
    Timeout,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt => f.write_str("the policy store holds something that is no entry"),
            Self::Failed(why) => write!(f, "the policy store failed: {}", why.escape_debug()),
            Self::Timeout => f.write_str("the policy store took too long"),
        }
    }
}

impl Error for StoreError {}
