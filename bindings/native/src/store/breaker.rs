//! Spares callers the wait for a store that hangs.

use crate::bounded::locked;
use std::{sync::Mutex, time::Duration};
use tokio::time::Instant;

/// So many calls in a row must take too long.
const IN_A_ROW: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// After several calls in a row that took too long, all fail at once for a second. Then one call
/// tries again, and each that takes too long doubles the pause, up to 30 seconds.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    too_slow: u32,
    pause: Duration,
    /// While it lies ahead nobody calls; afterwards one call, unless it is `None`.
    until: Option<Instant>,
}

/// Leave for one call. One that is dropped without a word counts as neither.
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Leave for a call; `None` if it must not be made.
    pub(super) fn pass(&self) -> Option<Pass<'_>> {
        let mut state = locked(&self.0);
        let is_probe = state.until.is_some();
        if let Some(until) = state.until {
            let now = Instant::now();
            if now < until {
                return None;
            }
            // This call tries. Should it be dropped, the next one may after the same pause.
            state.until = Some(now + state.pause);
        }
        Some(Pass { breaker: self, is_probe })
    }

    /// Whether calls fail at once, until one that tries ends in time.
    pub(super) fn is_open(&self) -> bool {
        locked(&self.0).until.is_some()
    }
}

impl Pass<'_> {
    /// The call ended in time, however it ended.
    pub(super) fn in_time(self) {
        *locked(&self.breaker.0) = State::default();
    }

    pub(super) fn too_slow(self) {
        let mut state = locked(&self.breaker.0);
        if self.is_probe {
            state.pause = (state.pause * 2).min(MAX_PAUSE);
        } else if state.until.is_some() {
            // It was under way when another one opened the breaker.
            return;
        } else {
            state.too_slow += 1;
            if state.too_slow < IN_A_ROW {
                return;
            }
            state.pause = FIRST_PAUSE;
        }
        state.until = Some(Instant::now() + state.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn slow(breaker: &Breaker) {
        breaker.pass().unwrap().too_slow();
    }

    #[tokio::test(start_paused = true)]
    async fn three_slow_calls_in_a_row_open_it_and_one_probe_a_pause_decides() {
        let breaker = Breaker::default();
        slow(&breaker);
        slow(&breaker);
        breaker.pass().unwrap().in_time();
        for _ in 0..3 {
            slow(&breaker);
        }
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(breaker.pass().is_none());
            advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert!(breaker.pass().is_none(), "{seconds}");
            advance(Duration::from_millis(1)).await;
            let probe = breaker.pass().unwrap();
            assert!(breaker.pass().is_none(), "one at a time");
            probe.too_slow();
        }
        advance(MAX_PAUSE).await;
        breaker.pass().unwrap().in_time();
        assert!(breaker.pass().is_some() && breaker.pass().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_dropped_is_made_again() {
        let breaker = Breaker::default();
        (0..3).for_each(|_| slow(&breaker));
        advance(FIRST_PAUSE).await;
        assert!(breaker.pass().is_some());
        assert!(breaker.pass().is_none());
        advance(FIRST_PAUSE).await;
        assert!(breaker.pass().is_some());
    }
}
