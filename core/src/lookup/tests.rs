use super::*;
use crate::{TxtRecords, tlsrpt::ResultType};
use std::{format, string::String};

const T: u64 = 1_800_000_000;
const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";
const PLAIN: HttpsHead<'_> = HttpsHead { status: 200, content_type: &["text/plain"], content_encoding: &[] };

fn at(seconds: u64) -> UnixTime {
    UnixTime(T + seconds)
}

fn domain() -> Domain {
    Domain::from_ascii("example.com").unwrap()
}

fn record(id: &str) -> TxtRecords {
    TxtRecords::from_iter([[format!("v=STSv1; id={id};")]])
}

fn held(id: &str, policy: &str, fetched_at: UnixTime) -> Entry {
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    Entry::import(&domain(), RecordId::new(id).unwrap(), policy, fetched_at, fetched_at)
}

/// A host for tests: a cache, and what DNS and the policy host would say.
struct Host {
    cache: Option<Entry>,
    config: Config,
}

impl Host {
    fn new(cache: Option<Entry>) -> Self {
        Self { cache, config: Config { recheck_after: 0, ..Config::default() } }
    }

    fn run(
        &mut self,
        intent: Intent,
        txt: Txt<'_>,
        https: Result<&str, FetchError>,
        now: UnixTime,
    ) -> (Outcome, String) {
        let mut lookup = Lookup::new(&domain(), self.cache.clone(), intent, self.config, now);
        let mut wanted = String::new();
        loop {
            match lookup.want() {
                Want::Txt { .. } => {
                    wanted.push('T');
                    lookup.txt(txt, now).unwrap();
                }
                Want::Https { .. } => {
                    wanted.push('H');
                    match https {
                        Ok(body) => {
                            assert_eq!(lookup.https_head(&PLAIN, now), Ok(Flow::Continue));
                            let _ = lookup.https_body(body.as_bytes(), now).unwrap();
                            lookup.https_end(now).unwrap();
                        }
                        Err(why) => lookup.https_failed(why, now).unwrap(),
                    }
                }
                Want::Nothing => break,
            }
        }
        let outcome = lookup.into_outcome().unwrap();
        self.cache = Entry::apply(self.cache.take(), &domain(), &outcome.cache, now);
        (outcome, wanted)
    }
}

fn enforces(outcome: &Outcome) -> bool {
    matches!(outcome.decision, Decision::Enforce(_))
}

#[test]
fn a_cold_lookup_asks_dns_then_https_and_caches() {
    let mut host = Host::new(None);
    let (outcome, wanted) = host.run(Intent::Deliver, Txt::Records(&record("A")), Ok(POLICY), at(0));
    assert!(enforces(&outcome) && wanted == "TH" && outcome.failure.is_none());
    assert_eq!(host.cache.unwrap().held().unwrap().fetched_at, at(0));
}

#[test]
fn a_warm_delivery_wants_nothing() {
    let mut host = Host::new(Some(held("A", POLICY, at(0))));
    host.config.recheck_after = 300;
    let (outcome, wanted) = host.run(Intent::Deliver, Txt::Absent, Ok(POLICY), at(299));
    assert!(enforces(&outcome) && wanted.is_empty() && outcome.cache == CacheOp::Keep);
    assert!(!outcome.confirms_bounce(), "nobody was asked");
    assert_eq!(host.run(Intent::Deliver, Txt::Absent, Ok(POLICY), at(300)).1, "T");
    assert_eq!(host.run(Intent::Deliver, Txt::Absent, Ok(POLICY), at(301)).1, "", "any answer of DNS counts as asked");
}

#[test]
fn before_a_bounce_dns_is_always_asked() {
    let mut host = Host::new(Some(held("A", POLICY, at(0))));
    host.config.recheck_after = 300;
    let (outcome, wanted) = host.run(Intent::BeforeBounce, Txt::Records(&record("A")), Ok(POLICY), at(9));
    assert!(wanted == "T" && outcome.confirms_bounce());
    let (outcome, _) = host.run(Intent::BeforeBounce, Txt::TempFail, Ok(POLICY), at(10));
    assert!(enforces(&outcome) && !outcome.confirms_bounce());
    let (outcome, wanted) = host.run(Intent::BeforeBounce, Txt::Records(&record("B")), Ok(POLICY), at(20));
    assert!(wanted == "TH" && !outcome.confirms_bounce(), "a new policy means another try");
}

