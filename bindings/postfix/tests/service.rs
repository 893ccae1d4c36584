//! The service: overrides, the map for clients, the grace of a store, metrics and the log.

mod common;

use common::*;
use mta_sts::{
    Domain, Freshness, Mode, Timeouts, UnixTime,
    core::socketmap::{PolicyDecision, PolicyReply},
};
use mta_sts_lab::{Answer, Lab, PolicyHost, Record, RecordType, World};
use mta_sts_postfix::{
    Answerer, DaneMode, Override, Overrides, Reply, Service, ServiceOptions, StaticPolicy, Zone, Zones,
};
use std::{cell::RefCell, io, sync::Once, time::Duration};

const PUBLISHED: &str = "secure match=mail.a.test:.a.test servername=hostname";

fn enforce(world: &World, name: &str) {
    publish(world, name, "1", PolicyHost::serving(policy("enforce", name)));
}

fn ok(value: &str) -> Reply {
    Reply::Ok(value.to_owned())
}

fn statically(mode: Mode, mx: &str) -> Override {
    Override::Policy(StaticPolicy { mode, mx: vec![mx.to_owned()] })
}

#[tokio::test]
async fn an_override_takes_the_place_of_what_the_domain_publishes() {
    Log::start();
    let lab = Lab::start().await.unwrap();
    for name in ["a.test", "b.test", "x.b.test", "c.test", "d.test"] {
        enforce(lab.world(), name);
    }
    let service = Service::new(patient(&lab).build().unwrap(), ServiceOptions::default());
    let ask = async |map: &str, key: &str| service.answer(map.as_bytes(), key.as_bytes()).await;
    assert_eq!(ask("postfix", "a.test").await, ok(PUBLISHED));
    let overrides = Overrides::new([
        ("a.test", Override::Exempt),
        (".b.test", statically(Mode::Enforce, "mx.example")),
        ("c.test", statically(Mode::Testing, "mx.example")),
        ("d.test", Override::RefreshEvery(Duration::from_secs(3600))),
    ])
    .unwrap();
    let strict = Zone { strict_testing: true, ..Zone::new("strict") };
    let zones = Zones::new(Zone::new("default"), [strict]);
    service.set(ServiceOptions { zones, overrides, ..ServiceOptions::default() });
    let statically = ok("secure match=mx.example servername=hostname");
    assert_eq!(ask("postfix", "a.test").await, Reply::NotFound);
    assert_eq!(ask("postfix", "b.test").await, ok(&PUBLISHED.replace("a.", "b.")));
    assert_eq!(ask("postfix", "x.b.test").await, statically);
    assert_eq!(ask("postfix", "[x.b.test]:587").await, statically);
    assert_eq!(ask("postfix", "c.test").await, Reply::NotFound);
    assert_eq!(ask("strict", "c.test").await, statically);
    assert_eq!(ask("postfix", "d.test").await, ok(&PUBLISHED.replace("a.", "d.")));
    let asked: Vec<_> = lab.world().dns_log().into_iter().map(|(name, _)| name).collect();
    assert!(!asked.iter().any(|name| name.contains("x.b.test") || name.contains("c.test")), "{asked:?}");
    service.set(ServiceOptions::default());
    assert_eq!(ask("postfix", "a.test").await, ok(PUBLISHED));
}

fn of_client(reply: &Reply) -> PolicyReply<'_> {
    let Reply::Policy(value) = reply else { panic!("{reply:?}") };
    PolicyReply::decode(value).unwrap()
}

