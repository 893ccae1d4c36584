//! A client, requests to send, a store that fails, and resolvers that are pointed at the lab.
#![allow(dead_code, missing_docs, unreachable_pub)]

use mta_sts::{
    BoxFuture, CacheOp, Clock, Domain, Entry, MemoryStore, NameServer, PolicyStore, Resolver, ResolverBuilder,
    StoreError, Timeouts, UnixTime,
    core::socketmap::{Frame, MAX_REPLY, Request, decode},
};
use mta_sts_lab::{Lab, PolicyHost, World};
use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// The requests as they go over the wire.
pub fn requests(map: &str, keys: &[&str]) -> Vec<u8> {
    let mut wire = Vec::new();
    for key in keys {
        Request { map: map.as_bytes(), key: key.as_bytes() }.encode(&mut wire);
    }
    wire
}

/// A client that must get everything within ten seconds.
pub struct Client<S> {
    pub stream: S,
    received: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// The next reply as text; `None` at the end of the connection.
    pub async fn reply(&mut self) -> Option<String> {
        timeout(Duration::from_secs(10), async {
            loop {
                if let Frame::Complete { payload, len } = decode(&self.received, MAX_REPLY).unwrap() {
                    let reply = String::from_utf8(payload.to_vec()).unwrap();
                    self.received.drain(..len);
                    return Some(reply);
                }
                if self.stream.read_buf(&mut self.received).await.unwrap() == 0 {
                    assert!(self.received.is_empty());
                    return None;
                }
            }
        })
        .await
        .expect("no reply came in ten seconds")
    }

    pub async fn ask(&mut self, map: &str, key: &str) -> String {
        self.send(&requests(map, &[key])).await;
        self.reply().await.unwrap()
    }
}

/// A resolver pointed at the lab, whose callers wait half a second.
pub fn builder(lab: &Lab) -> ResolverBuilder {
    Resolver::builder()
        .name_servers([NameServer::Plain(lab.dns_addr())])
        .extra_ca_pem(lab.ca_pem().as_bytes())
        .unwrap()
        .only_extra_ca(true)
        .https_port(lab.https_port())
        .allow_nets(["127.0.0.0/8".parse().unwrap()])
        .timeouts(Timeouts { caller: Duration::from_millis(500), ..Timeouts::default() })
}

/// The same, whose callers wait for the end even on a busy machine.
pub fn patient(lab: &Lab) -> ResolverBuilder {
    let seconds = Duration::from_secs;
    builder(lab).timeouts(Timeouts { caller: seconds(10), dns: seconds(2), ..Timeouts::default() })
}

/// A record with an id, and a policy host.
pub fn publish(world: &World, name: &str, id: &str, host: impl Into<PolicyHost>) {
    world.txt(&format!("_mta-sts.{name}"), &[&format!("v=STSv1; id={id};")]);
    world.policy_host(&format!("mta-sts.{name}"), host.into());
}

/// The policy of all rows: two patterns, a day.
pub fn policy(mode: &str, name: &str) -> String {
    format!("version: STSv1\nmode: {mode}\nmx: mail.{name}\nmx: *.{name}\nmax_age: 86400\n")
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct Hands(AtomicU64);

impl Hands {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_800_000_000)))
    }

    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}

/// A store that fails while it is told to.
pub struct Flaky {
    store: MemoryStore,
    fails: AtomicBool,
}

impl Flaky {
    pub fn new(fails: bool) -> Arc<Self> {
        Arc::new(Self { store: MemoryStore::new(100), fails: fails.into() })
    }

    pub fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// A [`MemoryStore`] does what it is told before its future is waited for.
    fn or<'a, T: Send + 'a>(
        &'a self,
        works: impl FnOnce(&'a MemoryStore) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        if self.fails.load(Ordering::SeqCst) {
            Box::pin(ready(Err(StoreError::Failed("disk\nfull".to_owned()))))
        } else {
            works(&self.store)
        }
    }
}

impl PolicyStore for Flaky {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        self.or(|store| store.get(domain))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.or(|store| store.apply(domain, op, now))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        self.or(|store| store.list(after, limit))
    }

    fn remove<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.or(|store| store.remove(domain))
    }
}
