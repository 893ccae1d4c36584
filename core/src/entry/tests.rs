use super::*;
use std::{format, vec::Vec};

const T: u64 = 1_800_000_000;

fn domain() -> Domain {
    Domain::from_ascii("example.com").unwrap()
}

fn id(text: &str) -> RecordId {
    RecordId::new(text).unwrap()
}

fn policy(max_age: u32) -> Policy {
    Policy::parse(format!("version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: {max_age}\n").as_bytes())
        .unwrap()
}

fn entry(max_age: u32, fetched_at: u64) -> Entry {
    Entry::import(&domain(), id("A"), policy(max_age), UnixTime(fetched_at), UnixTime(fetched_at))
}

fn failed(id_text: &str, at: u64) -> CacheOp {
    CacheOp::Failed(FailedFetch::new(id(id_text), UnixTime(at), UnixTime(at + 300), ResultType::StsWebpkiInvalid))
}

fn apply(entry: Entry, op: &CacheOp, now: u64) -> Entry {
    Entry::apply(Some(entry), &domain(), op, UnixTime(now)).unwrap()
}

#[test]
fn a_policy_lives_until_its_age_reaches_max_age() {
    let entry = entry(100, T);
    assert!(entry.live(UnixTime(T + 99)).is_some());
    assert!(entry.live(UnixTime(T + 100)).is_none());
    assert_eq!(entry.expires_at(), Some(UnixTime(T + 100)));
}

#[test]
fn a_policy_from_the_future_is_alive_but_not_immortal() {
    let entry = entry(100, T);
    assert!(entry.live(UnixTime(T - 100)).is_some());
    assert!(entry.live(UnixTime(T - 101)).is_none());
}

#[test]
fn a_max_age_of_zero_may_be_reused_for_a_minute() {
    let entry = entry(0, T);
    assert!(entry.live(UnixTime(T + 59)).is_some());
    assert!(entry.live(UnixTime(T + 60)).is_none());
}

#[test]
fn a_slow_failure_never_overwrites_a_policy_fetched_meanwhile() {
    let newer = entry(1000, T + 50);
    let after = apply(newer.clone(), &failed("B", T + 40), T + 60);
    assert_eq!(after.held(), newer.held());
    assert_eq!(after.failed(), None, "the fetch after the failure clears it");
}

#[test]
fn a_slow_fetch_never_overwrites_a_newer_one() {
    let after = apply(entry(1000, T + 50), &CacheOp::Fetched(entry(2000, T + 40)), T + 60);
    assert_eq!(after.held().unwrap().fetched_at, UnixTime(T + 50));
}

#[test]
fn a_policy_from_the_future_gives_way_to_one_fetched_now() {
    let after = apply(entry(1_000_000, T + 9999), &CacheOp::Fetched(entry(2000, T)), T);
    assert_eq!(after.held().unwrap().fetched_at, UnixTime(T));
}

#[test]
fn a_failed_id_is_barred_and_another_is_not() {
    let now = |s| UnixTime(T + s);
    let after = apply(entry(1_000_000, T - 5000), &failed("B", T), T);
    assert_eq!(after.barred_until(id("B"), now(299)), Some(now(300)));
    assert_eq!(after.barred_until(id("B"), now(300)), None);
    assert_eq!(after.barred_until(id("C"), now(11)), None);
    assert_eq!(after.barred_until(id("C"), now(9)), Some(now(10)), "at most one fetch in ten seconds");
    assert_eq!(after.barred_until(id("B"), UnixTime(T - 1)), None, "a failure in the future bars nothing");
}

#[test]
fn a_domain_is_fetched_at_most_twelve_times_an_hour() {
    let mut current = entry(1_000_000, T);
    for n in 1..12 {
        current = apply(current, &failed(&format!("id{n}"), T + 100 * n), T + 100 * n);
    }
    assert_eq!(current.barred_until(id("new"), UnixTime(T + 1200)), Some(UnixTime(T + 3600)));
    assert_eq!(current.barred_until(id("new"), UnixTime(T + 3600)), None);
}

#[test]
fn a_check_of_nothing_is_nothing() {
    assert_eq!(Entry::apply(None, &domain(), &CacheOp::Checked { at: UnixTime(T) }, UnixTime(T)), None);
}

#[test]
fn another_domains_entry_is_never_used() {
    let other = Domain::from_ascii("example.net").unwrap();
    assert_eq!(Entry::apply(Some(entry(9, T)), &other, &CacheOp::Keep, UnixTime(T)), None);
    assert_eq!(Entry::decode(&entry(9, T).encode(), &other), Err(EntryError::OtherDomain));
}

#[test]
fn refresh_comes_at_half_of_max_age_daily_at_most_hourly() {
    let due = |max_age| entry(max_age, T).refresh_at(UnixTime(T)).map(|at| at.0 - T);
    assert_eq!(due(604_800), Some(86_400));
    assert_eq!(due(86_400), Some(43_200));
    assert_eq!(due(3601), Some(3600));
    assert_eq!(due(3600), None, "it is fetched on use");
    assert_eq!(due(0), None);
}

#[test]
fn a_failed_refresh_is_tried_again_after_an_hour() {
    let after = apply(entry(604_800, T), &failed("A", T + 86_400), T + 86_400);
    assert_eq!(after.refresh_at(UnixTime(T + 86_401)), Some(UnixTime(T + 90_000)));
}

#[test]
fn the_same_text_under_a_new_id_is_fetched_again_after_five_minutes() {
    let mut again = entry(604_800, T);
    again.held.as_mut().unwrap().same_text = true;
    assert_eq!(again.refresh_at(UnixTime(T)), Some(UnixTime(T + 300)));
}

#[test]
fn an_entry_survives_its_text_form() {
    let full = apply(entry(604_800, T), &failed("B", T + 60), T + 60);
    let text = std::string::String::from_utf8(full.encode()).unwrap();
    assert_eq!(
        text,
        format!(
            "mta-sts-entry 1\ndomain example.com\nheld A {T} new\nchecked {}\nfailed B {} {} sts-webpki-invalid\n\
             attempts {} {T}\npolicy 64\nversion: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n",
            T + 60,
            T + 60,
            T + 360,
            T + 60
        )
    );
    assert_eq!(Entry::decode(text.as_bytes(), &domain()), Ok(full));
    let only_failed = Entry::apply(None, &domain(), &failed("B", T), UnixTime(T)).unwrap();
    assert_eq!(Entry::decode(&only_failed.encode(), &domain()), Ok(only_failed));
}

#[test]
fn a_cut_or_garbled_entry_is_refused() {
    let bytes = apply(entry(604_800, T), &failed("B", T + 60), T + 60).encode();
    let cuts: Vec<usize> = (0..bytes.len()).filter(|&n| Entry::decode(&bytes[..n], &domain()).is_ok()).collect();
    assert_eq!(cuts, Vec::<usize>::new(), "no beginning of an entry is an entry");
    let mut longer = bytes.clone();
    longer.push(b'\n');
    assert_eq!(Entry::decode(&longer, &domain()), Err(EntryError::Syntax));
    assert_eq!(Entry::decode(b"mta-sts-entry 2\n", &domain()), Err(EntryError::Version));
    let invalid = b"mta-sts-entry 1\ndomain example.com\nheld A 1 new\npolicy 1\nx";
    assert!(matches!(Entry::decode(invalid, &domain()), Err(EntryError::Policy(_))));
}
