//! The settings of a resolver.

use crate::{
    clock::{Clock, SystemClock},
    dane::{Dane, DaneTrust},
    dns::Dns,
    fairness::Places,
    guard::Guard,
    https::Https,
    name_server::NameServer,
    probe::Prober,
    resolver::{Core, Resolver},
    store::{Layered, MemoryStore, PolicyStore},
    tls::{Trust, certificates},
};
use core::{error::Error, fmt};
use ipnet::IpNet;
use mta_sts_core::Config;
use rustls::pki_types::CertificateDer;
use std::{sync::Arc, time::Duration};

/// Sets up a [`Resolver`]; [`Resolver::builder`] makes one. Every setting has a default.
#[derive(Clone)]
#[must_use]
pub struct ResolverBuilder {
    name_servers: Vec<NameServer>,
    extra_ca: Vec<CertificateDer<'static>>,
    only_extra_ca: bool,
    https_port: u16,
    smtp_port: u16,
    allow_nets: Vec<IpNet>,
    timeouts: Timeouts,
    freshness: Freshness,
    store: Option<Arc<dyn PolicyStore>>,
    shared: Option<Arc<Layered>>,
    memory_level: usize,
    unused_after: Duration,
    config: Config,
    clock: Arc<dyn Clock>,
    limits: Limits,
    dane: DaneTrust,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// One DNS question, all name servers and retries together. Default 5 s.
    pub dns: Duration,
    /// TCP and TLS with one policy host, and TCP with one address of an MX host. Default 10 s.
    pub connect: Duration,
    /// A whole fetch, and as long before it to wait for a free place. RFC 8461 §3.3 suggests about
    /// a minute. Default 60 s.
    pub fetch: Duration,
    /// How long a caller waits; the lookup goes on behind. Not with [`Freshness::Checked`].
    /// Default 5 s.
    pub caller: Duration,
    /// Each step of an SMTP dialogue. Default 30 s.
    pub smtp: Duration,
    /// One call of the policy store, and all that a caller waits for it: changes that take longer are
    /// made behind. Default 50 ms.
    pub store: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            dns: seconds(5),
            connect: seconds(10),
            fetch: seconds(60),
            caller: seconds(5),
            smtp: seconds(30),
            store: Duration::from_millis(50),
        }
    }
}

/// How much may be under way at once. Beyond it a lookup is answered with
/// [`FetchError::NotTried`](crate::core::FetchError::NotTried).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Fetches. Default 64.
    pub max_fetches: usize,
    /// Lookups beyond those that fetch. Default 1024.
    pub max_queued: usize,
    /// Fetches from one IPv4 address or one IPv6 /64. Default 4.
    pub per_address: usize,
    /// Fetches from one registrable domain: one label below a public suffix such as `co.uk`, by the list
    /// that was current when this was built. Default 4.
    pub per_registrable_domain: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_fetches: 64, max_queued: 1024, per_address: 4, per_registrable_domain: 4 }
    }
}

/// What a lookup for a delivery waits for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Freshness {
    /// A live cached policy answers at once while its id is checked behind, and a domain that was
    /// found to have no policy is not asked again before [`Answer::next_check`](crate::Answer::next_check).
    #[default]
    Cached,
    /// The lookup is driven to its end, however long DNS and the fetch take.
    Checked,
}

impl ResolverBuilder {
    pub(crate) fn new() -> Self {
        Self {
            name_servers: Vec::new(),
            extra_ca: Vec::new(),
            only_extra_ca: false,
            https_port: 443,
            smtp_port: 25,
            allow_nets: Vec::new(),
            timeouts: Timeouts::default(),
            freshness: Freshness::default(),
            store: None,
            shared: None,
            memory_level: 0,
            unused_after: Duration::from_secs(180 * 86_400),
            config: Config::default(),
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
            dane: DaneTrust::Off,
        }
    }

    /// The recursive name servers, in the order in which they are asked. Default: the system's
    /// (`/etc/resolv.conf`), of which only the addresses are used.
    pub fn name_servers(mut self, servers: impl IntoIterator<Item = NameServer>) -> Self {
        self.name_servers = servers.into_iter().collect();
        self
    }

    /// Trusts the CA certificates in this PEM text, besides those of the system.
    ///
    /// # Errors
    /// [`BuildError::BadCa`] if there is no certificate in it, or one that does not parse.
    pub fn extra_ca_pem(mut self, pem: &[u8]) -> Result<Self, BuildError> {
        self.extra_ca.extend(certificates(pem)?);
        Ok(self)
    }

    /// Trusts only the extra CA certificates and not those of the system. Default: `false`.
    pub fn only_extra_ca(mut self, only: bool) -> Self {
        self.only_extra_ca = only;
        self
    }

    /// The TCP port of policy hosts. Default 443, and only tests want another (RFC 8461 §3.3).
    pub fn https_port(mut self, port: u16) -> Self {
        self.https_port = port;
        self
    }

    /// The TCP port of MX hosts. Default 25. TLSA records are always those of port 25.
    pub fn smtp_port(mut self, port: u16) -> Self {
        self.smtp_port = port;
        self
    }

    /// Opens nets to connections. Policy hosts and MX hosts are named by strangers, so that by
    /// default only global unicast addresses are connected to: not loopback, private, link-local,
    /// shared, documentation, multicast or IPv4-mapped ones. Name servers may be anywhere.
    pub fn allow_nets(mut self, nets: impl IntoIterator<Item = IpNet>) -> Self {
        self.allow_nets = nets.into_iter().collect();
        self
    }

