//! SIGTERM and start under load: clients see a closed connection at most.

use super::{SQLITE, TO_LEARN};
use crate::faults::{Result, clients::LoadOptions, daemon::Setup, progress, stage::Stage};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

const DOMAINS: usize = 200;
const NEW: usize = 10;
/// To drain, with nothing slow under way.
const TO_END: Duration = Duration::from_secs(5);

pub(super) async fn play(stage: &Arc<Stage>) -> Result<()> {
    let rounds = stage.options.rounds.unwrap_or(if stage.options.quick { 5 } else { 20 });
    let setup = Setup::write(stage, "daemon", SQLITE, false)?;
    let mut names = stage.enforcing("known", DOMAINS);
    let mut daemon = setup.start(stage).await?;
    stage.learn(setup.addr, &names, TO_LEARN).await;
    let (mut longest_end, mut longest_start) = (Duration::ZERO, Duration::ZERO);
    for round in 0..rounds {
        progress(&format!("restart: round {} of {rounds}", round + 1));
        names.extend(stage.enforcing(&format!("new{round}-"), NEW));
        let load = LoadOptions { pause: Duration::from_millis(1), may_close: true, ..Default::default() };
        let load = stage.load(setup.addr, &names, load);
        sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        let status = daemon.terminate().await?;
        longest_end = longest_end.max(began.elapsed());
        if !status.success() {
            stage.figures.violation(format!("after SIGTERM it ended with {status}"));
        }
        let began = Instant::now();
        daemon = setup.start(stage).await?;
        longest_start = longest_start.max(began.elapsed());
        sleep(Duration::from_millis(200)).await;
        load.end().await;
    }
    stage.figures.note(format!(
        "{rounds} restarts: at most {} ms to end, {} ms to answer again",
        longest_end.as_millis(),
        longest_start.as_millis()
    ));
    if longest_end > TO_END {
        stage.figures.violation(format!("it took {longest_end:.1?} to end"));
    }
    daemon.terminate().await.map(drop)
}
