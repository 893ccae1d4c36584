//! Wall-clock time, always handed in by the host.

use core::fmt;

/// Whole seconds since 1970-01-01 00:00 UTC.
///
/// The cache outlives the process, so this is wall-clock time. It may step in both directions;
/// [`Entry`](crate::Entry) says what that does to a policy.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// This time and `seconds` more, at most the largest time there is.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The seconds from `earlier` to this time; 0 if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whether this time is one of the `seconds` up to and including `now`, and not in the future.
    pub(crate) const fn within(self, seconds: u64, now: Self) -> bool {
        self.0 <= now.0 && now.0 - self.0 < seconds
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
