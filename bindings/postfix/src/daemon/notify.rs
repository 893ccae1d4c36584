//! What the service manager is told: sd_notify(3).

use core::time::Duration;
use sd_notify::NotifyState;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Must be followed by [`ready`].
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the time of the reload cannot be told"),
    }
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("answers what was asked, then ends")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

/// Says that it is alive, twice as often as it must. The task runs among those that answer, so that
/// the service manager notices when they are stuck.
pub(super) fn start_watchdog() -> Option<Watchdog> {
    let period = sd_notify::watchdog_enabled()? / 2;
    Some(Watchdog(tokio::spawn(async move {
        let mut tick = interval(period.max(Duration::from_millis(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    })))
}

/// Ends when it is dropped.
pub(super) struct Watchdog(JoinHandle<()>);

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.abort();
    }
}