#[test]
fn a_live_policy_is_applied_whatever_cannot_be_learnt() {
    let broken = TxtRecords::from_iter([["v=STSv1; id=;"]]);
    let new_id = record("B");
    for txt in [Txt::Absent, Txt::TempFail, Txt::Records(&broken), Txt::Records(&new_id)] {
        let mut host = Host::new(Some(held("A", POLICY, at(0))));
        let (outcome, _) = host.run(Intent::Deliver, txt, Err(FetchError::Timeout), at(100));
        assert!(enforces(&outcome), "{txt:?}");
        assert_eq!(outcome.result_type(), Some(ResultType::StsPolicyFetchError), "{txt:?}");
        assert!(host.cache.unwrap().live(at(100)).is_some());
    }
}

#[test]
fn an_expired_policy_never_applies() {
    let mut host = Host::new(Some(held("A", POLICY, at(0))));
    let (outcome, _) = host.run(Intent::Deliver, Txt::TempFail, Ok(POLICY), at(86_400));
    assert_eq!(outcome.decision, Decision::NoPolicy);
    assert_eq!(outcome.result_type(), None);
    assert_eq!(outcome.next_check, at(86_400));
}

#[test]
fn a_failed_fetch_backs_off_per_id_and_success_clears_it() {
    let mut host = Host::new(None);
    let (outcome, _) = host.run(Intent::Deliver, Txt::Records(&record("A")), Err(FetchError::Certificate), at(0));
    assert_eq!(outcome.result_type(), Some(ResultType::StsWebpkiInvalid));
    assert_eq!(outcome.next_check, at(300));
    let (outcome, wanted) = host.run(Intent::Deliver, Txt::Records(&record("A")), Ok(POLICY), at(299));
    assert_eq!(wanted, "T");
    let result = Some(ResultType::StsWebpkiInvalid);
    assert_eq!(outcome.failure, Some(Failure::BackOff { until: at(300), result }));
    assert_eq!(outcome.result_type(), result);
    assert_eq!(host.run(Intent::BeforeBounce, Txt::Records(&record("A")), Ok(POLICY), at(299)).1, "T");
    let (outcome, wanted) = host.run(Intent::Deliver, Txt::Records(&record("B")), Ok(POLICY), at(299));
    assert!(wanted == "TH" && enforces(&outcome));
    assert_eq!(host.cache.as_ref().unwrap().failed(), None);
}

#[test]
fn an_unchanged_id_is_healthy_while_another_is_backed_off() {
    let mut host = Host::new(Some(held("A", POLICY, at(0))));
    host.run(Intent::Deliver, Txt::Records(&record("B")), Err(FetchError::Connect), at(60));
    let (outcome, wanted) = host.run(Intent::Deliver, Txt::Records(&record("A")), Ok(POLICY), at(61));
    assert!(enforces(&outcome) && wanted == "T" && outcome.failure.is_none());
}

#[test]
fn what_was_not_tried_is_not_backed_off() {
    let mut host = Host::new(None);
    let (outcome, _) = host.run(Intent::Deliver, Txt::Records(&record("A")), Err(FetchError::NotTried), at(0));
    assert!(outcome.cache == CacheOp::Keep && outcome.result_type().is_none());
    assert_eq!(host.run(Intent::Deliver, Txt::Records(&record("A")), Ok(POLICY), at(1)).1, "TH");
}

#[test]
fn a_refresh_asks_https_whatever_dns_says() {
    for txt in [Txt::Absent, Txt::TempFail, Txt::Records(&record("A"))] {
        let mut host = Host::new(Some(held("A", POLICY, at(0))));
        let (outcome, wanted) = host.run(Intent::Refresh, txt, Ok(POLICY), at(43_200));
        assert!(wanted == "TH" && outcome.failure.is_none() && outcome.alert.is_none());
        let held = host.cache.as_ref().unwrap().held().unwrap();
        assert_eq!((held.id.as_str(), held.fetched_at), ("A", at(43_200)));
        assert_eq!(host.run(Intent::Refresh, txt, Ok(POLICY), at(43_499)).1, "", "not again within five minutes");
    }
}

#[test]
fn a_failed_refresh_alerts_unless_the_mode_is_none() {
    let none = "version: STSv1\nmode: none\nmax_age: 86400\n";
    for (policy, alert) in [(POLICY, Some(43_200)), (none, None)] {
        let mut host = Host::new(Some(held("A", policy, at(0))));
        let (outcome, _) = host.run(Intent::Refresh, Txt::Records(&record("A")), Err(FetchError::Connect), at(43_200));
        assert_eq!(outcome.alert, alert);
    }
}

