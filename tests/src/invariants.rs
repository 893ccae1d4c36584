//! What holds for any octets. The property tests and the fuzzer check the same.
//!
//! # Panics
//! Every function here panics if what it checks does not hold.

use mta_sts_core::{
    CacheOp, Config, Domain, Entry, FetchError, HttpsHead, Intent, Lookup, Mode, Policy, RecordId, StsRecord,
    TlsRptRecord, Txt, TxtRecords, UnixTime,
    lint::{self, Level},
    policy, report, socketmap,
};

/// A domain for tests.
#[must_use]
pub fn domain() -> Domain {
    Domain::from_ascii("example.com").expect("a domain")
}

/// Every parser takes any octets, and the linter agrees with the parsers.
pub fn parsers(text: &[u8]) {
    let is_off = |findings: Vec<lint::Finding>| findings.iter().any(|finding| finding.level == Level::Off);
    let parsed = Policy::parse(text);
    let examined = policy::examine(text);
    assert_eq!(examined.policy, parsed);
    assert!(examined.problems.iter().all(|problem| problem.start <= problem.end && problem.end <= text.len()));
    assert_eq!(is_off(lint::policy(text)), parsed.is_err());
    if let Ok(policy) = parsed {
        assert_eq!(policy.text(), text);
        for (name, value) in policy.safe_lines() {
            let is_safe = |c: char| !c.is_control() && !"{}\"".contains(c);
            assert!(name.chars().chain(value.chars()).all(is_safe));
        }
        for pattern in policy.mx() {
            let host = if pattern.is_wildcard() { format!("x.{}", pattern.name()) } else { pattern.name().to_owned() };
            assert!(policy.permits_mx(&host) || host.len() > 253);
        }
    }
    let rrset = TxtRecords::from_iter(text.split(|&b| b == b'\n').map(|record| [record]));
    assert_eq!(is_off(lint::record(&rrset)), StsRecord::from_rrset(&rrset).is_err());
    assert_eq!(is_off(lint::tlsrpt(&rrset)), TlsRptRecord::from_rrset(&rrset).is_err());
    if let Ok(domain) = Domain::from_unicode(&String::from_utf8_lossy(text)) {
        assert_eq!(Domain::from_ascii(domain.as_str()), Ok(domain));
    }
    if let Ok(entry) = Entry::decode(text, &domain()) {
        assert_eq!(Entry::decode(&entry.encode(), &domain()), Ok(entry));
    }
    let _ = report::Report::parse(text);
    if let Ok(socketmap::Frame::Complete { payload, len }) = socketmap::decode(text, 100) {
        assert!(payload.len() <= 100 && len <= text.len());
        let _ = (socketmap::Request::parse(payload), socketmap::Reply::parse(payload));
    }
    if let Ok(reply) = socketmap::PolicyReply::decode(text) {
        let value = reply.encode().expect("what was read can be written");
        assert_eq!(socketmap::PolicyReply::decode(&value), Ok(reply));
    }
}

/// Whatever a host answers, in or out of turn: a live policy is applied, and an answer out of turn
/// changes nothing. `policy` was fetched `age` seconds ago.
pub fn lookup(policy: Policy, age: u64, intent: Intent, answers: impl IntoIterator<Item = (u8, Vec<u8>)>) {
    let fetched_at = UnixTime(1_800_000_000);
    let now = fetched_at.plus(age);
    let id = RecordId::new("a").expect("an id");
    let entry = Entry::import(&domain(), id, policy, fetched_at, UnixTime(0));
    let live = entry.live(now).map(|held| held.policy.clone());
    let mut lookup = Lookup::new(&domain(), Some(entry), intent, Config::default(), now);
    for (answer, text) in answers {
        let wanted = format!("{:?}", lookup.want());
        if take(&mut lookup, answer, &text, now).is_err() {
            assert_eq!(wanted, format!("{:?}", lookup.want()), "out of turn changes nothing");
        }
    }
    let is_applied = |policy: &Policy| policy.mode() != Mode::None;
    let (applied, expected) = match lookup.outcome() {
        Some(outcome) => match &outcome.cache {
            CacheOp::Fetched(entry) => (Some(outcome.decision.clone()), entry.held().map(|held| held.policy.clone())),
            _ => (Some(outcome.decision.clone()), live),
        },
        None => (lookup.provisional(), live),
    };
    let applied = applied.as_ref().and_then(|decision| decision.policy());
    assert_eq!(applied, expected.as_ref().filter(|policy| is_applied(policy)));
}

fn take(lookup: &mut Lookup, answer: u8, text: &[u8], now: UnixTime) -> Result<(), mta_sts_core::OutOfTurn> {
    let rrset = TxtRecords::from_iter([[text]]);
    let other_id = TxtRecords::from_iter([["v=STSv1; id=new"]]);
    let head = HttpsHead { status: 200, content_type: &[], content_encoding: &[] };
    match answer % 9 {
        0 => lookup.txt(Txt::Records(&rrset), now),
        1 => lookup.txt(Txt::Records(&other_id), now),
        2 => lookup.txt(Txt::Absent, now),
        3 => lookup.txt(Txt::TempFail, now),
        4 => lookup.https_head(&head, now).map(drop),
        5 => lookup.https_body(text, now).map(drop),
        6 => lookup.https_end(now),
        7 => lookup.https_failed(FetchError::Tls, now),
        _ => lookup.https_head(&HttpsHead { status: 500, ..head }, now).map(drop),
    }
}
