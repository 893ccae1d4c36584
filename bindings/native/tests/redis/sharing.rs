//! Several resolvers on one server share policies and the work of refreshing them.

use super::{Server, store_on};
use crate::common::{Hands, builder, enforce, fetches, until};
use mta_sts::{Decision, Resolver, Source, Timeouts};
use mta_sts_lab::Lab;
use std::{sync::Arc, time::Duration};

/// Two resolvers with a store each. A busy machine may be slow.
async fn two(server: &Server, lab: &Lab, clock: &Arc<Hands>) -> Vec<Resolver> {
    let timeouts = Timeouts { store: Duration::from_secs(2), ..Timeouts::default() };
    let mut resolvers = Vec::new();
    for _ in 0..2 {
        let builder = builder(lab).store(Arc::new(store_on(server).await)).clock(clock.clone());
        resolvers.push(builder.timeouts(timeouts).memory_level(100).build().unwrap());
    }
    resolvers
}

#[tokio::test]
async fn one_fetch_does_for_two_resolvers() {
    let (server, lab) = (Server::start().await, Lab::start().await.unwrap());
    enforce(lab.world(), "a.test", "*.a.test");
    let resolvers = two(&server, &lab, &Hands::new()).await;
    assert_eq!(resolvers[0].resolve("a.test").await.unwrap().source, Source::Fetched);
    let answer = resolvers[1].resolve("a.test").await.unwrap();
    assert!(matches!(answer.decision, Decision::Enforce(_)) && answer.source == Source::Cache);
    assert_eq!(fetches(lab.world(), "a.test"), 1);
}

#[tokio::test]
async fn of_two_refreshers_one_renews_a_policy_and_both_know_it() {
    let (server, lab) = (Server::start().await, Lab::start().await.unwrap());
    let names: Vec<_> = (0..20).map(|n| format!("d{n}.test")).collect();
    names.iter().for_each(|name| enforce(lab.world(), name, "mx.test"));
    let clock = Hands::new();
    let resolvers = two(&server, &lab, &clock).await;
    for name in &names {
        resolvers[0].resolve(name).await.unwrap();
        resolvers[1].resolve(name).await.unwrap();
    }
    clock.forward(86_400 + 300);
    lab.world().clear_logs();
    let _refreshers: Vec<_> = resolvers.iter().map(|resolver| resolver.spawn_refresher()).collect();
    until(|| names.iter().all(|name| fetches(lab.world(), name) > 0)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(names.iter().all(|name| fetches(lab.world(), name) == 1));
}
