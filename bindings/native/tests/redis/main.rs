//! The store in Redis, with a real server: shared, merged, and calm when the server is not.

#[path = "../common/mod.rs"]
mod common;
mod outages;
mod server;
mod sharing;

use mta_sts::core::RecordId;
use mta_sts::{CacheOp, Domain, Entry, Policy, PolicyStore, RedisOptions, RedisStore, StoreError, UnixTime};
use server::Server;
use std::{sync::Arc, time::Duration};

const NOW: UnixTime = UnixTime(1_800_000_000);

fn domain(name: &str) -> Domain {
    Domain::from_ascii(name).unwrap()
}

fn entry(domain: &Domain, max_age: u32, at: UnixTime) -> Entry {
    let text = format!("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: {max_age}\n");
    Entry::import(domain, RecordId::new("1").unwrap(), Policy::parse(text.as_bytes()).unwrap(), at, at)
}

fn failed(domain: &Domain, at: UnixTime) -> CacheOp {
    let until = at.plus(300);
    let text =
        format!("mta-sts-entry 1\ndomain {}\nfailed 2 {at} {until} sts-webpki-invalid\npolicy 0\n", domain.as_str());
    CacheOp::Failed(*Entry::decode(text.as_bytes(), domain).unwrap().failed().unwrap())
}

async fn put(store: &RedisStore, name: &str, max_age: u32, at: UnixTime) -> Domain {
    let domain = domain(name);
    store.apply(&domain, &CacheOp::Fetched(entry(&domain, max_age, at)), at).await.unwrap();
    domain
}

async fn open(options: RedisOptions) -> RedisStore {
    let store = RedisStore::open(options).unwrap();
    let connected = tokio::time::timeout(Duration::from_secs(10), store.connected()).await;
    connected.expect("no connection in ten seconds");
    store
}

async fn store_on(server: &Server) -> RedisStore {
    open(RedisOptions::new(server.url())).await
}

#[tokio::test]
async fn what_is_applied_is_read_listed_in_order_and_removed() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    for name in ["c.test", "a-b.test", "a.test", "a.b.test"] {
        put(&store, name, 86_400, NOW).await;
    }
    let (before, a, c) = (domain("a-b.test"), domain("a.test"), domain("c.test"));
    assert_eq!(store.get(&a).await, Ok(Some(entry(&a, 86_400, NOW))));
    assert_eq!(store.get(&domain("b.test")).await, Ok(None));
    assert_eq!(store.len().await, Ok(Some(4)));
    let names = async |after, limit| {
        let page = store.list(after, limit).await.unwrap();
        page.iter().map(|entry| entry.domain().as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 9).await, ["a-b.test", "a.b.test", "a.test", "c.test"]);
    assert_eq!(names(Some(&before), 2).await, ["a.b.test", "a.test"]);
    assert_eq!(store.remove(&c).await, Ok(true));
    assert_eq!(store.remove(&c).await, Ok(false));
    assert_eq!(names(Some(&a), 9).await, Vec::<String>::new());
    assert_eq!(server.cli("KEYS *").lines().count(), 5);
    assert!(server.cli("KEYS *").lines().all(|key| key.starts_with("mta-sts:")));
}

#[tokio::test]
async fn keys_expire_long_after_their_policy_and_those_that_did_are_no_longer_listed() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    let name = put(&store, "a.test", 86_400, NOW).await;
    let none = domain("b.test");
    store.apply(&none, &failed(&none, NOW), NOW).await.unwrap();
    let ttl = |key: &str| server.cli(&format!("TTL {key}")).parse::<u64>().unwrap();
    assert!((181 * 86_400 - 60..=181 * 86_400).contains(&ttl("mta-sts:a.test")));
    assert!((86_400 - 60..=86_400).contains(&ttl("mta-sts:b.test")));
    server.cli("PEXPIRE mta-sts:b.test 1");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.list(None, 9).await.unwrap(), [entry(&name, 86_400, NOW)]);
    assert_eq!(store.len().await, Ok(Some(1)));
    assert_eq!(server.cli("ZCARD mta-sts::used"), "1");
}

