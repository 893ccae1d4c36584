use crate::desk::*;
use mta_sts::Domain;
use mta_sts_lab::{Answer, PolicyHost, RecordType, Response};
use mta_sts_postfix::{Health, Http, Listener, NotLoopback};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

async fn serve(canary: Option<&str>) -> (Arc<Desk>, Arc<Health>, Http, SocketAddr) {
    let desk = Desk::start().await;
    let canary = canary.map(|name| Domain::from_ascii(name).unwrap());
    let health = Arc::new(Health::new(canary));
    health.set_serving(true);
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.tcp_addr().unwrap();
    let http = Http::start(listener, desk.clone(), health.clone()).unwrap();
    (desk, health, http, address)
}

async fn get(address: SocketAddr, method: &str, path: &str) -> Got {
    exchange(TcpStream::connect(address).await.unwrap(), &request(method, path)).await
}

fn status_of(got: &Got, name: &str) -> String {
    let json = got.json();
    let check = json["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).cloned();
    check.unwrap_or_else(|| panic!("no {name}: {got:?}"))["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn metrics_are_open_metrics_text_and_nothing_else_is_there() {
    let (_desk, _, _http, address) = serve(None).await;
    let got = get(address, "GET", "/metrics").await;
    assert_eq!((got.status, got.body.as_str()), (200, "# TYPE requests counter\nrequests_total 7\n# EOF\n"));
    assert!(got.headers.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(got.headers.contains("connection: close"), "{got:?}");
    let head = get(address, "HEAD", "/metrics").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.headers.contains("content-length: 47"), "{head:?}");
    assert_eq!(get(address, "GET", "/").await.status, 404);
    let post = get(address, "POST", "/metrics").await;
    assert_eq!(post.status, 405);
    assert!(post.headers.contains("allow: get, head"));
}

#[tokio::test]
async fn other_machines_are_not_served() {
    let listener = Listener::tcp("0.0.0.0:0".parse().unwrap()).unwrap();
    let result = Http::start(listener, Desk::start().await, Arc::new(Health::new(None)));
    assert_eq!(result.err(), Some(NotLoopback));
}

#[tokio::test]
async fn health_goes_by_listeners_store_and_fetches() {
    let (desk, health, _http, address) = serve(None).await;
    let got = get(address, "GET", "/healthz").await;
    assert_eq!((got.status, status_of(&got, "canary").as_str()), (200, "off"), "{got:?}");

    health.set_serving(false);
    assert_eq!(get(address, "GET", "/healthz").await.status, 503);
    health.set_serving(true);

    desk.store.fails(true);
    let got = get(address, "GET", "/healthz").await;
    assert_eq!((got.status, status_of(&got, "store").as_str()), (503, "failing"));
    // Nothing of the outside stands there unescaped.
    assert!(got.json()["checks"].to_string().contains("disk\\\\nfull"), "{got:?}");
    desk.store.fails(false);

    let now = mta_sts_postfix::Operations::now(&*desk);
    let domain = |i: u32| Domain::from_ascii(format!("d{i}.test")).unwrap();
    (0..5).for_each(|i| health.fetch(&domain(i), false, now));
    let got = get(address, "GET", "/healthz").await;
    assert_eq!((got.status, status_of(&got, "fetches").as_str()), (503, "failing"));
    health.fetch(&domain(9), true, now);
    assert_eq!(get(address, "GET", "/healthz").await.status, 200);
}

#[tokio::test]
async fn a_change_that_the_store_failed_to_keep_is_told_of() {
    let (desk, _, _http, address) = serve(None).await;
    desk.store.fails(true);
    desk.hold("a.test", "enforce").await;
    desk.store.fails(false);
    let got = get(address, "GET", "/healthz").await;
    // Red only if it lasts.
    assert_eq!(got.status, 200, "{got:?}");
    assert!(got.body.contains("1 entries are in memory alone"), "{got:?}");
    desk.hold("b.test", "enforce").await;
    let got = get(address, "GET", "/healthz").await;
    assert!(got.body.contains("\"readable\""), "{got:?}");
}

#[tokio::test]
async fn the_canary_is_really_looked_up_but_once_a_minute_at_most() {
    let (desk, _, _http, address) = serve(Some("canary.test")).await;
    desk.hold("canary.test", "enforce").await;
    for _ in 0..3 {
        let got = get(address, "GET", "/healthz").await;
        assert_eq!((got.status, status_of(&got, "canary").as_str()), (200, "ok"), "{got:?}");
    }
    assert_eq!(desk.canaries.load(Ordering::SeqCst), 1);
    let asked = desk.lab.world().dns_log();
    // By the fill, and by the canary though the policy is cached.
    assert_eq!(asked.iter().filter(|(name, _)| name == "_mta-sts.canary.test").count(), 2);
}

/// What `/healthz` says of the canary when it is looked up anew.
async fn canary_anew(address: SocketAddr) -> String {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    status_of(&get(address, "GET", "/healthz").await, "canary")
}

#[tokio::test]
async fn a_canary_without_a_policy_or_a_record_or_dns_is_red() {
    let (desk, _, _http, address) = serve(Some("canary.test")).await;
    let world = desk.lab.world();
    let got = get(address, "GET", "/healthz").await;
    assert_eq!((got.status, status_of(&got, "canary").as_str()), (503, "failing"), "{got:?}");
    assert!(got.body.contains("it has no policy that applies"), "{got:?}");

    desk.hold("canary.test", "enforce").await;
    assert_eq!(canary_anew(address).await, "ok");
    world.remove("_mta-sts.canary.test", RecordType::Txt);
    assert_eq!(canary_anew(address).await, "failing");
    // Also when the fetch is due, which would succeed.
    desk.clock.forward(3600);
    assert_eq!(canary_anew(address).await, "failing");
    world.set("_mta-sts.canary.test", RecordType::Txt, Answer::ServFail);
    assert_eq!(canary_anew(address).await, "failing");
}

#[tokio::test]
async fn a_canary_whose_policy_host_is_dead_is_red_within_an_hour_and_until_a_fetch_succeeds() {
    let (desk, _, _http, address) = serve(Some("canary.test")).await;
    desk.hold("canary.test", "testing").await;
    let world = desk.lab.world();
    let dead = PolicyHost { tls: mta_sts_lab::Tls::HandshakeFailure, ..PolicyHost::serving("") };
    world.policy_host("mta-sts.canary.test", dead);
    desk.clock.forward(3599);
    assert_eq!(canary_anew(address).await, "ok");
    desk.clock.forward(1);
    assert_eq!(canary_anew(address).await, "failing");
    // Too soon for another fetch.
    desk.clock.forward(60);
    assert_eq!(canary_anew(address).await, "failing");
    let good = PolicyHost::serving(crate::common::policy("testing", "canary.test"));
    world.policy_host("mta-sts.canary.test", good);
    desk.clock.forward(300);
    assert_eq!(canary_anew(address).await, "ok");
}

#[tokio::test]
async fn another_canary_is_looked_up_at_once() {
    let (desk, health, _http, address) = serve(Some("absent.test")).await;
    desk.hold("canary.test", "enforce").await;
    let status = async || status_of(&get(address, "GET", "/healthz").await, "canary");
    assert_eq!(status().await, "failing");
    health.set_canary(Some(Domain::from_ascii("canary.test").unwrap()));
    assert_eq!(status().await, "ok");
}

#[tokio::test]
async fn a_policy_host_that_answers_nonsense_shows_that_the_way_to_it_works() {
    let (desk, health, _http, address) = serve(None).await;
    use mta_sts_postfix::Operations;
    for i in 0..6 {
        let name = format!("d{i}.test");
        crate::common::publish(desk.lab.world(), &name, "1", PolicyHost::from(Response::status(404)));
        let answer = desk.refresh(&Domain::from_ascii(&name).unwrap()).await;
        assert!(answer.asked_https && answer.failure.is_some(), "{answer:?}");
        health.answer(&answer, desk.now());
    }
    assert_eq!(get(address, "GET", "/healthz").await.status, 200);
    for i in 0..6 {
        let name = format!("u{i}.test");
        let bad = PolicyHost { tls: mta_sts_lab::Tls::SelfSigned, ..PolicyHost::serving("") };
        crate::common::publish(desk.lab.world(), &name, "1", bad);
        health.answer(&desk.refresh(&Domain::from_ascii(&name).unwrap()).await, desk.now());
    }
    assert_eq!(get(address, "GET", "/healthz").await.status, 503);
}

#[tokio::test]
async fn silent_and_oversized_clients_are_cut_off() {
    let (_desk, _, _http, address) = serve(None).await;
    let began = Instant::now();
    let silent: Vec<_> = futures_util::future::join_all((0..64).map(|_| TcpStream::connect(address))).await;
    assert!(silent.iter().all(Result::is_ok));
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /metrics HT").await.unwrap();
    // All places are taken by the silent, but not for ever.
    let got = exchange(slow, "TP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(got.status, 200, "{got:?}");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    let long = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n", "a".repeat(20_000));
    let got = exchange(TcpStream::connect(address).await.unwrap(), &long).await;
    assert_ne!(got.status, 200, "{got:?}");
}
