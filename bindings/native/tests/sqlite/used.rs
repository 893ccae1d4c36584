//! What the store knows of use, what it forgets and keeps by it, and who may refresh.

use super::{NOW, Scratch, big_entry, domain, entry, failed, put};
use mta_sts::{CacheOp, PolicyStore, UnixTime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

#[tokio::test]
async fn use_is_known_after_a_restart() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let name = put(&store, "a.test", 86_400, NOW).await;
    assert_eq!(store.used(&name).await, Ok(Some(NOW)));
    store.touch(&name, NOW.plus(DAY)).await.unwrap();
    // A refresh is no use.
    put(&store, "a.test", 86_400, NOW.plus(2 * DAY)).await;
    store.close().await;
    let store = scratch.open();
    assert_eq!(store.used(&name).await, Ok(Some(NOW.plus(DAY))));
    store.touch(&domain("b.test"), NOW).await.unwrap();
    assert_eq!(store.used(&domain("b.test")).await, Ok(None));
    assert_eq!(store.len().await, Ok(Some(1)));
}

#[tokio::test]
async fn a_policy_that_ended_is_pruned_when_it_is_unused() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let used = put(&store, "used.test", 86_400, NOW).await;
    put(&store, "unused.test", 86_400, NOW).await;
    put(&store, "short.test", 3600, NOW).await;
    let live = put(&store, "live.test", 31_000_000, NOW).await;
    let none = domain("failed.test");
    store.apply(&none, &failed(&none, NOW), NOW).await.unwrap();
    let now = NOW.plus(200 * DAY);
    let unused_before = NOW.plus(20 * DAY);
    store.touch(&used, now).await.unwrap();
    // A clock that jumps for a moment empties nothing.
    assert_eq!(store.prune_unused(now, unused_before).await, Ok(0));
    assert_eq!(store.prune_unused(NOW, unused_before).await, Ok(0));
    assert_eq!(store.prune_unused(now, unused_before).await, Ok(0));
    assert_eq!(store.prune_unused(now.plus(3600), unused_before).await, Ok(3));
    let left: Vec<_> = store.list(None, 9).await.unwrap().iter().map(|entry| entry.domain().clone()).collect();
    assert_eq!(left, [live, used]);
}

#[tokio::test]
async fn what_is_removed_is_gone() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let name = put(&store, "a.test", 86_400, NOW).await;
    assert_eq!(store.remove(&name).await, Ok(true));
    assert_eq!(store.remove(&name).await, Ok(false));
    assert_eq!(store.get(&name).await, Ok(None));
}

#[tokio::test]
async fn one_of_two_stores_on_a_file_gets_the_lease() {
    let scratch = Scratch::new();
    let (one, other) = (scratch.open(), scratch.open());
    let name = put(&one, "a.test", 86_400, NOW).await;
    let minute = Duration::from_secs(60);
    assert_eq!(one.lease(&name, minute).await, Ok(true));
    assert_eq!(other.lease(&name, minute).await, Ok(false));
    // What lies further ahead than it may was taken by a wrong clock.
    assert_eq!(other.lease(&name, Duration::from_secs(30)).await, Ok(true));
    assert_eq!(one.lease(&domain("b.test"), minute).await, Ok(true));
}

#[tokio::test]
async fn a_file_of_version_1_is_migrated_with_all_that_it_holds() {
    let scratch = Scratch::new();
    let conn = rusqlite::Connection::open(scratch.database()).unwrap();
    conn.execute_batch(
        "PRAGMA application_id = 0x4d545354; PRAGMA user_version = 1;
         CREATE TABLE entries (domain TEXT NOT NULL PRIMARY KEY, entry BLOB NOT NULL, dead_since INTEGER)
         STRICT, WITHOUT ROWID",
    )
    .unwrap();
    let names = ["a.test", "b.test"].map(domain);
    for (name, dead_since) in names.iter().zip([None, Some(NOW.0 as i64)]) {
        let bytes = entry(name, 86_400, NOW).encode();
        conn.execute("INSERT INTO entries VALUES (?1, ?2, ?3)", (name.as_str(), bytes, dead_since)).unwrap();
    }
    conn.execute("INSERT INTO entries VALUES ('c.test', x'00', NULL)", []).unwrap();
    drop(conn);
    let store = scratch.open();
    for name in &names {
        assert_eq!(store.get(name).await, Ok(Some(entry(name, 86_400, NOW))));
    }
    assert!(store.get(&domain("c.test")).await.is_err());
    let used = store.used(&names[0]).await.unwrap().unwrap().0;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((now - 60..=now).contains(&used));
    let ended = NOW.plus(2 * DAY);
    assert_eq!(store.prune_unused(ended, UnixTime(now + 60)).await, Ok(1), "b.test was found dead before");
    assert_eq!(store.prune(ended.plus(3600)).await, Ok(1));
    assert_eq!(store.len().await, Ok(Some(1)), "what cannot be read may live");
}

/// Run by hand: `cargo test --release --features sqlite --test sqlite -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn figures_at_100_000_entries() {
    let scratch = Scratch::new();
    let store = std::sync::Arc::new(scratch.open());
    const ENTRIES: usize = 100_000;
    let began = Instant::now();
    let writers = (0..64).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (writer..ENTRIES).step_by(64) {
                let name = domain(&format!("domain-number-{n}.example.test"));
                let op = CacheOp::Fetched(entry(&name, 604_800, NOW));
                store.apply(&name, &op, NOW).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let rate = ENTRIES as f64 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    store.prune_unused(NOW, NOW).await.unwrap();
    let idle = began.elapsed();
    let began = Instant::now();
    assert_eq!(store.len().await, Ok(Some(ENTRIES)));
    let count = began.elapsed();
    let began = Instant::now();
    for n in 0..1000 {
        store.get(&domain(&format!("domain-number-{}.example.test", n * 97))).await.unwrap().unwrap();
    }
    let read = began.elapsed() / 1000;
    let one = domain("one.example.test");
    let began = Instant::now();
    for n in 0..100 {
        store.apply(&one, &CacheOp::Fetched(big_entry(&one, NOW.0 + n)), NOW.plus(n)).await.unwrap();
    }
    let alone = began.elapsed() / 100;
    store.close().await;
    let bytes = std::fs::metadata(scratch.database()).unwrap().len() as usize / ENTRIES;
    println!("{rate:.0} entries/s by 64 writers, one write alone {alone:?}, {bytes} bytes an entry of {} bytes,", {
        entry(&domain("domain-number-50000.example.test"), 604_800, NOW).encode().len()
    });
    println!("a read {read:?}, a prune with nothing to do {idle:?}, a count {count:?}");
}