#[tokio::test]
async fn changes_from_two_stores_at_once_lose_nothing() {
    let server = Server::start().await;
    let stores = [Arc::new(store_on(&server).await), Arc::new(store_on(&server).await)];
    let name = domain("a.test");
    for round in 0..50 {
        let base = NOW.plus(round * 100);
        let calls = (0..6).map(|n| {
            let (store, name) = (stores[n as usize % 2].clone(), name.clone());
            let at = base.plus(n);
            // The order in which they report is any.
            let op = if n % 2 == 0 { CacheOp::Fetched(entry(&name, 604_800, at)) } else { failed(&name, at) };
            tokio::spawn(async move { store.apply(&name, &op, base.plus(50)).await })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap();
        }
        let entry = stores[0].get(&name).await.unwrap().unwrap();
        assert_eq!(entry.held().unwrap().fetched_at, base.plus(4), "round {round}");
        assert_eq!(entry.failed().unwrap().at, base.plus(5), "round {round}");
    }
}

#[tokio::test]
async fn garbage_and_foreign_keys_are_corrupt_for_their_domain_until_a_policy_comes() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    let good = put(&store, "good.test", 86_400, NOW).await;
    let names = ["garbage.test", "list.test"].map(domain);
    for name in &names {
        put(&store, name.as_str(), 86_400, NOW).await;
    }
    server.cli("SET mta-sts:garbage.test nonsense");
    server.cli("DEL mta-sts:list.test");
    server.cli("LPUSH mta-sts:list.test x");
    for name in &names {
        assert_eq!(store.get(name).await, Err(StoreError::Corrupt), "{name}");
        for op in [CacheOp::Checked { at: NOW }, failed(name, NOW)] {
            assert_eq!(store.apply(name, &op, NOW).await, Err(StoreError::Corrupt), "{name}");
        }
    }
    assert_eq!(store.list(None, 9).await.unwrap(), [entry(&good, 86_400, NOW)]);
    let later = NOW.plus(10 * 365 * 86_400);
    for seconds in [0, 3600] {
        assert!(store.prune_unused(later.plus(seconds), later).await.is_ok());
    }
    for name in &names {
        assert_eq!(store.get(name).await, Err(StoreError::Corrupt), "it may live");
        put(&store, name.as_str(), 3600, NOW).await;
        assert_eq!(store.get(name).await, Ok(Some(entry(name, 3600, NOW))));
    }
}

#[tokio::test]
async fn sets_that_are_lost_or_foreign_are_made_anew() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    let name = put(&store, "a.test", 86_400, NOW).await;
    for spoil in ["DEL mta-sts::index mta-sts::used", "SET mta-sts::index x", "SET mta-sts::used x"] {
        server.cli(spoil);
        assert!(store.get(&name).await.unwrap().is_some());
        assert!(store.list(None, 9).await.is_ok() && store.prune_unused(NOW, NOW).await.is_ok());
        let at = NOW.plus(spoil.len() as u64);
        store.apply(&name, &CacheOp::Checked { at }, at).await.unwrap();
        assert_eq!(store.list(None, 9).await.unwrap().len(), 1, "{spoil}");
        assert!(store.used(&name).await.unwrap().is_some(), "{spoil}");
    }
}

#[tokio::test]
async fn unused_entries_go_when_they_are_dead_twice_an_hour_apart() {
    let server = Server::start().await;
    let store = store_on(&server).await;
    put(&store, "unused.test", 86_400, NOW).await;
    let used = put(&store, "used.test", 86_400, NOW).await;
    let live = put(&store, "live.test", 31_000_000, NOW).await;
    let now = NOW.plus(190 * 86_400);
    store.touch(&used, now).await.unwrap();
    store.touch(&domain("unknown.test"), now).await.unwrap();
    assert_eq!(store.used(&used).await, Ok(Some(now)));
    assert_eq!(store.used(&domain("unknown.test")).await, Ok(None));
    let unused_before = NOW.plus(86_400);
    assert_eq!(store.prune_unused(now, unused_before).await, Ok(0));
    assert_eq!(store.prune_unused(NOW, unused_before).await, Ok(0));
    assert_eq!(store.prune_unused(now, unused_before).await, Ok(0));
    assert_eq!(store.prune_unused(now.plus(3600), unused_before).await, Ok(1));
    let left: Vec<_> = store.list(None, 9).await.unwrap().iter().map(|entry| entry.domain().clone()).collect();
    assert_eq!(left, [live, used]);
}

#[tokio::test]
async fn one_store_gets_the_lease_until_it_ends() {
    let server = Server::start().await;
    let (one, other) = (store_on(&server).await, store_on(&server).await);
    let (name, short) = (domain("a.test"), Duration::from_millis(200));
    assert_eq!(one.lease(&name, short).await, Ok(true));
    assert_eq!(other.lease(&name, short).await, Ok(false));
    assert_eq!(other.lease(&domain("b.test"), short).await, Ok(true));
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(other.lease(&name, short).await, Ok(true));
}

