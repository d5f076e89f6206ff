//! What travels between two rings, and its bytes.
//!
//! ```text
//! magic 'P' 'L' | version u8 | kind u8 | body length u32, big endian | body
//! ```
//!
//! The envelope is made by hand, so that an unknown version is refused before anything is decoded. The body is one
//! value of the codec; in a data frame the payload follows it, uncopied. Members of an agreed ring are named by their
//! rank, the place in the sorted list of members. A frame longer than a packet goes out in segments.

mod segment;

pub(crate) use segment::{Segment, Segments, packets};

use crate::codec::{self, CodecError};
use crate::fragment::Chunk;
use crate::view::{Incarnation, RingId};
use bytes::Bytes;
use config::NodeId;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

const MAGIC: [u8; 2] = *b"PL";
/// The wire version this code speaks.
const VERSION: u8 = 1;
const ENVELOPE: usize = 8;
/// Longest body accepted, whatever the links carry: no frame kind needs more.
const MAX_BODY: usize = 65_536;
/// Bytes of a data frame that are not payload, chunk list excluded.
pub(crate) const DATA_OVERHEAD: usize = ENVELOPE + 9 + 9 + 3 + 3;
/// Bytes that one entry of the chunk list takes at most.
pub(crate) const CHUNK_OVERHEAD: usize = 11;

/// A node's place in the sorted member list of a ring.
pub(crate) type Rank = u16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Join(Join),
    Commit(Commit),
    Token(Token),
    Data(Data),
    Beat(Beat),
    Wanted(Wanted),
    Leave(Leave),
    Have(Have),
    Segment(Segment),
}

/// How a node stands with the sender of a [`Join`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// To be a member of the next ring.
    Alive,
    /// Nothing heard from it for the token timeout.
    Silent,
    /// Known to be gone: it left, its process ended, it was replaced, or it does not agree with us.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) standing: Standing,
}

/// "Let us agree on members": whom the sender proposes and whom it hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Join {
    pub(crate) incarnation: Incarnation,
    /// Grows with every Join and Beat of this life, so that an older one that arrives late is known as such.
    pub(crate) serial: u64,
    /// The highest ring number the sender ever took part in.
    pub(crate) number: u64,
    /// Whether the sender has not been in any view in this life.
    pub(crate) fresh: bool,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) hears: Vec<NodeId>,
    /// The token timeout the sender lives by, in milliseconds.
    pub(crate) pace_ms: u32,
}

impl Join {
    /// Whether its sender wants this node, in this life, in the next ring.
    pub(crate) fn invites(&self, node: &NodeId, life: Incarnation) -> bool {
        let wanted = |c: &Candidate| c.node == *node && c.incarnation == life && c.standing == Standing::Alive;
        self.candidates.iter().any(wanted)
    }

    /// Whether its sender knows this node, in this life, and goes on without it.
    pub(crate) fn refuses(&self, node: &NodeId, life: Incarnation) -> bool {
        let given_up = |c: &Candidate| c.node == *node && c.incarnation == life && c.standing != Standing::Alive;
        self.candidates.iter().any(given_up)
    }
}

/// The token that goes around three times before a ring starts: to collect what each member brings, to tell all, and to
/// make sure that everybody has recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commit {
    pub(crate) ring: u64,
    /// How many times it was handed on.
    pub(crate) hop: u16,
    pub(crate) members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
    /// The view it comes from. Filled in by itself.
    pub(crate) past: Option<RingId>,
}

/// The right to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) ring: u64,
    /// Grows with each hop; a token that is not newer than the last one is a duplicate.
    pub(crate) number: u64,
    /// The highest sequence number given to a packet.
    pub(crate) seq: u64,
    /// All members have all packets up to here (when it stays so for a rotation).
    pub(crate) aru: u64,
    /// Who lowered `aru`, and so may raise it again.
    pub(crate) setter: Option<Rank>,
    /// Packets sent during the last rotation.
    pub(crate) sent: u32,
    /// Rotations in which nothing happened.
    pub(crate) idle: u8,
    /// Packets that somebody misses.
    pub(crate) requests: Vec<Span>,
}

/// `len` sequence numbers from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) len: u16,
}

impl Span {
    /// Appends `seq`, which is higher than all in `spans`.
    pub(crate) fn add(spans: &mut Vec<Span>, seq: u64) {
        match spans.last_mut() {
            Some(last) if last.start + u64::from(last.len) == seq && last.len < u16::MAX => last.len += 1,
            _ => spans.push(Span { start: seq, len: 1 }),
        }
    }

