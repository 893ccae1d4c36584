//! Servers that are killed, that hang, and that hand over to another.

use super::{NOW, Server, domain, open, put, store_on};
use crate::common::{self, builder, enforce, until};
use mta_sts::{Decision, PolicyStore, RedisOptions, RedisStore, Source, StoreError, Timeouts};
use mta_sts_lab::Lab;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The default of `Timeouts::store`, and more for a busy machine.
const DEADLINE: Duration = Duration::from_millis(50 + 100);

async fn until_it_is_read(store: &RedisStore, name: &str) {
    let (name, began) = (domain(name), Instant::now());
    while !matches!(store.get(&name).await, Ok(Some(_))) {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", store.get(&name).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_killed_server_fails_at_once_and_is_found_again() {
    let mut server = Server::start().await;
    let store = store_on(&server).await;
    let name = put(&store, "a.test", 86_400, NOW).await;
    for _ in 0..2 {
        server.kill();
        for _ in 0..200 {
            let began = Instant::now();
            assert!(matches!(store.get(&name).await, Err(StoreError::Failed(_))));
            assert!(began.elapsed() < DEADLINE);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.restart().await;
        until_it_is_read(&store, "a.test").await;
    }
}

#[tokio::test]
async fn a_store_may_be_opened_before_its_server_and_outside_of_a_runtime() {
    let mut server = Server::start().await;
    server.kill();
    let options = RedisOptions::new(server.url());
    let store = std::thread::spawn(|| RedisStore::open(options).unwrap()).join().unwrap();
    let name = domain("a.test");
    assert!(matches!(store.get(&name).await, Err(StoreError::Failed(_))));
    server.restart().await;
    tokio::time::timeout(Duration::from_secs(10), store.connected()).await.unwrap();
    assert_eq!(store.get(&name).await, Ok(None));
}

#[tokio::test]
async fn a_store_outlives_the_runtime_that_it_was_used_in() {
    let server = Server::start().await;
    let store = Arc::new(RedisStore::open(RedisOptions::new(server.url())).unwrap());
    let moved = store.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            moved.connected().await;
            put(&moved, "a.test", 86_400, NOW).await;
        });
    });
    // The first one kept the connection for this one, too.
    until_it_is_read(&store, "a.test").await;
}

