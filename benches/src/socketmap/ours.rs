//! Our server, as the daemon runs it, with a cache that is filled beforehand.

use super::{entry, now};
use mta_sts::{MemoryStore, PolicyStore, Resolver, SqliteStore, StoreError};
use mta_sts_core::CacheOp;
use mta_sts_postfix::{Limits, Listener, Server, Service, Zones};
use std::{net::TcpListener, path::Path, sync::Arc};

/// So many changes go to the store at once.
const AT_ONCE: u32 = 200;

/// Serves so many domains from memory, and says when it is ready.
///
/// # Errors
/// What keeps it from starting, as text.
pub async fn serve(listener: TcpListener, domains: u32, ready: impl FnOnce()) -> Result<(), String> {
    let store = MemoryStore::new(domains as usize + 10_000);
    let now = now();
    for number in 0..domains {
        let entry = entry(number, now);
        let domain = entry.domain().clone();
        store.apply(&domain, &CacheOp::Fetched(entry), now).await.map_err(|e| e.to_string())?;
    }
    let name_server = "127.0.0.1:9".parse().map_err(|_| "no name server".to_owned())?;
    let resolver = Resolver::builder().name_servers([name_server]).store(Arc::new(store)).build();
    let service = Service::new(resolver.map_err(|e| e.to_string())?, Zones::default());
    listener.set_nonblocking(true).map_err(|e| e.to_string())?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| e.to_string())?;
    let _server = Server::start(service, [Listener::from(listener)], Limits::default());
    ready();
    core::future::pending::<()>().await;
    Ok(())
}

/// Writes so many domains into the SQLite file of a daemon.
///
/// # Errors
/// [`StoreError`] if it cannot be written.
pub async fn fill(path: &Path, domains: u32) -> Result<(), StoreError> {
    let store = Arc::new(SqliteStore::open(path)?);
    let now = now();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE.min(domains) {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (worker..domains).step_by(AT_ONCE as usize) {
                let entry = entry(number, now);
                let domain = entry.domain().clone();
                store.apply(&domain, &CacheOp::Fetched(entry), now).await?;
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap_or_else(|e| Err(StoreError::Failed(e.to_string())))?;
    }
    store.close().await;
    Ok(())
}
