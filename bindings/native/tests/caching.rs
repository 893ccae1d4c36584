//! What is kept, who waits for what, and what goes on behind. RFC 8461 §3.3, §5.1, §10.2.

mod common;

use common::{fragile::Fragile, *};
use mta_sts::{
    Decision, Failure, FetchError, Freshness, Intent, Limits, MemoryStore, PolicyStore, Resolver, Source, StoreError,
    Timeouts, UnixTime,
};
use mta_sts_lab::{Answer, Lab, PolicyHost, RecordType, Reply, Response};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

fn slow(policy: String, delay: Duration) -> PolicyHost {
    let octet_delay = Some(delay / u32::try_from(policy.len()).unwrap());
    Response { octet_delay, ..Response::text(policy) }.into()
}

fn enforces(decision: &Decision) -> bool {
    matches!(decision, Decision::Enforce(_))
}

#[tokio::test]
async fn a_live_policy_answers_without_io_and_later_while_the_id_is_checked_behind() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "old.a.test");
    let clock = Hands::new();
    let resolver = builder(&lab).clock(clock.clone()).build().unwrap();
    assert_eq!(resolver.resolve("a.test").await.unwrap().source, Source::Fetched);
    lab.world().clear_logs();
    assert_eq!(resolver.resolve("a.test").await.unwrap().source, Source::Cache);
    assert!(lab.world().dns_log().is_empty());

    clock.forward(301);
    publish(lab.world(), "a.test", "2", PolicyHost::serving(policy("enforce", "new.a.test")));
    let answer = resolver.resolve("a.test").await.unwrap();
    assert!(answer.decision.policy().unwrap().permits_mx("old.a.test"));
    until(|| fetches(lab.world(), "a.test") == 1).await;
    let permits_new = async || {
        let answer = resolver.resolve("a.test").await.unwrap();
        answer.decision.policy().unwrap().permits_mx("new.a.test")
    };
    for _ in 0..100 {
        if permits_new().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the new policy was not kept");
}

#[tokio::test]
async fn a_live_policy_survives_whatever_dns_and_the_policy_host_say() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    enforce(world, "a.test", "*.a.test");
    let clock = Hands::new();
    let resolver = builder(&lab).clock(clock.clone()).freshness(Freshness::Checked).build().unwrap();
    resolver.resolve("a.test").await.unwrap();
    for answer in [Answer::NxDomain, Answer::ServFail, Answer::Records(vec![])] {
        clock.forward(400);
        world.set("_mta-sts.a.test", RecordType::Txt, answer);
        let answer = resolver.resolve("a.test").await.unwrap();
        assert!(enforces(&answer.decision) && answer.failure.is_some() && answer.source == Source::Cache);
    }
    clock.forward(400);
    publish(world, "a.test", "2", Response::status(404));
    let answer = resolver.resolve("a.test").await.unwrap();
    assert_eq!(answer.failure, Some(Failure::Fetch(FetchError::Status(404))));
    assert!(enforces(&answer.decision) && answer.asked_https);
    // Dead in the end: it no longer applies.
    clock.forward(700_000);
    let answer = resolver.resolve("a.test").await.unwrap();
    assert_eq!((answer.decision, answer.source), (Decision::NoPolicy, Source::None));
}

#[tokio::test]
async fn deliveries_at_once_cause_one_fetch() {
    let lab = Lab::start().await.unwrap();
    publish(lab.world(), "a.test", "1", slow(policy("enforce", "*.a.test"), Duration::from_millis(300)));
    let resolver = checked(&lab);
    let domain = domain("a.test");
    let intents = [Intent::Deliver, Intent::BeforeBounce, Intent::Refresh];
    let tasks: Vec<_> = (0..30)
        .map(|i| {
            let (resolver, domain) = (resolver.clone(), domain.clone());
            tokio::spawn(async move { resolver.resolve_with(&domain, intents[i % 3]).await })
        })
        .collect();
    for task in tasks {
        assert!(enforces(&task.await.unwrap().decision));
    }
    assert_eq!(fetches(lab.world(), "a.test"), 1);
}

#[tokio::test]
async fn a_caller_waits_no_longer_than_its_deadline_and_the_fetch_goes_on_behind() {
    let lab = Lab::start().await.unwrap();
    publish(lab.world(), "a.test", "1", slow(policy("enforce", "*.a.test"), Duration::from_millis(600)));
    let timeouts = Timeouts { caller: Duration::from_millis(150), ..Timeouts::default() };
    let store = Arc::new(MemoryStore::default());
    let resolver = builder(&lab).timeouts(timeouts).store(store.clone()).build().unwrap();
    let began = Instant::now();
    let answer = resolver.resolve("a.test").await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(500));
    assert_eq!(answer.failure, Some(Failure::Fetch(FetchError::Timeout)));
    assert_eq!(answer.decision, Decision::NoPolicy);
    until(|| !store.is_empty()).await;
    assert!(enforces(&resolver.resolve("a.test").await.unwrap().decision));
    assert_eq!(fetches(lab.world(), "a.test"), 1);

    lab.world().set("_mta-sts.b.test", RecordType::Txt, Answer::Silence);
    let answer = resolver.resolve("b.test").await.unwrap();
    assert_eq!(answer.failure, Some(Failure::DnsTemporary));
}

