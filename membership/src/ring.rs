//! The Totem single-ring protocol as a pure machine.

mod interface;

pub use interface::{Configuration, Delivery, Input, MAX_MESSAGE, Notice, Output, RingOptions, RingStatus};

use std::time::Instant;

/// One node's end of the ring.
#[derive(Debug)]
pub struct Ring {
    options: RingOptions,
}

impl Ring {
    /// A ring that has not met anybody yet. It starts gathering at the first step.
    #[must_use]
    pub fn new(options: RingOptions, now: Instant) -> Ring {
        let _ = now;
        Ring { options }
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let _ = (now, input, &self.options);
        Vec::new()
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Counters and state.
    #[must_use]
    pub fn status(&self) -> RingStatus {
        RingStatus::default()
    }
}