    pub(crate) fn seqs(self) -> std::ops::Range<u64> {
        self.start..self.start + u64::from(self.len)
    }
}

/// One packet of the agreed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) head: DataHead,
    pub(crate) payload: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataHead {
    pub(crate) ring: u64,
    pub(crate) seq: u64,
    pub(crate) sender: Rank,
    pub(crate) chunks: Vec<Chunk>,
}

/// "I am here": makes silence meaningful for every peer, and tells those outside whom a merge would bring together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beat {
    pub(crate) incarnation: Incarnation,
    pub(crate) serial: u64,
    /// The highest ring number the sender ever took part in.
    pub(crate) number: u64,
    /// The newest token it has seen in ring `number`, 0 when that ring is not running.
    pub(crate) token: u64,
    /// Those it is in a ring with, or wants to be.
    pub(crate) members: Vec<NodeId>,
    pub(crate) hears: Vec<NodeId>,
    /// The token timeout the sender lives by, in milliseconds.
    pub(crate) pace_ms: u32,
}

/// "I have something to send": ends the idle hold of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) ring: u64,
}

/// "I leave in order, do not wait for me".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leave {
    pub(crate) incarnation: Incarnation,
}

/// Which packets of the view it comes from a member has, told while the next one forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Have {
    /// The ring that forms.
    pub(crate) ring: u64,
    /// All packets up to here.
    pub(crate) aru: u64,
    /// The highest sequence number that `bits` speak about.
    pub(crate) high: u64,
    /// Delivered up to here.
    pub(crate) delivered: u64,
    /// Knows that every member of the view it comes from has all packets up to here.
    pub(crate) safe: u64,
    /// Whether the sender slept through the end of the view and so may not call anything regular any more.
    pub(crate) estranged: bool,
    /// One bit per packet from `aru + 1` to `high`, lowest bit first.
    pub(crate) bits: Vec<u8>,
}

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("shorter than its envelope says, or without one ({0} bytes)")]
    Truncated(usize),
    #[error("does not start with the magic of a paceline frame")]
    Magic,
    #[error("has wire version {0}, this node speaks {VERSION}")]
    Version(u8),
    #[error("has the unknown kind {0}")]
    Kind(u8),
    #[error("claims {0} bytes, at most {MAX_BODY} are allowed")]
    Oversized(usize),
    #[error("has {0} bytes after its end")]
    Trailing(usize),
    #[error(transparent)]
    Body(#[from] CodecError),
    #[error("has a payload of {payload} bytes that its chunks count as {counted}")]
    Chunks { payload: usize, counted: u64 },
    #[error("is segment {index} of {count}, which no frame has")]
    Segment { index: u16, count: u16 },
}

impl Frame {
    /// The bytes of this frame.
    pub(crate) fn encode(&self) -> Bytes {
        const WHY: &str = "frames are made of types with a wire form";
        let (kind, body) = match self {
            Frame::Join(f) => (1, codec::encode(f).expect(WHY)),
            Frame::Commit(f) => (2, codec::encode(f).expect(WHY)),
            Frame::Token(f) => (3, codec::encode(f).expect(WHY)),
            Frame::Data(f) => return encode_data(&f.head, std::slice::from_ref(&f.payload)).0,
            Frame::Beat(f) => (5, codec::encode(f).expect(WHY)),
            Frame::Wanted(f) => (6, codec::encode(f).expect(WHY)),
            Frame::Leave(f) => (7, codec::encode(f).expect(WHY)),
            Frame::Have(f) => (8, codec::encode(f).expect(WHY)),
            Frame::Segment(f) => (9, [&codec::encode(&f.head).expect(WHY), f.piece.as_ref()].concat()),
        };
        let mut bytes = Vec::with_capacity(ENVELOPE + body.len());
        envelope(&mut bytes, kind, body.len());
        bytes.extend_from_slice(&body);
        bytes.into()
    }

