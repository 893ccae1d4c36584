//! The daemon's clock steps forth and back: no policy dies of it, and none lives for ever.

use super::{SQLITE, TO_LEARN};
use crate::faults::{
    Result,
    clients::{Answer, Client},
    daemon::Setup,
    oracle::Unlearnt,
    progress,
    stage::{Mode, Stage},
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
/// Where the clock goes, each time from where it was: in seconds from the true time.
const STEPS: [i64; 20] = [
    0,
    HOUR,
    0,
    -HOUR,
    0,
    DAY,
    -DAY,
    DAY,
    0,
    80 * DAY,
    0,
    -80 * DAY,
    0,
    400 * DAY,
    -400 * DAY,
    400 * DAY,
    0,
    -DAY,
    HOUR,
    0,
];
/// How long policies live; every step is much shorter or much longer than each.
const LIVES: [i64; 5] = [HOUR / 2, 6 * HOUR, 3 * DAY, 30 * DAY, 31_557_600];
const EACH: usize = 8;
/// The lab's certificates are valid from a day ago on and for 90 days, so that nothing can be fetched
/// when the clock is elsewhere.
const VALID: std::ops::Range<i64> = -DAY..90 * DAY;
/// In which the lookups behind the last replies end: their decisions are by the clock that was.
const TO_SETTLE: Duration = Duration::from_millis(100);
/// After so many seconds a domain of which DNS told nothing is asked for again.
const AFTER_DNS_FAILURE: i64 = 2 * MINUTE;

/// A domain, and what should be held for it.
struct Held {
    name: String,
    life: i64,
    /// When it was fetched, by the daemon's clock.
    fetched: i64,
    /// Asked for only while nothing can be fetched: what was learnt first is all there is.
    rests: bool,
}

impl Held {
    /// RFC 8461 §3.2: until its age reaches max_age. A clock that was set back makes it no older, but
    /// what lies further ahead than it lives would be immortal.
    fn is_live(&self, now: i64) -> bool {
        now < self.fetched + self.life && self.fetched <= now + self.life
    }
}

pub(super) async fn play(stage: &Arc<Stage>) -> Result<()> {
    let setup = Setup::write(stage, "daemon", SQLITE, true)?;
    let mut daemon = setup.start(stage).await?;
    let mut all = Vec::new();
    for (n, life) in LIVES.into_iter().enumerate() {
        for m in 0..2 * EACH {
            let (rests, word) = if m < EACH { (true, "rests") } else { (false, "renewed") };
            let name = format!("{word}{m}-life{n}.test");
            stage.publish(&name, Mode::Enforce, u32::try_from(life)?);
            all.push(Held { name, life, fetched: 0, rests });
        }
    }
    let names: Vec<_> = all.iter().map(|held| held.name.clone()).collect();
    stage.learn(setup.addr, &names, TO_LEARN).await;

    let (mut applied, mut ended, mut renewed, mut in_vain) = (0, 0, 0, 0);
    for (at, step) in (1..).zip(STEPS) {
        progress(&format!("clock: step {at} of {}", STEPS.len()));
        // A little later than at the visit before, as time goes on.
        let now = step + at * 10 * MINUTE / 20;
        sleep(TO_SETTLE).await;
        stage.clock.set(now)?;
        if at % 5 == 0 {
            // What is held must not depend on what a process remembers.
            daemon.kill();
            daemon = setup.start(stage).await?;
        }
        stage.cut_off().await;
        let mut client = Client::connect(setup.addr).await?;
        for held in &all {
            if held.is_live(now) {
                applied += 1;
                stage.ask(&mut client, &held.name, Unlearnt::Nothing).await?;
            } else {
                ended += 1;
                stage.oracle.forget(&held.name);
                refused(stage, &mut client, held, now).await?;
            }
        }
        stage.heal().await;
        let now = now + AFTER_DNS_FAILURE;
        stage.clock.set(now)?;
        let dead = |held: &&mut Held| !held.rests && !held.is_live(now);
        if VALID.contains(&now) {
            for held in all.iter_mut().filter(dead) {
                learn(stage, &mut client, &held.name).await?;
                held.fetched = now;
                renewed += 1;
            }
        } else {
            stage.lab.world().clear_logs();
            let mut asked = HashSet::new();
            for held in all.iter_mut().filter(dead) {
                refused(stage, &mut client, held, now).await?;
                asked.insert(format!("mta-sts.{}", held.name));
            }
            in_vain += asked.len();
            // The attempt comes before the reply.
            stage.lab.world().hello_log().iter().filter_map(|hello| hello.sni.as_ref()).for_each(|sni| {
                asked.remove(sni);
            });
            if !asked.is_empty() {
                stage.figures.violation(format!("{} ended policies were not fetched anew", asked.len()));
            }
        }
        // What is alive again, or still.
        for held in all.iter().filter(|held| held.is_live(now) && (!held.rests || stage.oracle.is_learnt(&held.name))) {
            stage.ask(&mut client, &held.name, Unlearnt::Nothing).await?;
        }
    }
    stage.figures.note(format!(
        "{} steps of the clock by up to 800 days; cut off, {applied} times a live policy had to be applied and {ended} \
         times one that had ended must not; {renewed} were fetched anew, {in_vain} tried where certificates are not valid",
        STEPS.len()
    ));
    daemon.terminate().await.map(drop)
}

/// The policy has ended, and nothing can be learnt.
async fn refused(stage: &Stage, client: &mut Client, held: &Held, now: i64) -> Result<()> {
    let mut answer = stage.ask(client, &held.name, Unlearnt::NotFound).await?;
    if answer != Answer::NotFound {
        // Perhaps a lookup was still under way that had begun before the step.
        stage.oracle.forget(&held.name);
        stage.figures.note(format!("{} was once applied just after the clock had been set to {now}", held.name));
        sleep(TO_SETTLE).await;
        answer = stage.ask(client, &held.name, Unlearnt::NotFound).await?;
    }
    if answer != Answer::NotFound {
        let (name, fetched, life) = (&held.name, held.fetched, held.life);
        stage.figures.wrong(format!("{name}, fetched at {fetched} for {life} s, applied at {now}: {answer:?}"));
        stage.oracle.forget(name);
    }
    Ok(())
}

async fn learn(stage: &Stage, client: &mut Client, name: &str) -> Result<()> {
    let end = Instant::now() + TO_LEARN;
    while !matches!(stage.ask(client, name, Unlearnt::NotFound).await?, Answer::Ok(_)) {
        if Instant::now() >= end {
            stage.figures.violation(format!("{name} has ended and was not fetched anew"));
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
