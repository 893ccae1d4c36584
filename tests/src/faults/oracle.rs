//! What is right: what each domain published, and what the daemon was seen to know of it.

use super::clients::Answer;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What may be replied for a domain of which the daemon was never seen to know a policy. For one of
/// which it was, only a policy not older than that will do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unlearnt {
    /// "Not found": nothing could be learnt.
    NotFound,
    /// A temporary failure: the store cannot be read.
    Temp,
    /// Only what it published.
    Nothing,
}

#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Right,
    Wrong(String),
    /// A policy that was learnt is not applied.
    Lost(String),
}

/// What was known of a domain when it was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor(Option<usize>);

impl Floor {
    pub(super) fn is_learnt(self) -> bool {
        self.0.is_some()
    }
}

#[derive(Default)]
pub(super) struct Oracle(Mutex<HashMap<String, Facts>>);

#[derive(Default)]
struct Facts {
    /// What each policy makes of the reply, the oldest first: `None` is "not found".
    versions: Vec<Option<String>>,
    /// The version that was seen last.
    learnt: Option<usize>,
}

impl Oracle {
    /// A domain is about to publish another policy: the value of the reply `OK` for it, or none.
    /// Gives its number.
    pub(super) fn publish(&self, domain: &str, value: impl FnOnce(usize) -> Option<String>) -> usize {
        let mut facts = self.facts();
        let versions = &mut facts.entry(domain.to_owned()).or_default().versions;
        let number = versions.len() + 1;
        versions.push(value(number));
        number
    }

    pub(super) fn floor(&self, domain: &str) -> Floor {
        Floor(self.facts().get(domain).and_then(|facts| facts.learnt))
    }

    pub(super) fn is_learnt(&self, domain: &str) -> bool {
        self.floor(domain).is_learnt()
    }

    /// Whether the newest policy was seen.
    pub(super) fn is_current(&self, domain: &str) -> bool {
        let facts = self.facts();
        facts.get(domain).is_some_and(|facts| facts.learnt.is_some_and(|seen| seen + 1 == facts.versions.len()))
    }

    /// The policy has ended: the domain is as one that was never asked for.
    pub(super) fn forget(&self, domain: &str) {
        if let Some(facts) = self.facts().get_mut(domain) {
            facts.learnt = None;
        }
    }

    /// Judges a reply, and learns from it.
    pub(super) fn judge(&self, domain: &str, floor: Floor, answer: &Answer, unlearnt: Unlearnt) -> Verdict {
        let mut facts = self.facts();
        let Some(facts) = facts.get_mut(domain) else {
            return match (answer, unlearnt) {
                (Answer::NotFound, Unlearnt::NotFound | Unlearnt::Nothing) | (Answer::Temp(_), Unlearnt::Temp) => {
                    Verdict::Right
                }
                _ => Verdict::Wrong(format!("{domain} has no policy: {answer:?}")),
            };
        };
        let from = floor.0.unwrap_or(0);
        let seen = match answer {
            Answer::Ok(value) => facts.position(from, Some(value)),
            Answer::NotFound => facts.position(from, None),
            Answer::Temp(_) | Answer::Other(_) => None,
        };
        match (seen, floor.0) {
            (Some(seen), _) => {
                // Of a domain that never enforced, "not found" tells nothing.
                if facts.versions[seen].is_some() || floor.is_learnt() {
                    facts.learnt = facts.learnt.max(Some(seen));
                }
                Verdict::Right
            }
            (None, Some(floor)) => {
                let what = format!("{domain} was known in version {}: {answer:?}", floor + 1);
                match answer {
                    Answer::NotFound | Answer::Temp(_) => Verdict::Lost(what),
                    _ => Verdict::Wrong(what),
                }
            }
            (None, None) => match (answer, unlearnt) {
                (Answer::NotFound, Unlearnt::NotFound) | (Answer::Temp(_), Unlearnt::Temp) => Verdict::Right,
                _ => Verdict::Wrong(format!("{domain} was not known, {unlearnt:?} was allowed: {answer:?}")),
            },
        }
    }

    fn facts(&self) -> MutexGuard<'_, HashMap<String, Facts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    fn position(&self, from: usize, value: Option<&String>) -> Option<usize> {
        (from..self.versions.len()).find(|&n| self.versions[n].as_ref() == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_was_seen_may_only_give_way_to_a_newer_one() {
        let oracle = Oracle::default();
        let ok = |n: usize| Answer::Ok(format!("secure match=v{n}"));
        let publish = || oracle.publish("a.test", |n| Some(format!("secure match=v{n}")));
        let judge = |answer: &Answer| oracle.judge("a.test", oracle.floor("a.test"), answer, Unlearnt::NotFound);
        publish();
        assert_eq!(judge(&Answer::NotFound), Verdict::Right);
        assert!(matches!(judge(&Answer::Temp(String::new())), Verdict::Wrong(_)));
        assert_eq!(judge(&ok(1)), Verdict::Right);
        assert!(matches!(judge(&ok(2)), Verdict::Wrong(_)));
        assert!(matches!(judge(&Answer::NotFound), Verdict::Lost(_)));
        assert!(matches!(judge(&Answer::Temp(String::new())), Verdict::Lost(_)));
        publish();
        assert_eq!(judge(&ok(1)), Verdict::Right);
        assert!(!oracle.is_current("a.test"));
        assert_eq!(judge(&ok(2)), Verdict::Right);
        assert!(oracle.is_current("a.test"));
        assert!(matches!(judge(&ok(1)), Verdict::Wrong(_)));
        oracle.publish("a.test", |_| None);
        assert_eq!(judge(&Answer::NotFound), Verdict::Right);
        assert!(matches!(judge(&ok(2)), Verdict::Wrong(_)));
    }

    #[test]
    fn a_domain_without_a_policy_has_none() {
        let oracle = Oracle::default();
        let judge = |answer: &Answer| oracle.judge("b.test", oracle.floor("b.test"), answer, Unlearnt::Nothing);
        assert_eq!(judge(&Answer::NotFound), Verdict::Right);
        assert!(matches!(judge(&Answer::Ok("secure match=x".into())), Verdict::Wrong(_)));
    }
}
