//! Where the wall-clock time comes from.

use core::fmt;
use mta_sts_core::UnixTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the wall-clock time. The ages of policies are reckoned by it; certificates are always
/// judged by the system's clock.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> UnixTime;
}

/// The clock of the system, and the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}