    /// The frame that `bytes` hold.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Frame, FrameError> {
        let (kind, body) = open(bytes)?;
        Ok(match kind {
            1 => Frame::Join(codec::decode(&body, MAX_BODY)?),
            2 => Frame::Commit(codec::decode(&body, MAX_BODY)?),
            3 => Frame::Token(codec::decode(&body, MAX_BODY)?),
            4 => Frame::Data(decode_data(&body)?),
            5 => Frame::Beat(codec::decode(&body, MAX_BODY)?),
            6 => Frame::Wanted(codec::decode(&body, MAX_BODY)?),
            7 => Frame::Leave(codec::decode(&body, MAX_BODY)?),
            8 => Frame::Have(codec::decode(&body, MAX_BODY)?),
            9 => {
                let (head, used) = codec::decode_prefix(&body, MAX_BODY)?;
                Frame::Segment(Segment { head, piece: body.slice(used..) })
            }
            other => return Err(FrameError::Kind(other)),
        })
    }
}

/// The bytes of a data frame whose payload lies in pieces, and where in them the payload begins.
pub(crate) fn encode_data(head: &DataHead, payload: &[Bytes]) -> (Bytes, usize) {
    let head = codec::encode(head).expect("frames are made of types with a wire form");
    let len = head.len() + payload.iter().map(Bytes::len).sum::<usize>();
    let mut bytes = Vec::with_capacity(ENVELOPE + len);
    envelope(&mut bytes, 4, len);
    bytes.extend_from_slice(&head);
    let start = bytes.len();
    for piece in payload {
        bytes.extend_from_slice(piece);
    }
    (bytes.into(), start)
}

fn decode_data(body: &Bytes) -> Result<Data, FrameError> {
    let (head, used): (DataHead, _) = codec::decode_prefix(body, MAX_BODY)?;
    let payload = body.slice(used..);
    let counted = head.chunks.iter().map(|c| u64::from(c.len)).sum();
    if counted != payload.len() as u64 {
        return Err(FrameError::Chunks { payload: payload.len(), counted });
    }
    Ok(Data { head, payload })
}

/// Whether bytes look like a token, for statistics: nothing but the envelope is read.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    bytes.len() >= ENVELOPE && bytes[..2] == MAGIC && bytes[3] == 3
}

/// How much of a frame says something to the ring: all but the messages in a data frame. They stand at its end. Takes
/// no memory; of what is no frame it is all.
pub(crate) fn told(bytes: &[u8]) -> usize {
    /// The list of chunks, for its lengths alone.
    struct Carried(u64);

    impl<'de> Deserialize<'de> for Carried {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Carried, D::Error> {
            struct Sum;
            impl<'de> Visitor<'de> for Sum {
                type Value = Carried;
                fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                    to.write_str("a list of chunks")
                }
                fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Carried, A::Error> {
                    let mut sum = 0;
                    while let Some(chunk) = list.next_element::<Chunk>()? {
                        sum += u64::from(chunk.len);
                    }
                    Ok(Carried(sum))
                }
            }
            from.deserialize_seq(Sum)
        }
    }

    let is_data = bytes.len() >= ENVELOPE && bytes[..2] == MAGIC && bytes[3] == 4;
    if !is_data {
        return bytes.len();
    }
    match codec::decode_prefix::<(u64, u64, Rank, Carried)>(&bytes[ENVELOPE..], MAX_BODY) {
        Ok(((_, _, _, Carried(sum)), used)) if (ENVELOPE + used) as u64 + sum == bytes.len() as u64 => ENVELOPE + used,
        _ => bytes.len(),
    }
}

fn envelope(bytes: &mut Vec<u8>, kind: u8, len: usize) {
    let len = u32::try_from(len).expect("no frame is longer than the largest message");
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&len.to_be_bytes());
}

fn open(bytes: &Bytes) -> Result<(u8, Bytes), FrameError> {
    let Some((&[m0, m1, version, kind, l0, l1, l2, l3], _)) = bytes.split_first_chunk::<ENVELOPE>() else {
        return Err(FrameError::Truncated(bytes.len()));
    };
    if [m0, m1] != MAGIC {
        return Err(FrameError::Magic);
    }
    if version != VERSION {
        return Err(FrameError::Version(version));
    }
    let len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    if len > MAX_BODY {
        return Err(FrameError::Oversized(len));
    }
    match (bytes.len() - ENVELOPE).checked_sub(len) {
        None => Err(FrameError::Truncated(bytes.len())),
        Some(0) => Ok((kind, bytes.slice(ENVELOPE..))),
        Some(rest) => Err(FrameError::Trailing(rest)),
    }
}

#[cfg(test)]
mod tests;
