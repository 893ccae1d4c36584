//! A daemon's parts: a resolver in the lab and a store that can forget.

use crate::common::{builder, policy, publish};
use mta_sts::{
    Answer, BoxFuture, CacheOp, DnsError, Domain, Entry, Intent, MxHosts, PolicyStore, Resolver, StoreError, UnixTime,
};
use mta_sts_lab::{Lab, PolicyHost};
use mta_sts_postfix::{Listener, Operations, UnixSocketOptions};
use std::{
    collections::BTreeMap,
    env,
    future::ready,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

#[derive(Default)]
pub(crate) struct Shelf {
    entries: Mutex<BTreeMap<Domain, Entry>>,
    is_broken: AtomicBool,
}

impl Shelf {
    fn read<T>(&self, read: impl FnOnce(&mut BTreeMap<Domain, Entry>) -> T) -> Result<T, StoreError> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("disk\nfull".to_owned()));
        }
        Ok(read(&mut self.entries.lock().unwrap()))
    }
}

impl PolicyStore for Shelf {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        Box::pin(ready(self.read(|entries| entries.get(domain).cloned())))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(ready(self.read(|entries| {
            if let Some(entry) = Entry::apply(entries.get(domain).cloned(), domain, op, now) {
                entries.insert(domain.clone(), entry);
            }
        })))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        let behind = |entry: &&Entry| after.is_none_or(|after| entry.domain() > after);
        Box::pin(ready(self.read(|entries| entries.values().filter(behind).take(limit).cloned().collect())))
    }
}

pub(crate) struct Desk {
    pub(crate) lab: Lab,
    resolver: Resolver,
    shelf: Arc<Shelf>,
    pub(crate) canaries: AtomicU32,
}

impl Desk {
    pub(crate) async fn start() -> Arc<Self> {
        let lab = Lab::start().await.unwrap();
        let shelf = Arc::new(Shelf::default());
        let resolver = builder(&lab).store(shelf.clone()).build().unwrap();
        Arc::new(Self { lab, resolver, shelf, canaries: AtomicU32::new(0) })
    }

    /// Publishes a policy and fills the cache with it.
    pub(crate) async fn hold(&self, name: &str, mode: &str) {
        publish(self.lab.world(), name, "1", PolicyHost::serving(policy(mode, name)));
        assert!(self.resolver.resolve(name).await.unwrap().failure.is_none());
    }

    pub(crate) fn break_store(&self, broken: bool) {
        self.shelf.is_broken.store(broken, Ordering::SeqCst);
    }
}

impl Operations for Desk {
    async fn cached_after(&self, after: Option<&Domain>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.shelf.list(after, limit).await
    }

    async fn cached(&self, domain: &Domain) -> Result<Option<Entry>, StoreError> {
        self.shelf.get(domain).await
    }

    async fn forget(&self, domain: &Domain) -> Result<bool, StoreError> {
        self.shelf.read(|entries| entries.remove(domain).is_some())
    }

    async fn refresh(&self, domain: &Domain) -> Answer {
        self.resolver.resolve_with(domain, Intent::Refresh).await
    }

    async fn look_up_canary(&self, domain: &Domain) -> Answer {
        self.canaries.fetch_add(1, Ordering::SeqCst);
        self.resolver.resolve_with(domain, Intent::BeforeBounce).await
    }

    async fn mx_hosts(&self, domain: &Domain) -> Result<MxHosts, DnsError> {
        self.resolver.mx_hosts(domain).await
    }

    fn now(&self) -> UnixTime {
        UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    async fn metrics(&self) -> String {
        "# TYPE requests counter\nrequests_total 7\n# EOF\n".to_owned()
    }

    async fn reload(&self) -> Result<String, String> {
        Ok("2 zones".to_owned())
    }
}

/// An answer: the status, the headers in lower case, and the body.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request as it is, and reads to the end.
pub(crate) async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Got {
    let mut octets = Vec::new();
    timeout(Duration::from_secs(20), async {
        stream.write_all(request.as_bytes()).await.unwrap();
        let _ = stream.read_to_end(&mut octets).await;
    })
    .await
    .expect("the server ends the connection");
    let text = String::from_utf8(octets).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
    Got { status, headers: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// A request without a body.
pub(crate) fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

pub(crate) fn socket_path(name: &str) -> PathBuf {
    env::temp_dir().join(format!("mta-sts-{}-{name}.sock", std::process::id()))
}

pub(crate) async fn unix_listener(name: &str) -> (Listener, PathBuf) {
    let path = socket_path(name);
    let options = UnixSocketOptions { mode: 0o600, ..UnixSocketOptions::new(&path) };
    (Listener::unix(&options).await.unwrap(), path)
}
