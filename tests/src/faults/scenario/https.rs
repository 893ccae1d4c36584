//! Policy hosts are dead, or drip.

use super::{RECHECK, SQLITE, TO_LEARN};
use crate::faults::{
    Result,
    clients::LoadOptions,
    daemon::Setup,
    oracle::Unlearnt,
    stage::{MAX_AGE, Mode, Stage},
    tcp_front::{Tcp, TcpFront},
};
use mta_sts_lab::{Address, PolicyHost, Reply, Response};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;

const DOMAINS: usize = 100;
const NEW: usize = 30;
/// Domains of the provider that drips: many more than there are places for fetches.
const OF_PROVIDER: usize = 200;
/// A provider is an address.
const PROVIDER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 66, 0, 1));
const SECOND: Duration = Duration::from_secs(1);

/// Connections are refused; then nothing ever comes of them.
pub(super) async fn dead(stage: &Arc<Stage>) -> Result<()> {
    let setup = Setup::write(stage, "daemon", SQLITE, true)?;
    let daemon = setup.start(stage).await?;
    let known = stage.enforcing("known", DOMAINS);
    stage.learn(setup.addr, &known, TO_LEARN).await;
    let load = stage.load(setup.addr, &known, LoadOptions::default());
    for (round, fault) in (1..).zip([Tcp::Refuse, Tcp::Hole]) {
        stage.https.set(fault).await;
        // Each has a new policy that cannot be fetched: the one that is held stays.
        known.iter().for_each(|name| stage.publish(name, Mode::Enforce, MAX_AGE));
        stage.clock.set(2 * round * RECHECK)?;
        let new = stage.enforcing(&format!("new{round}-"), NEW);
        stage.ask_all(setup.addr, &new, NEW, Unlearnt::NotFound).await;
        sleep(SECOND * if stage.options.quick { 1 } else { 10 }).await;
        stage.https.set(Tcp::Pass).await;
        let fresh = stage.enforcing(&format!("fresh{round}-"), NEW);
        stage.learn(setup.addr, &fresh, TO_LEARN).await;
        stage.clock.set((2 * round + 1) * RECHECK)?;
        stage.learn(setup.addr, &known, TO_LEARN).await;
        stage.learn(setup.addr, &new, TO_LEARN).await;
    }
    load.end().await;
    daemon.terminate().await.map(drop)
}

/// A provider's hosts send an octet a second, headers without end, bodies without end, or nothing.
pub(super) async fn dripping(stage: &Arc<Stage>) -> Result<()> {
    let setup = Setup::write(stage, "daemon", SQLITE, true)?;
    let daemon = setup.start(stage).await?;
    let known = stage.enforcing("known", DOMAINS);
    stage.learn(setup.addr, &known, TO_LEARN).await;
    let at_provider = (PROVIDER, stage.https.addr().port()).into();
    let provider = TcpFront::start(at_provider, ([127, 0, 0, 1], stage.lab.https_port()).into()).await?;
    // Some of those that are known move there with a new policy, and keep the one they had.
    let drips: Vec<_> = (0..OF_PROVIDER).map(|n| format!("drips{n}.test")).collect();
    for (n, name) in known[..20].iter().chain(&drips).enumerate() {
        stage.publish_with(name, Mode::Enforce, MAX_AGE, |policy| badly(policy, n));
        stage.lab.world().host_address(&format!("mta-sts.{name}"), &[PROVIDER]);
    }
    stage.clock.set(RECHECK)?;
    let load = stage.load(setup.addr, &known, LoadOptions::default());
    let slow = LoadOptions { clients: 64, ..Default::default() };
    let all_drips = stage.load(setup.addr, &drips, slow);
    sleep(SECOND).await;

    let others = stage.enforcing("others", NEW);
    told_at_once(stage, &setup, &others).await;
    sleep(SECOND * if stage.options.quick { 2 } else { 10 }).await;
    // Now each octet of the wire, so that not even TLS comes about.
    provider.set(Tcp::Drip(SECOND)).await;
    stage.clock.set(2 * RECHECK)?;
    sleep(SECOND).await;
    let more = stage.enforcing("more", NEW);
    told_at_once(stage, &setup, &more).await;
    sleep(SECOND * if stage.options.quick { 1 } else { 10 }).await;
    all_drips.end().await;
    load.end().await;
    let reached = drips.iter().filter(|name| stage.oracle.is_learnt(name)).count();
    if reached > 0 {
        stage.figures.wrong(format!("{reached} policies that never ended were taken"));
    }
    daemon.terminate().await.map(drop)
}

/// The places that the provider takes are not those of others: they need not ask twice, but for
/// what a busy machine is late by.
async fn told_at_once(stage: &Arc<Stage>, setup: &Setup, others: &[String]) {
    stage.ask_all(setup.addr, others, 8, Unlearnt::NotFound).await;
    let told = others.iter().filter(|name| stage.oracle.is_learnt(name)).count();
    stage.figures.note(format!("{told} of {} other domains had their policy at the first question", others.len()));
    if told * 10 < others.len() * 9 {
        stage.figures.violation("the provider that drips takes the places of others".to_owned());
    }
    stage.learn(setup.addr, others, 10 * SECOND).await;
}

fn badly(policy: String, n: usize) -> PolicyHost {
    let text = Response::text(policy);
    match n % 4 {
        0 => Response { octet_delay: Some(SECOND), ..text }.into(),
        1 => Response { endless: true, ..text }.into(),
        2 => {
            let headers = (0..200_000).map(|n| (format!("X-{n}"), "more to come".to_owned())).collect();
            Response { headers, ..text }.into()
        }
        _ => PolicyHost { reply: Reply::Silence, address: Address::V4, ..PolicyHost::default() },
    }
}
