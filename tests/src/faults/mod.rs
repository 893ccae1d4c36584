//! Faults: what becomes of the daemon's replies when that on which it stands breaks.
//!
//! Each scenario sets a `stage`: the lab, fronts before it that can fail, a clock that can be set,
//! and the daemon as a process of its own. Clients ask it for domains, and an `oracle` that knows
//! what was published, and what the daemon was seen to know, judges every reply. RFC 8461 §5.1: a
//! policy that was learnt applies until it ends, whatever can be learnt meanwhile.

mod clients;
mod clock;
mod daemon;
mod dns_front;
mod figures;
mod oracle;
mod process;
mod redis;
mod scenario;
mod stage;
mod tcp_front;

use figures::{Figures, Summary};
use std::{
    error::Error,
    io::{IsTerminal, stderr},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The scenarios, in the order in which they run.
pub const NAMES: [&str; 12] = [
    "kill",
    "redis-killed",
    "redis-hung",
    "redis-slow",
    "dns-dead",
    "dns-servfail",
    "dns-slow",
    "https-dead",
    "https-dripping",
    "clock",
    "restart",
    "flood",
];

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The command under test.
    pub mta_sts: PathBuf,
    /// Of [`NAMES`]; none means all.
    pub only: Vec<String>,
    /// Fewer rounds and shorter faults.
    pub quick: bool,
    /// How often the daemon is killed, or restarted.
    pub rounds: Option<u32>,
}

/// Runs the scenarios and prints their figures. Says whether all is well.
///
/// # Errors
/// If they cannot be run at all: a scenario that cannot go on has failed.
pub fn run(options: &Options) -> Result<bool> {
    if !options.mta_sts.is_file() {
        return Err(format!("{}: no such file; build it or name it with --mta-sts", options.mta_sts.display()).into());
    }
    let options = Arc::new(options.clone());
    let mut summaries: Vec<Summary> = Vec::new();
    for name in NAMES {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            let summary = play(name, &options)?;
            println!("{}", summary.line());
            for line in summary.notes.iter().chain(&summary.violations) {
                println!("    {line}");
            }
            summaries.push(summary);
        }
    }
    println!("\n{}", Summary::HEAD);
    summaries.iter().for_each(|summary| println!("{}", summary.row()));
    let failed: Vec<_> = summaries.iter().filter(|summary| !summary.is_good()).map(|summary| summary.name).collect();
    if !failed.is_empty() {
        println!("failed: {}", failed.join(" "));
    }
    Ok(failed.is_empty())
}

/// Each scenario has a runtime of its own, so that nothing of one is left in the next.
fn play(name: &'static str, options: &Arc<Options>) -> Result<Summary> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let began = Instant::now();
    let figures = Arc::new(Figures::default());
    let summary = runtime.block_on(async {
        let lag = figures::Lag::measure();
        let stage = stage::Stage::set(name, options.clone(), figures.clone()).await?;
        if let Err(error) = scenario::play(name, &stage).await {
            figures.violation(format!("{name} could not go on: {error}"));
        }
        progress("");
        let summary = Summary::of(name, &figures, lag.end(), began.elapsed());
        stage.strike(summary.is_good());
        Ok(summary)
    });
    runtime.shutdown_background();
    summary
}

/// For who watches.
fn progress(text: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}
