//! The policy store that the configuration names.

use super::StartError;
use crate::config::{Store, StoreKind};
use core::time::Duration;
use mta_sts::{MemoryStore, PolicyStore, RedisOptions, RedisStore, SqliteStore};
use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::Arc,
};
use tokio::time::timeout;

/// How long a start waits for Redis.
const CONNECT: Duration = Duration::from_secs(1);

/// An open store.
pub(super) enum OpenStore {
    Sqlite(Arc<SqliteStore>),
    Memory(Arc<MemoryStore>),
    Redis(Arc<RedisStore>),
}

impl OpenStore {
    pub(super) fn shared(&self) -> Arc<dyn PolicyStore> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Memory(store) => store.clone(),
            Self::Redis(store) => store.clone(),
        }
    }

    /// How many entries are kept before the store, so that what is often asked for costs no trip to it.
    pub(super) fn memory_level(&self, config: &Store) -> usize {
        match self {
            Self::Sqlite(_) | Self::Redis(_) => config.memory_entries,
            Self::Memory(_) => 0,
        }
    }

    pub(super) async fn close(self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Memory(_) | Self::Redis(_) => {}
        }
    }
}

impl core::fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Memory(_) => "Memory",
            Self::Redis(_) => "Redis",
        })
    }
}

pub(super) async fn open(store: &Store, state_dir: &Path) -> Result<OpenStore, StartError> {
    match store.kind {
        StoreKind::Sqlite => {
            let path = state_dir.join(&store.path);
            let opened =
                SqliteStore::open(&path).map_err(|error| StartError::Store(path.display().to_string(), error))?;
            Ok(OpenStore::Sqlite(Arc::new(opened)))
        }
        StoreKind::Memory => {
            tracing::warn!("policies are kept in memory: a restart forgets them; store.kind = \"sqlite\" keeps them");
            Ok(OpenStore::Memory(Arc::new(MemoryStore::new(store.memory_entries))))
        }
        StoreKind::Redis => {
            let defaults = RedisOptions::default();
            let options = RedisOptions {
                url: store.url.clone().unwrap_or(defaults.url),
                sentinels: store.sentinels.clone(),
                master: store.master.clone(),
                prefix: store.prefix.clone(),
                ..defaults
            };
            let place = Store::masked(&options.url);
            let opened = RedisStore::open(options).map_err(|error| StartError::Store(place.clone(), error))?;
            // So that the first questions do not find it unreadable; it may well be down.
            if timeout(CONNECT, opened.connected()).await.is_err() {
                tracing::warn!(redis = place, "the Redis server does not answer; it is tried again and again");
            }
            Ok(OpenStore::Redis(Arc::new(opened)))
        }
    }
}

/// Makes the directory, for this user alone, if it is missing.
pub(super) fn make_state_dir(path: &Path) -> Result<(), StartError> {
    if path.is_dir() {
        return Ok(());
    }
    let make = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        DirBuilder::new().mode(0o700).create(path)
    };
    make().map_err(|error| StartError::StateDir(path.to_owned(), error))
}
