//! `libmtasts`: MTA-STS (RFC 8461) for mail servers written in C.
//!
//! A thin layer over `mta-sts-core`. C programs see `include/mtasts.h`, which is made from the
//! documentation comments here and whose first lines say what holds for every function. Rust
//! programs use `mta-sts-core` itself.
#![allow(non_camel_case_types, reason = "these are the names that C sees")]
#![allow(clippy::missing_safety_doc, reason = "the header's conventions hold for every function")]

mod guard;

// In the order of the header: versions, numbers, text,
mod version;

mod codes;

mod text;

// names, records, policies,
mod domain;

mod txt;

mod policy;

mod problems;

// lookups, what they leave in the cache, and where to report,
mod config;

mod lookup;

mod entry;

mod tlsrpt;

// and the daemon, which does all of that.
mod client;

pub use client::*;
pub use codes::*;
pub use config::*;
pub use domain::*;
pub use entry::*;
pub use lookup::*;
pub use policy::*;
pub use problems::*;
pub use text::mtasts_str;
pub use tlsrpt::*;
pub use txt::*;
pub use version::*;
