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
mod numbers;
mod operate;
mod peer;
mod recover;
mod resend;
mod timers;
mod turn;

pub use interface::{Configuration, Delivery, Input, MAX_MESSAGE, Notice, Output, RingOptions, RingStatus};

use self::core::Core;
use crate::frame::{Frame, Join};
use bytes::Bytes;
use config::NodeId;
use std::mem;
use std::time::Instant;

/// One node's end of the ring.
#[derive(Clone, Debug)]
pub struct Ring {
    core: Core,
    phase: Phase,
    /// When it wants to be called, as of the last step.
    asked: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Phase {
    Gather(gather::Gather),
    Commit(commit::Commit),
    Recover(recover::Recover),
    Operate(operate::Operate),
    Left,
}

/// What a phase is told.
#[derive(Clone, Debug)]
enum Event {
    /// A frame of a peer, checked as far as possible without knowing the phase.
    Frame { from: NodeId, frame: Frame, bytes: Bytes },
    /// A message waits to be sent.
    Queued,
    /// Time passed, or something in the core changed.
    Tick,
}

impl Ring {
    /// A ring that has not met anybody yet. It starts gathering at the first step.
    #[must_use]
    pub fn new(options: RingOptions, now: Instant) -> Ring {
        let core = Core::new(options, now);
        let phase = Phase::Gather(gather::Gather::first(&core));
        let mut ring = Ring { core, phase, asked: None };
        ring.asked = ring.due();
        ring
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        if matches!(self.phase, Phase::Left) {
            return Vec::new();
        }
        let asked = self.asked;
        if let Some(gap) = self.core.wake(now, asked) {
            self.slept(gap);
        }
        // What travels while a view stands, and it is most of all, changes nothing but what its phase makes of it.
        let common = matches!(input, Input::Frame { .. } | Input::Multicast(_));
        let mut plain = common && asked.is_some_and(|at| now < at) && matches!(self.phase, Phase::Operate(_));
        match input {
            Input::Frame { from, bytes } => {
                match self.core.receive(&from, bytes) {
                    Some((frame, bytes)) => {
                        plain &= matches!(frame, Frame::Data(_) | Frame::Token(_));
                        self.dispatch(Event::Frame { from, frame, bytes });
                    }
                    // Nothing was learnt, and nothing is due.
                    None if asked.is_some_and(|at| now < at) => return self.core.take_outputs(),
                    None => {}
                }
            }
            Input::Multicast(message) => {
                if self.core.queue(message) {
                    self.dispatch(Event::Queued);
                }
            }
            Input::LinkUp(peer) => self.core.link_up(&peer),
            Input::LinkDown(peer) => self.core.link_down(&peer),
            Input::RingNumberStored(number) => self.core.numbers.confirmed(number),
            Input::Leave => return self.leave(),
            Input::Wake => {}
        }
        self.asked = self.due();
        if !plain || self.asked.is_some_and(|at| at <= now) {
            self.dispatch(Event::Tick);
            self.beat();
            self.asked = self.due();
        }
        self.core.take_outputs()
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.asked
    }

    fn due(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Gather(p) => p.deadline(&self.core),
            Phase::Commit(p) => p.deadline(&self.core),
            Phase::Recover(p) => p.deadline(&self.core),
            Phase::Operate(p) => p.deadline(&self.core),
            Phase::Left => return None,
        };
        Some(phase.min(self.core.beat_due()))
    }

    /// Counters and state.
    #[must_use]
    pub fn status(&self) -> RingStatus {
        let phase = match &self.phase {
            Phase::Gather(_) => "gather",
            Phase::Commit(_) => "commit",
            Phase::Recover(_) => "recover",
            Phase::Operate(_) => "operate",
            Phase::Left => "left",
        };
        RingStatus { phase, ..self.core.status() }
    }

    /// Messages waiting to be sent for the first time, as in [`Ring::status`].
    #[must_use]
    pub fn queued(&self) -> usize {
        self.core.outbox.len()
    }

    /// Whether a message of `len` bytes may be given to [`Input::Multicast`] now. Beyond this the queue does not grow:
    /// the message would be refused with [`Notice::Refused`]. Ask again after deliveries of this node's own messages.
    #[must_use]
    pub fn can_accept(&self, len: usize) -> bool {
        self.core.outbox.fits(len)
    }

    fn dispatch(&mut self, event: Event) {
        let core = &mut self.core;
        self.phase = match mem::replace(&mut self.phase, Phase::Left) {
            Phase::Gather(p) => p.on(core, event),
            Phase::Commit(p) => p.on(core, event),
            Phase::Recover(p) => p.on(core, event),
            Phase::Operate(p) => p.on(core, event),
            Phase::Left => Phase::Left,
        };
    }

    /// This node did not run for `gap`. Beyond the token timeout the others may have gone on without it.
    fn slept(&mut self, gap: std::time::Duration) {
        self.core.notice(Notice::Paused { gap });
        let core = &mut self.core;
        let long = gap > core.timers.token;
        self.phase = match mem::replace(&mut self.phase, Phase::Left) {
            Phase::Operate(p) if long => p.estranged(core),
            Phase::Operate(p) => Phase::Operate(p.restarted(core)),
            Phase::Recover(p) if long => p.give_up(core, "this node was paused"),
            Phase::Commit(p) if long => p.give_up(core, "this node was paused"),
            Phase::Gather(p) => Phase::Gather(p.restarted(core)),
            other => other,
        };
    }

    /// Tells everybody that this node is here.
    fn beat(&mut self) {
        if !self.core.beat_is_due() {
            return;
        }
        let (members, token) = match &self.phase {
            Phase::Gather(p) => (p.alive(), 0),
            Phase::Commit(p) => (p.nodes(), 0),
            Phase::Recover(p) => (p.nodes(), 0),
            Phase::Operate(p) => (p.nodes(), p.token_seen()),
            Phase::Left => return,
        };
        self.core.send_beat(members, token);
    }

    fn leave(&mut self) -> Vec<Output> {
        (self.phase, self.asked) = (Phase::Left, None);
        self.core.say_goodbye();
        self.core.take_outputs()
    }
}

/// Goes back to Gather because of `join`, which then is the first thing to be looked at there.
fn regather(core: &mut Core, gather: gather::Gather, from: &NodeId, join: Join) -> Phase {
    let frame = Frame::Join(join);
    gather.on(core, Event::Frame { from: from.clone(), frame, bytes: Bytes::new() })
}

#[cfg(test)]
mod tests;
