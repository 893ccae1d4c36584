//! The memory before the store, what an administrator asks of both, and what is refreshed.

mod common;

use common::{fragile::Fragile, *};
use mta_sts::core::RecordId;
use mta_sts::{CacheOp, Decision, Entry, Intent, Policy, PolicyStore, Resolver, Source, StoreError, UnixTime};
use mta_sts_lab::{Answer, Lab, RecordType, Response};
use std::{
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

struct Scene {
    lab: Lab,
    clock: Arc<Hands>,
    store: Arc<Fragile>,
    resolver: Resolver,
}

/// One domain with a policy that is cached in the store and in memory.
async fn scene() -> Scene {
    let (lab, clock, store) = (Lab::start().await.unwrap(), Hands::new(), Arc::new(Fragile::default()));
    enforce(lab.world(), "a.test", "old.a.test");
    let builder = builder(&lab).store(store.clone()).clock(clock.clone()).memory_level(100);
    let resolver = builder.build().unwrap();
    assert_eq!(resolver.resolve("a.test").await.unwrap().source, Source::Fetched);
    Scene { lab, clock, store, resolver }
}

fn enforces(decision: &Decision) -> bool {
    matches!(decision, Decision::Enforce(_))
}

#[tokio::test]
async fn a_warm_policy_in_memory_answers_without_the_store() {
    let Scene { lab: _lab, store, resolver, clock } = scene().await;
    let before = store.reads.load(SeqCst);
    for _ in 0..10 {
        assert!(enforces(&resolver.resolve("a.test").await.unwrap().decision));
    }
    assert_eq!(store.reads.load(SeqCst), before);
    let stats = resolver.store_stats();
    assert_eq!((stats.hits, stats.misses, stats.memory_hits, stats.memory_entries), (10, 1, 10, 1));
    // No longer warm: it still answers, and is checked behind.
    clock.forward(301);
    assert!(enforces(&resolver.resolve("a.test").await.unwrap().decision));
    until(|| store.reads.load(SeqCst) == before + 1).await;
    // Before a bounce all that is known counts.
    resolver.resolve_with(&domain("a.test"), Intent::BeforeBounce).await;
    assert!(store.reads.load(SeqCst) >= before + 2);
}

#[tokio::test]
async fn a_live_policy_in_memory_applies_at_once_while_the_store_is_down_or_hangs() {
    let Scene { lab, store, resolver, clock } = scene().await;
    lab.world().clear();
    for hangs in [false, true] {
        store.cannot_read.store(true, SeqCst);
        store.hangs.store(hangs, SeqCst);
        for _ in 0..20 {
            clock.forward(400);
            let began = Instant::now();
            let answer = resolver.resolve("a.test").await.unwrap();
            assert!(enforces(&answer.decision) && !answer.is_uncertain());
            assert!(began.elapsed() < Duration::from_millis(30), "{:?}", began.elapsed());
        }
    }
    // Of others nothing is known, and that is said.
    lab.world().set("_mta-sts.b.test", RecordType::Txt, Answer::ServFail);
    assert!(resolver.resolve("b.test").await.unwrap().is_uncertain());
    assert_eq!(resolver.cached(&domain("b.test")).await, Err(StoreError::Timeout));
    assert!(resolver.cached(&domain("a.test")).await.unwrap().is_some());
    assert!(resolver.store_stats().read_errors > 2);
}

#[tokio::test]
async fn a_store_that_hangs_costs_no_wait_after_the_first_ones() {
    let (lab, store) = (Lab::start().await.unwrap(), Arc::new(Fragile::default()));
    let resolver = builder(&lab).store(store.clone()).build().unwrap();
    store.hangs.store(true, SeqCst);
    let mut slow = 0;
    let until = Instant::now() + Duration::from_millis(900);
    let mut n = 0;
    while Instant::now() < until {
        let began = Instant::now();
        let answer = resolver.resolve(&format!("d{n}.test")).await.unwrap();
        assert_eq!(answer.store_error, Some(StoreError::Timeout));
        slow += usize::from(began.elapsed() > Duration::from_millis(45));
        n += 1;
    }
    // Three in a row; and a busy machine.
    assert!((1..=6).contains(&slow) && n > 20, "{slow} of {n}");
    store.hangs.store(false, SeqCst);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(resolver.resolve("later.test").await.unwrap().store_error, None);
}

/// While time stands but for what it is moved by, all that is waited for is real: the network.
#[tokio::test]
async fn a_store_that_never_answers_costs_its_time_once_a_query() {
    const COST: Duration = Duration::from_millis(50);
    let (lab, store, clock) = (Lab::start().await.unwrap(), Arc::new(Fragile::default()), Hands::new());
    enforce(lab.world(), "a.test", "mx.test");
    enforce(lab.world(), "b.test", "mx.test");
    let resolver = builder(&lab).store(store.clone()).clock(clock.clone()).memory_level(10).build().unwrap();
    resolver.resolve("b.test").await.unwrap();
    // A touch is due as well.
    clock.forward(2 * 86_400);
    store.hangs.store(true, SeqCst);
    // Paused time does not move by itself while a thread is blocked.
    let (ended, ends) = std::sync::mpsc::channel::<()>();
    let blocked = tokio::task::spawn_blocking(move || ends.recv());
    tokio::time::pause();
    for (name, intent) in [("a.test", Intent::Deliver), ("b.test", Intent::BeforeBounce), ("b.test", Intent::Refresh)] {
        let (began, before) = (tokio::time::Instant::now(), store.reads.load(SeqCst));
        let (asking, name) = (resolver.clone(), domain(name));
        let asked = tokio::spawn(async move { asking.resolve_with(&name, intent).await });
        while store.reads.load(SeqCst) == before {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(COST).await;
        while !asked.is_finished() {
            let real = Instant::now();
            while !asked.is_finished() && real.elapsed() < Duration::from_millis(200) {
                tokio::task::yield_now().await;
            }
            // Timers go by whole milliseconds, and there are some.
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(began.elapsed() < COST * 3 / 2, "{:?} for {intent:?}", began.elapsed());
        let answer = asked.await.unwrap();
        assert!(enforces(&answer.decision) && answer.failure.is_none(), "{answer:?}");
    }
    drop(ended);
    let _ = blocked.await;
}

#[tokio::test]
async fn a_live_policy_that_the_store_lost_is_stored_again() {
    let Scene { lab, store, resolver, clock } = scene().await;
    let name = domain("a.test");
    let stored = async || store.inner.get(&name).await.unwrap();
    let old = stored().await.unwrap();
    enforce(lab.world(), "a.test", "new.a.test");
    clock.forward(86_400);
    let new = resolver.refresh(&name).await.entry.unwrap();
    // It is emptied, or an old copy takes its place.
    for copy in [None, Some(old)] {
        store.inner.remove(&name).await.unwrap();
        if let Some(old) = copy {
            store.inner.apply(&name, &CacheOp::Fetched(old), resolver.now()).await.unwrap();
        }
        clock.forward(400);
        let answer = resolver.resolve_with(&name, Intent::BeforeBounce).await;
        assert_eq!(answer.source, Source::Checked);
        assert_eq!(stored().await.unwrap().held(), new.held());
        assert_eq!(resolver.store_stats().unsaved, 0);
    }
    // Once it was forgotten here, what was in memory does not come back.
    assert_eq!(resolver.forget(&name).await, Ok(true));
    lab.world().clear();
    let refresher = resolver.spawn_refresher();
    resolver.resolve_with(&name, Intent::BeforeBounce).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(stored().await.is_none_or(|entry| entry.held().is_none()));
    drop(refresher);
}

#[tokio::test]
async fn the_refresher_stores_what_memory_alone_holds_page_by_page() {
    let Scene { lab: _lab, store, resolver, .. } = scene().await;
    let policy = Policy::parse(policy("enforce", "mx.test").as_bytes()).unwrap();
    let now = resolver.now();
    let names: Vec<_> = (0..300).map(|n| domain(&format!("d{n:03}.test"))).collect();
    for name in &names {
        let entry = Entry::import(name, RecordId::new("1").unwrap(), policy.clone(), now, now);
        store.inner.apply(name, &CacheOp::Fetched(entry), now).await.unwrap();
    }
    // Memory has room for a hundred of them: every third, so that the store lacks some on each of its pages.
    for (n, name) in names.iter().step_by(3).enumerate() {
        resolver.cached(name).await.unwrap();
        if n % 2 == 1 {
            store.inner.remove(name).await.unwrap();
        }
    }
    assert_eq!(store.inner.len(), 251);
    let _refresher = resolver.spawn_refresher();
    until(|| store.inner.len() == 301).await;
}

#[tokio::test]
async fn what_another_process_fetched_is_seen_through_the_store() {
    let Scene { lab, clock, store, resolver } = scene().await;
    let other = builder(&lab).store(store.clone()).clock(clock.clone()).build().unwrap();
    enforce(lab.world(), "a.test", "new.a.test");
    clock.forward(3600);
    other.refresh(&domain("a.test")).await;
    // The refresher passes by.
    resolver.cached_after(None, 9).await.unwrap();
    let answer = resolver.resolve("a.test").await.unwrap();
    assert!(answer.decision.policy().unwrap().permits_mx("new.a.test"));
}

#[tokio::test]
async fn what_the_store_does_not_hold_can_be_forgotten_without_a_name() {
    let Scene { lab, store, resolver, .. } = scene().await;
    // Another process removed it from the store.
    store.inner.remove(&domain("a.test")).await.unwrap();
    // The store failed to keep it.
    store.cannot_write.store(true, SeqCst);
    enforce(lab.world(), "b.test", "*.b.test");
    resolver.resolve("b.test").await.unwrap();
    store.cannot_write.store(false, SeqCst);
    assert_eq!(resolver.resolve("c.test").await.unwrap().decision, Decision::NoPolicy);
    assert_eq!(resolver.forget_all_here().await, Ok(2));
    assert_eq!(resolver.forget_all_here().await, Ok(0));
    for name in ["a.test", "b.test"] {
        assert_eq!(resolver.cached(&domain(name)).await, Ok(None));
    }
    // Also that there was no policy.
    enforce(lab.world(), "c.test", "*.c.test");
    assert!(enforces(&resolver.resolve("c.test").await.unwrap().decision));
}

#[tokio::test]
async fn what_is_forgotten_is_gone_from_everywhere() {
    let Scene { lab, store, resolver, clock } = scene().await;
    lab.world().clear();
    let name = domain("a.test");
    store.cannot_write.store(true, SeqCst);
    assert!(resolver.forget(&name).await.is_err(), "the store still holds it");
    store.cannot_write.store(false, SeqCst);
    assert_eq!(resolver.forget(&name).await, Ok(true));
    assert_eq!(resolver.forget(&name).await, Ok(false));
    assert_eq!(resolver.cached(&name).await, Ok(None));
    assert_eq!(resolver.store_stats().memory_entries, 0);
    assert_eq!(resolver.resolve("a.test").await.unwrap().decision, Decision::NoPolicy);
    // Also that there was no policy.
    enforce(lab.world(), "a.test", "*.a.test");
    assert_eq!(resolver.resolve("a.test").await.unwrap().decision, Decision::NoPolicy);
    assert_eq!(resolver.forget(&name).await, Ok(false));
    assert!(enforces(&resolver.resolve("a.test").await.unwrap().decision));
    // Also what the store could not keep.
    store.cannot_write.store(true, SeqCst);
    enforce(lab.world(), "b.test", "*.b.test");
    resolver.resolve("b.test").await.unwrap();
    store.cannot_write.store(false, SeqCst);
    assert_eq!(resolver.forget(&domain("b.test")).await, Ok(true));
    assert_eq!(resolver.cached(&domain("b.test")).await, Ok(None));
    assert_eq!(resolver.now(), UnixTime(1_800_000_000));
    clock.forward(1);
    assert_eq!(resolver.now(), UnixTime(1_800_000_001));
}

#[tokio::test]
async fn the_store_is_told_of_use_once_a_day_and_of_no_refresh() {
    let Scene { lab: _lab, store, resolver, clock } = scene().await;
    let name = domain("a.test");
    let touched = || store.touched.lock().unwrap().len();
    assert_eq!(touched(), 0, "the first entry tells it");
    for (hours, times) in [(1, 0), (22, 0), (2, 1), (23, 1), (2, 2)] {
        clock.forward(hours * 3600);
        let checked = resolver.cached(&name).await.unwrap().unwrap().checked_at();
        resolver.resolve("a.test").await.unwrap();
        for _ in 0..500 {
            if resolver.cached(&name).await.unwrap().unwrap().checked_at() != checked {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(touched(), times, "after {hours} hours more");
    }
    clock.forward(2 * 86_400);
    resolver.refresh(&name).await;
    assert_eq!(touched(), 2);
}

#[tokio::test]
async fn a_domain_that_is_unused_for_long_is_no_longer_refreshed_also_after_a_restart() {
    let Scene { lab, store, clock, .. } = scene().await;
    for (days, is_refreshed) in [(200, false), (10, true)] {
        clock.forward(86_400 + 300);
        *store.used.lock().unwrap() = Some(UnixTime(1_800_000_000 - days * 86_400));
        lab.world().clear_logs();
        let restarted = builder(&lab).store(store.clone()).clock(clock.clone()).build().unwrap();
        let _refresher = restarted.spawn_refresher();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(fetches(lab.world(), "a.test") == 1, is_refreshed, "{days}");
    }
}

#[tokio::test]
async fn a_policy_that_ended_while_fetches_fail_is_wanted_back() {
    let Scene { lab, store, clock, .. } = scene().await;
    lab.world().policy_host("mta-sts.a.test", Response::status(500).into());
    clock.forward(604_800 + 3600);
    let resolver = builder(&lab).store(store.clone()).clock(clock.clone()).build().unwrap();
    lab.world().clear_logs();
    let refresher = resolver.spawn_refresher();
    until(|| fetches(lab.world(), "a.test") == 1).await;
    drop(refresher);
    // The lookup has ended, by the clock as it is.
    while store.inner.get(&domain("a.test")).await.unwrap().is_none_or(|entry| entry.failed().is_none()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    enforce(lab.world(), "a.test", "new.a.test");
    clock.forward(3600);
    lab.world().clear_logs();
    let _refresher = resolver.spawn_refresher();
    until(|| fetches(lab.world(), "a.test") == 1).await;
    for _ in 0..100 {
        let entry = store.inner.get(&domain("a.test")).await.unwrap();
        if entry.is_some_and(|entry| entry.live(clock_now(&clock)).is_some()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is not back");
}

/// What is logged from now on in this thread, until the guard is dropped.
fn log() -> (Arc<Mutex<Vec<u8>>>, impl Drop) {
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Lines(into.clone())).finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

fn lines_with(log: &Mutex<Vec<u8>>, text: &str) -> usize {
    String::from_utf8(log.lock().unwrap().clone()).unwrap().lines().filter(|line| line.contains(text)).count()
}

#[tokio::test]
async fn a_record_that_vanishes_under_a_live_policy_is_warned_of() {
    let Scene { lab, store: _, resolver, clock } = scene().await;
    let (log, _guard) = log();
    let name = domain("a.test");
    clock.forward(400);
    resolver.refresh(&name).await;
    assert_eq!(lines_with(&log, "downgrade"), 0);
    // No answer is no sign of anything.
    lab.world().set("_mta-sts.a.test", RecordType::Txt, Answer::ServFail);
    clock.forward(400);
    resolver.refresh(&name).await;
    assert_eq!(lines_with(&log, "downgrade"), 0);
    lab.world().set("_mta-sts.a.test", RecordType::Txt, Answer::NxDomain);
    clock.forward(400);
    assert!(enforces(&resolver.refresh(&name).await.decision));
    assert_eq!(lines_with(&log, "possible downgrade attack"), 1);
    enforce(lab.world(), "none.test", "mx.test");
    publish(lab.world(), "none.test", "1", mta_sts_lab::PolicyHost::serving(policy("none", "")));
    resolver.resolve("none.test").await.unwrap();
    lab.world().set("_mta-sts.none.test", RecordType::Txt, Answer::NxDomain);
    clock.forward(400);
    resolver.refresh(&domain("none.test")).await;
    assert_eq!(lines_with(&log, "possible downgrade attack"), 1);
}

#[tokio::test]
async fn a_store_that_fails_is_said_once_and_so_is_its_end() {
    let Scene { lab, store, resolver, .. } = scene().await;
    lab.world().clear();
    let (log, _guard) = log();
    store.cannot_read.store(true, SeqCst);
    for n in 0..50 {
        resolver.resolve(&format!("d{n}.test")).await.unwrap();
    }
    assert_eq!(lines_with(&log, "the policy store cannot be read"), 1);
    store.cannot_read.store(false, SeqCst);
    resolver.resolve("e.test").await.unwrap();
    resolver.resolve("f.test").await.unwrap();
    assert_eq!(lines_with(&log, "the policy store can be read again"), 1);
    store.is_corrupt.store(true, SeqCst);
    resolver.resolve("g.test").await.unwrap();
    assert_eq!(lines_with(&log, "entries of the policy store are corrupt domain=g.test"), 1);
    assert_eq!(lines_with(&log, "domain="), 1);
}

fn clock_now(clock: &Arc<Hands>) -> UnixTime {
    mta_sts::Clock::now(&**clock)
}
