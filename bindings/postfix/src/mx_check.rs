//! Looks whether the MX hosts of held policies are what the policies allow. Postfix asks for
//! domains and not for hosts, so that a mismatch is seen here first: before mail waits in the
//! queue, or in mode `testing` before the domain enforces.

mod figures;
mod round;

pub use figures::{Mismatch, MxFigures};

use crate::{locked::locked, operations::Operations};
use core::time::Duration;
use figures::Figures;
use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{Arc, Mutex},
};
use tokio::{task::JoinHandle, time::sleep};

/// After the start, and again after the store could not be read, but never later than the period.
const FIRST: Duration = Duration::from_secs(300);

/// How the check goes about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MxCheckOptions {
    /// Every policy is checked once in this time, spread over it. Default: a day.
    pub period: Duration,
    /// The longest pause between two domains, so that few domains do not take all of the period.
    /// Default: a minute.
    pub max_pause: Duration,
    /// So many domains are asked about at once. Default: 2.
    pub at_once: usize,
}

impl Default for MxCheckOptions {
    fn default() -> Self {
        Self { period: Duration::from_secs(86_400), max_pause: Duration::from_secs(60), at_once: 2 }
    }
}

/// The check, at work. Dropping it ends it.
///
/// It looks at the live policies in mode `enforce` and `testing` that the cache holds, and asks DNS
/// for the MX records of their domains. That counts as no use of a domain. A mismatch is logged
/// as a warning, once a day for a domain.
#[derive(Debug)]
#[must_use = "dropping it ends the check"]
pub struct MxCheck {
    task: JoinHandle<()>,
    figures: Arc<Mutex<Figures>>,
}

impl Drop for MxCheck {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MxCheck {
    /// Starts the check on the current tokio runtime.
    pub fn start<O: Operations>(operations: Arc<O>, options: MxCheckOptions) -> Self {
        let figures = Arc::new(Mutex::new(Figures::default()));
        let shared = figures.clone();
        let task = tokio::spawn(async move {
            let first = FIRST.min(options.period);
            sleep(jittered(first / 2, 0)).await;
            for number in 1_u64.. {
                let began = tokio::time::Instant::now();
                match round::go(&operations, &options, &shared).await {
                    Ok(()) => sleep(options.period.saturating_sub(began.elapsed())).await,
                    Err(error) => {
                        tracing::warn!(%error, "the MX check cannot list the policy store");
                        sleep(jittered(first, number)).await;
                    }
                }
            }
        });
        Self { task, figures }
    }

    /// What was found so far.
    #[must_use]
    pub fn figures(&self) -> MxFigures {
        locked(&self.figures).snapshot()
    }
}

/// A time between half and one and a half of it.
fn jittered(time: Duration, number: u64) -> Duration {
    // Every state is keyed at random.
    let random = RandomState::new().hash_one(number) % 1024;
    time / 2 + time / 1024 * random as u32
}