#[tokio::test]
async fn a_client_is_told_what_is_decided_and_why() {
    Log::start();
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test");
    publish(lab.world(), "testing.test", "1", PolicyHost::serving(policy("testing", "testing.test")));
    publish(lab.world(), "none.test", "1", PolicyHost::serving("version: STSv1\nmode: none\nmax_age: 86400\n"));
    lab.world().set("_mta-sts.dead.test", RecordType::Txt, Answer::ServFail);
    let overrides =
        Overrides::new([("exempt.test", Override::Exempt), ("static.test", statically(Mode::Enforce, "mx.example"))]);
    let options = ServiceOptions { overrides: overrides.unwrap(), ..ServiceOptions::default() };
    let service = Service::new(patient(&lab).clock(Hands::new()).build().unwrap(), options);
    use PolicyDecision::*;
    for (domain, decision, reason, holds) in [
        ("a.test", Enforce, "policy", true),
        ("testing.test", Testing, "policy", true),
        ("none.test", NoPolicy, "mode-none", true),
        ("absent.test", NoPolicy, "no-record", false),
        ("dead.test", NoPolicy, "dns-temporary", false),
        ("exempt.test", NoPolicy, "exempt", false),
        ("static.test", Enforce, "override", true),
    ] {
        let reply = service.answer(b"policy", domain.as_bytes()).await;
        let told = of_client(&reply);
        assert_eq!((told.decision, told.reason, told.entry.is_some()), (decision, reason, holds), "{domain}");
        assert_eq!(told.domain, Domain::from_ascii(domain).unwrap());
        assert!(!told.confirms_bounce);
        assert_eq!(told.valid_until.is_some(), holds);
    }
    let reply = service.answer(b"policy", b"a.test").await;
    assert_eq!(of_client(&reply).valid_until, Some(UnixTime(1_800_000_000 + 86_400)));
    for key in ["192.0.2.1", "", ".a.test", "user@a.test", "a.test  before-bounce x", "before-bounce", " before-bounce"]
    {
        let reply = service.answer(b"policy", key.as_bytes()).await;
        let is_name = key == "before-bounce";
        assert_eq!(reply == Reply::NotFound, !is_name, "{key}: {reply:?}");
    }
}

#[tokio::test]
async fn a_client_is_told_in_time_that_dane_cannot_be_looked_up() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test");
    lab.world().set_secure("a.test", true);
    lab.world().mx("a.test", &[(10, "mx.a.test")]);
    lab.world().host_address("mx.a.test", &["192.0.2.1".parse().unwrap()]);
    lab.world().set("_25._tcp.mx.a.test", RecordType::Tlsa, Answer::Silence);
    let minute = Duration::from_secs(60);
    let timeouts = Timeouts { dns: minute, caller: Duration::from_millis(500), ..Timeouts::default() };
    let resolver = builder(&lab).dane(true).timeouts(timeouts).build().unwrap();
    let service = Service::new(resolver, ServiceOptions::default());
    let reply = tokio::time::timeout(minute / 2, service.answer(b"policy", b"a.test")).await;
    assert_eq!(reply, Ok(Reply::Temp("the DANE records of the MX hosts cannot be looked up")));
}

#[tokio::test]
async fn a_bounce_is_confirmed_only_when_asked_for_and_nothing_newer_is_found() {
    Log::start();
    let lab = Lab::start().await.unwrap();
    let clock = Hands::new();
    enforce(lab.world(), "a.test");
    let resolver = patient(&lab).clock(clock.clone()).freshness(Freshness::Checked).build().unwrap();
    let overrides = Overrides::new([("static.test", statically(Mode::Enforce, "mx.example"))]).unwrap();
    let service = Service::new(resolver, ServiceOptions { overrides, ..ServiceOptions::default() });
    let confirms = async |key: &str| of_client(&service.answer(b"policy", key.as_bytes()).await).confirms_bounce;
    assert!(!confirms("a.test").await);
    assert!(confirms("a.test before-bounce").await);
    publish(lab.world(), "a.test", "2", PolicyHost::serving(policy("none", "a.test")));
    clock.forward(60);
    assert!(!confirms("a.test before-bounce").await, "the policy is new: the message is tried again");
    assert!(confirms("static.test before-bounce").await && !confirms("static.test").await);
    // Postfix's maps know no such key.
    assert_eq!(service.answer(b"postfix", b"a.test before-bounce").await, Reply::NotFound);
}