#[tokio::test]
async fn a_hung_server_costs_little_a_query_and_policies_in_memory_apply() {
    let server = Server::start().await;
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    enforce(lab.world(), "b.test", "*.b.test");
    let store = Arc::new(store_on(&server).await);
    let clock = common::Hands::new();
    let resolver = builder(&lab).store(store.clone()).clock(clock.clone()).memory_level(10).build().unwrap();
    resolver.resolve("a.test").await.unwrap();
    assert_eq!(resolver.cached_len().await, Ok(Some(1)));
    clock.forward(1000);
    server.signal("-STOP");
    lab.world().clear();
    let (mut slow, mut uncertain) = (0, 0);
    let began = Instant::now();
    for n in 0..300 {
        let asked = Instant::now();
        let answer = resolver.resolve("a.test").await.unwrap();
        assert!(matches!(answer.decision, Decision::Enforce(_)) && answer.source == Source::Cache);
        assert!(asked.elapsed() < Duration::from_millis(20), "{n}: {:?}", asked.elapsed());
        let asked = Instant::now();
        let answer = resolver.resolve(&format!("d{n}.test")).await.unwrap();
        let took = asked.elapsed();
        assert!(answer.store_error.is_some());
        assert!(took < DEADLINE, "{n}: {took:?}");
        slow += usize::from(took > Duration::from_millis(40));
        uncertain += usize::from(answer.is_uncertain());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("{slow} of 300 queries were slow in {:?}, {uncertain} uncertain", began.elapsed());
    assert!(slow <= 6, "{slow}");
    let stats = resolver.store_stats();
    assert!(stats.read_errors > 0 && stats.memory_hits >= 300 && stats.memory_entries == 1, "{stats:?}");
    server.signal("-CONT");
    until_it_is_read(&store, "a.test").await;
    let began = Instant::now();
    while resolver.resolve("later.test").await.unwrap().store_error.is_some() {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn policies_in_memory_are_stored_again_after_the_server_was_emptied() {
    let (server, lab, clock) = (Server::start().await, Lab::start().await.unwrap(), common::Hands::new());
    let timeouts = Timeouts { store: Duration::from_secs(2), ..Timeouts::default() };
    let builder = builder(&lab).store(Arc::new(store_on(&server).await)).clock(clock.clone());
    let resolver = builder.timeouts(timeouts).memory_level(10).build().unwrap();
    for name in ["asked.test", "unasked.test"] {
        enforce(lab.world(), name, "mx.test");
        resolver.resolve(name).await.unwrap();
    }
    assert_eq!(server.cli("FLUSHALL"), "OK");
    clock.forward(400);
    resolver.resolve("asked.test").await.unwrap();
    until(|| server.cli("EXISTS mta-sts:asked.test") == "1").await;
    assert_eq!(server.cli("EXISTS mta-sts:unasked.test"), "0");
    let _refresher = resolver.spawn_refresher();
    until(|| server.cli("EXISTS mta-sts:unasked.test") == "1").await;
    assert_eq!(server.cli("ZCARD mta-sts::index"), "2");
}

#[tokio::test]
async fn sentinels_lead_to_the_new_master() {
    let master = Server::start().await;
    let replica = Server::with(&format!("replicaof 127.0.0.1 {}", master.port)).await;
    let sentinel = Server::sentinel(master.port).await;
    until(|| replica.cli("INFO replication").contains("master_link_status:up")).await;
    until(|| sentinel.cli("SENTINEL replicas mymaster").contains(&replica.port.to_string())).await;
    let mut options = RedisOptions::new("redis://ignored.test");
    // The first one is not there.
    let nobody = format!("redis://127.0.0.1:{}", super::server::free_port());
    options.sentinels = vec![nobody, sentinel.url()];
    options.master = Some("mymaster".into());
    let store = open(options).await;
    put(&store, "a.test", 86_400, NOW).await;
    until(|| replica.cli("EXISTS mta-sts:a.test") == "1").await;
    let mut master = master;
    master.kill();
    let began = Instant::now();
    until_it_is_read(&store, "a.test").await;
    // It is the new master, and takes changes.
    loop {
        let (name, op) = (domain("b.test"), super::failed(&domain("b.test"), NOW));
        match store.apply(&name, &op, NOW).await {
            Ok(()) => break,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(20), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("the new master was found after {:?}", began.elapsed());
    assert_eq!(replica.cli("EXISTS mta-sts:b.test"), "1");
}

#[tokio::test]
async fn a_master_that_is_one_no_longer_is_left() {
    let old = Server::start().await;
    let new = Server::start().await;
    let sentinel = Server::sentinel(old.port).await;
    let mut options = RedisOptions::new("redis://ignored.test");
    options.sentinels = vec![sentinel.url()];
    options.master = Some("mymaster".into());
    let store = open(options).await;
    put(&store, "a.test", 86_400, NOW).await;
    // As after a fail-over that this side did not see.
    assert_eq!(sentinel.cli("SENTINEL REMOVE mymaster"), "OK");
    assert_eq!(sentinel.cli(&format!("SENTINEL MONITOR mymaster 127.0.0.1 {} 1", new.port)), "OK");
    assert_eq!(old.cli(&format!("REPLICAOF 127.0.0.1 {}", new.port)), "OK");
    let (name, began) = (domain("b.test"), Instant::now());
    while let Err(error) = store.apply(&name, &super::failed(&name, NOW), NOW).await {
        assert!(began.elapsed() < Duration::from_secs(15), "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(new.cli("EXISTS mta-sts:b.test"), "1");
}
