//! Long messages cut into packets, short ones packed together.
//!
//! A packet takes one place of the agreed order and carries up to [`MAX_CHUNKS`] chunks: whole messages, or a piece of
//! one. The [`Outbox`] keeps a message until its last piece has a place, so that a message cut in half by a view change
//! is sent again from its start. An [`Assembly`] puts the pieces of one sender together; the order makes that a simple
//! append.

pub(crate) mod blank;

use crate::frame::CHUNK_OVERHEAD;
use crate::message::{Channel, Class, Guarantee, Message};
use crate::ring::MAX_MESSAGE;
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most chunks in a packet. A delivery's place is the packet's place times this, plus the chunk's index.
pub(crate) const MAX_CHUNKS: usize = 256;
/// Most bytes that may wait to be sent for the first time.
pub(crate) const MAX_QUEUED: usize = 4 * (MAX_MESSAGE + MESSAGE_OVERHEAD);
/// What a queued message costs beside its bytes, roughly: short ones must not fill the memory either.
const MESSAGE_OVERHEAD: usize = 64;
/// Least worthwhile piece of a message that does not fit into what is left of a packet.
const MIN_PIECE: usize = 64;

/// What a chunk is of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// Its beginning; the whole has `total` bytes.
    First {
        total: u32,
    },
    Middle,
    Last,
    /// All of a message that is not of the usual class.
    WholeOf(Class),
    /// The end of one.
    LastOf(Class),
}

impl Part {
    /// The class of the message that it completes, if it completes one.
    pub(crate) fn completes(self) -> Option<Class> {
        match self {
            Part::Whole | Part::Last => Some(Class::default()),
            Part::WholeOf(class) | Part::LastOf(class) => Some(class),
            Part::First { .. } | Part::Middle => None,
        }
    }
}

/// A piece of a packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) part: Part,
    pub(crate) len: u32,
}

/// Messages of one channel, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Queue {
    #[serde(with = "blank")]
    messages: VecDeque<Bytes>,
    /// What was asked for, for each of them.
    guarantees: VecDeque<Guarantee>,
    bytes: usize,
}

impl Queue {
    fn pop(&mut self) {
        if let Some(message) = self.messages.pop_front() {
            self.bytes -= message.len();
            self.guarantees.pop_front();
        }
    }
}

/// Messages that have not been sent completely. What a node says goes before what its clients say: it waits for one of
/// their messages at most, the one that is half on its way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outbox {
    cluster: Queue,
    groups: Queue,
    /// How much of the first message of `channel` has a place in the current view.
    sent: usize,
    channel: Channel,
}

impl Outbox {
    fn queue(&self, channel: Channel) -> &Queue {
        match channel {
            Channel::Cluster => &self.cluster,
            Channel::Groups => &self.groups,
        }
    }

    fn queue_mut(&mut self, channel: Channel) -> &mut Queue {
        match channel {
            Channel::Cluster => &mut self.cluster,
            Channel::Groups => &mut self.groups,
        }
    }

    pub(crate) fn fits(&self, channel: Channel, len: usize) -> bool {
        let Queue { messages, bytes, .. } = self.queue(channel);
        len <= MAX_MESSAGE && bytes + messages.len() * MESSAGE_OVERHEAD + len <= MAX_QUEUED
    }

    pub(crate) fn push(&mut self, message: Message) {
        let queue = self.queue_mut(message.channel);
        queue.bytes += message.payload.len();
        queue.messages.push_back(message.payload);
        queue.guarantees.push_back(message.guarantee);
    }

    pub(crate) fn len(&self) -> usize {
        self.cluster.messages.len() + self.groups.messages.len()
    }

    /// A new view begins: pieces sent in the old one do not count.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The message whose turn it is. One that is half sent is finished first.
    fn next(&mut self) -> Option<(Bytes, Class)> {
        if self.sent == 0 {
            self.channel = if self.cluster.messages.is_empty() { Channel::Groups } else { Channel::Cluster };
        }
        let queue = self.queue(self.channel);
        let guarantee = *queue.guarantees.front()?;
        Some((queue.messages.front()?.clone(), Class { channel: self.channel, guarantee }))
    }

    /// The next packet with at most `room` bytes for payload and chunk list.
    pub(crate) fn pack(&mut self, room: usize) -> Option<(Vec<Chunk>, Vec<Bytes>)> {
        let (mut chunks, mut pieces, mut left) = (Vec::new(), Vec::new(), room);
        while let Some((message, class)) = self.next() {
            let rest = message.len() - self.sent;
            let Some(space) = left.checked_sub(CHUNK_OVERHEAD) else { break };
            let len = rest.min(space);
            if chunks.len() == MAX_CHUNKS || (len < rest && len < MIN_PIECE && !chunks.is_empty()) {
                break;
            }
            let total = u32::try_from(message.len()).expect("longer messages are refused at the door");
            let usual = class == Class::default();
            let part = match (self.sent == 0, len == rest) {
                (true, true) if usual => Part::Whole,
                (true, true) => Part::WholeOf(class),
                (true, false) => Part::First { total },
                (false, false) => Part::Middle,
                (false, true) if usual => Part::Last,
                (false, true) => Part::LastOf(class),
            };
            chunks.push(Chunk { part, len: u32::try_from(len).expect("a piece is no longer than its message") });
            pieces.push(message.slice(self.sent..self.sent + len));
            left -= len + CHUNK_OVERHEAD;
            if len == rest {
                self.sent = 0;
                self.queue_mut(class.channel).pop();
            } else {
                self.sent += len;
                break;
            }
        }
        (!chunks.is_empty()).then_some((chunks, pieces))
    }
}

