//! The name server is dead, broken or slow.

use super::{RECHECK, SQLITE, TO_LEARN};
use crate::faults::{Result, clients::LoadOptions, daemon::Setup, dns_front::Dns, oracle::Unlearnt, stage::Stage};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

const DOMAINS: usize = 200;
const NEW: usize = 40;
/// After so many seconds a domain of which DNS told nothing is asked for again.
const AFTER_DNS_FAILURE: i64 = 70;

pub(super) async fn play(stage: &Arc<Stage>, fault: Dns) -> Result<()> {
    let setup = Setup::write(stage, "daemon", SQLITE, true)?;
    let daemon = setup.start(stage).await?;
    let known = stage.enforcing("known", DOMAINS);
    stage.learn(setup.addr, &known, TO_LEARN).await;

    // From now on each of them wants to be checked.
    stage.clock.set(RECHECK)?;
    stage.dns.set(fault).await;
    let load = stage.load(setup.addr, &known, LoadOptions::default());
    let new = stage.enforcing("new", NEW);
    if matches!(fault, Dns::Slow(_)) {
        stage.learn(setup.addr, &new, Duration::from_secs(10)).await;
    } else {
        // By as many connections, so that all of them wait at once.
        stage.ask_all(setup.addr, &new, NEW, Unlearnt::NotFound).await;
    }
    sleep(Duration::from_secs(if stage.options.quick { 1 } else { 10 })).await;
    stage.clock.set(2 * RECHECK)?;
    stage.ask_all(setup.addr, &known, 8, Unlearnt::NotFound).await;

    stage.dns.set(Dns::Pass).await;
    let later = stage.enforcing("later", NEW);
    stage.learn(setup.addr, &later, TO_LEARN).await;
    stage.clock.set(2 * RECHECK + AFTER_DNS_FAILURE)?;
    stage.learn(setup.addr, &new, TO_LEARN).await;
    load.end().await;
    daemon.terminate().await.map(drop)
}