#[tokio::test]
async fn an_answer_is_given_again_only_as_long_as_it_is_the_answer() {
    Log::start();
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test");
    let domain = Domain::from_ascii("a.test").unwrap();
    // It stands still: all is in one second until it is moved.
    let clock = Hands::new();
    let service = Service::new(patient(&lab).clock(clock.clone()).build().unwrap(), ServiceOptions::default());
    // Often enough to be kept.
    let ask = || {
        (0..20)
            .map(|_| service.ready(b"postfix", b"a.test"))
            .reduce(|a, b| if a == b { a } else { panic!("{a:?} {b:?}") })
    };
    assert_eq!(ask(), Some(None));
    assert_eq!(service.answer(b"postfix", b"a.test").await, ok(PUBLISHED));
    assert_eq!(ask(), Some(Some(ok(PUBLISHED))));
    // The same key is another question in another zone.
    assert!(matches!(service.ready(b"policy", b"a.test"), Some(Reply::Policy(_)) | None));
    assert!(service.ready(b"postfixwithTLSRPT", b"a.test").is_some_and(|reply| reply != ok(PUBLISHED)));
    let counted = "mta_sts_requests_total{zone=\"default\",reply=\"ok\"} 22";
    assert!(service.metrics().render().lines().any(|line| line == counted), "{}", service.metrics().render());

    let overrides = Overrides::new([("a.test", Override::Exempt)]).unwrap();
    service.set(ServiceOptions { overrides, ..ServiceOptions::default() });
    assert_eq!(ask(), Some(Some(Reply::NotFound)));
    service.set(ServiceOptions::default());
    assert_eq!(ask(), Some(Some(ok(PUBLISHED))));

    // Policies are not fetched all the time.
    clock.forward(60);
    assert_eq!(ask(), Some(Some(ok(PUBLISHED))));
    publish(lab.world(), "a.test", "2", PolicyHost::serving(policy("testing", "a.test")));
    // DNS is always asked then.
    assert!(!of_client(&service.answer(b"policy", b"a.test before-bounce").await).confirms_bounce);
    assert_eq!(ask(), Some(Some(Reply::NotFound)));
    assert!(service.resolver().forget(&domain).await.unwrap());
    assert_eq!(ask(), Some(None));
    assert_eq!(service.answer(b"postfix", b"a.test").await, Reply::NotFound);
    assert_eq!(ask(), Some(Some(Reply::NotFound)));
    // The record has to be looked at again.
    clock.forward(301);
    assert_eq!(ask(), Some(None));
}

#[tokio::test]
async fn mail_waits_for_the_store_but_not_for_ever() {
    let log = Log::start();
    let lab = Lab::start().await.unwrap();
    lab.world().set("_mta-sts.dead.test", RecordType::Txt, Answer::ServFail);
    let store = Flaky::new(true);
    let resolver = patient(&lab).store(store.clone()).build().unwrap();
    let grace = Duration::from_secs(600);
    let service = Service::new(resolver, ServiceOptions { store_grace: grace, ..ServiceOptions::default() });
    let ask = async || service.answer(b"postfix", b"dead.test").await;
    let is = |line: &str| service.metrics().render().lines().any(|one| one == line);
    let pass = async |time: Duration| {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    };
    assert!(matches!(ask().await, Reply::Temp(_)));
    assert!(is("mta_sts_store_up 0.0") && is("mta_sts_decisions_total{mode=\"unknown\",result=\"temp\"} 1"));
    pass(Duration::from_secs(590)).await;
    assert!(matches!(ask().await, Reply::Temp(_)));
    pass(Duration::from_secs(10)).await;
    assert_eq!(ask().await, Reply::NotFound);
    assert_eq!(ask().await, Reply::NotFound);
    assert_eq!(log.text().matches("ERROR").count(), 1, "{}", log.text());
    assert!(is("mta_sts_alerts_total{kind=\"store-grace-over\"} 1"));
    assert_eq!(of_client(&service.answer(b"policy", b"dead.test").await).reason, "store-grace-over");
    pass(Duration::from_secs(60)).await;
    assert_eq!(ask().await, Reply::NotFound);
    assert!(is("mta_sts_alerts_total{kind=\"store-grace-over\"} 2"));
    // The store is back, and the next failure begins anew.
    store.fails(false);
    assert_eq!(ask().await, Reply::NotFound);
    assert!(is("mta_sts_store_up 1.0") && is("mta_sts_store_errors_total 6"));
    store.fails(true);
    assert!(matches!(ask().await, Reply::Temp(_)));
}

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The log of this thread, where each of these tests runs as a whole.
struct Log;

