//! A flood of domains that nobody has heard of, with a slow name server.

use super::{SQLITE, TO_LEARN};
use crate::faults::{
    Result,
    clients::{Answer, Client, LoadOptions},
    daemon::Setup,
    dns_front::Dns,
    process::Process,
    progress,
    stage::Stage,
};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

const KNOWN: usize = 200;
const NEW: usize = 20;
const CONNECTIONS: usize = 64;
/// Each connection asks for so many at once.
const PIPELINED: usize = 32;
/// Twice as many as the daemon remembers anything of.
const UNKNOWN: usize = 200_000;
const UNKNOWN_IF_QUICK: usize = 50_000;
/// What the daemon may grow by, in KiB: it remembers 10,000 domains without a policy, when 100,000
/// were last used, and what a thousand lookups and 64 connections need.
const MAX_GROWTH: u64 = 96 * 1024;

pub(super) async fn play(stage: &Arc<Stage>) -> Result<()> {
    let setup = Setup::write(stage, "daemon", SQLITE, false)?;
    let daemon = setup.start(stage).await?;
    let known = stage.enforcing("known", KNOWN);
    stage.learn(setup.addr, &known, TO_LEARN).await;
    let idle = daemon.rss_anon()?;

    stage.dns.set(Dns::Slow(Duration::from_millis(300))).await;
    let load = stage.load(setup.addr, &known, LoadOptions::default());
    let began = Instant::now();
    let unknown = if stage.options.quick { UNKNOWN_IF_QUICK } else { UNKNOWN };
    let next = Arc::new(AtomicUsize::new(0));
    let mut floods = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (stage, next, addr) = (stage.clone(), next.clone(), setup.addr);
        floods.spawn(async move {
            if let Err(error) = flood(&stage, addr, unknown, &next).await {
                stage.figures.violation(format!("a connection was closed: {error}"));
            }
        });
    }
    let watched = Watched::watch(&daemon, unknown, &next, &mut floods).await?;
    let took = began.elapsed();
    load.end().await;
    stage.dns.set(Dns::Pass).await;
    let new = stage.enforcing("new", NEW);
    stage.learn(setup.addr, &new, TO_LEARN).await;

    let (growth, half) = (watched.most.saturating_sub(idle), watched.at_half.saturating_sub(idle));
    stage.figures.note(format!(
        "{unknown} unknown domains in {:.1} s; RssAnon {idle} KiB before, +{half} KiB at half, +{growth} KiB at most, \
         +{} KiB after; the limit is +{MAX_GROWTH} KiB",
        took.as_secs_f64(),
        daemon.rss_anon()?.saturating_sub(idle),
    ));
    if growth > MAX_GROWTH {
        stage.figures.violation(format!("the daemon grew by {growth} KiB"));
    }
    daemon.terminate().await.map(drop)
}

/// The daemon's memory, looked at while it is flooded.
struct Watched {
    at_half: u64,
    most: u64,
}

impl Watched {
    async fn watch(daemon: &Process, unknown: usize, next: &AtomicUsize, floods: &mut JoinSet<()>) -> Result<Self> {
        let mut watched = Self { at_half: 0, most: 0 };
        while !floods.is_empty() {
            tokio::select! {
                _ = floods.join_next() => {}
                () = sleep(Duration::from_millis(50)) => {
                    let asked = next.load(Ordering::Relaxed);
                    progress(&format!("flood: {asked} of {unknown}"));
                    let now = daemon.rss_anon()?;
                    watched.most = watched.most.max(now);
                    if asked <= unknown / 2 {
                        watched.at_half = now;
                    }
                }
            }
        }
        Ok(watched)
    }
}

async fn flood(stage: &Stage, addr: SocketAddr, unknown: usize, next: &AtomicUsize) -> io::Result<()> {
    let mut client = Client::connect(addr).await?;
    loop {
        let first = next.fetch_add(PIPELINED, Ordering::Relaxed);
        let names: Vec<_> = (first..unknown.min(first + PIPELINED)).map(|n| format!("mail.unknown{n}.test")).collect();
        if names.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        client.ask(names.iter().map(String::as_str)).await?;
        for name in names {
            let answer = client.answer().await?;
            stage.figures.reply(&answer, false, began.elapsed());
            // A store that has too much to do cannot be read: mail for such a domain waits.
            if !matches!(answer, Answer::NotFound | Answer::Temp(_)) {
                stage.figures.wrong(format!("{name} has no policy: {answer:?}"));
            }
        }
    }
}
