//! The packets of one view, in their order: what arrived, what is missing, what was delivered, what all have.

use super::interface::{Configuration, Delivery};
use crate::fragment::{Assembly, Chunk, MAX_CHUNKS};
use crate::frame::{Data, DataHead, Rank, Span};
use crate::message::{Guarantee, Message};
use crate::view::{Incarnation, RingId};
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// Most packets between the oldest that somebody misses and the newest, for all members together.
pub(crate) const WINDOW: u64 = 4096;
/// No packet lies so far ahead of what this node has, unless somebody makes it up.
const HORIZON: u64 = 4 * WINDOW;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
struct Packet {
    sender: Rank,
    chunks: Vec<Chunk>,
    payload: Bytes,
    /// As it was sent, for sending it again.
    frame: Bytes,
    /// It completes a message that is to be safe.
    safe: bool,
}

/// A packet as it is written down: without the content of its messages.
#[derive(Serialize, Deserialize)]
struct Written {
    sender: Rank,
    chunks: Vec<Chunk>,
    /// The frame up to its payload.
    head: Bytes,
    /// How long the payload is.
    payload: u16,
}

impl From<Packet> for Written {
    fn from(packet: Packet) -> Written {
        let head = packet.frame.slice(..packet.frame.len() - packet.payload.len());
        let payload = u16::try_from(packet.payload.len()).expect("no frame is longer");
        Written { sender: packet.sender, chunks: packet.chunks, head, payload }
    }
}

