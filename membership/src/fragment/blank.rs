//! Messages without their content. What members say to each other is theirs (it holds passwords of devices), and the
//! ring does not look at it: when its state or what came in is written down, only how long each message is, and in its
//! place come zeros.

use crate::ring::MAX_MESSAGE;
use bytes::Bytes;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::sync::OnceLock;

/// So many zeros, however often they are asked for in the memory of one longest message.
pub(crate) fn zeros(len: usize) -> Option<Bytes> {
    static ZEROS: OnceLock<Bytes> = OnceLock::new();
    (len <= MAX_MESSAGE).then(|| ZEROS.get_or_init(|| vec![0; MAX_MESSAGE].into()).slice(..len))
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
    let piece = |len: u32| zeros(len as usize).ok_or_else(|| D::Error::custom("longer than any message"));
    lengths.into_iter().map(piece).collect()
}