#[tokio::test]
async fn a_dropped_caller_loses_nothing_and_the_last_resolver_ends_everything() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish(world, "a.test", "1", slow(policy("enforce", "*.a.test"), Duration::from_millis(300)));
    publish(world, "b.test", "1", slow(policy("enforce", "*.b.test"), Duration::from_millis(500)));
    let store = Arc::new(MemoryStore::default());
    let resolver = builder(&lab).store(store.clone()).build().unwrap();
    let call = tokio::time::timeout(Duration::from_millis(50), resolver.resolve("a.test"));
    assert!(call.await.is_err());
    until(|| store.len() == 1).await;

    let call = tokio::time::timeout(Duration::from_millis(100), resolver.resolve("b.test"));
    assert!(call.await.is_err());
    until(|| fetches(world, "b.test") == 1).await;
    drop(resolver);
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(store.len(), 1);
    // Nothing holds the store any longer: the task is gone.
    assert_eq!(Arc::strong_count(&store), 1);
}

#[tokio::test]
async fn a_domain_without_a_policy_is_not_asked_at_each_delivery() {
    let lab = Lab::start().await.unwrap();
    let clock = Hands::new();
    let resolver = builder(&lab).clock(clock.clone()).build().unwrap();
    resolver.resolve("a.test").await.unwrap();
    let asked = lab.world().dns_log().len();
    let again = resolver.resolve("a.test").await.unwrap();
    assert_eq!((again.failure, again.source), (None, Source::None));
    assert_eq!(lab.world().dns_log().len(), asked);
    enforce(lab.world(), "a.test", "*.a.test");
    clock.forward(301);
    assert!(enforces(&resolver.resolve("a.test").await.unwrap().decision));
}

#[tokio::test]
async fn without_room_nothing_is_learnt_and_nothing_backed_off() {
    let lab = Lab::start().await.unwrap();
    let silent = || PolicyHost { reply: Reply::Silence, ..PolicyHost::default() };
    publish(lab.world(), "a.test", "1", silent());
    enforce(lab.world(), "b.test", "*.b.test");
    let limits = Limits { max_fetches: 1, max_queued: 0, ..Limits::default() };
    let timeouts = Timeouts { caller: Duration::from_millis(200), ..Timeouts::default() };
    let resolver = builder(&lab).limits(limits).timeouts(timeouts).build().unwrap();
    resolver.resolve("a.test").await.unwrap();
    let answer = resolver.resolve("b.test").await.unwrap();
    assert_eq!(answer.failure, Some(Failure::Fetch(FetchError::NotTried)));
    assert_eq!((answer.result_type, answer.asked_https), (None, false));
}

#[tokio::test]
async fn a_domain_with_silent_name_servers_starves_no_other_below_the_same_public_suffix() {
    let lab = Lab::start().await.unwrap();
    for name in ["slow1.evil.co.uk", "slow2.evil.co.uk"] {
        lab.world().set(&format!("_mta-sts.{name}"), RecordType::Txt, Answer::Silence);
    }
    enforce(lab.world(), "bank.co.uk", "*.bank.co.uk");
    // A sixteenth for each registrable domain: one lookup.
    let limits = Limits { max_fetches: 16, max_queued: 0, ..Limits::default() };
    let timeouts = Timeouts { caller: Duration::from_millis(500), ..Timeouts::default() };
    let resolver = builder(&lab).limits(limits).timeouts(timeouts).build().unwrap();
    let failure = async |name| resolver.resolve(name).await.unwrap().failure;
    assert_eq!(failure("slow1.evil.co.uk").await, Some(Failure::DnsTemporary));
    assert_eq!(failure("slow2.evil.co.uk").await, Some(Failure::Fetch(FetchError::NotTried)));
    assert_eq!(failure("bank.co.uk").await, None);
}

#[tokio::test]
async fn one_slow_address_starves_only_itself() {
    let lab = Lab::start().await.unwrap();
    let silent = || PolicyHost { reply: Reply::Silence, ..PolicyHost::default() };
    for name in ["a.test", "b.test", "c.test"] {
        publish(lab.world(), name, "1", silent());
    }
    let limits = Limits { per_address: 2, per_registrable_domain: 9, ..Limits::default() };
    let timeouts = Timeouts { fetch: Duration::from_millis(300), ..Timeouts::default() };
    let resolver = builder(&lab).limits(limits).timeouts(timeouts).freshness(Freshness::Checked).build().unwrap();
    let (a, b, c) = tokio::join!(resolver.resolve("a.test"), resolver.resolve("b.test"), resolver.resolve("c.test"));
    let failures: Vec<_> = [a, b, c].into_iter().map(|answer| answer.unwrap().failure.unwrap()).collect();
    let timed_out = failures.iter().filter(|why| **why == Failure::Fetch(FetchError::Timeout)).count();
    let not_tried = failures.iter().filter(|why| **why == Failure::Fetch(FetchError::NotTried)).count();
    // The third either waited in vain, or got its turn when the first two were over.
    assert!(timed_out >= 2 && timed_out + not_tried == 3, "{failures:?}");
}

