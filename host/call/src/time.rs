//! Time as the call sees it: told, never read.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// How long the call has lasted. The driver reads the clock; the call only compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    pub const START: Self = Self(Duration::ZERO);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(Duration::MAX);

    pub const fn since_start(time: Duration) -> Self {
        Self(time)
    }

    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// Zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;
    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time))
    }
}

impl fmt::Display for Moment {
    /// Seconds with milliseconds: `12.040`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.as_secs(), self.0.subsec_millis())
    }
}

/// The earliest of what may be due.
pub(crate) fn earliest(moments: impl IntoIterator<Item = Option<Moment>>) -> Moment {
    moments.into_iter().flatten().min().unwrap_or(Moment::NEVER)
}
