//! MTA-STS ([RFC 8461]) for Postfix and Sendmail: a socketmap server that answers with TLS policies.
//!
//! Postfix asks `smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix` for each next hop.
//! The last word, the map name, chooses a [`Zone`]; the rest is [`Server`] and [`Service`].
//! [`Overrides`] say what applies to a domain in place of what it publishes, and [`Metrics`] count.
//!
//! ```
//! use mta_sts::Resolver;
//! use mta_sts_postfix::{Limits, Listener, Server, Service, ServiceOptions};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let lab = mta_sts_lab::Lab::start().await?;
//! let resolver = Resolver::builder()
//! #     .name_servers([mta_sts::NameServer::Plain(lab.dns_addr())])
//! #     .extra_ca_pem(lab.ca_pem().as_bytes())?
//!     .build()?;
//! let service = Service::new(resolver, ServiceOptions::default());
//! let listener = Listener::tcp("127.0.0.1:0".parse()?)?;
//! let server = Server::start(service, [listener], Limits::default());
//! // At the end: no new requests, the answers to those that came.
//! server.drain().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What is answered
//! `secure match=… servername=hostname` for a policy in mode `enforce`, "not found" where mail goes
//! out as if there were no MTA-STS, and a temporary failure only where a policy may be hidden behind
//! a store that cannot be read, for [a while](ServiceOptions::store_grace), or where the DANE records
//! of all MX hosts cannot be looked up. A zone with [DANE](DaneMode) answers `dane-only` or `dane`
//! for a domain whose MX hosts have usable TLSA records. Nothing from the wire gets into an answer to
//! Postfix but names and the lines that [`Policy::safe_lines`](mta_sts::Policy::safe_lines) vouches for.
//!
//! # Clients that are not Postfix
//! The map `policy` answers `DOMAIN`, or `DOMAIN before-bounce` for a message that would otherwise be
//! returned to its sender, with a [`PolicyReply`](mta_sts::core::socketmap::PolicyReply): the decision
//! by which Postfix is answered, why, and the cache entry with the policy. Its zone is the one named
//! `policy`, else the default zone with [`DaneMode::Reply`].
//!
//! These sockets only answer. postfix-tlspol's commands `JSON`, `DUMP`, `EXPORT` and `PURGE` are map
//! names like any other here.
//!
//! # The log
//! One line a decision, at level `info` and with the target `mta_sts::decision`: zone, domain, reply,
//! decision, reason, source, for how many seconds the policy lives on, and how many milliseconds it
//! took. Requests that are for no domain are logged at level `trace`.
//!
//! [RFC 8461]: https://www.rfc-editor.org/rfc/rfc8461
#![forbid(unsafe_code)]

mod admin;
pub mod config;
mod connection;
pub mod daemon;
mod dane;
mod grace;
mod health;
mod http;
mod http_server;
mod key;
mod listener;
mod locked;
pub mod metrics;
pub mod migrate;
mod mx_check;
mod operations;
mod overrides;
mod policy_map;
mod recent;
mod reply;
mod ruling;
mod server;
mod service;
mod workers;
mod zone;

pub use admin::{Admin, CachePage, CachedDomain, CachedFailure, NotUnix, Purged, Refreshed, Reloaded, Status};
pub use health::{Check, CheckStatus, Health, HealthReport};
pub use http::{Http, NotLoopback};
pub use key::{NoDomain, policy_domain};
pub use listener::{ListenError, Listener, UnixSocketOptions};
pub use metrics::Metrics;
pub use mx_check::{Mismatch, MxCheck, MxCheckOptions, MxFigures};
pub use operations::Operations;
pub use overrides::{Override, OverrideError, OverrideErrorKind, Overrides, StaticPolicy};
pub use reply::{Reply, reply};
pub use server::{Answerer, Limits, Server};
pub use service::{Service, ServiceOptions};
pub use zone::{Asked, DaneMode, TlsRptAttributes, Zone, Zones};
