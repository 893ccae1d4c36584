//! `mta-sts-core` for JavaScript.
//!
//! The npm package `mta-sts` (`wasm/npm`) wraps this: octets and numbers go in, JSON texts, octets
//! and numbers come out, and its JavaScript makes objects of them. Nothing here decides anything.
//!
//! An RRset comes in as one array of octets: for each record the number of its character-strings
//! as a little-endian u32, and for each of these its length as a u32 and its octets.

#[cfg(feature = "full")]
mod entry;
mod json;
#[cfg(feature = "full")]
mod lint;
mod lookup;
mod names;
mod policy;
#[cfg(feature = "full")]
mod report;
#[cfg(feature = "full")]
mod tlsrpt;
mod txt;

#[cfg(feature = "full")]
pub use entry::*;
#[cfg(feature = "full")]
pub use lint::*;
pub use lookup::Lookup;
pub use names::*;
pub use policy::*;
#[cfg(feature = "full")]
pub use report::*;
#[cfg(feature = "full")]
pub use tlsrpt::*;
pub use txt::*;

use mta_sts_core::UnixTime;

/// The time as JavaScript hands it in: seconds since 1970. What is no time is 1970.
fn time(seconds: f64) -> UnixTime {
    // A cast of a float saturates, and NaN becomes 0.
    UnixTime(seconds as u64)
}

/// Half the size of the standard one. It keeps rather more memory for itself once large texts were
/// read, so the build that reads reports has the standard one.
#[cfg(all(target_family = "wasm", not(feature = "full")))]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
