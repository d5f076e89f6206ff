//! A recording as bytes.
//!
//! ```text
//! "paceline ring record\n" | format u16 LE | checksum u64 LE of what follows | head, one value of the codec | steps
//! ```
//!
//! The state in it is that of the ring of one release; another release may have other rings. So the body names the
//! release, and a reader that is of another one knows what to ask for.

use crate::codec;
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::time::Duration;

const LABEL: &[u8] = b"paceline ring record\n";
/// The form of what follows. It grows whenever the state of the ring or a step gets another form.
const FORMAT: u16 = 2;
/// No recording has more bytes: the state of a ring with a full window, and as many steps as are kept.
const LONGEST: usize = 32 * 1024 * 1024;

/// What a recording is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The release of the program that recorded.
    pub release: String,
    /// Whose ring it is.
    pub node: NodeId,
    /// Why it was written, in words.
    pub reason: String,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: u64,
}

/// Everything needed to play again what a ring did.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What it is about.
    pub about: About,
    /// How old the ring was where it begins.
    pub began: Duration,
    pub(super) state: Bytes,
    /// In pieces of whole steps.
    pub(super) steps: Vec<Bytes>,
}

/// What stands in a file before the steps.
type Head<A> = (A, Duration, Bytes);

/// Why a recording cannot be read or played.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is something else.
    #[error("this is no recording of a ring")]
    Label,
    /// Another release of paceline wrote it.
    #[error("it has format {0}, this program reads format {FORMAT}: use the paceline that recorded it")]
    Format(u16),
    /// It is not whole.
    #[error("it is damaged: its checksum does not fit")]
    Damaged,
    /// It is longer than any.
    #[error("it has {0} bytes, at most {LONGEST} are read")]
    TooLong(usize),
    /// A part of it is not what it should be.
    #[error("{what} cannot be read: {why}")]
    Unreadable {
        /// Which part.
        what: String,
        /// Why.
        why: String,
    },
}

impl RecordError {
    pub(super) fn unreadable(what: impl Into<String>, why: impl ToString) -> RecordError {
        RecordError::Unreadable { what: what.into(), why: why.to_string() }
    }
}

/// FNV-1a over 64 bits, a word at a time, over what comes in pieces: tells a torn file from a whole one.
struct Checksum {
    sum: u64,
    len: u64,
    /// The bytes behind the last whole word.
    rest: Vec<u8>,
}

impl Checksum {
    fn new() -> Checksum {
        Checksum { sum: 0xcbf2_9ce4_8422_2325, len: 0, rest: Vec::with_capacity(8) }
    }

    fn turn(&mut self, word: u64) {
        self.sum = (self.sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    fn add(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if !self.rest.is_empty() {
            let (missing, after) = bytes.split_at(bytes.len().min(8 - self.rest.len()));
            self.rest.extend_from_slice(missing);
            bytes = after;
            if let Some(word) = self.rest.first_chunk() {
                let word = u64::from_le_bytes(*word);
                self.rest.clear();
                self.turn(word);
            }
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.turn(u64::from_le_bytes(*word));
        }
        self.rest.extend_from_slice(rest);
    }

    fn end(mut self) -> u64 {
        self.turn(self.len);
        for byte in std::mem::take(&mut self.rest) {
            self.turn(u64::from(byte));
        }
        self.sum
    }

    fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u64 {
        let mut sum = Checksum::new();
        pieces.into_iter().for_each(|piece| sum.add(piece));
        sum.end()
    }
}

impl Recording {
    /// Writes the content of a file, piece by piece: no copy of the whole is made.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_to(&self, to: &mut impl Write) -> io::Result<()> {
        let head: Head<&About> = (&self.about, self.began, self.state.clone());
        let head = codec::encode(&head).expect("a recording is made of types with a wire form");
        let parts = || std::iter::once(head.as_slice()).chain(self.steps.iter().map(|piece| &piece[..]));
        to.write_all(LABEL)?;
        to.write_all(&FORMAT.to_le_bytes())?;
        to.write_all(&Checksum::of(parts()).to_le_bytes())?;
        parts().try_for_each(|part| to.write_all(part))
    }

    /// The content of a file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).expect("memory takes what is written to it");
        bytes
    }

    /// The recording in a file.
    ///
    /// # Errors
    /// [`RecordError`] says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Recording, RecordError> {
        if bytes.len() > LONGEST {
            return Err(RecordError::TooLong(bytes.len()));
        }
        let rest = bytes.strip_prefix(LABEL).ok_or(RecordError::Label)?;
        let (format, rest) = rest.split_first_chunk::<2>().ok_or(RecordError::Damaged)?;
        match u16::from_le_bytes(*format) {
            FORMAT => {}
            other => return Err(RecordError::Format(other)),
        }
        let (sum, body) = rest.split_first_chunk::<8>().ok_or(RecordError::Damaged)?;
        if u64::from_le_bytes(*sum) != Checksum::of([body]) {
            return Err(RecordError::Damaged);
        }
        Recording::unsealed(body)
    }

    /// The recording that a body without label and checksum holds.
    fn unsealed(body: &[u8]) -> Result<Recording, RecordError> {
        let unreadable = |error| RecordError::unreadable("its head", error);
        let (head, used) = codec::decode_prefix(body, LONGEST).map_err(unreadable)?;
        let (about, began, state): Head<About> = head;
        Ok(Recording { about, began, state, steps: vec![Bytes::copy_from_slice(&body[used..])] })
    }

    /// What the decoders of a recording make of made-up bytes, within reach of the fuzz targets: the body of a file,
    /// and this recording with these steps.
    #[doc(hidden)]
    #[must_use]
    pub fn made_up(&self, bytes: &[u8]) -> (Option<Recording>, Recording) {
        let steps = vec![Bytes::copy_from_slice(bytes)];
        (Recording::unsealed(bytes).ok(), Recording { steps, ..self.clone() })
    }

    /// Its steps, as they stand in a file.
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> Vec<u8> {
        self.steps.concat()
    }
}
