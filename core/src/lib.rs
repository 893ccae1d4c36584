//! MTA-STS ([RFC 8461]) without any IO.
//!
//! This crate parses `_mta-sts` TXT records and policies, matches MX hosts, and decides what a
//! sending mail server has to do. It never opens a socket, reads a clock, logs, or keeps global
//! state: a [`Lookup`] says what it wants, the host answers, the lookup decides.
//!
//! # The run loop
//! ```
//! use mta_sts_core::*;
//!
//! # fn resolver_answer(_name: &str) -> TxtRecords { TxtRecords::from_iter([["v=STSv1; id=1;"]]) }
//! # fn clock() -> UnixTime { UnixTime(1_800_000_000) }
//! let domain = Domain::from_ascii("Example.COM")?;
//! let mut lookup = Lookup::new(&domain, None, Intent::Deliver, Config::default(), clock());
//! loop {
//!     match lookup.want() {
//!         // Ask DNS. The name is absolute: no search list (`res_query`, never `res_search`).
//!         Want::Txt { name } => {
//!             assert_eq!(name, "_mta-sts.example.com.");
//!             let records = resolver_answer(name);
//!             lookup.txt(Txt::Records(&records), clock())?;
//!         }
//!         // GET the policy over HTTPS with a verified certificate, following no redirect.
//!         Want::Https { url, .. } => {
//!             assert_eq!(url, "https://mta-sts.example.com/.well-known/mta-sts.txt");
//!             let head = HttpsHead { status: 200, content_type: &["text/plain"], content_encoding: &[] };
//!             if lookup.https_head(&head, clock())? == Flow::Continue {
//!                 lookup.https_body(b"version: STSv1\nmode: enforce\n", clock())?;
//!                 lookup.https_body(b"mx: *.example.com\nmax_age: 604800\n", clock())?;
//!                 lookup.https_end(clock())?;
//!             }
//!         }
//!         Want::Nothing => break,
//!     }
//! }
//! let outcome = lookup.outcome().expect("the lookup wants nothing");
//! let Decision::Enforce(policy) = &outcome.decision else { panic!() };
//! assert!(policy.permits_mx("mx1.example.com"));
//! assert!(!policy.permits_mx("mx1.example.net"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! The host keeps the cache: it applies [`Outcome::cache`] to its store with [`Entry::apply`] and
//! hands the entry to the next lookup. A live cached policy is applied inside the machine, so no
//! host can forget it.
//!
//! # Features
//! None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `idna` | `Domain::from_unicode` |
//! | `lint` | the `lint` module: levels, explanations and fixes for what the parsers find |
//! | `report` | the `report` module: TLSRPT reports (RFC 8460 §4) |
//! | `smallvec` | no API: short lists take no allocation of their own, for caches of many policies |
//!
//! [RFC 8461]: https://www.rfc-editor.org/rfc/rfc8461
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod domain;
pub mod entry;
mod few;
mod fields;
#[cfg(feature = "lint")]
pub mod lint;
pub mod lookup;
pub mod mx;
pub mod policy;
pub mod record;
#[cfg(feature = "report")]
pub mod report;
pub mod socketmap;
pub mod time;
pub mod tlsrpt;
pub mod txt;

pub use domain::{Domain, DomainError};
pub use entry::{Entry, EntryError};
pub use lookup::{
    CacheOp, Config, Decision, Failure, FetchError, Flow, HttpsHead, Intent, Lookup, OutOfTurn, Outcome, Txt, Want,
};
pub use mx::{MxPattern, MxPatternError};
pub use policy::{Mode, Policy, PolicyError};
pub use record::{RecordError, RecordId, StsRecord};
pub use time::UnixTime;
pub use tlsrpt::{ResultType, TlsRptError, TlsRptRecord};
pub use txt::TxtRecords;
