//! MTA-STS ([RFC 8461]) for Postfix and Sendmail: a socketmap server that answers with TLS policies.
//!
//! Postfix asks `smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix` for each next hop.
//! The last word, the map name, chooses a [`Zone`]; the rest is [`Server`] and [`Service`].
//!
//! ```
//! use mta_sts::Resolver;
//! use mta_sts_postfix::{Limits, Listener, Server, Service, Zones};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let lab = mta_sts_lab::Lab::start().await?;
//! let resolver = Resolver::builder()
//! #     .name_servers([mta_sts::NameServer::Plain(lab.dns_addr())])
//! #     .extra_ca_pem(lab.ca_pem().as_bytes())?
//!     .build()?;
//! let service = Service::new(resolver, Zones::default());
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
//! a store that cannot be read. Nothing from the wire gets into an answer but names and the lines
//! that [`Policy::safe_lines`](mta_sts::Policy::safe_lines) vouches for.
//!
//! [RFC 8461]: https://www.rfc-editor.org/rfc/rfc8461
#![forbid(unsafe_code)]

mod connection;
mod key;
mod listener;
mod reply;
mod server;
mod service;
mod zone;

pub use key::{NoDomain, policy_domain};
pub use listener::{ListenError, Listener, UnixSocketOptions};
pub use reply::{Reply, reply};
pub use server::{Answerer, Limits, Server};
pub use service::Service;
pub use zone::{Asked, DaneMode, TlsRptAttributes, Zone, Zones};