impl From<Written> for Packet {
    fn from(written: Written) -> Packet {
        let Written { sender, chunks, head, payload } = written;
        let mut frame = head.to_vec();
        frame.resize(head.len() + usize::from(payload), 0);
        let frame = Bytes::from(frame);
        Packet { sender, safe: is_safe(&chunks), chunks, payload: frame.slice(head.len()..), frame }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Log {
    pub(crate) id: RingId,
    /// Sorted by name: a member's rank is its index.
    pub(crate) members: Vec<(NodeId, Incarnation)>,
    /// This node.
    pub(crate) rank: Rank,
    /// From `base + 1` on; those before are with everybody.
    packets: VecDeque<Option<Packet>>,
    base: u64,
    /// All up to here arrived.
    aru: u64,
    /// The highest that arrived.
    high: u64,
    delivered: u64,
    /// Every member of the view is known to have all up to here.
    safe: u64,
    assemblies: Vec<Assembly>,
}

impl Log {
    pub(crate) fn new(id: RingId, members: Vec<(NodeId, Incarnation)>, me: &NodeId) -> Log {
        let rank = members.iter().position(|(node, _)| node == me).expect("a node is a member of its own view");
        let assemblies = members.iter().map(|_| Assembly::default()).collect();
        Log {
            id,
            members,
            rank: rank_of(rank),
            packets: VecDeque::new(),
            base: 0,
            aru: 0,
            high: 0,
            delivered: 0,
            safe: 0,
            assemblies,
        }
    }

    pub(crate) fn len(&self) -> Rank {
        rank_of(self.members.len())
    }

    pub(crate) fn node(&self, rank: Rank) -> &NodeId {
        &self.members[usize::from(rank)].0
    }

    pub(crate) fn rank_of(&self, node: &NodeId) -> Option<Rank> {
        self.members.binary_search_by(|(member, _)| member.cmp(node)).ok().map(rank_of)
    }

    pub(crate) fn life(&self, node: &NodeId) -> Option<Incarnation> {
        self.rank_of(node).map(|rank| self.members[usize::from(rank)].1)
    }

    pub(crate) fn next(&self) -> &NodeId {
        self.node((self.rank + 1) % self.len())
    }

    pub(crate) fn previous(&self) -> &NodeId {
        self.node((self.rank + self.len() - 1) % self.len())
    }

    pub(crate) fn aru(&self) -> u64 {
        self.aru
    }

    pub(crate) fn high(&self) -> u64 {
        self.high
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(crate) fn safe(&self) -> u64 {
        self.safe
    }

    /// Somebody who can tell knows that every member of the view has all packets up to `seq`.
    pub(crate) fn known_safe(&mut self, seq: u64) {
        self.safe = self.safe.max(seq.min(self.aru));
    }

    /// Whether the packet has to wait until every member is known to have it.
    fn waits(&self, seq: u64) -> bool {
        seq > self.safe && self.slot(seq).is_some_and(|packet| packet.safe)
    }

    /// Whether `seq` can be the number of a packet that this node has not finished with.
    pub(crate) fn plausible(&self, seq: u64) -> bool {
        seq >= 1 && seq <= self.aru + HORIZON
    }

    pub(crate) fn has(&self, seq: u64) -> bool {
        seq <= self.aru || self.slot(seq).is_some()
    }

    fn slot(&self, seq: u64) -> Option<&Packet> {
        let index = usize::try_from(seq.checked_sub(self.base + 1)?).ok()?;
        self.packets.get(index)?.as_ref()
    }

    /// The packet as it was sent, unless it was discarded or never came.
    pub(crate) fn frame(&self, seq: u64) -> Option<&Bytes> {
        self.slot(seq).map(|packet| &packet.frame)
    }

    /// Keeps a packet; tells whether it is new. `frame` is what carried it. The caller has checked that it is
    /// [`plausible`](Self::plausible) and that its sender has a rank here.
    pub(crate) fn insert(&mut self, data: Data, frame: Bytes) -> bool {
        let seq = data.head.seq;
        if self.has(seq) {
            return false;
        }
        let index = usize::try_from(seq - self.base - 1).expect("within the horizon");
        if self.packets.len() <= index {
            self.packets.resize(index + 1, None);
        }
        let DataHead { sender, chunks, .. } = data.head;
        let safe = is_safe(&chunks);
        self.packets[index] = Some(Packet { sender, chunks, payload: data.payload, frame, safe });
        self.high = self.high.max(seq);
        while self.slot(self.aru + 1).is_some() {
            self.aru += 1;
        }
        true
    }

    /// What is missing up to `limit`, in at most `most` spans.
    pub(crate) fn missing(&self, limit: u64, most: usize) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for seq in self.aru + 1..=limit.min(self.aru + HORIZON) {
            if self.has(seq) {
                continue;
            }
            Span::add(&mut spans, seq);
            if spans.len() > most {
                spans.pop();
                break;
            }
        }
        spans
    }

    /// One bit per packet from `aru + 1` to the highest that arrived.
    pub(crate) fn bits(&self) -> Vec<u8> {
        let count = self.high - self.aru;
        let mut bits = vec![0u8; usize::try_from(count.div_ceil(8)).expect("within the horizon")];
        for at in (0..count).filter(|at| self.has(self.aru + 1 + at)) {
            bits[usize::try_from(at / 8).expect("within the horizon")] |= 1 << (at % 8);
        }
        bits
    }

    /// Everybody has the packets up to `seq`: they will not be asked for again.
    pub(crate) fn discard(&mut self, seq: u64) {
        while self.base < seq.min(self.delivered) {
            self.packets.pop_front();
            self.base += 1;
        }
    }

    /// Delivers what is next in order and has arrived, up to the first that is to be safe and is not known to be.
    pub(crate) fn deliver(&mut self, out: &mut impl FnMut(Delivery)) {
        while self.delivered < self.aru && !self.waits(self.delivered + 1) {
            self.deliver_one(self.delivered + 1, Configuration::Regular, out);
        }
    }

    /// Delivers the rest when the view is over. `all` is the highest packet that any survivor has: up to the first gap
    /// everything is delivered, as [`Configuration::Regular`] up to `regular` or before the first that is to be safe
    /// and is not; after it only what survivors sent, since a message of somebody lost may build on one that nobody
    /// has.
    pub(crate) fn deliver_rest(
        &mut self,
        mut regular: u64,
        survivors: &BTreeSet<NodeId>,
        out: &mut impl FnMut(Delivery),
    ) {
        while self.delivered < self.aru {
            let seq = self.delivered + 1;
            if self.waits(seq) {
                regular = regular.min(seq - 1);
            }
            let configuration = if seq <= regular { Configuration::Regular } else { Configuration::Transitional };
            self.deliver_one(seq, configuration, out);
        }
        for seq in self.aru + 1..=self.high {
            if self.slot(seq).is_some_and(|packet| survivors.contains(self.node(packet.sender))) {
                self.deliver_one(seq, Configuration::Transitional, out);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn sabotage_skip_gap(&mut self, out: &mut impl FnMut(Delivery)) {
        for seq in self.delivered + 1..=self.high {
            if self.slot(seq).is_some() {
                self.deliver_one(seq, Configuration::Regular, out);
            }
        }
        self.aru = self.high;
    }

    fn deliver_one(&mut self, seq: u64, configuration: Configuration, out: &mut impl FnMut(Delivery)) {
        let packet = self.slot(seq).expect("packets are kept until delivered");
        let (sender, chunks, mut payload) = (packet.sender, packet.chunks.clone(), packet.payload.clone());
        self.delivered = seq;
        for (index, chunk) in chunks.iter().enumerate() {
            let piece = payload.split_to(chunk.len as usize);
            let Some(message) = self.assemblies[usize::from(sender)].feed(chunk.part, piece) else { continue };
            let Message { payload, channel, guarantee } = message;
            let (from, incarnation) = self.members[usize::from(sender)].clone();
            let (ring, seq) = (self.id.clone(), seq * MAX_CHUNKS as u64 + index as u64);
            out(Delivery { ring, seq, from, incarnation, configuration, channel, guarantee, payload });
        }
    }
}

fn rank_of(index: usize) -> Rank {
    Rank::try_from(index).expect("a cluster has fewer than 65536 nodes")
}

/// Whether one of these completes a message that is to be safe.
fn is_safe(chunks: &[Chunk]) -> bool {
    chunks.iter().any(|chunk| chunk.part.completes().is_some_and(|class| class.guarantee == Guarantee::Safe))
}