#[tokio::test]
async fn a_user_with_only_our_keys_and_the_documented_commands_suffices() {
    let server = Server::start().await;
    let rights = "+get +mget +set +eval +exists +type +del +zadd +zrem +zscore +zcard +zrangebylex +zrangebyscore \
                  +ping +select +role";
    let made = server.cli(&format!("ACL SETUSER mta-sts on >secret ~mta-sts:* resetchannels -@all {rights}"));
    assert_eq!(made, "OK");
    let options = RedisOptions::new(format!("redis://mta-sts:secret@127.0.0.1:{}/3", server.port));
    let store = open(options).await;
    let name = put(&store, "a.test", 86_400, NOW).await;
    store.touch(&name, NOW).await.unwrap();
    assert_eq!(store.used(&name).await, Ok(Some(NOW)));
    assert_eq!(store.list(None, 9).await.unwrap().len(), 1);
    assert_eq!(store.prune_unused(NOW.plus(1), NOW.plus(1)).await, Ok(0));
    assert_eq!(store.lease(&name, Duration::from_secs(9)).await, Ok(true));
    assert_eq!(store.len().await, Ok(Some(1)));
    assert_eq!(store.remove(&name).await, Ok(true));
    // Other keys are out of its reach, and that is a failure and no empty cache.
    let url = format!("redis://mta-sts:secret@127.0.0.1:{}", server.port);
    let elsewhere = open(RedisOptions { prefix: "other:".into(), ..RedisOptions::new(url) }).await;
    let Err(StoreError::Failed(why)) = elsewhere.get(&name).await else { panic!() };
    assert!(why.contains("no permissions"), "{why}");
}

#[tokio::test]
async fn a_wrong_password_is_said_without_it() {
    let server = Server::with("requirepass right").await;
    let store = RedisStore::open(RedisOptions::new(format!("redis://:wrong@127.0.0.1:{}", server.port))).unwrap();
    let name = domain("a.test");
    let mut why = String::new();
    for _ in 0..100 {
        why = store.get(&name).await.unwrap_err().to_string();
        if !why.contains("not there yet") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(why.contains("127.0.0.1") && why.contains("WRONGPASS") || why.contains("authentication"), "{why}");
    assert!(!why.contains("wrong@"), "{why}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_without_their_passwords() {
    let open = |options| RedisStore::open(options).unwrap_err().to_string();
    for url in ["", "http://h", "redis://:secret@h:port", "redis://:secret@h/x"] {
        let why = open(RedisOptions::new(url));
        assert!(why.contains("URL") && !why.contains("secret"), "{url}: {why}");
    }
    let sentinels = vec!["redis://127.0.0.1:26379".into()];
    assert!(open(RedisOptions { sentinels, ..RedisOptions::default() }).contains("master"));
    assert!(!format!("{:?}", RedisOptions::new("redis://:secret@h")).contains("secret"));
}

#[tokio::test]
async fn unix_sockets_and_tls_work() {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&authority).unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &authority);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let directory = std::env::temp_dir().join(format!("mta-sts-redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = |name: &str, text: String| {
        std::fs::write(directory.join(name), text).unwrap();
        directory.join(name).display().to_string()
    };
    let (cert, key) = (file("cert.pem", certificate.pem()), file("key.pem", key.serialize_pem()));
    let (port, socket) = (server::free_port(), directory.join("redis.sock"));
    let server = Server::with(&format!(
        "tls-port {port}\ntls-cert-file {cert}\ntls-key-file {key}\ntls-auth-clients no\nunixsocket {}",
        socket.display()
    ))
    .await;
    let mut tls = RedisOptions::new(format!("rediss://localhost:{port}"));
    tls.ca_pem = Some(ca.pem().into_bytes());
    let name = put(&open(tls.clone()).await, "a.test", 86_400, NOW).await;
    let unix = open(RedisOptions::new(format!("unix://{}", socket.display()))).await;
    assert!(unix.get(&name).await.unwrap().is_some());
    // A certificate that is not trusted, and a server without TLS.
    tls.ca_pem = Some(include_bytes!("../ca.pem").to_vec());
    let untrusted = RedisStore::open(tls.clone()).unwrap();
    tls.url = format!("rediss://localhost:{}", server.port);
    let plain = RedisStore::open(tls).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let why = untrusted.get(&name).await.unwrap_err().to_string();
    assert!(why.contains("certificate"), "{why}");
    assert!(plain.get(&name).await.is_err());
    std::fs::remove_dir_all(&directory).unwrap();
}
