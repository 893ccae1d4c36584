//! A map by domain that keeps what was used last.

use core::hash::BuildHasher;
use hashbrown::HashTable;
use mta_sts_core::Domain;
use std::{
    collections::hash_map::RandomState,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Locks, also after a panic elsewhere: every change under our locks is whole or not made.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No node.
const NONE: u32 = u32::MAX;

/// A map of bounded size. Over it, the value that was used least recently goes. Every change and
/// every look at one value takes constant time.
///
/// The values stand in one table, linked in the order of their use.
#[derive(Debug)]
pub(crate) struct Bounded<V> {
    max: usize,
    /// Of the domains, which stand in the nodes.
    places: HashTable<u32>,
    /// Keyed: strangers name the domains.
    hasher: RandomState,
    nodes: Vec<Node<V>>,
    /// The first of the free nodes, which are linked by `older`.
    free: u32,
    newest: u32,
    oldest: u32,
}

#[derive(Debug)]
struct Node<V> {
    /// `None` in a free node.
    held: Option<(Domain, V)>,
    newer: u32,
    older: u32,
}

impl<V> Bounded<V> {
    /// Room for `max` values, at least one.
    pub(crate) fn new(max: usize) -> Self {
        // One more stands there while something is inserted.
        let max = max.clamp(1, NONE as usize - 1);
        Self {
            max,
            places: HashTable::new(),
            hasher: RandomState::new(),
            nodes: Vec::new(),
            free: NONE,
            newest: NONE,
            oldest: NONE,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.len() > self.max
    }

    /// The value, without counting as a use.
    pub(crate) fn peek(&self, domain: &Domain) -> Option<&V> {
        self.at(self.place_of(domain)?).map(|(_, value)| value)
    }

    /// The value, which becomes the one used last.
    pub(crate) fn get(&mut self, domain: &Domain) -> Option<&mut V> {
        let place = self.place_of(domain)?;
        if place != self.newest {
            self.unlink(place);
            self.link(place);
        }
        self.node(place)?.held.as_mut().map(|(_, value)| value)
    }

    /// Sets the value, and says at which place it stands and which it replaces. The map may then be
    /// over its bound.
    pub(crate) fn put(&mut self, domain: &Domain, value: V) -> (u32, Option<V>) {
        if let Some(held) = self.get(domain) {
            let before = mem::replace(held, value);
            return (self.newest, Some(before));
        }
        let node = Node { held: Some((domain.clone(), value)), newer: NONE, older: NONE };
        let place = self.free;
        let place = match self.node(place) {
            Some(free) => {
                let next = mem::replace(free, node).older;
                self.free = next;
                place
            }
            None => {
                self.nodes.push(node);
                // The bound keeps the table smaller than that.
                (self.nodes.len() - 1) as u32
            }
        };
        let Self { places, hasher, nodes, .. } = self;
        let hash_at = |place: &u32| held(nodes, *place).map_or(0, |(domain, _)| hash(hasher, domain));
        places.insert_unique(hash(hasher, domain), place, hash_at);
        self.link(place);
        (place, None)
    }

    /// Sets the value. What was used least recently makes room, and is given back.
    pub(crate) fn insert(&mut self, domain: &Domain, value: V) -> Option<(Domain, V)> {
        self.put(domain, value);
        if self.is_over() { self.remove_oldest() } else { None }
    }

    pub(crate) fn remove(&mut self, domain: &Domain) -> Option<V> {
        let nodes = &self.nodes;
        let found = self.places.find_entry(hash(&self.hasher, domain), |place| is_at(nodes, *place, domain));
        let (place, _) = found.ok()?.remove();
        self.unlink(place);
        let free = self.free;
        let node = self.node(place)?;
        node.older = free;
        let held = node.held.take();
        self.free = place;
        held.map(|(_, value)| value)
    }

    /// The domain that was used least recently.
    pub(crate) fn oldest(&self) -> Option<&Domain> {
        self.at(self.oldest).map(|(domain, _)| domain)
    }

    pub(crate) fn remove_oldest(&mut self) -> Option<(Domain, V)> {
        let domain = self.oldest()?.clone();
        let value = self.remove(&domain)?;
        Some((domain, value))
    }

    /// What stands at a place, if anything.
    pub(crate) fn at(&self, place: u32) -> Option<&(Domain, V)> {
        held(&self.nodes, place)
    }

    fn place_of(&self, domain: &Domain) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        self.places.find(hash(&self.hasher, domain), |place| is_at(&self.nodes, *place, domain)).copied()
    }

    /// All values with their places, in no order.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u32, &(Domain, V))> {
        let nodes = (0..).zip(&self.nodes);
        nodes.filter_map(|(place, node)| Some((place, node.held.as_ref()?)))
    }

    fn node(&mut self, place: u32) -> Option<&mut Node<V>> {
        self.nodes.get_mut(place as usize)
    }

    /// Makes it the one used last.
    fn link(&mut self, place: u32) {
        let second = mem::replace(&mut self.newest, place);
        if let Some(node) = self.node(place) {
            (node.newer, node.older) = (NONE, second);
        }
        match self.node(second) {
            Some(second) => second.newer = place,
            None => self.oldest = place,
        }
    }

    fn unlink(&mut self, place: u32) {
        let Some(&mut Node { newer, older, .. }) = self.node(place) else { return };
        match self.node(newer) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
        match self.node(older) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
    }
}

fn held<V>(nodes: &[Node<V>], place: u32) -> Option<&(Domain, V)> {
    nodes.get(place as usize)?.held.as_ref()
}

fn is_at<V>(nodes: &[Node<V>], place: u32, domain: &Domain) -> bool {
    held(nodes, place).is_some_and(|(other, _)| other == domain)
}

fn hash(hasher: &RandomState, domain: &Domain) -> u64 {
    hasher.hash_one(domain.as_str())
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
    fn any_series_of_changes_gives_what_a_plain_list_gives() {
        let (mut map, mut list) = (Bounded::new(5), Vec::<(Domain, u64)>::new());
        let mut random = 1_u64;
        for i in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let name = domain(&format!("d{}.test", (random >> 33) % 9));
            let held = list.iter().position(|(other, _)| *other == name).map(|at| list.remove(at));
            match (random >> 60) % 4 {
                0 => assert_eq!(map.remove(&name), held.map(|(_, value)| value)),
                1 => {
                    assert_eq!(map.get(&name).map(|value| *value), held.as_ref().map(|(_, value)| *value));
                    list.extend(held);
                }
                _ => {
                    map.insert(&name, i);
                    list.push((name, i));
                    list.drain(..list.len().saturating_sub(5));
                }
            }
            assert_eq!(map.len(), list.len());
            let mut held: Vec<_> = map.places().map(|(_, held)| held.clone()).collect();
            held.sort();
            let mut sorted = list.clone();
            sorted.sort();
            assert_eq!(held, sorted);
            assert!(map.nodes.len() <= 6);
        }
        while let Some(oldest) = map.remove_oldest() {
            assert_eq!(oldest, list.remove(0));
        }
        assert!(list.is_empty());
    }
}
