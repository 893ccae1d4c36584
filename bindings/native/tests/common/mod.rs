//! A lab and resolvers that are pointed at it.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod fragile;

use mta_sts::{Clock, Domain, Freshness, NameServer, Resolver, ResolverBuilder, UnixTime};
use mta_sts_lab::{Lab, PolicyHost, World};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub fn builder(lab: &Lab) -> ResolverBuilder {
    Resolver::builder()
        .name_servers([NameServer::Plain(lab.dns_addr())])
        .extra_ca_pem(lab.ca_pem().as_bytes())
        .unwrap()
        .only_extra_ca(true)
        .https_port(lab.https_port())
        .smtp_port(lab.smtp_port())
        .allow_nets(["127.0.0.0/8".parse().unwrap()])
}

/// Waits for the end of each lookup.
pub fn checked(lab: &Lab) -> Resolver {
    builder(lab).freshness(Freshness::Checked).build().unwrap()
}

pub fn domain(name: &str) -> Domain {
    Domain::from_ascii(name).unwrap()
}

pub fn policy(mode: &str, mx: &str) -> String {
    let mx: String = mx.split_whitespace().map(|mx| format!("mx: {mx}\n")).collect();
    format!("version: STSv1\nmode: {mode}\n{mx}max_age: 604800\n")
}

/// A domain with a record and a policy host.
pub fn publish(world: &World, name: &str, id: &str, host: impl Into<PolicyHost>) {
    world.txt(&format!("_mta-sts.{name}"), &[&format!("v=STSv1; id={id};")]);
    world.policy_host(&format!("mta-sts.{name}"), host.into());
}

pub fn enforce(world: &World, name: &str, mx: &str) {
    publish(world, name, "1", PolicyHost::serving(policy("enforce", mx)));
}

/// How often the policy of a host was requested.
pub fn fetches(world: &World, name: &str) -> usize {
    let host = format!("mta-sts.{name}");
    world.http_log().iter().filter(|seen| seen.host == host).count()
}

pub async fn until(mut is_true: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_true() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come true in five seconds");
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct Hands(AtomicU64);

impl Hands {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_800_000_000)))
    }

    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}
