//! What the ring thread tells its owner, and what it can be asked.

use crate::identity::Certificate;
use config::NodeId;
use membership::{Delivery, Incarnation, Insight, Notice, RingStatus, View};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// From the ring thread, in the order in which things happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new view is installed. Deliveries that follow belong to it.
    View(View),
    /// A message of the agreed order.
    Deliver(Delivery),
    /// The ring has something to say to an operator.
    Notice(Notice),
    /// A link came, went or was refused.
    Link(LinkEvent),
    /// Something on this host is not as it should be; the ring goes on. A whole sentence with what to do.
    Warning(String),
    /// This node left in order; nothing follows.
    Left,
    /// The ring thread cannot go on; nothing follows. The daemon should end: its peers see it as lost.
    Failed(String),
}

/// News of the links between nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// A link to this peer works, in both directions and with packets of the full size.
    Up {
        /// The peer, as its certificate says.
        peer: NodeId,
        /// Which life of its daemon.
        incarnation: Incarnation,
        /// Which of its links, from 0.
        link: usize,
        /// Where it is.
        address: SocketAddr,
    },
    /// A link to this peer no longer works. As long as another one does, nothing else happens.
    Down {
        /// The peer.
        peer: NodeId,
        /// Which of its links, from 0.
        link: usize,
        /// Why, in words.
        reason: String,
    },
    /// This node tries to reach a peer and gets no answer; it goes on trying. Told once until there is a link.
    Unreachable {
        /// The peer.
        peer: NodeId,
        /// Which of its links, from 0.
        link: usize,
        /// Where it was tried.
        address: SocketAddr,
        /// Why, in words.
        reason: String,
    },
    /// Somebody was refused. Told once per address and reason in an interval.
    Refused {
        /// Where it is.
        address: SocketAddr,
        /// Why, in words.
        reason: String,
    },
    /// A peer refuses this node. Told once per address and reason in an interval.
    RefusedByPeer {
        /// The peer that should be there.
        peer: NodeId,
        /// Where it was tried.
        address: SocketAddr,
        /// What it says.
        reason: String,
    },
    /// The name in a peer's address has no address; it is asked for again and again. Told once until it has.
    Unresolved {
        /// The peer.
        peer: NodeId,
        /// The address as configured.
        name: String,
        /// Why, in words.
        reason: String,
    },
}

/// A snapshot of ring and links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The ring.
    pub ring: RingStatus,
    /// Each peer's link.
    pub peers: BTreeMap<NodeId, PeerStatus>,
    /// This node's certificate.
    pub certificate: Option<Certificate>,
    /// Packets and refusals.
    pub counters: Counters,
    /// How the thread is scheduled.
    pub scheduling: &'static str,
    /// Silence after which a peer counts as lost.
    pub token: Duration,
    /// The view that stands, once there is one.
    pub view: Option<View>,
    /// What happened so far, in numbers.
    pub insight: Insight,
}

/// One peer's links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The version that is spoken with it, over the link in use.
    pub version: Option<u8>,
    /// Where the link in use goes, if there is one.
    pub link: Option<SocketAddr>,
    /// The life of the peer's daemon, if it has ever been linked.
    pub incarnation: Option<Incarnation>,
    /// Round trip, as QUIC estimates it.
    pub round_trip: Option<Duration>,
    /// Since when nothing was heard on the working link.
    pub silence: Option<Duration>,
    /// Each link, in the order of preference.
    pub links: Vec<LinkStatus>,
    /// The certificate that it showed last.
    pub certificate: Option<Certificate>,
}

/// One link to one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// Where it goes; `None` while the peer's name has no address.
    pub address: Option<SocketAddr>,
    /// Whether it works.
    pub up: bool,
    /// Whether frames take it now.
    pub used: bool,
    /// Largest packet that is sent over its present connection, in bytes of UDP payload.
    pub packet: Option<u16>,
    /// Round trip, as QUIC estimates it.
    pub round_trip: Option<Duration>,
    /// Since when nothing was heard on it.
    pub silence: Option<Duration>,
    /// Since when the peer has not confirmed anything sent over it.
    pub unconfirmed: Option<Duration>,
    /// Packets sent over its present connection.
    pub sent: u64,
    /// Those of them that were never confirmed.
    pub lost: u64,
    /// How often it was lost.
    pub losses: u64,
}

/// What went in and out, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// UDP packets received.
    pub packets_in: u64,
    /// UDP packets sent.
    pub packets_out: u64,
    /// Packets that belong to no connection and start none: garbage, strangers, leftovers of connections that ended.
    pub ignored: u64,
    /// Frames received from authenticated peers.
    pub frames_in: u64,
    /// Frames queued for peers.
    pub frames_out: u64,
    /// Frames not sent: no link, too long, or a full queue.
    pub frames_dropped: u64,
    /// Packets that the kernel did not take.
    pub send_errors: u64,
    /// Connections refused.
    pub refused: u64,
}
