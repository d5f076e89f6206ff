//! A recording, played again on the real ring.

use super::file::{RecordError, Recording};
use super::{digest, step};
use crate::codec;
use crate::ring::{Input, Machine, Moment, Output, RingStatus};
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::time::Duration;

/// A ring that does again what it did. Each turn of the iterator is a step.
#[derive(Debug)]
pub struct Replay {
    machine: Machine,
    /// The steps that are left, in pieces of whole steps.
    rest: VecDeque<Bytes>,
    now: Duration,
    number: u64,
}

/// One step, done again.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Its number in the recording, from 1.
    pub number: u64,
    /// How old the ring was.
    pub at: Duration,
    /// What it was told. The content of messages is zeros.
    pub input: Input,
    /// What it wanted done.
    pub outputs: Vec<Output>,
    /// Whether that is what it wanted done when it was recorded.
    pub same: bool,
}

impl Replay {
    /// The ring as the recording begins.
    ///
    /// # Errors
    /// The state in it is not that of a ring of this release.
    pub fn new(recording: &Recording) -> Result<Replay, RecordError> {
        let state: &[u8] = &recording.state;
        let machine: Machine = codec::decode(state, state.len())
            .map_err(|error| RecordError::unreadable("the state of the ring", error))?;
        Ok(Replay { machine, rest: recording.steps.iter().cloned().collect(), now: recording.began, number: 0 })
    }

    /// How the ring stands.
    #[must_use]
    pub fn status(&self) -> RingStatus {
        self.machine.status()
    }
}

impl Iterator for Replay {
    type Item = Result<Replayed, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = loop {
            match self.rest.front_mut()? {
                piece if piece.is_empty() => drop(self.rest.pop_front()),
                piece => break piece,
            }
        };
        self.number += 1;
        let (step, used) = match step::read(piece) {
            Ok(read) => read,
            Err(error) => {
                self.rest.clear();
                return Some(Err(RecordError::unreadable(format!("step {}", self.number), error)));
            }
        };
        piece.advance(used);
        self.now = self.now.saturating_add(step.after);
        let outputs = self.machine.step(Moment::after(self.now), step.input.clone());
        let same = digest::of(&outputs) == step.digest;
        Some(Ok(Replayed { number: self.number, at: self.now, input: step.input, outputs, same }))
    }
}
