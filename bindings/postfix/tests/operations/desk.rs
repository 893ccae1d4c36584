//! A daemon's parts: a resolver in the lab and a store that can be broken.

use crate::common::{Flaky, Hands, builder, policy, publish};
use mta_sts::{Answer, DnsError, Domain, Entry, Intent, MxHosts, Resolver, StoreError, StoreStats, UnixTime};
use mta_sts_lab::{Lab, PolicyHost};
use mta_sts_postfix::{Listener, Operations, UnixSocketOptions};
use std::{
    env,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

pub(crate) struct Desk {
    pub(crate) lab: Lab,
    resolver: Resolver,
    pub(crate) store: Arc<Flaky>,
    pub(crate) clock: Arc<Hands>,
    pub(crate) canaries: AtomicU32,
}

impl Desk {
    pub(crate) async fn start() -> Arc<Self> {
        let lab = Lab::start().await.unwrap();
        let (store, clock) = (Flaky::new(false), Hands::new());
        let resolver = builder(&lab).store(store.clone()).clock(clock.clone()).build().unwrap();
        Arc::new(Self { lab, resolver, store, clock, canaries: AtomicU32::new(0) })
    }

    /// Publishes a policy and fills the cache with it.
    pub(crate) async fn hold(&self, name: &str, mode: &str) {
        publish(self.lab.world(), name, "1", PolicyHost::serving(policy(mode, name)));
        assert!(self.resolver.resolve(name).await.unwrap().failure.is_none());
    }
}

impl Operations for Desk {
    async fn cached_after(&self, after: Option<&Domain>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.resolver.cached_after(after, limit).await
    }

    async fn cached(&self, domain: &Domain) -> Result<Option<Entry>, StoreError> {
        self.resolver.cached(domain).await
    }

    async fn forget(&self, domain: &Domain) -> Result<bool, StoreError> {
        self.resolver.forget(domain).await
    }

    async fn forget_all_here(&self) -> Result<u64, StoreError> {
        self.resolver.forget_all_here().await
    }

    async fn refresh(&self, domain: &Domain) -> Answer {
        self.resolver.refresh(domain).await
    }

    async fn look_up_canary(&self, domain: &Domain) -> Answer {
        self.canaries.fetch_add(1, Ordering::SeqCst);
        self.resolver.resolve_with(domain, Intent::BeforeBounce).await
    }

    async fn mx_hosts(&self, domain: &Domain) -> Result<MxHosts, DnsError> {
        self.resolver.mx_hosts(domain).await
    }

    fn store_stats(&self) -> StoreStats {
        self.resolver.store_stats()
    }

    fn now(&self) -> UnixTime {
        self.resolver.now()
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