#[test]
fn mode_none_is_no_policy_and_is_cached() {
    let none = "version: STSv1\nmode: none\nmax_age: 86400\n";
    let mut host = Host::new(Some(held("A", POLICY, at(0))));
    let (outcome, _) = host.run(Intent::Deliver, Txt::Records(&record("B")), Ok(none), at(60));
    assert_eq!(outcome.decision, Decision::NoPolicy);
    assert_eq!(host.cache.as_ref().unwrap().held().unwrap().policy.mode(), Mode::None);
    let (outcome, _) = host.run(Intent::Deliver, Txt::Absent, Ok(none), at(90));
    assert_eq!((outcome.decision, outcome.failure), (Decision::NoPolicy, None));
}

#[test]
fn the_same_text_under_a_new_id_is_marked() {
    let mut host = Host::new(Some(held("A", POLICY, at(0))));
    host.run(Intent::Deliver, Txt::Records(&record("B")), Ok(POLICY), at(60));
    assert!(host.cache.as_ref().unwrap().held().unwrap().same_text);
    host.run(Intent::Refresh, Txt::Records(&record("B")), Ok(POLICY), at(400));
    assert!(!host.cache.as_ref().unwrap().held().unwrap().same_text);
}

#[test]
fn the_clock_may_step_back_and_forth() {
    let mut host = Host::new(Some(held("A", POLICY, at(1000))));
    let (outcome, _) = host.run(Intent::Deliver, Txt::Records(&record("A")), Ok(POLICY), at(0));
    assert!(enforces(&outcome));
    let update = POLICY.replace("mx.", "new.");
    host.run(Intent::Deliver, Txt::Records(&record("B")), Ok(&update), at(20));
    let (outcome, _) = host.run(Intent::Deliver, Txt::Absent, Ok(POLICY), at(2000));
    assert!(outcome.decision.policy().unwrap().permits_mx("new.example.com"));
}

#[test]
fn answers_out_of_turn_change_nothing() {
    let mut lookup = Lookup::new(&domain(), None, Intent::Deliver, Config::default(), at(0));
    assert_eq!(lookup.https_head(&PLAIN, at(0)), Err(OutOfTurn));
    assert_eq!(lookup.https_body(b"x", at(0)), Err(OutOfTurn));
    assert_eq!(lookup.https_end(at(0)), Err(OutOfTurn));
    assert_eq!(lookup.https_failed(FetchError::Dns, at(0)), Err(OutOfTurn));
    assert_eq!(lookup.want(), Want::Txt { name: "_mta-sts.example.com." });
    lookup.txt(Txt::Records(&record("A")), at(0)).unwrap();
    assert_eq!(lookup.txt(Txt::Absent, at(0)), Err(OutOfTurn));
    assert_eq!(lookup.https_body(b"x", at(0)), Err(OutOfTurn), "before the head");
    assert_eq!(lookup.https_head(&PLAIN, at(0)), Ok(Flow::Continue));
    assert_eq!(lookup.https_head(&PLAIN, at(0)), Err(OutOfTurn));
    assert!(matches!(lookup.want(), Want::Https { max_body: 65_536, .. }));
    let _ = lookup.https_body(POLICY.as_bytes(), at(0)).unwrap();
    lookup.https_end(at(0)).unwrap();
    assert_eq!(lookup.https_end(at(0)), Err(OutOfTurn));
    assert_eq!(lookup.want(), Want::Nothing);
}

#[test]
fn heads_are_checked() {
    use FetchError::*;
    for (status, content_type, content_encoding, result) in [
        (200, &["text/plain"][..], &[][..], Ok(())),
        (200, &[], &["identity"], Ok(())),
        (200, &[" TEXT/Plain\t; charset=x"], &[], Ok(())),
        (200, &["text/html"], &[], Err(MediaType)),
        (200, &[""], &[], Err(MediaType)),
        (200, &["text/plain", "text/plain"], &[], Err(MediaType)),
        (200, &["text/plain"], &["gzip"], Err(Encoding)),
        (200, &["text/plain"], &["identity, br"], Err(Encoding)),
        (206, &["text/plain"], &[], Err(Status(206))),
        (301, &[], &[], Err(Status(301))),
    ] {
        assert_eq!(HttpsHead { status, content_type, content_encoding }.check(), result);
    }
}

#[test]
fn a_body_over_the_limit_fails_and_is_never_cut() {
    let mut lookup = Lookup::new(&domain(), None, Intent::Deliver, Config::default(), at(0));
    lookup.txt(Txt::Records(&record("A")), at(0)).unwrap();
    assert_eq!(lookup.https_head(&PLAIN, at(0)), Ok(Flow::Continue));
    assert_eq!(lookup.https_body(&[b'x'; 65_536], at(0)), Ok(Flow::Continue));
    assert_eq!(lookup.https_body(b"x", at(0)), Ok(Flow::Stop));
    assert_eq!(lookup.outcome().unwrap().failure, Some(Failure::Fetch(FetchError::TooLarge)));
}