impl Log {
    /// To be called first by every test here: what is logged before there is a subscriber may stay
    /// switched off.
    fn start() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
        });
        Self
    }

    fn text(&self) -> String {
        LOGGED.with_borrow(|logged| String::from_utf8(logged.clone()).unwrap())
    }
}

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(octets));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_decision_is_one_line_and_counted_once() {
    let log = Log::start();
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test");
    let bad = "version: STSv1\nmode: enforce\u{1b}[31m\nmax_age: 1\n";
    publish(lab.world(), "bad.test", "1", PolicyHost::serving(bad));
    let named = Zones::new(Zone::new("default"), [Zone::new("mine")]);
    let service = Service::new(patient(&lab).build().unwrap(), named);
    for (map, key) in [
        ("postfix", "a.test"),
        ("mine", "a.test"),
        ("JSON", "a.test"),
        ("mine", "bad.test"),
        ("mine", "plain.test"),
        ("mine", "\u{1b}[31m"),
        ("policy", "a.test"),
    ] {
        service.answer(map.as_bytes(), key.as_bytes()).await;
    }
    let text = log.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("mta_sts::decision")).collect();
    assert_eq!(lines.len(), 6, "{text}");
    for (line, words) in lines.iter().zip([
        ["zone=\"default\" domain=a.test", "reply=\"ok\" decision=\"enforce\" reason=\"policy\" source=\"fetched\""],
        [
            "zone=\"mine\" domain=a.test",
            "reply=\"ok\" decision=\"enforce\" reason=\"policy\" source=\"cache\" remaining=",
        ],
        ["zone=\"default\" domain=a.test", "source=\"cache\""],
        ["domain=bad.test", "reply=\"not-found\" decision=\"no-policy\" reason=\"fetch-policy\" source=\"none\" ms="],
        ["domain=plain.test", "reason=\"no-record\""],
        ["zone=\"policy\" domain=a.test", "decision=\"enforce\""],
    ]) {
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
    assert!(!text.contains('\u{1b}'));
    let metrics = service.metrics().render();
    for line in [
        "mta_sts_requests_total{zone=\"default\",reply=\"ok\"} 2",
        "mta_sts_requests_total{zone=\"mine\",reply=\"ok\"} 1",
        "mta_sts_requests_total{zone=\"mine\",reply=\"not-found\"} 3",
        "mta_sts_requests_total{zone=\"policy\",reply=\"ok\"} 1",
        "mta_sts_decisions_total{mode=\"enforce\",result=\"ok\"} 4",
        "mta_sts_decisions_total{mode=\"no-policy\",result=\"not-found\"} 2",
        "mta_sts_fetches_total{result=\"fetched\"} 1",
        "mta_sts_fetches_total{result=\"policy\"} 1",
        "mta_sts_answer_seconds_count{path=\"cached\"} 3",
        "mta_sts_answer_seconds_count{path=\"looked-up\"} 3",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line} is not in:\n{metrics}");
    }
}

#[tokio::test]
async fn what_was_known_counts_as_cached_whatever_it_says() {
    Log::start();
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    let tlsa = Record::Tlsa { usage: 3, selector: 1, matching: 1, data: vec![0; 32] };
    world.set_secure("dane.test", true);
    world.mx("dane.test", &[(10, "mx.dane.test")]);
    world.host_address("mx.dane.test", &["127.0.0.1".parse().unwrap()]);
    world.set("_25._tcp.mx.dane.test", RecordType::Tlsa, Answer::Records(vec![tlsa]));
    enforce(world, "a.test");
    world.set("_mta-sts.dead.test", RecordType::Txt, Answer::ServFail);
    let zones = Zones::new(Zone { dane: DaneMode::Reply, ..Zone::new("default") }, []);
    let service = Service::new(patient(&lab).dane(true).clock(Hands::new()).build().unwrap(), zones);
    // As the server asks.
    let ask = async |key: &[u8]| match service.ready(b"postfix", key) {
        Some(reply) => reply,
        None => service.answer(b"postfix", key).await,
    };
    let counted = |path: &str| {
        let name = format!("mta_sts_answer_seconds_count{{path=\"{path}\"}} ");
        let metrics = service.metrics().render();
        metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse::<u32>().unwrap()
    };
    let dane = ok("dane");
    for (i, (domain, reply)) in (1..).zip([
        ("dane.test", &dane),
        ("a.test", &ok(PUBLISHED)),
        ("plain.test", &Reply::NotFound),
        ("dead.test", &Reply::NotFound),
    ]) {
        for asked_before in 0..3 {
            assert_eq!(&ask(domain.as_bytes()).await, reply, "{domain}");
            assert_eq!((counted("looked-up"), counted("cached")), (i, 2 * (i - 1) + asked_before), "{domain}");
        }
    }
}
