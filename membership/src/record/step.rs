//! One recorded step: how long after the one before, what the ring was told, and the digest of what it wanted done.

use crate::codec::{self, CodecError};
use crate::fragment::blank;
use crate::frame;
use crate::message::Class;
use crate::ring::{Input, Reconfiguration};
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize, Serializer};
use std::time::Duration;

/// No step takes more bytes: the longest frame there is, and what is said about it.
const LONGEST: usize = 128 * 1024;

/// What the ring was told; written with borrowed parts and read with owned ones.
#[derive(Serialize, Deserialize)]
enum Told<N, B> {
    /// The frame without the messages that it carries, and their length.
    Frame {
        from: N,
        head: B,
        blank: u32,
    },
    Multicast {
        len: u32,
        class: Class,
    },
    LinkUp(N),
    LinkDown(N),
    RingNumberStored(u64),
    Reconfigure {
        nodes: Vec<N>,
        token: Duration,
        frame_limit: u32,
    },
    Leave,
    Wake,
}

/// Bytes that are copied as they are.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0)
    }
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Appends the beginning of a step; its digest follows when it is known, as four bytes, little endian.
pub(super) fn write(steps: &mut Vec<u8>, after: Duration, input: &Input) {
    let told = match input {
        Input::Frame { from, bytes } => {
            let told = frame::told(bytes);
            Told::Frame { from: from.as_str(), head: Raw(&bytes[..told]), blank: length(bytes.len() - told) }
        }
        Input::Multicast(message) => Told::Multicast { len: length(message.payload.len()), class: message.class() },
        Input::LinkUp(peer) => Told::LinkUp(peer.as_str()),
        Input::LinkDown(peer) => Told::LinkDown(peer.as_str()),
        Input::RingNumberStored(number) => Told::RingNumberStored(*number),
        Input::Reconfigure(to) => Told::Reconfigure {
            nodes: to.nodes.iter().map(NodeId::as_str).collect(),
            token: to.token,
            frame_limit: length(to.frame_limit),
        },
        Input::Leave => Told::Leave,
        Input::Wake => Told::Wake,
    };
    let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    codec::append(&(after, told), steps).expect("steps are made of types with a wire form");
}

/// A step as it was recorded.
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) input: Input,
    pub(super) digest: u32,
}

/// The first step in `bytes`, and how many of them it takes.
pub(super) fn read(bytes: &Bytes) -> Result<(Step, usize), CodecError> {
    let near = &bytes[..bytes.len().min(LONGEST)];
    let ((after, told), used): ((u64, Told<NodeId, Bytes>), usize) = codec::decode_prefix(near, LONGEST)?;
    let cut = || CodecError::Malformed("the last step is cut short".to_owned());
    let digest = near[used..].first_chunk::<4>().ok_or_else(cut)?;
    let input = match told {
        Told::Frame { from, head, blank: 0 } => Input::Frame { from, bytes: head },
        Told::Frame { from, head, blank: rest } => {
            let mut bytes = head.to_vec();
            bytes.resize(head.len() + (rest as usize).min(LONGEST), 0);
            Input::Frame { from, bytes: bytes.into() }
        }
        // One that is too long was refused for its length, and is again.
        Told::Multicast { len, class } => Input::Multicast(class.message(blank::zeros(len as usize))),
        Told::LinkUp(peer) => Input::LinkUp(peer),
        Told::LinkDown(peer) => Input::LinkDown(peer),
        Told::RingNumberStored(number) => Input::RingNumberStored(number),
        Told::Reconfigure { nodes, token, frame_limit } => Input::Reconfigure(Reconfiguration {
            nodes: nodes.into_iter().collect(),
            token,
            frame_limit: frame_limit as usize,
        }),
        Told::Leave => Input::Leave,
        Told::Wake => Input::Wake,
    };
    Ok((Step { after: Duration::from_nanos(after), input, digest: u32::from_le_bytes(*digest) }, used + 4))
}
