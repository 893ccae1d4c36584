//! Shares out the outgoing fetches, so that one slow host starves nobody.

use crate::{bounded::locked, builder::Limits};
use core::hash::Hash;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for fetches: in all, per registrable domain and per destination address.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    domains: Arc<Keyed<String>>,
    addresses: Arc<Keyed<IpAddr>>,
}

/// Places taken; they are free again when it is dropped.
pub(crate) struct Taken {
    _addresses: Vec<KeyedPermit<IpAddr>>,
    _all: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.max_fetches.clamp(1, Semaphore::MAX_PERMITS))),
            domains: Arc::new(Keyed::new(limits.per_registrable_domain)),
            addresses: Arc::new(Keyed::new(limits.per_address)),
        }
    }

    /// Waits for a place of the host's registrable domain.
    pub(crate) async fn for_domain(&self, host: &str) -> Option<KeyedPermit<String>> {
        self.domains.acquire(registrable(host).to_owned()).await
    }

    /// Waits for a place at each of the addresses, and then for one of all. In this order, so that
    /// who waits for a slow host holds no place that others could use.
    pub(crate) async fn for_addresses(&self, addresses: &[IpAddr]) -> Option<Taken> {
        let mut keys: Vec<_> = addresses.iter().map(|address| network(*address)).collect();
        // Everybody waits in the same order, so nobody waits for ever.
        keys.sort_unstable();
        keys.dedup();
        let mut permits = Vec::with_capacity(keys.len());
        for key in keys {
            permits.push(self.addresses.acquire(key).await?);
        }
        Some(Taken { _addresses: permits, _all: self.all.clone().acquire_owned().await.ok()? })
    }
}

/// The name that somebody registered: one label below a public suffix, by the list of publicsuffix.org
/// that is compiled in. Of the list's private part too: who has a name below `uk.com` is as strange to
/// the others there as below `co.uk`, and has silent hosts as cheaply. What is itself a suffix stands for
/// itself.
pub(crate) fn registrable(host: &str) -> &str {
    psl::domain_str(host).unwrap_or(host)
}

/// One host may own a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[derive(Debug)]
struct Keyed<K> {
    each: usize,
    semaphores: Mutex<HashMap<K, Arc<Semaphore>>>,
}

pub(crate) struct KeyedPermit<K: Eq + Hash> {
    owner: Arc<Keyed<K>>,
    key: K,
    permit: Option<OwnedSemaphorePermit>,
}

impl<K: Clone + Eq + Hash> Keyed<K> {
    fn new(each: usize) -> Self {
        Self { each: each.clamp(1, Semaphore::MAX_PERMITS), semaphores: Mutex::default() }
    }

    async fn acquire(self: &Arc<Self>, key: K) -> Option<KeyedPermit<K>> {
        let semaphore = {
            let mut semaphores = locked(&self.semaphores);
            semaphores.entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
        };
        // Made before waiting, so that who gives up while waiting cleans up as well.
        let mut place = KeyedPermit { owner: self.clone(), key, permit: None };
        place.permit = Some(semaphore.acquire_owned().await.ok()?);
        Some(place)
    }
}

impl<K: Eq + Hash> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        let mut semaphores = locked(&self.owner.semaphores);
        self.permit = None;
        if semaphores.get(&self.key).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            semaphores.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_slow_host_does_not_hold_the_places_of_others() {
        let limits = Limits { max_fetches: 3, per_address: 1, ..Limits::default() };
        let places = Places::new(&limits);
        let slow: IpAddr = "192.0.2.1".parse().unwrap();
        let first = places.for_addresses(&[slow]).await;
        assert!(first.is_some());
        let waiting = timeout(Duration::from_millis(20), places.for_addresses(&[slow])).await;
        assert!(waiting.is_err());
        let others = ["192.0.2.2", "192.0.2.3"].map(|address| address.parse().unwrap());
        assert!(timeout(Duration::from_millis(20), places.for_addresses(&others)).await.is_ok());
        drop(first);
        assert!(locked(&places.addresses.semaphores).is_empty());
    }

    #[test]
    fn names_below_a_public_suffix_are_strangers_and_names_below_one_of_them_are_not() {
        for (host, expected) in [
            ("mta-sts.a.example.com", "example.com"),
            ("mta-sts.bank2.co.uk", "bank2.co.uk"),
            ("mta-sts.slow1.evil.co.uk", "evil.co.uk"),
            ("mta-sts.a.b.xn--55qx5d.cn", "b.xn--55qx5d.cn"),
            ("mta-sts.a.example.uk.com", "example.uk.com"),
            ("a.b.test", "b.test"),
            ("co.uk", "co.uk"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(registrable(host), expected);
        }
    }
}
