//! What DANE says of a next hop.

use mta_sts::{DaneAnswer, Domain, NextHopDane, Resolver};
use tokio::time::timeout;

/// What DANE says of all MX hosts of a next hop together. RFC 7672 §2.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dane {
    /// It is not known what DNSSEC vouches for.
    Unknown,
    /// The MX records are not secure, or no host has TLSA records.
    Insecure,
    /// There are TLSA records, and none can be used.
    Unusable,
    /// At least one host has usable TLSA records.
    Usable,
    /// The lookups of some hosts failed, none has usable records, and some have no DANE.
    Mixed,
    /// The lookups of all hosts failed: none of them may be used.
    Broken,
}

impl Dane {
    pub(crate) const ALL: [Self; 6] =
        [Self::Unknown, Self::Insecure, Self::Unusable, Self::Usable, Self::Mixed, Self::Broken];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Insecure => "insecure",
            Self::Unusable => "unusable",
            Self::Usable => "usable",
            Self::Mixed => "mixed",
            Self::Broken => "broken",
        }
    }
}

/// What was found out of a next hop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) status: Dane,
    /// DNS was not asked for it.
    pub(crate) was_known: bool,
    /// With [`Dane::Mixed`] the MX hosts whose lookups did not fail: any text.
    pub(crate) unbroken: Vec<String>,
}

/// What DANE says of the next hop, as far as the resolver is asked for it.
///
/// Clients of the map `policy` wait for a few seconds, and might take "no answer" for a daemon that is
/// down: they are told in time that mail has to wait. Postfix has more patience than any lookup takes.
pub(crate) async fn dane_within(resolver: &Resolver, next_hop: &Domain, for_clients: bool) -> Found {
    if let Some(known) = known_dane_of(resolver, next_hop) {
        return known;
    }
    let lookup = resolver.dane(next_hop);
    let answer = match for_clients {
        true => timeout(resolver.timeouts().caller, lookup).await.ok(),
        false => Some(lookup.await),
    };
    let in_time = answer.map(|answer| Found::of(answer, false));
    in_time.unwrap_or(Found { status: Dane::Broken, was_known: false, unbroken: Vec::new() })
}

/// The same, if it is known without asking DNS.
pub(crate) fn known_dane_of(resolver: &Resolver, next_hop: &Domain) -> Option<Found> {
    resolver.known_dane(next_hop).map(|answer| Found::of(answer, true))
}

impl Found {
    fn of(answer: DaneAnswer, was_known: bool) -> Self {
        let status = match answer.status {
            NextHopDane::Insecure => Dane::Insecure,
            NextHopDane::Unusable => Dane::Unusable,
            NextHopDane::Usable => Dane::Usable,
            NextHopDane::Mixed => Dane::Mixed,
            NextHopDane::Broken => Dane::Broken,
            _ => Dane::Unknown,
        };
        Self { status, was_known, unbroken: answer.unbroken().map(str::to_owned).collect() }
    }
}
