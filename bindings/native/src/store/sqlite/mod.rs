//! The store that outlives the process.

mod file;
mod schema;
mod table;
mod worker;

use super::{BoxFuture, PolicyStore, StoreError};
use crate::clock::{Clock, SystemClock};
use core::{fmt, time::Duration};
use file::Place;
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use std::path::{Path, PathBuf};
use table::Pruning;
use worker::Workers;

/// So that a page for the refresher does not hold up a lookup.
const READERS: usize = 2;

/// A durable store in one SQLite file, which several processes of a machine may share.
///
/// What [`apply`](PolicyStore::apply) acknowledged survives a killed process and a power cut: it is
/// synced to disk. Changes that wait are committed together. SQLite runs in three threads of its
/// own, so that a disk that hangs holds up no others; at most 256 reads and 256 changes
/// are handed to them, and more wait for room. Another process may hold the write lock for 40 ms before a change fails.
///
/// The file is made with mode 0600, and one that is there keeps its mode; `-wal` and `-shm` files
/// lie beside it, and it must not lie on a network file system. If the file is corrupt, it is moved
/// aside to `NAME.corrupt-TIME` (seconds since 1970) with a warning, and the store goes on with an
/// empty one. A single entry that is corrupt is [`StoreError::Corrupt`] until a policy is fetched
/// for its domain; it is never taken for no entry.
/// ```
/// use mta_sts::{Resolver, SqliteStore};
/// use std::sync::Arc;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = std::env::temp_dir().join(format!("mta-sts-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let store = Arc::new(SqliteStore::open(directory.join("policies.db"))?);
/// let resolver = Resolver::builder().store(store.clone());
/// // … and at the end:
/// store.close().await;
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok(())
/// # }
/// ```
pub struct SqliteStore {
    path: PathBuf,
    workers: Workers,
}

impl SqliteStore {
    /// Opens the file, and makes it if there is none. This blocks for some milliseconds, and for
    /// seconds if other processes are making the same file.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is no such directory, if the file cannot be made or written,
    /// or if it is the database of another program or of a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let workers = Workers::start(Place::new(path)?, READERS)?;
        Ok(Self { path: path.into(), workers })
    }

    /// Waits until all that was asked for is done, empties the write-ahead log into the file, and
    /// closes it. Later calls fail. A store that is dropped does the same without waiting.
    pub async fn close(&self) {
        self.workers.close().await;
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl PolicyStore for SqliteStore {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        let domain = domain.clone();
        Box::pin(self.workers.read(move |conn| table::get(conn, &domain)))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (domain, op) = (domain.clone(), op.clone());
        let write = self.workers.write(move |conn| table::apply(conn, &domain, &op, now).map(|()| 0));
        Box::pin(async { write.await.map(drop) })
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        let after = after.map_or_else(String::new, |after| after.as_str().into());
        Box::pin(self.workers.read(move |conn| table::list(conn, &after, limit)))
    }

    fn prune(&self, now: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.prune_unused(now, UnixTime(u64::MAX))
    }

    fn prune_unused(&self, now: UnixTime, unused_before: UnixTime) -> BoxFuture<'_, Result<usize, StoreError>> {
        let pruning = Pruning::new(now, unused_before);
        Box::pin(async move {
            let mut removed = 0;
            loop {
                // In small steps, so that lookups come in between.
                let looked = self.workers.read(move |conn| pruning.look(conn)).await?;
                let is_last = looked.iter().all(|found| found.len() < Pruning::STEP);
                if looked.iter().any(|found| !found.is_empty()) {
                    removed += self.workers.write(move |conn| pruning.settle(conn, looked)).await?;
                }
                if is_last {
                    return Ok(removed);
                }
            }
        })
    }

    fn remove<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<bool, StoreError>> {
        let domain = domain.clone();
        let write = self.workers.write(move |conn| table::remove(conn, &domain));
        Box::pin(async { Ok(write.await? > 0) })
    }

    fn touch<'a>(&'a self, domain: &'a Domain, now: UnixTime) -> BoxFuture<'a, Result<(), StoreError>> {
        let domain = domain.clone();
        let write = self.workers.write(move |conn| table::touch(conn, &domain, now));
        Box::pin(async { write.await.map(drop) })
    }

    fn used<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<UnixTime>, StoreError>> {
        let domain = domain.clone();
        Box::pin(self.workers.read(move |conn| table::used(conn, &domain)))
    }

    fn lease<'a>(&'a self, domain: &'a Domain, time: Duration) -> BoxFuture<'a, Result<bool, StoreError>> {
        let (domain, now) = (domain.clone(), SystemClock.now());
        let write = self.workers.write(move |conn| table::lease(conn, &domain, now, time));
        Box::pin(async { Ok(write.await? > 0) })
    }

    fn len(&self) -> BoxFuture<'_, Result<Option<usize>, StoreError>> {
        Box::pin(async { self.workers.read(table::len).await.map(Some) })
    }
}
