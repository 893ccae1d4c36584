//! The lab's DNS data and what a resolver makes of it.

use std::collections::{BTreeMap, HashMap};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;

use super::{Answer, Record, RecordType};

/// As many aliases as BIND follows.
const LONGEST_CHAIN: usize = 16;

type Types = BTreeMap<RecordType, Answer>;

/// All names of the lab, in the form of [`key`].
#[derive(Default)]
pub(crate) struct Zones {
    names: HashMap<String, Types>,
    wildcards: HashMap<String, Types>,
    secure: HashMap<String, bool>,
    pub(crate) ttl: u32,
}

/// What is to be said to a question.
#[derive(Debug)]
pub(super) struct Resolved {
    /// `None`: nothing is said.
    pub(super) code: Option<ResponseCode>,
    /// Records with their owners, aliases first.
    pub(super) records: Vec<(String, Record)>,
    /// The name that the aliases led to has no such records: the answer needs an SOA.
    pub(super) negative: bool,
    pub(super) extended_error: Option<u16>,
    /// Every name on the way is in a secure zone.
    pub(super) secure: bool,
}

/// A name as the lab keeps it: lower case, no final dot, odd octets escaped as in a zone file.
pub(crate) fn key(name: &str) -> String {
    let name = match Name::from_ascii(name) {
        Ok(name) => name.to_ascii(),
        Err(_) => name.to_owned(),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl Zones {
    pub(crate) fn set(&mut self, name: &str, kind: RecordType, answer: Answer) {
        self.names.entry(key(name)).or_default().insert(kind, answer);
    }

    pub(crate) fn set_wildcard(&mut self, suffix: &str, kind: RecordType, answer: Answer) {
        self.wildcards.entry(key(suffix)).or_default().insert(kind, answer);
    }

    pub(crate) fn set_secure(&mut self, zone: &str, secure: bool) {
        self.secure.insert(key(zone), secure);
    }

    pub(crate) fn remove(&mut self, name: &str, kind: RecordType) {
        let name = key(name);
        if let Some(types) = self.names.get_mut(&name) {
            types.remove(&kind);
            if types.is_empty() {
                self.names.remove(&name);
            }
        }
    }

    pub(crate) fn remove_all(&mut self, name: &str) {
        self.names.remove(&key(name));
    }

    /// Follows aliases as a recursive resolver does.
    pub(super) fn resolve(&self, name: &str, kind: RecordType) -> Resolved {
        let mut owner = key(name);
        let mut found = Resolved {
            code: Some(ResponseCode::NoError),
            records: Vec::new(),
            negative: false,
            extended_error: None,
            secure: true,
        };
        for _ in 0..LONGEST_CHAIN {
            found.secure &= self.is_secure(&owner);
            let answer = self.answer(&owner, kind);
            let Answer::Records(records) = answer else {
                found.fail(&answer);
                return found;
            };
            found.records.extend(records.iter().map(|record| (owner.clone(), record.clone())));
            if records.iter().any(|record| record.record_type() == kind) {
                return found;
            }
            let alias = records.into_iter().find_map(|record| match record {
                Record::Cname(target) => Some(target),
                _ => None,
            });
            match alias {
                Some(target) => owner = key(&target),
                None => {
                    found.negative = true;
                    return found;
                }
            }
        }
        found.fail(&Answer::ServFail);
        found
    }

    /// What the owner itself says, without following.
    fn answer(&self, owner: &str, kind: RecordType) -> Answer {
        match self.names.get(owner).or_else(|| self.wildcard(owner)) {
            Some(types) => match types.get(&kind).or_else(|| types.get(&RecordType::Cname)) {
                Some(answer) => answer.clone(),
                None if types.values().all(|answer| *answer == Answer::NxDomain) => Answer::NxDomain,
                None => Answer::Records(Vec::new()),
            },
            // RFC 8020: a name that others lie below exists.
            None if self.has_names_below(owner) => Answer::Records(Vec::new()),
            None => Answer::NxDomain,
        }
    }

    fn wildcard(&self, owner: &str) -> Option<&Types> {
        ancestors(owner).skip(1).find_map(|suffix| self.wildcards.get(suffix))
    }

    fn has_names_below(&self, owner: &str) -> bool {
        self.names.iter().any(|(name, types)| {
            ancestors(name).skip(1).any(|above| above == owner)
                && types.values().any(|answer| matches!(answer, Answer::Records(_)))
        })
    }

    fn is_secure(&self, owner: &str) -> bool {
        ancestors(owner).find_map(|zone| self.secure.get(zone)).copied().unwrap_or(false)
    }
}

impl Resolved {
    fn fail(&mut self, answer: &Answer) {
        self.negative = *answer == Answer::NxDomain;
        if !self.negative {
            self.records.clear();
        }
        self.code = match answer {
            Answer::Records(_) => Some(ResponseCode::NoError),
            Answer::NxDomain => Some(ResponseCode::NXDomain),
            Answer::ServFail | Answer::Failure { refused: false, .. } => Some(ResponseCode::ServFail),
            Answer::Refused | Answer::Failure { refused: true, .. } => Some(ResponseCode::Refused),
            Answer::Silence => None,
        };
        if let Answer::Failure { extended_error, .. } = answer {
            self.extended_error = Some(*extended_error);
        }
    }
}

/// The name, what is above it, and so on up to the root, which is the empty string.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |below| {
        (!below.is_empty()).then(|| below.split_once('.').map_or("", |(_, above)| above))
    })
}
