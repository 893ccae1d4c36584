//! What holds for any input.

use mta_sts_core::{
    CacheOp, Config, Domain, Entry, FetchError, Flow, HttpsHead, Intent, Lookup, MxPattern, Policy, RecordId, Txt,
    TxtRecords, UnixTime, Want, socketmap,
};
use mta_sts_tests::invariants::{self, domain};
use proptest::prelude::*;

/// Octets that look like a policy, a record or a name often enough to reach the deep places.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "version",
        "STSv1",
        "mode",
        "enforce",
        "testing",
        "none",
        "max_age",
        "604800",
        "mx",
        "*.",
        "mail.example.com",
        ":",
        ": ",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        ";",
        "; ",
        "=",
        "v=STSv1",
        "id=",
        "v=TLSRPTv1",
        "rua=",
        "mailto:a@b",
        "https://x",
        ",",
        "!",
        "\u{feff}",
        "é",
        "\0",
        "\"",
        "#",
        "*",
        ".",
        "-",
        "_",
        "xn--",
        "99999999999",
    ];
    let word = prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn valid_policies() -> impl Strategy<Value = String> {
    let mode = prop::sample::select(vec!["enforce", "testing", "none"]);
    (mode, 0_u32..40_000_000, prop::collection::vec("[a-z]{1,8}\\.example", 1..4), "[a-z ]{0,20}").prop_map(
        |(mode, max_age, mx, note)| {
            let mx: String = mx.iter().map(|mx| format!("mx: {mx}\n")).collect();
            format!("version: STSv1\nmode: {mode}\n{mx}max_age: {max_age}\nx-note: n{note}\n")
        },
    )
}

const BASE: u64 = 1_800_000_000;

fn times() -> impl Strategy<Value = UnixTime> {
    (0_u64..200_000).prop_map(|t| UnixTime(BASE + t))
}

/// What lookups can say to do to a cache, found by running them.
fn cache_ops() -> impl Strategy<Value = CacheOp> {
    (valid_policies(), "[a-c]", times(), 0..3).prop_map(|(policy, id, now, how)| {
        let rrset = TxtRecords::from_iter([[format!("v=STSv1; id={id}")]]);
        let held = Policy::parse(b"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557600\n").unwrap();
        let entry = Entry::import(&domain(), RecordId::new("z").unwrap(), held, now, UnixTime(0));
        let mut lookup = Lookup::new(&domain(), Some(entry), Intent::BeforeBounce, Config::default(), now);
        let later = now.plus(20);
        lookup.txt(if how == 0 { Txt::Absent } else { Txt::Records(&rrset) }, later).unwrap();
        if lookup.want() != Want::Nothing {
            let _ = match how {
                1 => lookup.https_failed(FetchError::Connect, later),
                _ => fetch(&mut lookup, policy.as_bytes(), later),
            };
        }
        lookup.into_outcome().unwrap().cache
    })
}

fn fetch(lookup: &mut Lookup, body: &[u8], now: UnixTime) -> Result<(), mta_sts_core::OutOfTurn> {
    let head = HttpsHead { status: 200, content_type: &["text/plain"], content_encoding: &[] };
    if lookup.https_head(&head, now)? == Flow::Continue && lookup.https_body(body, now)? == Flow::Continue {
        lookup.https_end(now)?;
    }
    Ok(())
}

/// RFC 8461 §4.1 in the plainest words.
fn naive_match(pattern: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern).to_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => host == pattern,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_parse_without_panic_and_the_linter_agrees(text in texts()) {
        invariants::parsers(&text);
    }

    #[test]
    fn a_domain_reads_itself(text in "[a-zA-Z0-9.-]{0,80}") {
        if let Ok(domain) = Domain::from_ascii(&text) {
            prop_assert_eq!(Domain::from_ascii(domain.as_str()), Ok(domain));
        }
    }

    #[test]
    fn matching_agrees_with_a_naive_matcher(
        pattern in "(\\*\\.)?[ab]{1,2}(\\.[abAB_]{1,2}){0,2}\\.?",
        host in "[abAB]{1,2}(\\.[abAB_]{1,2}){0,3}\\.?",
    ) {
        let parsed = MxPattern::parse(&pattern).unwrap();
        prop_assert_eq!(parsed.matches(&host), naive_match(&pattern, &host));
        let text = format!("version: STSv1\nmode: enforce\nmx: {pattern}\nmax_age: 1\n");
        prop_assert_eq!(Policy::parse(text.as_bytes()).unwrap().permits_mx(&host), naive_match(&pattern, &host));
    }

    #[test]
    fn changes_to_a_cache_give_the_same_in_any_order(
        ops in prop::collection::vec(cache_ops(), 1..6), now in times(), turn in 0_usize..6,
    ) {
        let apply = |ops: &[CacheOp]| {
            let policy = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 9\n").unwrap();
            let id = RecordId::new("a").unwrap();
            let mut entry = Some(Entry::import(&domain(), id, policy, UnixTime(BASE), UnixTime(BASE)));
            for op in ops {
                entry = Entry::apply(entry, &domain(), op, now);
            }
            entry
        };
        let mut turned = ops.clone();
        let turn = turn % ops.len();
        turned.rotate_left(turn);
        turned.reverse();
        let (once, again) = (apply(&ops), apply(&turned));
        prop_assert_eq!(&once, &again);
        prop_assert_eq!(&once, &apply(&[ops.clone(), ops].concat()), "and twice is once");
        let entry = once.unwrap();
        prop_assert_eq!(Entry::decode(&entry.encode(), &domain()), Ok(entry.clone()));
        let reply = socketmap::PolicyReply {
            decision: socketmap::PolicyDecision::Enforce,
            reason: "policy",
            domain: domain(),
            valid_until: entry.expires_at(),
            confirms_bounce: true,
            entry: Some(entry),
        };
        let value = reply.encode().unwrap();
        prop_assert_eq!(socketmap::PolicyReply::decode(&value), Ok(reply));
    }

    #[test]
    fn a_live_policy_is_applied_whatever_is_answered(
        policy in valid_policies(), age in 0_u64..100_000, answers in prop::collection::vec((any::<u8>(), texts()), 0..8),
        intent in prop::sample::select(vec![Intent::Deliver, Intent::BeforeBounce, Intent::Refresh]),
    ) {
        invariants::lookup(Policy::parse(policy.as_bytes()).unwrap(), age, intent, answers);
    }

    #[test]
    fn netstrings_survive_any_cut(map in "[a-z]{0,5}", key in prop::collection::vec(any::<u8>(), 0..50), cut in 0_usize..70) {
        let request = socketmap::Request { map: map.as_bytes(), key: &key };
        let mut wire = Vec::new();
        request.encode(&mut wire);
        let partial = &wire[..cut.min(wire.len() - 1)];
        prop_assert_eq!(socketmap::decode(partial, 100), Ok(socketmap::Frame::Partial));
        let whole = socketmap::decode(&wire, 100).unwrap();
        let socketmap::Frame::Complete { payload, len } = whole else { panic!() };
        prop_assert_eq!((len, socketmap::Request::parse(payload)), (wire.len(), Ok(request)));
    }
}
