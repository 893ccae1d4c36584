//! Policies that memory holds outlive the file that they were in.

use super::{Scratch, domain};
use crate::common::{Hands, builder, enforce, until};
use mta_sts::{Decision, PolicyStore, Resolver, Source, SqliteStore, Timeouts};
use mta_sts_lab::Lab;
use std::{fs, sync::Arc, time::Duration};

/// A busy machine may be slow.
fn resolver(lab: &Lab, clock: &Arc<Hands>, store: &Arc<SqliteStore>) -> Resolver {
    let timeouts = Timeouts { store: Duration::from_secs(2), ..Timeouts::default() };
    builder(lab).store(store.clone()).clock(clock.clone()).timeouts(timeouts).memory_level(100).build().unwrap()
}

#[tokio::test]
async fn policies_in_memory_are_in_the_file_that_takes_the_place_of_a_corrupt_one() {
    let (scratch, lab, clock) = (Scratch::new(), Lab::start().await.unwrap(), Hands::new());
    let store = Arc::new(scratch.open());
    let before = resolver(&lab, &clock, &store);
    for name in ["asked.test", "unasked.test"] {
        enforce(lab.world(), name, "mx.test");
        assert_eq!(before.resolve(name).await.unwrap().source, Source::Fetched);
    }
    for file in [scratch.database(), scratch.0.join("policies.db-wal")] {
        let length = fs::metadata(&file).unwrap().len() as usize;
        fs::write(file, vec![0xff; length]).unwrap();
    }
    assert!(store.get(&domain("asked.test")).await.is_err());
    assert_eq!(scratch.aside().len(), 1);
    assert_eq!(store.len().await, Ok(Some(0)));
    // One is checked because mail is sent to it, and the other is seen by the refresher alone.
    clock.forward(400);
    before.resolve("asked.test").await.unwrap();
    let is_stored = async |name: &str| store.get(&domain(name)).await.unwrap().is_some();
    let began = std::time::Instant::now();
    while !is_stored("asked.test").await {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!is_stored("unasked.test").await);
    let refresher = before.spawn_refresher();
    while !is_stored("unasked.test").await {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    until(|| before.store_stats().unsaved == 0).await;
    drop((refresher, before));
    store.close().await;

    lab.world().clear();
    let after = resolver(&lab, &clock, &Arc::new(scratch.open()));
    for name in ["asked.test", "unasked.test"] {
        let answer = after.resolve(name).await.unwrap();
        assert!(matches!(answer.decision, Decision::Enforce(_)), "{name}: {answer:?}");
    }
}
