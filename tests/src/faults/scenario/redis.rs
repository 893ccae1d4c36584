//! The daemon's Redis is gone, hangs or is slow, and comes back.

use super::{RECHECK, TO_LEARN};
use crate::faults::{
    Result,
    clients::{Client, LoadOptions},
    daemon::Setup,
    dns_front::Dns,
    oracle::Unlearnt,
    progress,
    redis::Redis,
    stage::Stage,
    tcp_front::{Tcp, TcpFront},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fault {
    Killed,
    Hung,
    Slow,
}

const DOMAINS: usize = 100;
const NEW: usize = 20;
/// Fewer than after which the store is left alone for a while.
const FIRST: usize = 2;
/// A Redis that is far away, but within the time that a store has.
const FAR: Duration = Duration::from_millis(8);
/// One that is too slow.
const TOO_SLOW: Duration = Duration::from_millis(300);
/// In which the daemon finds out that its Redis is there again.
const TO_RECONNECT: Duration = Duration::from_secs(5);

pub(super) async fn play(stage: &Arc<Stage>, fault: Fault) -> Result<()> {
    let place = Redis::new()?;
    let mut redis = Some(place.start(stage).await?);
    let front = TcpFront::start("127.0.0.1:0".parse()?, place.addr).await?;
    // Directly, unless it is to be slow: the front would hide how the daemon sees a dead server.
    let addr = if fault == Fault::Slow { front.addr() } else { place.addr };
    let store = format!("kind = \"redis\"\nurl = \"redis://{addr}/0\"\nmemory_entries = 10000");
    let first = Setup::write(stage, "first", &store, true)?;
    let second = Setup::write(stage, "second", &store, true)?;
    let daemon = first.start(stage).await?;
    let before = stage.enforcing("before", DOMAINS);
    stage.learn(first.addr, &before, TO_LEARN).await;
    if fault == Fault::Slow {
        front.set(Tcp::Slow(FAR)).await;
        let far = stage.enforcing("far", NEW);
        stage.learn(first.addr, &far, TO_LEARN).await;
    }

    progress("redis: away");
    match (fault, &redis) {
        (Fault::Killed, _) => drop(redis.take()),
        (Fault::Hung, Some(redis)) => redis.stop()?,
        _ => front.set(Tcp::Slow(TOO_SLOW)).await,
    }
    stalled(stage, &first).await;
    let load = stage.load(first.addr, &before, LoadOptions::default());
    sleep(Duration::from_secs(if stage.options.quick { 1 } else { 5 })).await;
    let meanwhile = stage.enforcing("meanwhile", NEW);
    stage.learn(first.addr, &meanwhile, TO_LEARN).await;
    // It may hold a policy, and nothing is learnt in its place: mail has to wait.
    stage.cut_off().await;
    let untold = stage.enforcing("untold", NEW);
    stage.ask_all(first.addr, &untold, 8, Unlearnt::Temp).await;
    stage.ask_all(first.addr, &before, 8, Unlearnt::Temp).await;
    stage.ask_all(first.addr, &meanwhile, 8, Unlearnt::Temp).await;
    // It is away for so long that each policy wants to be checked.
    stage.clock.set(RECHECK)?;
    stage.ask_all(first.addr, &before, 8, Unlearnt::Temp).await;
    stage.ask_all(first.addr, &meanwhile, 8, Unlearnt::Temp).await;
    stage.heal().await;

    progress("redis: back");
    match (fault, &redis) {
        (Fault::Killed, _) => redis = Some(place.start(stage).await?),
        (Fault::Hung, Some(redis)) => redis.go_on()?,
        _ => front.set(Tcp::Pass).await,
    }
    sleep(TO_RECONNECT).await;
    let after = stage.enforcing("after", NEW);
    stage.learn(first.addr, &after, TO_LEARN).await;
    load.end().await;
    stage.cut_off().await;
    let other = second.start(stage).await?;
    stage.ask_all(second.addr, &before, 8, Unlearnt::Nothing).await;
    stage.ask_all(second.addr, &after, 8, Unlearnt::Nothing).await;
    stage.dns.set(Dns::Pass).await;
    other.terminate().await?;
    daemon.terminate().await?;
    drop(redis);
    Ok(())
}

/// The first to ask, all at once, wait for the store and for nothing else: DNS says at once that it fails.
async fn stalled(stage: &Arc<Stage>, setup: &Setup) {
    stage.cut_off().await;
    let mut asked = JoinSet::new();
    for name in stage.enforcing("first", FIRST) {
        let (stage, addr) = (stage.clone(), setup.addr);
        asked.spawn(async move {
            let mut client = Client::connect(addr).await?;
            let began = Instant::now();
            stage.ask(&mut client, &name, Unlearnt::Temp).await?;
            stage.figures.stalled(began.elapsed());
            std::io::Result::Ok(())
        });
    }
    while let Some(asked) = asked.join_next().await {
        if !matches!(asked, Ok(Ok(()))) {
            stage.figures.violation(format!("no reply while the store is away: {asked:?}"));
        }
    }
    stage.heal().await;
}