/// The message of one sender that is arriving.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Assembly {
    partial: Option<Partial>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Partial {
    /// How long the whole is.
    total: usize,
    len: usize,
    /// Kept as they came and joined once, at the end.
    #[serde(with = "blank")]
    pieces: Vec<Bytes>,
}

impl Partial {
    fn joined(&self) -> Bytes {
        let mut whole = BytesMut::with_capacity(self.len);
        self.pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }
}

impl Assembly {
    /// Takes the next chunk of this sender; answers with the message that it completes. A piece that does not fit to
    /// the ones before it is dropped together with them: no node of this version sends such a thing.
    pub(crate) fn feed(&mut self, part: Part, bytes: Bytes) -> Option<Message> {
        let class = part.completes().unwrap_or_default();
        match part {
            Part::Whole | Part::WholeOf(_) => {
                self.partial = None;
                return Some(class.message(bytes));
            }
            Part::First { total } => {
                let total = (total as usize).min(MAX_MESSAGE);
                self.partial = Some(Partial { total, len: bytes.len(), pieces: vec![bytes] });
            }
            Part::Middle | Part::Last | Part::LastOf(_) => match &mut self.partial {
                Some(partial) if !bytes.is_empty() && partial.len + bytes.len() <= partial.total => {
                    partial.len += bytes.len();
                    partial.pieces.push(bytes);
                }
                _ => self.partial = None,
            },
        }
        match (part.completes(), self.partial.take()) {
            (Some(_), Some(partial)) => (partial.len == partial.total).then(|| class.message(partial.joined())),
            (_, partial) => {
                self.partial = partial;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send_all(outbox: &mut Outbox, room: usize) -> Vec<(Vec<Chunk>, Vec<Bytes>)> {
        std::iter::from_fn(|| outbox.pack(room)).collect()
    }

    fn receive(packets: &[(Vec<Chunk>, Vec<Bytes>)]) -> Vec<Bytes> {
        let mut assembly = Assembly::default();
        let chunks = packets.iter().flat_map(|(chunks, pieces)| chunks.iter().zip(pieces));
        chunks.filter_map(|(chunk, piece)| assembly.feed(chunk.part, piece.clone())).map(|m| m.payload).collect()
    }

    #[test]
    fn what_goes_in_comes_out() {
        let messages: Vec<Bytes> =
            [0, 1, 5, 999, 1000, 1001, 0, 7, 40_000, 3].iter().map(|len| vec![*len as u8; *len].into()).collect();
        for room in [100, 1000, 1011, 1012, 5000] {
            let mut outbox = Outbox::default();
            messages.iter().for_each(|m| outbox.push(m.clone().into()));
            let packets = send_all(&mut outbox, room);
            assert_eq!(receive(&packets), messages, "room {room}");
            for (chunks, pieces) in &packets {
                let size = pieces.iter().map(Bytes::len).sum::<usize>() + chunks.len() * CHUNK_OVERHEAD;
                assert!(size <= room, "{size} > {room}");
            }
            assert_eq!((outbox.cluster.bytes, outbox.len(), outbox.sent), (0, 0, 0));
        }
    }

    #[test]
    fn short_messages_share_a_packet() {
        let mut outbox = Outbox::default();
        (0..300).for_each(|_| outbox.push(Bytes::from_static(b"x").into()));
        assert_eq!(send_all(&mut outbox, 60_000).len(), 2, "256 and the rest");
    }

    #[test]
    fn a_message_cut_by_a_view_change_starts_again() {
        let mut outbox = Outbox::default();
        let message = Bytes::from(vec![7; 3000]);
        outbox.push(message.clone().into());
        let first = outbox.pack(1000).unwrap();
        outbox.rewind();
        let packets = send_all(&mut outbox, 1000);
        assert_eq!(receive(&packets), vec![message.clone()]);
        // And whoever saw the first attempt delivers it once.
        let all: Vec<_> = [vec![first], packets].concat();
        assert_eq!(receive(&all), vec![message]);
    }

    #[test]
    fn what_a_node_says_waits_for_one_message_of_its_clients_at_most() {
        let mut outbox = Outbox::default();
        let safe = Class { channel: Channel::Groups, guarantee: Guarantee::Safe };
        let client = |text: &'static [u8]| safe.message(Bytes::from_static(text));
        outbox.push(client(&[1; 3000]));
        outbox.push(client(b"second"));
        let mut packets = vec![outbox.pack(1000).unwrap()];
        outbox.push(Bytes::from_static(b"own").into());
        packets.extend(send_all(&mut outbox, 1000));
        let mut assembly = Assembly::default();
        let chunks = packets.iter().flat_map(|(chunks, pieces)| chunks.iter().zip(pieces));
        let came: Vec<_> = chunks.filter_map(|(chunk, piece)| assembly.feed(chunk.part, piece.clone())).collect();
        assert_eq!(came, [client(&[1; 3000]), Bytes::from_static(b"own").into(), client(b"second")]);
    }

    #[test]
    fn nonsense_is_dropped() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.feed(Part::Last, Bytes::from_static(b"x")), None);
        assert_eq!(assembly.feed(Part::First { total: u32::MAX }, Bytes::from_static(b"x")), None);
        assert_eq!(assembly.feed(Part::Last, Bytes::from_static(b"y")), None, "not all of it");
        assert_eq!(assembly.feed(Part::First { total: 2 }, Bytes::from_static(b"x")), None);
        assert_eq!(assembly.feed(Part::Middle, Bytes::from_static(b"yz")), None, "more than announced");
        assert_eq!(assembly.feed(Part::Last, Bytes::new()), None);
        assert_eq!(assembly.feed(Part::Whole, Bytes::from_static(b"ok")).unwrap().payload, "ok");
    }
}
