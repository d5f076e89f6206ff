//! The machine behind [`Ring`](super::Ring): phases, and what outlives them. It knows no clock and no instant, only
//! moments since it began, so that it can be written down and go on elsewhere (`ring/state.rs`).

use super::core::Core;
use super::interface::{Input, Notice, Output, RingOptions, RingStatus};
use super::moment::Moment;
use super::{commit, gather, operate, recover};
use crate::frame::{Frame, Join};
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::mem;
use std::time::Duration;

/// One node's end of the ring.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) core: Core,
    pub(crate) phase: Phase,
    /// When it wants to be called, as of the last step.
    asked: Option<Moment>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Phase {
    Gather(gather::Gather),
    Commit(commit::Commit),
    Recover(recover::Recover),
    Operate(operate::Operate),
    Left,
}

/// What a phase is told.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A frame of a peer, checked as far as possible without knowing the phase.
    Frame { from: NodeId, frame: Frame, bytes: Bytes },
    /// A message waits to be sent.
    Queued,
    /// Time passed, or something in the core changed.
    Tick,
}

impl Machine {
    /// A ring that has not met anybody yet. It starts gathering at the first step.
    pub(crate) fn new(options: RingOptions) -> Machine {
        let core = Core::new(options);
        let phase = Phase::Gather(gather::Gather::first(&core));
        let mut machine = Machine { core, phase, asked: None };
        machine.asked = machine.due();
        machine
    }

    /// The only way in, the only way out.
    pub(crate) fn step(&mut self, now: Moment, input: Input) -> Vec<Output> {
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
            Input::RingNumberStored(number) => self.stored(number),
            Input::Reconfigure(to) => self.core.reconfigure(to),
            Input::Leave => return self.leave(),
            Input::Wake => {}
        }
        self.asked = self.due();
        if !plain || self.asked.is_some_and(|at| at <= now) {
            self.core.review_pace();
            self.dispatch(Event::Tick);
            self.beat();
            self.asked = self.due();
        }
        self.core.take_outputs()
    }

    /// When it wants to be called at the latest.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.asked
    }

    fn due(&self) -> Option<Moment> {
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
    pub(crate) fn status(&self) -> RingStatus {
        let phase = match &self.phase {
            Phase::Gather(_) => "gather",
            Phase::Commit(_) => "commit",
            Phase::Recover(_) => "recover",
            Phase::Operate(_) => "operate",
            Phase::Left => "left",
        };
        RingStatus { phase, ..self.core.status() }
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
    fn slept(&mut self, gap: Duration) {
        self.core.notice(Notice::Paused { gap });
        let core = &mut self.core;
        let long = gap > core.timers.patience;
        self.phase = match mem::replace(&mut self.phase, Phase::Left) {
            Phase::Operate(p) if long => p.estranged(core),
            Phase::Operate(p) => Phase::Operate(p.restarted(core)),
            Phase::Recover(p) if long => p.give_up(core, "this node was paused"),
            Phase::Commit(p) if long => p.give_up(core, "this node was paused"),
            Phase::Gather(p) => Phase::Gather(p.restarted(core)),
            other => other,
        };
    }

    /// Ring numbers up to this one are on disk. Who was silent for the lack of them speaks now.
    fn stored(&mut self, number: u64) {
        let core = &mut self.core;
        let before = core.numbers.ready();
        core.numbers.confirmed(number);
        if core.numbers.ready() && !before {
            core.beat_soon();
            self.phase = match mem::replace(&mut self.phase, Phase::Left) {
                Phase::Gather(p) => Phase::Gather(p.restarted(core)),
                other => other,
            };
        }
    }

    /// Tells everybody that this node is here.
    fn beat(&mut self) {
        if !self.core.beat_is_due() {
            return;
        }
        if matches!(self.phase, Phase::Gather(_)) && !self.core.numbers.ready() {
            self.core.skip_beat();
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
pub(crate) fn regather(core: &mut Core, gather: gather::Gather, from: &NodeId, join: Join) -> Phase {
    let frame = Frame::Join(join);
    gather.on(core, Event::Frame { from: from.clone(), frame, bytes: Bytes::new() })
}
