//! The Totem single-ring protocol as a pure machine (Amir, Moser, Melliar-Smith, Agarwal, Ciarfella 1995).
//!
//! ```text
//!           new, a member lost, somebody to merge with, token lost
//!        +-----------------------------------------------------------+
//!        v                                                           |
//!     Gather ---- all agree on members ----> Commit --> Recover --> Operate
//!        ^                                     |           |
//!        +-------------------------------------+-----------+           any --> Left
//! ```
//!
//! - **Gather**: everybody says in Joins whom it proposes; silent peers are struck off at once.
//! - **Commit**: the representative sends a token around that collects where each member comes from.
//! - **Recover**: those who come from the same view bring each other to the same set of its messages.
//! - **Operate**: the token goes around; who holds it sends. The number on it is the agreed order.
//!
//! Each phase is a type that takes events and returns the phase that follows. What outlives a phase is in [`Core`].

mod commit;
mod core;
mod gather;
mod interface;
mod log;
mod machine;
mod moment;
mod numbers;
mod operate;
mod peer;
mod recover;
mod resend;
mod timers;
mod turn;

pub use interface::{
    Configuration, Delivery, Input, MAX_MESSAGE, Notice, Output, Reconfiguration, RingOptions, RingStatus,
};

pub(crate) use machine::Machine;
pub(crate) use moment::Moment;

use crate::codec;
use crate::message::Channel;
use std::time::{Duration, Instant};

/// One node's end of the ring.
#[derive(Clone, Debug)]
pub struct Ring {
    machine: Machine,
    /// When it began.
    dawn: Instant,
}

impl Ring {
    /// A ring that has not met anybody yet. It starts gathering at the first step.
    #[must_use]
    pub fn new(options: RingOptions, now: Instant) -> Ring {
        Ring { machine: Machine::new(options), dawn: now }
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let now = self.moment(now);
        self.machine.step(now, input)
    }

    fn moment(&self, now: Instant) -> Moment {
        Moment::after(self.elapsed(now))
    }

    /// How long after its beginning `now` is.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.dawn)
    }

    /// How old it was at the last step.
    pub(crate) fn age(&self) -> Duration {
        self.machine.core.now.elapsed()
    }

    /// Its state, without the content of messages.
    pub(crate) fn state(&self) -> Vec<u8> {
        codec::encode(&self.machine).expect("the state is made of types with a wire form")
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.machine.deadline().map(|at| self.dawn + at.elapsed())
    }

    /// Counters and state.
    #[must_use]
    pub fn status(&self) -> RingStatus {
        self.machine.status()
    }

    /// Messages waiting to be sent for the first time, as in [`Ring::status`].
    #[must_use]
    pub fn queued(&self) -> usize {
        self.machine.core.outbox.len()
    }

    /// Whether a message of `len` bytes may be given to [`Input::Multicast`] now. Beyond this the queue of its channel
    /// does not grow: the message would be refused with [`Notice::Refused`]. Ask again after deliveries of this node's
    /// own messages.
    #[must_use]
    pub fn can_accept(&self, channel: Channel, len: usize) -> bool {
        self.machine.core.outbox.fits(channel, len)
    }
}

#[cfg(test)]
mod tests;
