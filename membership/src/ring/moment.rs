//! The ring's own time: how long ago it began. The door (`ring.rs`) makes moments of instants; within, nothing depends
//! on when a ring runs, so what it is can be written down and go on elsewhere as if no time had passed.

use serde::{Deserialize, Serialize};
use std::ops::Add;
use std::time::Duration;

/// Nanoseconds since the ring began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment(u64);

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Moment {
    /// So long after the beginning.
    pub(crate) fn after(time: Duration) -> Moment {
        Moment(nanos(time))
    }

    /// How long after the beginning.
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long after `earlier`; nothing, when it is before.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(nanos(time)))
    }
}
