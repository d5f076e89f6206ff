//! The flight recorder: what this node's ring was told lately, so that what it did can be looked at afterwards, step by
//! step, on another machine.
//!
//! The ring is a pure machine with a seed, so its state and what came in since say everything. The recorder keeps both
//! in a bounded memory: two chapters, each the state in which it begins and the steps since. When the newer one is full
//! a new one begins and the older one is dropped, so that there is always at least half of the memory to look back on.
//!
//! ```text
//!   older:  state | step step step ... step     newer:  state | step step ...
//! ```
//!
//! A step costs about 0.1 us and 30 bytes (of 0.6 us for the step itself, payloads of 1 kB and optimised code).
//!
//! For each step a digest of what the ring wanted done stands beside what it was told: a replay ([`Replay`]) that is
//! not the same says so, and where. A [`Recording`] is what is written to a file; [`Timeline`] tells it to people.
//!
//! **What it holds**: names of nodes, who sent when how much, the ring's own frames, its random generator. The content
//! of messages is left out (zeros of the same length stand in for it), also of those that wait to be sent, so no
//! configuration and no password is in it; only frames that are longer than a packet, and frames that make no sense,
//! are kept whole.

mod digest;
mod file;
mod replay;
mod step;
mod timeline;

pub use file::{About, RecordError, Recording};
pub use replay::{Replay, Replayed};
pub use timeline::{Detail, Timeline};

use crate::ring::{Input, Output, Ring};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// Most bytes of steps that a recorder keeps, unless it is told otherwise.
pub const RECORDED: usize = 3 * 1024 * 1024;

/// What is recorded of one stretch of time.
#[derive(Clone, Debug)]
struct Chapter {
    /// The ring as this chapter begins.
    state: Bytes,
    /// When that was, of the ring's own time.
    began: Duration,
    steps: Vec<u8>,
}

impl Chapter {
    fn begin(ring: &Ring, began: Duration, room: usize) -> Chapter {
        Chapter { state: ring.state().into(), began, steps: Vec::with_capacity(room) }
    }
}

/// Notes what goes into a ring.
#[derive(Clone, Debug)]
pub struct Recorder {
    older: Option<Chapter>,
    newer: Chapter,
    /// When the last step was.
    last: Duration,
    /// Of each chapter, in bytes.
    limit: usize,
}

impl Recorder {
    /// A recorder of this ring, as it stands now, that keeps at most about `limit` bytes of steps.
    #[must_use]
    pub fn new(ring: &Ring, limit: usize) -> Recorder {
        let limit = limit / 2;
        let last = ring.age();
        Recorder { older: None, newer: Chapter::begin(ring, last, limit), last, limit }
    }

    /// A step of the ring, noted. All its steps have to go through here.
    pub fn step(&mut self, ring: &mut Ring, now: Instant, input: Input) -> Vec<Output> {
        let at = ring.elapsed(now).max(self.last);
        let steps = &mut self.newer.steps;
        step::write(steps, at - self.last, &input);
        self.last = at;
        let outputs = ring.step(now, input);
        steps.extend_from_slice(&digest::of(&outputs).to_le_bytes());
        if steps.len() >= self.limit {
            let next = Chapter::begin(ring, at, self.limit);
            self.older = Some(std::mem::replace(&mut self.newer, next));
        }
        outputs
    }

    /// All that is remembered, for a file.
    #[must_use]
    pub fn recording(&self, about: About) -> Recording {
        let first = self.older.as_ref().unwrap_or(&self.newer);
        let mut steps = first.steps.clone();
        if self.older.is_some() {
            steps.extend_from_slice(&self.newer.steps);
        }
        Recording { about, began: first.began, state: first.state.clone(), steps: steps.into() }
    }
}

#[cfg(test)]
mod tests;
