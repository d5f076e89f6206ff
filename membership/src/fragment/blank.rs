//! Messages without their content. What members say to each other is theirs (it holds passwords of devices), and the
//! ring does not look at it: when its state or what came in is written down, only how long each message is, and in its
//! place come zeros.

use crate::ring::MAX_MESSAGE;
use bytes::Bytes;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::sync::atomic::AtomicBool;

/// One more than the longest message has. A constant beside something that can be written lies among the memory that
/// begins as zeros: neither the program file nor, as it is only read, the memory in use grows by it.
static ZEROS: (AtomicBool, [u8; MAX_MESSAGE + 1]) = (AtomicBool::new(false), [0; MAX_MESSAGE + 1]);

/// So many zeros, but no more than make a message too long. They cost nothing, whatever a recording says of its
/// lengths.
pub(crate) fn zeros(len: usize) -> Bytes {
    Bytes::from_static(&ZEROS.1[..len.min(ZEROS.1.len())])
}

/// For `#[serde(with)]` on a row of messages or pieces of them.
pub(crate) fn serialize<S: Serializer, C>(pieces: &C, to: S) -> Result<S::Ok, S::Error>
where
    for<'a> &'a C: IntoIterator<Item = &'a Bytes>,
{
    to.collect_seq(pieces.into_iter().map(|piece| u32::try_from(piece.len()).unwrap_or(u32::MAX)))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, C: FromIterator<Bytes>>(from: D) -> Result<C, D::Error> {
    let lengths = Vec::<u32>::deserialize(from)?;
    let piece = |len: u32| match zeros(len as usize) {
        piece if piece.len() > MAX_MESSAGE => Err(D::Error::custom("longer than any message")),
        piece => Ok(piece),
    };
    lengths.into_iter().map(piece).collect()
}
