//! What goes into the ring machine and what comes out of it.

use crate::message::{Channel, Guarantee, Message};
use crate::view::{Incarnation, RingId, View};
use bytes::Bytes;
use config::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a ring needs to know when it starts.
#[derive(Clone, Debug)]
pub struct RingOptions {
    /// This node.
    pub me: NodeId,
    /// This life of the daemon.
    pub incarnation: Incarnation,
    /// All configured nodes, this one included. Frames of others are refused.
    pub nodes: BTreeSet<NodeId>,
    /// Silence after which a node counts as lost; every other timer is derived from it.
    pub token: Duration,
    /// Largest frame in bytes that the links carry; longer messages are fragmented.
    pub frame_limit: usize,
    /// Ring numbers up to this one may have been used in an earlier life: the next must be higher.
    pub ring_number_floor: u64,
    /// Seed for jitter.
    pub seed: u64,
}

/// What of a running ring can be changed. All members should be given the same at about the same time, best at the same
/// place of the agreed order; whoever is late, or was away, still gets along with the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconfiguration {
    /// All nodes that are configured from now on, this one included. A member that is not among them ends the view.
    pub nodes: BTreeSet<NodeId>,
    /// The new token timeout.
    pub token: Duration,
    /// Largest frame in bytes that the links carry from now on.
    pub frame_limit: usize,
}

/// An event for the ring machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A frame arrived over the authenticated link of `from`. Its content is not trusted to be well-formed.
    Frame {
        /// The peer, as its certificate says.
        from: NodeId,
        /// The frame.
        bytes: Bytes,
    },
    /// Send this to all members, in agreed order, this node included.
    Multicast(Message),
    /// The link layer has a working path to this peer (again): worth a try to merge.
    LinkUp(NodeId),
    /// The link layer knows that the peer's process is gone (its kernel says so, or it said goodbye).
    LinkDown(NodeId),
    /// Every ring number up to this one is on stable storage as used (answer to [`Output::StoreRingNumber`]).
    RingNumberStored(u64),
    /// Go on with other options. By itself no reason for a new view.
    Reconfigure(Reconfiguration),
    /// Leave the cluster in order: tell the peers, deliver what is deliverable, stop.
    Leave,
    /// A deadline passed.
    Wake,
}

/// Longest payload accepted by [`Input::Multicast`], in bytes.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// In which configuration a message is delivered (extended virtual synchrony, Moser et al. 1994).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Configuration {
    /// In the view itself: every member that stays connected delivers it at the same place of the order.
    Regular,
    /// While the view is being left: delivered by those who go on to the next view together.
    Transitional,
}

/// One delivered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The view whose order this belongs to.
    pub ring: RingId,
    /// Its place in the order of that view, growing from above 0. Gaps are usual (fragments, messages that share a
    /// packet), repeats are not.
    pub seq: u64,
    /// Who sent it.
    pub from: NodeId,
    /// In which life.
    pub incarnation: Incarnation,
    /// Regular or transitional.
    pub configuration: Configuration,
    /// Whose it is.
    pub channel: Channel,
    /// What its sender asked for.
    pub guarantee: Guarantee,
    /// The message.
    pub payload: Bytes,
}

/// What the ring wants done, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a frame to one peer. Loss is fine.
    Send {
        /// The peer.
        to: NodeId,
        /// The frame.
        bytes: Bytes,
    },
    /// Send a frame to every configured peer that has a link. Loss is fine.
    Broadcast(Bytes),
    /// A message of the agreed order.
    Deliver(Delivery),
    /// A new view is installed. Deliveries that follow belong to it.
    View(View),
    /// Put on stable storage that ring numbers up to this one are used, then answer [`Input::RingNumberStored`].
    /// Asked for ahead of need, in blocks.
    StoreRingNumber(u64),
    /// Something an operator may want to see.
    Notice(Notice),
    /// This node has left; no output follows.
    Left,
}

/// Events of the ring for people and for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Nothing was heard from this peer for three quarters of the token timeout.
    Quiet {
        /// The peer.
        peer: NodeId,
        /// For how long.
        silence: Duration,
    },
    /// The token is overdue: membership is being agreed on again.
    TokenLost {
        /// The peers not heard from for the whole token timeout.
        silent: Vec<NodeId>,
        /// Since when this node has not seen the token.
        since: Duration,
    },
    /// Membership is being agreed on for another reason.
    Gathering {
        /// Why, in a few words: "alpha wants to join", "beta left".
        reason: String,
    },
    /// This node itself was not running for this long (SIGSTOP, a stalled host). Peers are not blamed.
    Paused {
        /// For how long.
        gap: Duration,
    },
    /// A peer sent something that no peer of this version sends.
    BadFrame {
        /// The peer.
        from: NodeId,
        /// What is wrong with it.
        reason: String,
    },
    /// A peer left in order, or is not configured any more.
    PeerLeft {
        /// The peer.
        peer: NodeId,
    },
    /// A message given to [`Input::Multicast`] was not taken: it is longer than [`MAX_MESSAGE`], or the queue is full
    /// (see [`Ring::can_accept`](super::Ring::can_accept)).
    Refused {
        /// Whose it was.
        channel: Channel,
        /// Its length in bytes.
        len: usize,
        /// Why.
        reason: String,
    },
}

/// Counters and state, for status pages and tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RingStatus {
    /// "gather", "commit", "recover", "operate" or "left".
    pub phase: &'static str,
    /// Views installed so far.
    pub views: u64,
    /// Tokens received.
    pub tokens: u64,
    /// Packets that this node missed and asked for.
    pub gaps: u64,
    /// Messages sent again because a member missed them.
    pub retransmits: u64,
    /// Frames refused.
    pub bad_frames: u64,
    /// Silence of each peer at the last step.
    pub silence: BTreeMap<NodeId, Duration>,
    /// Messages waiting to be sent for the first time.
    pub queued: usize,
}
