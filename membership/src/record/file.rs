//! A recording as bytes.
//!
//! ```text
//! "paceline ring record\n" | format u16 LE | checksum u64 LE | body, one value of the codec
//! ```
//!
//! The state in it is that of the ring of one release; another release may have other rings. So the body names the
//! release, and a reader that is of another one knows what to ask for.

use crate::codec;
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const LABEL: &[u8] = b"paceline ring record\n";
/// The form of what follows. It grows whenever the state of the ring or a step gets another form.
const FORMAT: u16 = 1;
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// What it is about.
    pub about: About,
    /// How old the ring was where it begins.
    pub began: Duration,
    pub(super) state: Bytes,
    pub(super) steps: Bytes,
}

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

/// FNV-1a over 64 bits, a word at a time: tells a torn file from a whole one.
fn checksum(bytes: &[u8]) -> u64 {
    let turn = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(0xcbf2_9ce4_8422_2325, |sum, word| turn(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(turn(sum, bytes.len() as u64), |sum, byte| turn(sum, u64::from(*byte)))
}

impl Recording {
    /// The content of a file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = codec::encode(self).expect("a recording is made of types with a wire form");
        let mut bytes = Vec::with_capacity(LABEL.len() + 10 + body.len());
        bytes.extend_from_slice(LABEL);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&checksum(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
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
        if u64::from_le_bytes(*sum) != checksum(body) {
            return Err(RecordError::Damaged);
        }
        Recording::unsealed(body)
    }

    /// The recording that a body without label and checksum holds.
    fn unsealed(body: &[u8]) -> Result<Recording, RecordError> {
        codec::decode(body, LONGEST).map_err(|error| RecordError::unreadable("its content", error))
    }

    /// What the decoders of a recording make of made-up bytes, within reach of the fuzz targets: the body of a file,
    /// and this recording with these steps.
    #[doc(hidden)]
    #[must_use]
    pub fn made_up(&self, bytes: &[u8]) -> (Option<Recording>, Recording) {
        let steps = Bytes::copy_from_slice(bytes);
        (Recording::unsealed(bytes).ok(), Recording { steps, ..self.clone() })
    }

    /// Its steps, as they stand in a file.
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> &[u8] {
        &self.steps
    }
}
