//! What the machines of a cluster say to each other over the ring.
//!
//! ```text
//! Speech, by the codec | the payload of a Send, as it is
//! ```
//!
//! Every speech names the view it was meant for and counts only there. What was on its way when the view ended is said
//! again by whoever said it, once all have told which members they bring: so nothing of a group is ever delivered
//! before everybody has the same table.

use super::{GroupName, LeaveReason};
use crate::codec::{self, CodecError};
use crate::ring::MAX_MESSAGE;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Speech {
    /// Number of the view it is meant for.
    pub(crate) view: u64,
    /// Grows with everything that its sender says in one life.
    pub(crate) serial: u64,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// The first in each view: the members that the sender's node brings.
    Roster(Vec<Brought>),
    Join {
        group: GroupName,
        client: u32,
    },
    Leave {
        group: GroupName,
        client: u32,
        reason: LeaveReason,
    },
    /// Its payload follows.
    Send {
        group: GroupName,
        client: u32,
    },
    /// All members of the sender's node have read up to here.
    Read(Vec<(GroupName, u64)>),
    /// All clients of the sender's node go; nothing of it follows. Counts in any view.
    Goodbye,
}

/// The members of one group that a node brings into a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Brought {
    pub(crate) group: GroupName,
    pub(crate) clients: Vec<u32>,
    /// One of them has not read everything of the last view.
    pub(crate) behind: bool,
}

/// Why bytes are no speech.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpeechError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("{0} bytes follow where none belong, or more than a message may have")]
    Payload(usize),
}

impl Speech {
    pub(crate) fn encode(&self, payload: &[u8]) -> Bytes {
        let mut bytes = codec::encode(self).expect("speeches are made of types with a wire form");
        bytes.extend_from_slice(payload);
        bytes.into()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<(Speech, Bytes), SpeechError> {
        let (speech, used): (Speech, usize) = codec::decode_prefix(bytes, MAX_MESSAGE)?;
        let payload = bytes.slice(used..);
        let room = if matches!(speech.body, Body::Send { .. }) { super::MAX_PAYLOAD } else { 0 };
        if payload.len() > room {
            return Err(SpeechError::Payload(payload.len()));
        }
        Ok((speech, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speech_comes_back_from_its_bytes_and_says_so_when_it_cannot() {
        let group = GroupName::new("g").unwrap();
        let send = Speech { view: 7, serial: 300, body: Body::Send { group: group.clone(), client: 2 } };
        let bytes = send.encode(b"hello");
        assert_eq!(bytes.as_ref(), b"\x07\xfb\x2c\x01\x03\x01g\x02hello");
        assert_eq!(Speech::decode(&bytes).unwrap(), (send.clone(), Bytes::from_static(b"hello")));
        let join = Speech { body: Body::Join { group, client: 2 }, ..send.clone() };
        assert!(matches!(Speech::decode(&join.encode(b"x")), Err(SpeechError::Payload(1))));
        let long = send.encode(&vec![0; super::super::MAX_PAYLOAD + 1]);
        assert!(matches!(Speech::decode(&long), Err(SpeechError::Payload(_))));
        assert!(Speech::decode(&Bytes::from_static(b"\x07\x01\x03\x02g ")).is_err(), "no name has a space");
    }
}
