//! Answers are kept for their time, and asked for once.

use crate::common::*;
use mta_sts::{NextHopDane, Resolver};
use mta_sts_lab::{Answer, Lab, RecordType};

fn signed(lab: &Lab, ttl: u32) {
    let world = lab.world();
    world.set_ttl(ttl);
    world.set_secure("a.test", true);
    world.mx("a.test", &[(10, "mx.a.test")]);
    world.host_address("mx.a.test", &["192.0.2.1".parse().unwrap()]);
}

fn questions(lab: &Lab, kind: RecordType) -> usize {
    lab.world().dns_log().iter().filter(|(_, asked)| *asked == kind).count()
}

fn known(resolver: &Resolver) -> Option<NextHopDane> {
    resolver.known_dane(&domain("a.test")).map(|known| known.status)
}

#[tokio::test]
async fn callers_of_one_next_hop_share_a_lookup() {
    let lab = Lab::start().await.unwrap();
    signed(&lab, 300);
    let resolver = builder(&lab).dane(true).build().unwrap();
    let a = domain("a.test");
    let answers = futures_util::future::join_all((0..50).map(|_| resolver.dane(&a))).await;
    assert!(answers.iter().all(|answer| answer.status == NextHopDane::Insecure));
    assert_eq!((questions(&lab, RecordType::Mx), questions(&lab, RecordType::Tlsa)), (1, 1));
}

#[tokio::test]
async fn an_answer_is_known_for_its_smallest_ttl_within_a_minute_and_an_hour() {
    for (ttl, seconds) in [(0, 60), (300, 300), (100_000, 3600)] {
        let lab = Lab::start().await.unwrap();
        signed(&lab, ttl);
        let hands = Hands::new();
        let resolver = builder(&lab).dane(true).clock(hands.clone()).build().unwrap();
        assert_eq!(known(&resolver), None);
        resolver.dane(&domain("a.test")).await;
        hands.forward(seconds - 1);
        assert_eq!(known(&resolver), Some(NextHopDane::Insecure), "{ttl}");
        resolver.dane(&domain("a.test")).await;
        assert_eq!(questions(&lab, RecordType::Mx), 1, "{ttl}");
        hands.forward(1);
        assert_eq!(known(&resolver), None, "{ttl}");
    }
}

#[tokio::test]
async fn a_failure_is_soon_tried_again() {
    for (owner, kind, status) in [
        ("a.test", RecordType::Mx, NextHopDane::Unknown),
        ("_25._tcp.mx.a.test", RecordType::Tlsa, NextHopDane::Broken),
    ] {
        let lab = Lab::start().await.unwrap();
        signed(&lab, 300);
        lab.world().set(owner, kind, Answer::ServFail);
        let hands = Hands::new();
        let resolver = builder(&lab).dane(true).clock(hands.clone()).build().unwrap();
        assert_eq!(resolver.dane(&domain("a.test")).await.status, status);
        hands.forward(29);
        assert_eq!(known(&resolver), Some(status));
        hands.forward(1);
        assert_eq!(known(&resolver), None);
    }
}

#[tokio::test]
async fn who_stops_waiting_loses_nothing() {
    let lab = Lab::start().await.unwrap();
    signed(&lab, 300);
    let resolver = builder(&lab).dane(true).build().unwrap();
    let a = domain("a.test");
    // Polled once: the lookup has begun.
    assert_eq!(futures_util::FutureExt::now_or_never(resolver.dane(&a)), None);
    until(|| known(&resolver).is_some()).await;
    assert_eq!(questions(&lab, RecordType::Mx), 1);
}
