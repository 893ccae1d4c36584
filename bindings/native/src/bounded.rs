//! A map by domain that keeps what was used last.

use mta_sts_core::Domain;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: every change under our locks is whole or not made.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A map of bounded size. Over it, the value that was used least recently goes.
#[derive(Debug)]
pub(crate) struct Bounded<V> {
    max: usize,
    tick: u64,
    values: BTreeMap<Domain, (u64, V)>,
    by_use: BTreeMap<u64, Domain>,
}

impl<V> Bounded<V> {
    /// Room for `max` values, at least one.
    pub(crate) fn new(max: usize) -> Self {
        Self { max: max.max(1), tick: 0, values: BTreeMap::new(), by_use: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.values.len() > self.max
    }

    /// The value, without counting as a use.
    pub(crate) fn peek(&self, domain: &Domain) -> Option<&V> {
        self.values.get(domain).map(|(_, value)| value)
    }

    /// The value, which becomes the one used last.
    pub(crate) fn get(&mut self, domain: &Domain) -> Option<&mut V> {
        let (used, value) = self.values.get_mut(domain)?;
        if let Some(domain) = self.by_use.remove(used) {
            self.tick += 1;
            *used = self.tick;
            self.by_use.insert(self.tick, domain);
        }
        Some(value)
    }

    /// Sets the value and gives the one it replaces. The map may then be over its bound.
    pub(crate) fn put(&mut self, domain: &Domain, value: V) -> Option<V> {
        self.tick += 1;
        self.by_use.insert(self.tick, domain.clone());
        let (used, before) = self.values.insert(domain.clone(), (self.tick, value))?;
        self.by_use.remove(&used);
        Some(before)
    }

    /// Sets the value; what was used least recently makes room.
    pub(crate) fn insert(&mut self, domain: &Domain, value: V) {
        self.put(domain, value);
        while self.is_over() && self.remove_oldest().is_some() {}
    }

    pub(crate) fn remove(&mut self, domain: &Domain) -> Option<V> {
        let (used, value) = self.values.remove(domain)?;
        self.by_use.remove(&used);
        Some(value)
    }

    pub(crate) fn remove_oldest(&mut self) -> Option<(Domain, V)> {
        let (_, domain) = self.by_use.pop_first()?;
        let (_, value) = self.values.remove(&domain)?;
        Some((domain, value))
    }

    /// The values of the domains after `after`, in order.
    pub(crate) fn after(&self, after: Option<&Domain>) -> impl Iterator<Item = (&Domain, &V)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.values.range::<Domain, _>((start, Bound::Unbounded)).map(|(domain, (_, value))| (domain, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Domain, &mut V)> {
        self.values.iter_mut().map(|(domain, (_, value))| (domain, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::from_ascii(name).unwrap()
    }

    #[test]
    fn what_was_used_least_recently_goes() {
        let mut map = Bounded::new(2);
        map.insert(&domain("a.test"), 1);
        map.insert(&domain("b.test"), 2);
        assert_eq!(map.get(&domain("a.test")), Some(&mut 1));
        map.insert(&domain("c.test"), 3);
        assert_eq!(map.len(), 2);
        assert_eq!(map.peek(&domain("b.test")), None);
        assert_eq!(map.peek(&domain("a.test")), Some(&1));
    }

    #[test]
    fn pages_follow_the_order_of_the_names() {
        let mut map = Bounded::new(9);
        ["c.test", "a.test", "b.test"].iter().for_each(|name| map.insert(&domain(name), ()));
        let names: Vec<_> = map.after(Some(&domain("a.test"))).map(|(name, ())| name.as_str()).collect();
        assert_eq!(names, ["b.test", "c.test"]);
    }
}
