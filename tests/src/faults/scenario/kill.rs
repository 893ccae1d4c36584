//! SIGKILL amid writes: what a client was told must be in the file.

use super::{RECHECK, TO_LEARN};
use crate::faults::{
    Result,
    clients::{Dice, LoadOptions},
    daemon::Setup,
    oracle::Unlearnt,
    progress,
    stage::{MAX_AGE, Mode, Stage},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// With time for a slow disk. After the default of 50 ms the daemon goes on with what it has learnt in
/// memory, and says so: then a reply does not mean that the policy is in the file. It does the same
/// when more than 256 changes wait, of which there is one for each domain that is asked for at most.
const STORE: &str = "kind = \"sqlite\"\ntimeout = \"2s\"";
const DOMAINS: usize = 240;
/// Domains that are new in a round.
const NEW: usize = 5;
/// The daemon writes for this long at least, and up to so much longer.
const WRITES: Duration = Duration::from_millis(40);
const WRITES_MORE: usize = 400;

pub(super) async fn play(stage: &Arc<Stage>) -> Result<()> {
    let rounds = stage.options.rounds.unwrap_or(if stage.options.quick { 25 } else { 100 });
    let setup = Setup::write(stage, "daemon", STORE, true)?;
    let mut names = publish(stage);
    let daemon = setup.start(stage).await?;
    let enforcing: Vec<_> = names.iter().filter(|name| name.starts_with("enforce")).cloned().collect();
    stage.learn(setup.addr, &enforcing, TO_LEARN).await;
    daemon.kill();

    let mut dice = Dice::new(0);
    let (mut checked, mut changed, mut writing) = (0, 0, Duration::ZERO);
    for round in 0..rounds {
        progress(&format!("kill: round {} of {rounds}", round + 1));
        // The daemon's clock goes on in leaps, so that in each round every policy wants to be checked.
        let time = i64::from(round) * 2 * RECHECK;
        stage.clock.set(time)?;
        stage.cut_off().await;
        let daemon = setup.start(stage).await?;
        let learnt: Vec<_> = names.iter().filter(|name| stage.oracle.is_learnt(name)).cloned().collect();
        stage.ask_all(setup.addr, &learnt, 8, Unlearnt::NotFound).await;
        checked += learnt.len();

        stage.clock.set(time + RECHECK)?;
        stage.heal().await;
        let new = stage.enforcing(&format!("new{round}-"), NEW);
        let asked: Vec<_> = names[..DOMAINS].iter().chain(&new).cloned().collect();
        names.extend(new);
        let load = LoadOptions { pause: Duration::ZERO, may_close: true, ..Default::default() };
        let load = stage.load(setup.addr, &asked, load);
        let began = Instant::now();
        let end = began + WRITES + Duration::from_millis(dice.below(WRITES_MORE) as u64);
        while Instant::now() < end {
            change(stage, &names[dice.below(DOMAINS)], &mut dice);
            changed += 1;
            sleep(Duration::from_millis(1)).await;
        }
        daemon.kill();
        writing += began.elapsed();
        load.end().await;
    }
    stage.figures.note(format!(
        "{rounds} kills in {:.1} s of writing, {changed} policies changed meanwhile; {checked} times a policy that had \
         been seen was asked for after the start, with DNS and HTTPS cut off",
        writing.as_secs_f64()
    ));
    stage.clock.set(i64::from(rounds) * 2 * RECHECK)?;
    stage.heal().await;
    let daemon = setup.start(stage).await?;
    let current: Vec<_> = names.iter().filter(|name| !name.starts_with("none")).cloned().collect();
    // The first answer is the old policy, as the new one is looked for behind it.
    stage.ask_all(setup.addr, &current, 8, Unlearnt::NotFound).await;
    sleep(Duration::from_millis(500)).await;
    let enforcing: Vec<_> = current.into_iter().filter(|name| !name.starts_with("testing")).collect();
    stage.learn(setup.addr, &enforcing, TO_LEARN).await;
    moved_aside(stage)?;
    daemon.terminate().await.map(drop)
}

/// Most domains enforce; some test, some have no record.
fn publish(stage: &Stage) -> Vec<String> {
    let mut names = Vec::new();
    for n in 0..DOMAINS {
        let (word, mode) = match n % 20 {
            0 => ("testing", Some(Mode::Testing)),
            1 => ("none", None),
            _ => ("enforce", Some(Mode::Enforce)),
        };
        let name = format!("{word}{n}.test");
        if let Some(mode) = mode {
            stage.publish(&name, mode, MAX_AGE);
        }
        names.push(name);
    }
    names
}

/// Those that enforce change their MX hosts, and those that test go over to it and back.
fn change(stage: &Stage, name: &str, dice: &mut Dice) {
    if name.starts_with("enforce") {
        stage.publish(name, Mode::Enforce, MAX_AGE);
    } else if name.starts_with("testing") {
        stage.publish(name, [Mode::Testing, Mode::Enforce, Mode::None][dice.below(3)], MAX_AGE);
    }
}

/// A file that a killed process left behind must never be taken for a broken one.
fn moved_aside(stage: &Stage) -> Result<()> {
    for entry in std::fs::read_dir(stage.directory.join("daemon"))? {
        let name = entry?.file_name();
        if name.to_string_lossy().contains("corrupt") {
            stage.figures.violation(format!("the store was moved aside: {}", name.to_string_lossy()));
        }
    }
    Ok(())
}
