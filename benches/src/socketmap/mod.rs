//! The socketmap server under load, beside others: each in a process of its own.

pub mod daemon;
pub mod echo;
pub mod load;
pub mod measure;
pub mod ours;
pub mod process;
pub mod report;

use mta_sts::{Domain, Entry, UnixTime};
use mta_sts_core::{Policy, RecordId};
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the map in every request.
pub const MAP: &str = "postfix";
/// Where the digits stand in [`domain`].
const DIGITS: usize = 7;

/// The name of the domain with this number, below ten million: 20 octets.
#[must_use]
pub fn domain(number: u32) -> String {
    format!("d{number:0DIGITS$}.example.com")
}

/// The policy of the domain: 130 octets.
#[must_use]
pub fn policy(number: u32) -> String {
    let name = domain(number);
    format!("version: STSv1\nmode: enforce\nmx: mx1.{name}\nmx: mx2.{name}\nmx: *.{name}\nmax_age: 604800\n")
}

/// The payload of the reply for the domain.
#[must_use]
pub fn reply(number: u32) -> String {
    let name = domain(number);
    format!("OK secure match=mx1.{name}:mx2.{name}:.{name} servername=hostname")
}

/// What a cache holds for the domain, fetched and checked just now.
///
/// # Panics
/// Never: everything in it is valid.
#[must_use]
pub fn entry(number: u32, now: UnixTime) -> Entry {
    let domain = Domain::from_ascii(domain(number)).expect("a domain");
    let policy = Policy::parse(policy(number).as_bytes()).expect("a policy");
    Entry::import(&domain, RecordId::new("20260101T000000").expect("an id"), policy, now, now)
}

/// The time now.
#[must_use]
pub fn now() -> UnixTime {
    UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_has_130_octets_and_the_domain_20() {
        assert_eq!((policy(1_234_567).len(), domain(1).len()), (130, 20));
        assert_eq!(entry(7, UnixTime(1_800_000_000)).domain().as_str(), "d0000007.example.com");
    }
}
