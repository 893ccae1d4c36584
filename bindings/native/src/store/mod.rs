//! Where policies are kept. RFC 8461 §3.3, §5.1.

mod layered;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub(crate) use layered::{Known, Layered};
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

use core::{error::Error, fmt, future::Future, pin::Pin};
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};

/// What the calls of a [`PolicyStore`] return: `Box::pin(async move { … })`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A cache of policies, perhaps shared with other processes and machines.
///
/// A call that takes longer than [`Timeouts::store`](crate::Timeouts::store) counts as failed and
/// its future is dropped. A store that fails is an unreadable cache and not an empty one: return an
/// error and never `None` for what could not be read.
pub trait PolicyStore: Send + Sync {
    /// What is held for the domain.
    ///
    /// # Errors
    /// [`StoreError`] if that cannot be told.
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>>;

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
        Box::pin(core::future::ready(Ok(0)))
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