fn fragile(lab: &Lab, clock: &Arc<Hands>) -> (Resolver, Arc<Fragile>) {
    let store = Arc::new(Fragile::default());
    (builder(lab).store(store.clone()).clock(clock.clone()).build().unwrap(), store)
}

#[tokio::test]
async fn a_policy_is_not_forgotten_while_the_store_is_read_only() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    let clock = Hands::new();
    let (resolver, store) = fragile(&lab, &clock);
    store.cannot_write.store(true, Ordering::SeqCst);
    assert_eq!(resolver.resolve("a.test").await.unwrap().source, Source::Fetched);
    lab.world().clear();
    clock.forward(100_000);
    assert!(enforces(&resolver.resolve("a.test").await.unwrap().decision));
    assert!(store.inner.is_empty());
    // Once it can be written, it gets what it missed.
    store.cannot_write.store(false, Ordering::SeqCst);
    clock.forward(1000);
    resolver.resolve("a.test").await.unwrap();
    until(|| store.inner.len() == 1).await;
    let entry = store.inner.get(&domain("a.test")).await.unwrap().unwrap();
    assert!(entry.live(UnixTime(1_800_101_000)).is_some());
}

#[tokio::test]
async fn an_unreadable_store_is_not_an_empty_one() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    let clock = Hands::new();
    let (resolver, store) = fragile(&lab, &clock);
    store.cannot_read.store(true, Ordering::SeqCst);
    // Looked up afresh, and the answer stands.
    let answer = resolver.resolve("a.test").await.unwrap();
    assert!(enforces(&answer.decision) && answer.store_error.is_some() && !answer.is_uncertain());
    // Nothing was learnt, and the answer says so: also the next one.
    lab.world().set("_mta-sts.b.test", RecordType::Txt, Answer::ServFail);
    for _ in 0..2 {
        let answer = resolver.resolve("b.test").await.unwrap();
        assert_eq!(answer.decision, Decision::NoPolicy);
        assert!(answer.is_uncertain());
    }
    let bounce = resolver.resolve_with(&domain("c.test"), Intent::BeforeBounce).await;
    assert!(bounce.failure.is_none() && !bounce.confirms_bounce);
    store.hangs.store(true, Ordering::SeqCst);
    let began = Instant::now();
    let answer = resolver.resolve("b.test").await.unwrap();
    assert_eq!(answer.store_error, Some(StoreError::Timeout));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn the_refresher_renews_what_is_due_until_it_is_dropped() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    enforce(world, "a.test", "old.a.test");
    let clock = Hands::new();
    let store = Arc::new(MemoryStore::default());
    let resolver = builder(&lab).clock(clock.clone()).store(store.clone()).build().unwrap();
    resolver.resolve("a.test").await.unwrap();
    drop(resolver.spawn_refresher());
    // A policy changed without a new id is found, whatever the TXT record.
    world.policy_host("mta-sts.a.test", PolicyHost::serving(policy("enforce", "new.a.test")));
    world.remove("_mta-sts.a.test", RecordType::Txt);
    clock.forward(86_400 + 300);
    world.clear_logs();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(world.http_log().is_empty());
    let refresher = resolver.spawn_refresher();
    until(|| fetches(world, "a.test") == 1).await;
    let held_new = async || {
        let entry = store.get(&domain("a.test")).await.unwrap().unwrap();
        entry.held().unwrap().policy.permits_mx("new.a.test")
    };
    for _ in 0..100 {
        if held_new().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(held_new().await);
    drop(refresher);

    // Not refreshed: no mail for 30 days.
    clock.forward(86_400 * 4);
    world.clear_logs();
    let lazy = builder(&lab).clock(clock.clone()).store(store.clone()).build().unwrap();
    lazy.resolve_with(&domain("a.test"), Intent::Refresh).await;
    assert_eq!(fetches(world, "a.test"), 1);
}

#[tokio::test]
async fn a_failing_refresh_alerts_with_what_is_left() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    let clock = Hands::new();
    let resolver = builder(&lab).clock(clock.clone()).build().unwrap();
    resolver.resolve("a.test").await.unwrap();
    lab.world().policy_host("mta-sts.a.test", Response::status(500).into());
    clock.forward(604_800 - 1000);
    let answer = resolver.resolve_with(&domain("a.test"), Intent::Refresh).await;
    assert_eq!(answer.alert, Some(1000));
    assert!(enforces(&answer.decision));
}

#[tokio::test]
async fn answers_and_plans_can_be_awaited_in_spawned_tasks() {
    let lab = Lab::start().await.unwrap();
    let resolver = checked(&lab);
    let task = tokio::spawn(async move {
        let plan = resolver.plan(&domain("a.test"), &mta_sts::PlanOptions::default()).await;
        resolver.mx_hosts(&plan.answer.domain).await
    });
    assert!(task.await.unwrap().is_ok());
}
