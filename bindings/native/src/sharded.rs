//! A bounded map by domain for many threads.

use crate::bounded::{Bounded, locked};
use mta_sts_core::Domain;
use std::sync::{Mutex, MutexGuard};

/// Parts of a map.
const PARTS: usize = 16;

/// A [`Bounded`] map in parts, each with its share of the room and a lock of its own, so that
/// threads seldom wait for each other.
#[derive(Debug)]
pub(crate) struct Sharded<V>([Mutex<Bounded<V>>; PARTS]);

impl<V> Sharded<V> {
    /// Room for some `max` values.
    pub(crate) fn new(max: usize) -> Self {
        Self(core::array::from_fn(|_| Mutex::new(Bounded::new(max.div_ceil(PARTS)))))
    }

    /// The part that the domain belongs to. Whoever finds names for one part only makes them
    /// compete with each other for its room and its lock.
    pub(crate) fn of(&self, domain: &Domain) -> MutexGuard<'_, Bounded<V>> {
        // Odd factors let each octet count for every part.
        let sum = (1..).step_by(2).zip(domain.as_str().bytes()).map(|(factor, b): (u32, u8)| factor * u32::from(b));
        locked(&self.0[sum.sum::<u32>() as usize % PARTS])
    }

    /// All values, part by part.
    pub(crate) fn values(&self) -> Vec<V>
    where
        V: Clone,
    {
        let of_part =
            |part: &Mutex<Bounded<V>>| locked(part).places().map(|(_, (_, value))| value.clone()).collect::<Vec<_>>();
        self.0.iter().flat_map(of_part).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|part| locked(part).len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_share_names_evenly_and_keep_their_bound() {
        let map = Sharded::new(1600);
        for i in 0..800 {
            let domain = Domain::from_ascii(format!("d{i:07}.example.com")).unwrap();
            map.of(&domain).insert(&domain, i);
            assert_eq!(map.of(&domain).peek(&domain), Some(&i));
        }
        assert!(map.0.iter().all(|part| (25..=75).contains(&locked(part).len())), "{map:?}");
        for i in 0..8000 {
            let domain = Domain::from_ascii(format!("d{i}.test")).unwrap();
            map.of(&domain).insert(&domain, i);
        }
        assert_eq!(map.len(), 1600);
    }
}
