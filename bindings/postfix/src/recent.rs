//! Answers of this second. Bulk mail asks for the same domains over and over, and while neither the
//! clock nor the cache moves on, the answer is the same.

use crate::{dane::Dane, locked::locked, reply::Reply, ruling::Ruling, zone::Asked};
use core::time::Duration;
use mta_sts::{Domain, Moment};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::time::Instant;

/// Parts with a lock of their own, so that threads seldom wait for each other.
const PARTS: usize = 16;
/// Answers in a part. When there are more, all begins anew.
const MAX_ANSWERS: usize = 256;
/// One answer in so many is kept: what is asked for often soon is, and the rest costs little.
const ANSWERS_TO_KEEP: u32 = 4;
/// Longer keys and replies, in octets, are not worth the room.
const MAX_LENGTH: usize = 512;

/// More than a second.
const MOST: Duration = Duration::from_secs(2);

/// What was answered since the last change, and within the same second.
#[derive(Debug)]
pub(crate) struct Recent([Mutex<Part>; PARTS]);

#[derive(Debug, Default)]
struct Part {
    /// By both clocks: the system's may be set back to a second that was there before.
    moment: Option<(Moment, Instant)>,
    /// By key. The hashes are keyed: strangers name the domains.
    answers: HashMap<Box<[u8]>, Arc<Told>>,
    /// Counts the answers that might be kept.
    turn: u32,
}

/// An answer, and what is counted and logged with it.
#[derive(Debug)]
pub(crate) struct Told {
    /// The zone, and whether attributes for TLS reports were wanted.
    pub(crate) asked: (usize, bool),
    pub(crate) domain: Domain,
    pub(crate) dane: Option<Dane>,
    /// The cache was looked at.
    pub(crate) is_warm: bool,
    pub(crate) ruling: Ruling,
}

impl Part {
    fn is_of(&self, moment: Moment, began: Instant) -> bool {
        let is_it = |(then, since): (Moment, Instant)| then == moment && began.saturating_duration_since(since) < MOST;
        self.moment.is_some_and(is_it)
    }
}

impl Recent {
    pub(crate) fn new() -> Self {
        Self(core::array::from_fn(|_| Mutex::default()))
    }

    /// The answer that was given at this moment.
    pub(crate) fn get(&self, asked: &Asked, key: &[u8], moment: Moment, began: Instant) -> Option<Arc<Told>> {
        let part = locked(self.part(key));
        if !part.is_of(moment, began) {
            return None;
        }
        part.answers.get(key).filter(|told| told.asked == (asked.place, asked.tlsrpt)).cloned()
    }

    /// Keeps an answer, perhaps, and gives the reply. The moment is from before it was made.
    pub(crate) fn keep(&self, key: &[u8], moment: Moment, began: Instant, told: Told) -> Reply {
        let length = match &told.ruling.reply {
            Reply::Ok(value) => value.len(),
            Reply::Policy(value) => value.len(),
            Reply::NotFound | Reply::Temp(_) => 0,
        };
        if key.len().max(length) > MAX_LENGTH {
            return told.ruling.reply;
        }
        let mut part = locked(self.part(key));
        part.turn = part.turn.wrapping_add(1);
        if !part.turn.is_multiple_of(ANSWERS_TO_KEEP) {
            return told.ruling.reply;
        }
        if !part.is_of(moment, began) || part.answers.len() >= MAX_ANSWERS {
            part.answers.clear();
            part.moment = Some((moment, began));
        }
        let reply = told.ruling.reply.clone();
        part.answers.insert(key.into(), Arc::new(told));
        reply
    }

    fn part(&self, key: &[u8]) -> &Mutex<Part> {
        // Odd factors let each octet count for every part.
        let sum = (1..).step_by(2).zip(key).map(|(factor, b): (u32, &u8)| factor.wrapping_mul(u32::from(*b)));
        &self.0[sum.fold(0, u32::wrapping_add) as usize % PARTS]
    }
}
