//! DANE for SMTP (RFC 7672): what next hops with all kinds of records come to.
//!
//! With the feature `dnssec-servers` also against a signed root of our own, which knot serves and
//! unbound and this crate validate; knotd, unbound and dnssec-signzone must then be installed.

#[path = "../common/mod.rs"]
mod common;
mod keeping;
#[cfg(feature = "dnssec-servers")]
mod servers;
mod table;
