//! Fetches policies. RFC 8461 §3.3.

use crate::{
    builder::Timeouts,
    clock::Clock,
    dns::Dns,
    fairness::Places,
    fetch_error::{Stage, fetch_error},
    guard::Guard,
};
use mta_sts_core::{FetchError, Flow, HttpsHead, Lookup, Want};
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{AsHeaderName, CONTENT_ENCODING, CONTENT_TYPE},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout, timeout_at};

/// A policy host with more addresses than this is tried at the first ones.
const MAX_ADDRESSES: usize = 8;

#[derive(Debug)]
pub(crate) struct Https {
    pub(crate) tls: rustls::ClientConfig,
    pub(crate) dns: Arc<Dns>,
    pub(crate) guard: Guard,
    pub(crate) places: Places,
    pub(crate) port: u16,
    pub(crate) timeouts: Timeouts,
}

impl Https {
    /// Answers [`Want::Https`] whatever happens. Whether the policy host was tried.
    pub(crate) async fn drive(&self, lookup: &mut Lookup, clock: &dyn Clock) -> bool {
        let Want::Https { url, host, .. } = lookup.want() else { return false };
        let (url, host) = (self.with_port(url, host), host.to_owned());
        let failed = match self.fetch(lookup, clock, url, &host).await {
            Ok(()) => return true,
            Err(why) => why,
        };
        // Out of turn only if the lookup has ended already.
        let _ = lookup.https_failed(failed, clock.now());
        failed != FetchError::NotTried
    }

    async fn fetch(&self, lookup: &mut Lookup, clock: &dyn Clock, url: String, host: &str) -> Result<(), FetchError> {
        let too_long = Instant::now() + self.timeouts.fetch;
        let place = timeout_at(too_long, self.places.for_domain(host)).await.ok().flatten();
        let _place = place.ok_or(FetchError::NotTried)?;
        let addresses = self.addresses(host).await?;
        let places = timeout_at(too_long, self.places.for_addresses(&addresses)).await.ok().flatten();
        let _places = places.ok_or(FetchError::NotTried)?;
        let client = self.client(&addresses).map_err(|_| FetchError::Http)?;
        let exchange = exchange(lookup, clock, client, url);
        timeout(self.timeouts.fetch, exchange).await.unwrap_or(Err(FetchError::Timeout))
    }

    /// Where the policy host is, judged at the time of connecting: what is checked here is what is
    /// connected to.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, FetchError> {
        let mut addresses = self.dns.addresses(host).await.map_err(|_| FetchError::Dns)?;
        if addresses.is_empty() {
            return Err(FetchError::Dns);
        }
        addresses.retain(|address| self.guard.allows(*address));
        addresses.truncate(MAX_ADDRESSES);
        if addresses.is_empty() { Err(FetchError::NotAllowed) } else { Ok(addresses) }
    }

    /// A client for one fetch: nothing is carried over from one policy host to another.
    fn client(&self, addresses: &[IpAddr]) -> reqwest::Result<Client> {
        let pinned = Pinned(addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect());
        Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(pinned)
            .https_only(true)
            // hyper takes an HTTP/2 stream that is reset with NO_ERROR for a whole body.
            .http1_only()
            .no_proxy()
            // RFC 8461 §3.3: redirects MUST NOT be followed.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .pool_max_idle_per_host(0)
            .connect_timeout(self.timeouts.connect.max(Duration::from_millis(1)))
            .user_agent(concat!("mta-sts/", env!("CARGO_PKG_VERSION")))
            .build()
    }

    fn with_port(&self, url: &str, host: &str) -> String {
        match self.port {
            443 => url.to_owned(),
            port => url.replacen(host, &format!("{host}:{port}"), 1),
        }
    }
}

async fn exchange(lookup: &mut Lookup, clock: &dyn Clock, client: Client, url: String) -> Result<(), FetchError> {
    let sent = client.get(url).send().await;
    let mut response = sent.map_err(|error| fetch_error(&error, Stage::Head))?;
    let (content_type, content_encoding) = (values(&response, CONTENT_TYPE), values(&response, CONTENT_ENCODING));
    let head = HttpsHead {
        status: response.status().as_u16(),
        content_type: &content_type.iter().map(String::as_str).collect::<Vec<_>>(),
        content_encoding: &content_encoding.iter().map(String::as_str).collect::<Vec<_>>(),
    };
    let mut flow = lookup.https_head(&head, clock.now());
    while flow == Ok(Flow::Continue) {
        match response.chunk().await.map_err(|error| fetch_error(&error, Stage::Body))? {
            Some(piece) => flow = lookup.https_body(&piece, clock.now()),
            None => {
                // Out of turn only if the lookup has ended already.
                let _ = lookup.https_end(clock.now());
                break;
            }
        }
    }
    Ok(())
}

/// All values of a field. What is not text is no media type and no coding either.
fn values(response: &Response, name: impl AsHeaderName) -> Vec<String> {
    let values = response.headers().get_all(name);
    values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// Gives the addresses that were looked up and judged, whatever the name.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(core::future::ready(Ok(addresses)))
    }
}
