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

/// Bytes of steps in one piece: small enough for an allocator to use the place of the oldest for the newest.
const PIECE: usize = 64 * 1024;
/// Room for the step with which a piece becomes full, unless it is a rare one.
const LAST_STEP: usize = 4096;

/// What is recorded of one stretch of time.
#[derive(Clone, Debug)]
struct Chapter {
    /// The ring as this chapter begins.
    state: Bytes,
    /// When that was, of the ring's own time.
    began: Duration,
    /// Steps, in pieces that are full, each of whole steps.
    pieces: Vec<Bytes>,
    /// Bytes in all of those.
    full: usize,
    /// The piece that is being filled.
    piece: Vec<u8>,
}

impl Chapter {
    fn begin(ring: &Ring, began: Duration) -> Chapter {
        let piece = Vec::with_capacity(PIECE + LAST_STEP);
        Chapter { state: ring.state().into(), began, pieces: Vec::new(), full: 0, piece }
    }

    /// The piece to append a step to.
    fn room(&mut self) -> &mut Vec<u8> {
        if self.piece.len() >= PIECE {
            let full = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE + LAST_STEP));
            self.full += full.len();
            self.pieces.push(full.into());
        }
        &mut self.piece
    }

    fn len(&self) -> usize {
        self.full + self.piece.len()
    }

    /// All steps. Full pieces are shared, so it costs no more than a piece.
    fn steps(&self) -> impl Iterator<Item = Bytes> {
        self.pieces.iter().cloned().chain([Bytes::copy_from_slice(&self.piece)])
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
        let last = ring.age();
        Recorder { older: None, newer: Chapter::begin(ring, last), last, limit: limit / 2 }
    }

    /// A step of the ring, noted. All its steps have to go through here.
    pub fn step(&mut self, ring: &mut Ring, now: Instant, input: Input) -> Vec<Output> {
        let at = ring.elapsed(now).max(self.last);
        let steps = self.newer.room();
        step::write(steps, at - self.last, &input);
        self.last = at;
        let outputs = ring.step(now, input);
        steps.extend_from_slice(&digest::of(&outputs).to_le_bytes());
        if self.newer.len() >= self.limit {
            let next = Chapter::begin(ring, at);
            self.older = Some(std::mem::replace(&mut self.newer, next));
        }
        outputs
    }

    /// All that is remembered, for a file. It shares the recorder's memory and costs next to nothing, so that a ring
    /// may do it in the moment in which its view breaks.
    #[must_use]
    pub fn recording(&self, about: About) -> Recording {
        let first = self.older.as_ref().unwrap_or(&self.newer);
        let steps = self.older.iter().chain([&self.newer]).flat_map(Chapter::steps).collect();
        Recording { about, began: first.began, state: first.state.clone(), steps }
    }
}

#[cfg(test)]
mod tests;
