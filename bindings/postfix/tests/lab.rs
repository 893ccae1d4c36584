//! The whole way: Postfix's requests over TCP, DNS and policy hosts of the lab.

mod common;

use common::*;
use mta_sts::{Freshness, Resolver};
use mta_sts_lab::{Answer, Lab, PolicyHost, RecordType, Tls, World};
use mta_sts_postfix::{Limits, Listener, Server, Service, Zone, Zones};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

async fn serve(resolver: Resolver) -> (Server, Service, Client<TcpStream>) {
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.tcp_addr().unwrap();
    let service = Service::new(resolver, Zones::default());
    let server = Server::start(service.clone(), [listener], Limits::default());
    (server, service, Client::new(TcpStream::connect(address).await.unwrap()))
}

fn enforce(world: &World, name: &str) {
    publish(world, name, "1", PolicyHost::serving(policy("enforce", name)));
}

fn found(name: &str) -> String {
    format!("OK secure match=mail.{name}:.{name} servername=hostname")
}

#[tokio::test]
async fn postfix_is_told_what_the_domain_published() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    enforce(world, "enforce.test");
    enforce(world, "xn--bcher-kva.test");
    for mode in ["testing", "none"] {
        publish(world, &format!("{mode}.test"), "1", PolicyHost::serving(policy(mode, "x.test")));
    }
    let bad = PolicyHost { tls: Tls::Expired, ..PolicyHost::serving(policy("enforce", "expired.test")) };
    publish(world, "expired.test", "1", bad);
    world.set("_mta-sts.broken.test", RecordType::Txt, Answer::ServFail);
    let (_server, service, mut client) = serve(builder(&lab).build().unwrap()).await;
    for _ in 0..2 {
        assert_eq!(client.ask("postfix", "enforce.test").await, found("enforce.test"));
        assert_eq!(client.ask("postfix", "[Enforce.test]:587").await, found("enforce.test"));
        assert_eq!(client.ask("postfix", "bücher.test").await, found("xn--bcher-kva.test"));
        for key in ["testing.test", "none.test", "plain.test", ".test", "expired.test", "broken.test", "192.0.2.1"] {
            assert_eq!(client.ask("postfix", key).await, "NOTFOUND ", "{key}");
        }
    }
    let strict = Zone { strict_testing: true, ..Zone::new("default") };
    service.set(Zones::new(strict, []));
    assert_eq!(client.ask("postfix", "testing.test").await, found("x.test"));
}

#[tokio::test]
async fn a_bad_certificate_takes_no_cached_policy_away() {
    let lab = Lab::start().await.unwrap();
    let clock = Hands::new();
    enforce(lab.world(), "a.test");
    let resolver = builder(&lab).clock(clock.clone()).freshness(Freshness::Checked).build().unwrap();
    let (_server, _, mut client) = serve(resolver).await;
    assert_eq!(client.ask("postfix", "a.test").await, found("a.test"));
    let bad = PolicyHost { tls: Tls::SelfSigned, ..PolicyHost::serving(policy("none", "a.test")) };
    publish(lab.world(), "a.test", "2", bad);
    clock.forward(400);
    assert_eq!(client.ask("postfix", "a.test").await, found("a.test"));
    // Until it ends.
    clock.forward(86_400);
    assert_eq!(client.ask("postfix", "a.test").await, "NOTFOUND ");
}

#[tokio::test]
async fn a_dead_name_server_delays_only_its_own_domains_and_only_so_long() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test");
    for i in 0..20 {
        lab.world().set(&format!("_mta-sts.dead{i}.test"), RecordType::Txt, Answer::Silence);
    }
    let (_server, _, mut client) = serve(builder(&lab).build().unwrap()).await;
    let dead: Vec<_> = (0..20).map(|i| format!("dead{i}.test")).collect();
    let keys: Vec<_> = dead.iter().map(String::as_str).chain(["a.test"]).collect();
    let began = Instant::now();
    client.send(&requests("postfix", &keys)).await;
    for _ in 0..20 {
        assert_eq!(client.reply().await.unwrap(), "NOTFOUND ");
    }
    assert_eq!(client.reply().await.unwrap(), found("a.test"));
    assert!(began.elapsed() < Duration::from_secs(5), "one after the other");
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_a_temporary_failure_only_if_nothing_was_learnt() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test");
    lab.world().set("_mta-sts.b.test", RecordType::Txt, Answer::ServFail);
    let (_server, _, mut client) = serve(builder(&lab).store(Flaky::new(true)).build().unwrap()).await;
    assert_eq!(client.ask("postfix", "a.test").await, found("a.test"));
    let temp = client.ask("postfix", "b.test").await;
    assert!(temp.starts_with("TEMP the MTA-STS policy store cannot be read"), "{temp}");
    assert_eq!(client.ask("postfix", "plain.test").await, "NOTFOUND ");
}
