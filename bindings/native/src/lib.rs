//! MTA-STS ([RFC 8461]) for tokio: what a sending mail server has to know before it delivers.
//!
//! A [`Resolver`] asks DNS and policy hosts, keeps policies in a [`PolicyStore`], and answers from
//! them. [`Resolver::plan`] goes on to the MX hosts, [`Resolver::dane`] says what DANE (RFC 7672)
//! demands of them. The protocol itself is in [`core`], which does
//! no IO; this crate drives it.
//!
//! ```
//! use mta_sts::{Decision, Resolver};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let lab = mta_sts_lab::Lab::start().await?;
//! # lab.world().txt("_mta-sts.example.test", &["v=STSv1; id=1;"]);
//! # let policy = "version: STSv1\nmode: enforce\nmx: *.example.test\nmax_age: 604800\n";
//! # lab.world().policy_host("mta-sts.example.test", mta_sts_lab::PolicyHost::serving(policy));
//! let resolver = Resolver::builder()
//! #     .name_servers([mta_sts::NameServer::Plain(lab.dns_addr())])
//! #     .extra_ca_pem(lab.ca_pem().as_bytes())?
//! #     .https_port(lab.https_port())
//! #     .allow_nets(["127.0.0.0/8".parse()?])
//!     .build()?;
//! // Renews policies before they end, until it is dropped.
//! let _refresher = resolver.spawn_refresher();
//!
//! let answer = resolver.resolve("example.test").await?;
//! match &answer.decision {
//!     // Deliver only to these hosts, over TLS with a certificate that is valid for the host.
//!     Decision::Enforce(policy) => assert!(policy.permits_mx("mx1.example.test")),
//!     // Deliver, and report the hosts that fail.
//!     Decision::Testing(_) => {}
//!     // Deliver as ever; `answer.failure` says what could not be learnt.
//!     Decision::NoPolicy => {}
//! }
//! # assert!(matches!(answer.decision, Decision::Enforce(_)));
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//! - A live cached policy applies whatever DNS and the policy host say (RFC 8461 §3.3). By default
//!   it answers at once, and its id is checked behind: see [`Freshness`].
//! - Callers of one domain share one lookup. A caller waits for [`Timeouts::caller`] at most; the
//!   lookup goes on without it and its result is kept. Dropping a future loses nothing, dropping
//!   the last [`Resolver`] ends everything.
//! - "There is no policy" and "it could not be learnt" are different answers: see
//!   [`Answer::failure`]. A [`PolicyStore`] that fails is an unreadable cache, not an empty one.
//! - Policies are fetched over HTTP/1.1 with TLS 1.2 or 1.3, without redirects, cookies, proxies or
//!   content coding, from global unicast addresses only.
//!
//! TLS is rustls with ring, set up for this resolver alone: the process-wide provider of rustls is
//! neither needed nor changed. Decisions are logged by `tracing`; nothing from the wire enters a
//! log unescaped.
//!
//! # Features
//! - `redis`: `RedisStore`, which many machines share. Off by default.
//! - `sqlite`: `SqliteStore`, a durable store in a file, with a SQLite of its own; needs Rust 1.89. Off by default.
//!
//! [RFC 8461]: https://www.rfc-editor.org/rfc/rfc8461
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod bounded;
mod builder;
mod cache;
mod clock;
mod dane;
mod dns;
mod fairness;
mod fetch_error;
mod flight;
mod guard;
mod https;
mod judge;
mod mx;
mod name_server;
mod plan;
mod probe;
mod refresher;
mod resolver;
mod secure_dns;
mod sharded;
mod smtp;
mod store;
mod tls;

pub use answer::{Answer, Moment, ResolveError, Source, Warm};
pub use builder::{BuildError, Freshness, Limits, ResolverBuilder, Timeouts};
pub use clock::{Clock, SystemClock};
pub use dane::{DaneAnswer, DaneStatus, DaneTrust, NextHopDane};
pub use dns::DnsError;
pub use ipnet::IpNet;
pub use judge::{Refusal, Verdict};
pub use mta_sts_core as core;
pub use mta_sts_core::{
    CacheOp, Config, Decision, Domain, Entry, Failure, FetchError, Intent, Mode, Policy, ResultType, UnixTime,
};
pub use mx::{MxHost, MxHosts};
pub use name_server::{NameServer, NameServerError};
pub use plan::{Candidate, DeferReason, Delivery, Plan, PlanOptions, TlsLevel};
pub use probe::{CertProblem, ProbeResult, TlsVersion, Unreachable};
pub use refresher::RefresherHandle;
pub use resolver::Resolver;
#[cfg(feature = "sqlite")]
pub use store::SqliteStore;
pub use store::{BoxFuture, MemoryStore, PolicyStore, StoreError, StoreStats};
#[cfg(feature = "redis")]
pub use store::{RedisOptions, RedisStore};