    /// How long things may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// What a lookup for a delivery waits for. Default [`Freshness::Cached`].
    pub fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// Where policies are kept. Default: a [`MemoryStore`] of its own.
    pub fn store(mut self, store: Arc<dyn PolicyStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Uses the policy store of another resolver, with all that is in memory before it: what the store
    /// failed to keep is there and nowhere else. For a resolver that takes the place of one with other
    /// settings. [`store`](Self::store), [`memory_level`](Self::memory_level) and
    /// [`Timeouts::store`] are then those of the other one.
    pub fn store_of(mut self, resolver: &Resolver) -> Self {
        self.shared = Some(resolver.core.store.clone());
        self
    }

    /// Keeps the policies of up to `entries` domains in memory, before the store. Default 0: none.
    ///
    /// A live policy there answers without the store. What other processes write to a shared store
    /// is seen when a lookup goes on behind (see [`Config::recheck_after`]) or the refresher passes.
    pub fn memory_level(mut self, entries: usize) -> Self {
        self.memory_level = entries;
        self
    }

    /// Domains without mail for so long are no longer refreshed; their policies are dropped when
    /// they have ended. Default 180 days.
    pub fn unused_after(mut self, time: Duration) -> Self {
        self.unused_after = time;
        self
    }

    /// The limits of each lookup.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Where the time comes from. Default: the system.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How much may be under way at once.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether [`Resolver::plan`] and [`Resolver::dane`] look at DANE (RFC 7672), by the AD bit of the
    /// name servers: [`DaneTrust::AdBit`], else [`DaneTrust::Off`]. Default: `false`.
    pub fn dane(self, on: bool) -> Self {
        self.dane_trust(if on { DaneTrust::AdBit } else { DaneTrust::Off })
    }

    /// Whether [`Resolver::plan`] and [`Resolver::dane`] look at DANE (RFC 7672), and whose word on
    /// DNSSEC counts. Default: [`DaneTrust::Off`].
    pub fn dane_trust(mut self, trust: DaneTrust) -> Self {
        self.dane = trust;
        self
    }

    /// The resolver. Nothing is asked yet; lookups need a tokio runtime with IO and time.
    ///
    /// # Errors
    /// [`BuildError`]. That there is no trust anchor, for one, would let every fetch fail.
    pub fn build(self) -> Result<Resolver, BuildError> {
        let trust = Trust::load(self.extra_ca, self.only_extra_ca)?;
        let dns_tls = trust.client_config(&[])?;
        let dns = Arc::new(Dns::new(&self.name_servers, self.timeouts.dns, &dns_tls, None)?);
        let guard = Guard::new(self.allow_nets);
        let max_under_way = self.limits.max_fetches.saturating_add(self.limits.max_queued);
        let clock = self.clock.clone();
        let dane = Dane::new(&self.dane, &self.name_servers, &dns_tls, self.timeouts, max_under_way, clock)?;
        let https = Https {
            tls: trust.client_config(&[b"http/1.1"])?,
            dns: dns.clone(),
            guard: guard.clone(),
            places: Places::new(&self.limits),
            port: self.https_port,
            timeouts: self.timeouts,
        };
        let prober = Prober {
            verifier: trust.verifier()?,
            trust,
            dns: dns.clone(),
            guard,
            port: self.smtp_port,
            timeouts: self.timeouts,
        };
        let store = self.shared.unwrap_or_else(|| {
            let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
            Arc::new(Layered::new(store, self.timeouts.store, self.memory_level))
        });
        Ok(Resolver::start(Core {
            store,
            dns,
            https,
            prober,
            dane,
            clock: self.clock,
            config: self.config,
            timeouts: self.timeouts,
            freshness: self.freshness,
            max_under_way,
            memory: Default::default(),
            flights: Default::default(),
            unused_after: self.unused_after,
            refresh_every: Default::default(),
            on_lookup: Default::default(),
        }))
    }
}

impl fmt::Debug for ResolverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverBuilder")
            .field("name_servers", &self.name_servers)
            .field("https_port", &self.https_port)
            .field("smtp_port", &self.smtp_port)
            .field("allow_nets", &self.allow_nets)
            .field("timeouts", &self.timeouts)
            .field("freshness", &self.freshness)
            .field("memory_level", &self.memory_level)
            .field("unused_after", &self.unused_after)
            .field("config", &self.config)
            .field("limits", &self.limits)
            .field("dane", &self.dane)
            .finish_non_exhaustive()
    }
}

/// Why there is no resolver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// The extra CA certificates cannot be read.
    BadCa,
    /// The trust anchors of DNSSEC hold no DNSKEY record of the root, or one that cannot be used.
    BadTrustAnchors,
    /// DANE needs plain name servers on loopback, named in the settings.
    DaneNeedsLoopback,
    /// No name server is known, or none can be used.
    NoNameServer,
    /// No trust anchor was found, so that every fetch would fail.
    NoTrustAnchors,
    /// TLS cannot be set up.
    Tls,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadCa => "the extra CA file holds no readable PEM certificate",
            Self::BadTrustAnchors => {
                "the DNSSEC trust anchors hold no usable DNSKEY record of the root: name a file that does, such as /usr/share/dns/root.key, or none"
            }
            Self::DaneNeedsLoopback => {
                "DANE trusts what the name server says of DNSSEC: name a validating one on loopback, such as 127.0.0.1"
            }
            Self::NoNameServer => "no usable name server: name one, or check /etc/resolv.conf",
            Self::NoTrustAnchors => {
                "no CA certificate is trusted, so no policy could be fetched: install ca-certificates, or name a CA file"
            }
            Self::Tls => "TLS cannot be set up",
        })
    }
}

impl Error for BuildError {}
