//! What is measured, by name.

use crate::inputs::{self, GMAIL_HOST, GMAIL_LIKE, TXT_RECORDS};
use mta_sts_core::{
    Config, Domain, Entry, Flow, HttpsHead, Intent, Lookup, Policy, RecordId, StsRecord, Txt, TxtRecords, UnixTime,
    policy,
};
use std::{hint::black_box, sync::Arc};

/// Something that is done with an input over and over again.
pub struct Operation {
    /// Its group and its name within the group, such as `parse/gmail`.
    pub name: String,
    /// How many octets one run reads, where its cost should grow with them.
    pub bytes: Option<usize>,
    run: Box<dyn FnMut()>,
}

impl Operation {
    fn new<T>(name: impl Into<String>, bytes: Option<usize>, mut run: impl FnMut() -> T + 'static) -> Self {
        Self { name: name.into(), bytes, run: Box::new(move || drop(black_box(run()))) }
    }

    /// Does it `times` times.
    pub fn run(&mut self, times: u64) {
        (0..times).for_each(|_| (self.run)());
    }

    /// The part of the name before the slash.
    #[must_use]
    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// What to divide a cost by: the octets of a hostile policy, 1 for anything else.
    #[must_use]
    pub fn units(&self) -> f64 {
        self.hostile_bytes().map_or(1.0, |bytes| bytes as f64)
    }

    /// The octets of a hostile policy.
    #[must_use]
    pub fn hostile_bytes(&self) -> Option<usize> {
        self.bytes.filter(|_| self.name.contains("/hostile64k_"))
    }
}

/// How the Gmail-like policy is called, which the hostile ones of the same `group` are compared
/// with.
#[must_use]
pub fn gmail(group: &str) -> String {
    format!("{group}/gmail")
}

/// All operations, ready to run.
///
/// # Panics
/// If the core refuses an input that is valid.
#[must_use]
pub fn all() -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut policies = vec![
        ("gmail".to_owned(), GMAIL_LIKE.as_bytes().to_vec()),
        ("mx200".to_owned(), inputs::policy_with_mx(200).into_bytes()),
    ];
    policies.extend(inputs::hostile().into_iter().map(|h| (format!("hostile64k_{}", h.name), h.text)));
    for (name, text) in policies {
        let text: Arc<[u8]> = text.into();
        let (parsed, examined, bytes) = (text.clone(), text.clone(), Some(text.len()));
        operations.push(Operation::new(format!("parse/{name}"), bytes, move || Policy::parse(black_box(&parsed))));
        operations
            .push(Operation::new(format!("examine/{name}"), bytes, move || policy::examine(black_box(&examined))));
    }
    operations
        .push(Operation::new(PARSE_AND_MATCH, None, || parse_and_match(black_box(GMAIL_LIKE), black_box(GMAIL_HOST))));
    let records = TxtRecords::from_iter(TXT_RECORDS.map(|record| [record]));
    operations.push(Operation::new("txt/parse", None, move || StsRecord::from_rrset(black_box(&records))));
    for count in [1, 10, 10_000] {
        let policy = Arc::new(large_policy(&inputs::policy_with_mx(count)));
        let (last, missing) = (inputs::last_mx_host(count), inputs::missing_mx_host());
        assert!(policy.permits_mx(&last) && !policy.permits_mx(&missing), "the hosts are as they are called");
        let same = policy.clone();
        operations.push(Operation::new(format!("match/{count}_last"), None, move || same.permits_mx(black_box(&last))));
        operations
            .push(Operation::new(format!("match/{count}_miss"), None, move || policy.permits_mx(black_box(&missing))));
    }
    let (domain, entry) = cached();
    let (bytes, of) = (entry.encode(), domain.clone());
    operations.push(Operation::new("lookup/warm", None, move || warm_lookup(black_box(&domain), black_box(&entry))));
    operations.push(Operation::new("entry/decode", None, move || Entry::decode(black_box(&bytes), &of)));
    let (_, entry) = cached();
    operations.push(Operation::new("entry/encode", None, move || black_box(&entry).encode()));
    operations
}

/// What is done in C as well.
pub const PARSE_AND_MATCH: &str = "parse_and_match/gmail";

fn parse_and_match(text: &str, host: &str) -> bool {
    Policy::parse(text.as_bytes()).is_ok_and(|policy| policy.permits_mx(host))
}

const NOW: UnixTime = UnixTime(1_800_000_000);

/// A policy that may be over the usual limit: only a lookup has a limit to set.
fn large_policy(text: &str) -> Policy {
    let domain = Domain::from_ascii("example.com").expect("a domain");
    let config = Config { max_body: text.len(), ..Config::default() };
    let mut lookup = Lookup::new(&domain, None, Intent::Deliver, config, NOW);
    let records = TxtRecords::from_iter([["v=STSv1; id=1;"]]);
    lookup.txt(Txt::Records(&records), NOW).expect("a record is wanted");
    let head = HttpsHead { status: 200, content_type: &["text/plain"], content_encoding: &[] };
    assert_eq!(lookup.https_head(&head, NOW), Ok(Flow::Continue));
    assert_eq!(lookup.https_body(text.as_bytes(), NOW), Ok(Flow::Continue));
    lookup.https_end(NOW).expect("the end is wanted");
    let outcome = lookup.into_outcome().expect("the lookup has ended");
    outcome.decision.policy().expect("the policy is valid").as_ref().clone()
}

fn cached() -> (Domain, Entry) {
    let domain = Domain::from_ascii("example.com").expect("a domain");
    let policy = Policy::parse(GMAIL_LIKE.as_bytes()).expect("a valid policy");
    let id = RecordId::new("20190429T010101").expect("a valid id");
    let entry = Entry::import(&domain, id, policy, NOW, NOW);
    (domain, entry)
}

/// A delivery to a domain whose policy was checked a minute ago, as a mail server does it: the
/// entry is copied out of the cache, the lookup wants nothing, the decision is taken.
fn warm_lookup(domain: &Domain, entry: &Entry) -> bool {
    let lookup = Lookup::new(domain, Some(entry.clone()), Intent::Deliver, Config::default(), NOW.plus(60));
    let outcome = lookup.into_outcome().expect("nothing is wanted");
    outcome.decision.policy().is_some_and(|policy| policy.permits_mx(GMAIL_HOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_has_a_name_of_its_own_and_runs() {
        let mut names = BTreeSet::new();
        for mut operation in all() {
            operation.run(1);
            assert!(names.insert(operation.name));
        }
    }

    #[test]
    fn the_warm_lookup_permits_its_host() {
        let (domain, entry) = cached();
        assert!(warm_lookup(&domain, &entry));
    }
}
