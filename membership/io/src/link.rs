//! The links of one node to all others: a UDP socket per own address, one QUIC connection per peer.
//!
//! The node with the lower name dials, the other accepts, so that two nodes never build two links at once. A dialer
//! that hears nothing on a link for half a token timeout dials again *beside* it; the newest connection that came up is
//! the one that frames are sent on. Frames that arrive on any connection that a peer has proven its name on are taken.
//!
//! ```text
//!            dial                       Connected               hello read
//! Waiting ---------> Shaking (QUIC) -----------------> Greeting -----------> Open ---> Closed
//!    ^                  | no answer, refused              | wrong name          | close, reset, idle
//!    +------------------+---------------------------------+---------------------+
//! ```
//!
//! Every node has one to eight addresses, and a socket on each. A peer's addresses are tried in turn until one answers
//! (passive redundancy): its first from this node's first, its second from the second. A link never uses two at once;
//! when it has been silent for half a token timeout, the next address is tried, so that a dead network card is replaced
//! before the ring gives the peer up.
//!
//! Nothing here knows what a frame means, and nothing here reads a clock.

mod dial;
mod hello;
mod refusals;
mod settle;
mod socket;

pub(crate) use socket::Socket;

use crate::event::{Counters, LinkEvent, PeerStatus};
use crate::identity::{Identity, name};
use crate::quic::Setup;
use bytes::{Bytes, BytesMut};
use config::NodeId;
use dial::{Dial, Patience};
use hello::Hello;
use membership::Incarnation;
use quinn_proto::{ConnectionHandle, DatagramEvent, Endpoint, Incoming, SendDatagramError, Transmit, VarInt};
use refusals::Refusals;
use socket::Batch;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections from others that have not proven a name yet, at most.
const MAX_STRANGERS: usize = 64;
/// From this many on, a newcomer must first show that it receives at the address it claims.
const VALIDATE_FROM: usize = 8;
/// A connection that has not said hello by then is dropped.
const HELLO_PATIENCE: Duration = Duration::from_secs(3);
/// Frames kept on a connection whose hello has not come yet.
const MAX_EARLY: usize = 64;
/// Bytes sent on a link on which nothing is heard. More would only fill memory.
const MAX_DEAF: usize = 32 * 1024 * 1024;
/// Bytes in one send to the kernel.
const MAX_SEND: usize = 65_000;

/// Close codes, seen by the peer.
mod code {
    /// The process leaves in order.
    pub(super) const GOODBYE: u32 = 0;
    /// A newer connection between the same two replaces this one.
    pub(super) const REPLACED: u32 = 1;
    /// The peer is not who it should be; the reason says why.
    pub(super) const REFUSED: u32 = 2;
    /// The attempt took too long.
    pub(super) const ABANDONED: u32 = 3;
}

/// What the links need to know.
pub(crate) struct LinkOptions {
    pub(crate) cluster: String,
    pub(crate) me: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) peers: BTreeSet<NodeId>,
    pub(crate) token: Duration,
    pub(crate) mtu: u16,
    pub(crate) seed: u64,
}

/// What came over the links, in the order in which it came.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A frame of an authenticated peer.
    Frame {
        from: NodeId,
        bytes: Bytes,
    },
    /// There is a way to this peer again.
    Up(NodeId),
    /// This life of the peer's process is over.
    Down(NodeId),
    /// For people.
    Event(LinkEvent),
    Warning(String),
}

/// How far a connection is.
#[derive(Debug)]
enum Stage {
    /// The handshake is going on.
    Shaking,
    /// The certificate is checked, the hello is not complete.
    Greeting { peer: NodeId, heard: Vec<u8>, early: Vec<Bytes> },
    /// Frames may pass.
    Open { peer: NodeId, incarnation: Incarnation },
    /// Over; kept until QUIC forgets it.
    Closed,
}

/// One QUIC connection.
struct Connection {
    quic: quinn_proto::Connection,
    stage: Stage,
    /// Which of the sockets it uses.
    socket: usize,
    remote: SocketAddr,
    /// The peer that was dialed, if this side dialed.
    dialed: Option<NodeId>,
    since: Instant,
    heard: Instant,
    /// Bytes sent since something was heard.
    deaf: usize,
}

impl Connection {
    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open { .. })
    }

    /// A connection of somebody who has not proven a name yet.
    fn is_stranger(&self) -> bool {
        self.dialed.is_none() && !self.is_open()
    }
}

/// One configured peer.
#[derive(Debug)]
struct Peer {
    addresses: Vec<SocketAddr>,
    dial: Dial,
    patience: Patience,
    /// The connection that frames are sent on.
    link: Option<ConnectionHandle>,
    /// The life that was linked last, until it is known to be over.
    life: Option<Incarnation>,
}

/// All links of this node.
pub(crate) struct Links {
    options: LinkOptions,
    setup: Setup,
    endpoint: Endpoint,
    sockets: Vec<Socket>,
    batch: Batch,
    connections: BTreeMap<ConnectionHandle, Connection>,
    peers: BTreeMap<NodeId, Peer>,
    arrivals: VecDeque<Arrival>,
    /// Connections that may have packets to send.
    unsent: BTreeSet<ConnectionHandle>,
    refusals: Refusals,
    counters: Counters,
    scratch: Vec<u8>,
    told_too_big: bool,
}

impl Links {
    /// Links over these sockets (at least one), none of them up yet. Peers are dialed once their addresses are known.
    ///
    /// # Errors
    /// What is wrong with the identity or a value, in words.
    pub(crate) fn new(
        options: LinkOptions,
        identity: &Identity,
        sockets: Vec<Socket>,
        now: Instant,
    ) -> Result<Links, String> {
        let setup = Setup::new(identity, options.mtu, options.token, options.seed)?;
        let endpoint = Endpoint::new(Arc::clone(&setup.endpoint), Some(Arc::clone(&setup.server)), true, None);
        let peers = options
            .peers
            .iter()
            .filter(|peer| **peer != options.me)
            .map(|peer| {
                let dial = if options.me < *peer { Dial::Waiting { until: now } } else { Dial::Never };
                let fresh = Peer { addresses: Vec::new(), dial, patience: Patience::new(), link: None, life: None };
                (peer.clone(), fresh)
            })
            .collect();
        Ok(Links {
            options,
            setup,
            endpoint,
            sockets,
            batch: Batch::new(),
            connections: BTreeMap::new(),
            peers,
            arrivals: VecDeque::new(),
            unsent: BTreeSet::new(),
            refusals: Refusals::default(),
            counters: Counters::default(),
            scratch: Vec::with_capacity(64 * 1024),
            told_too_big: false,
        })
    }

    /// Where `peer` can be reached. Replaces what was known.
    pub(crate) fn set_addresses(&mut self, peer: &NodeId, addresses: Vec<SocketAddr>) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.addresses = addresses;
        }
    }

    /// Takes one batch of packets from each socket; true while more may be waiting. Then look at [`Links::arrival`].
    ///
    /// # Errors
    /// A socket is broken for good.
    pub(crate) fn receive(&mut self, now: Instant) -> io::Result<bool> {
        let mut batch = std::mem::replace(&mut self.batch, Batch::empty());
        let mut more = false;
        for socket in 0..self.sockets.len() {
            more |= self.sockets[socket].receive(&mut batch)?;
            for packet in batch.packets() {
                self.packet(now, socket, &packet);
            }
        }
        self.batch = batch;
        Ok(more)
    }

    fn packet(&mut self, now: Instant, socket: usize, packet: &socket::Packet<'_>) {
        self.counters.packets_in += 1;
        self.scratch.clear();
        // One allocation per packet: a frame that is kept long pins this packet and no more.
        let bytes = BytesMut::from(packet.bytes);
        match self.endpoint.handle(now, packet.remote, packet.local, packet.ecn, bytes, &mut self.scratch) {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some(connection) = self.connections.get_mut(&handle) {
                    connection.heard = now;
                    connection.deaf = 0;
                    connection.quic.handle_event(event);
                    self.settle(now, handle);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.incoming(now, socket, incoming),
            Some(DatagramEvent::Response(transmit)) => {
                self.counters.ignored += 1;
                self.respond(socket, &transmit);
            }
            None => self.counters.ignored += 1,
        }
    }

    /// Somebody wants a connection. Work and memory for those who have not proven a name are bounded.
    fn incoming(&mut self, now: Instant, socket: usize, incoming: Incoming) {
        let strangers = self.connections.values().filter(|connection| connection.is_stranger()).count();
        let remote = incoming.remote_address();
        if strangers >= MAX_STRANGERS {
            self.counters.ignored += 1;
            self.endpoint.ignore(incoming);
            return;
        }
        self.scratch.clear();
        if strangers >= VALIDATE_FROM && incoming.may_retry() {
            if let Ok(transmit) = self.endpoint.retry(incoming, &mut self.scratch) {
                self.respond(socket, &transmit);
            }
            return;
        }
        match self.endpoint.accept(incoming, now, &mut self.scratch, None) {
            Ok((handle, quic)) => self.adopt(now, handle, quic, (socket, remote), None),
            Err(error) => {
                if let Some(transmit) = error.response {
                    self.respond(socket, &transmit);
                }
                self.refused(now, remote, error.cause.to_string());
            }
        }
    }

    /// Takes a new connection into the books.
    fn adopt(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        quic: quinn_proto::Connection,
        (socket, remote): (usize, SocketAddr),
        dialed: Option<NodeId>,
    ) {
        let fresh = Connection { quic, stage: Stage::Shaking, socket, remote, dialed, since: now, heard: now, deaf: 0 };
        self.connections.insert(handle, fresh);
        self.settle(now, handle);
    }

    /// The next thing that arrived.
    pub(crate) fn arrival(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }

    /// Queues a frame for one peer. Without a link it is dropped.
    pub(crate) fn send(&mut self, now: Instant, to: &NodeId, frame: Bytes) {
        match self.peers.get(to).and_then(|peer| peer.link) {
            Some(handle) => self.queue(now, handle, frame),
            None => self.counters.frames_dropped += 1,
        }
    }

    /// Queues a frame for every peer that has a link.
    pub(crate) fn broadcast(&mut self, now: Instant, frame: &Bytes) {
        let links: Vec<ConnectionHandle> = self.peers.values().filter_map(|peer| peer.link).collect();
        for handle in links {
            self.queue(now, handle, frame.clone());
        }
    }

    fn queue(&mut self, now: Instant, handle: ConnectionHandle, frame: Bytes) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        if connection.deaf > MAX_DEAF {
            self.counters.frames_dropped += 1;
            return;
        }
        connection.deaf += frame.len();
        self.unsent.insert(handle);
        match connection.quic.datagrams().send(frame, false) {
            Ok(()) => self.counters.frames_out += 1,
            Err(SendDatagramError::Blocked(frame)) => {
                // The queue is full: make room by sending, once.
                self.transmit(now, handle);
                let again = self.connections.get_mut(&handle).map(|full| full.quic.datagrams().send(frame, false));
                match again {
                    Some(Ok(())) => self.counters.frames_out += 1,
                    _ => self.counters.frames_dropped += 1,
                }
            }
            Err(_) => self.counters.frames_dropped += 1,
        }
    }

    /// Hands everything queued so far to the kernel, on all links.
    pub(crate) fn flush(&mut self, now: Instant) {
        while let Some(handle) = self.unsent.pop_first() {
            self.transmit(now, handle);
        }
    }

    fn transmit(&mut self, now: Instant, handle: ConnectionHandle) {
        // The kernel cuts one send into many packets, but takes no more than one UDP length field can tell.
        let most = MAX_SEND / usize::from(self.options.mtu);
        loop {
            self.scratch.clear();
            let Some(connection) = self.connections.get_mut(&handle) else { return };
            let socket = connection.socket;
            let segments = self.sockets[socket].segments().min(most).max(1);
            let Some(transmit) = connection.quic.poll_transmit(now, segments, &mut self.scratch) else { return };
            self.respond(socket, &transmit);
        }
    }

    /// Sends what lies in the scratch buffer.
    fn respond(&mut self, socket: usize, transmit: &Transmit) {
        let packets = transmit.segment_size.map_or(1, |size| transmit.size.div_ceil(size));
        match self.sockets[socket].send(transmit, &self.scratch) {
            Ok(()) => self.counters.packets_out += packets as u64,
            Err(error) => {
                self.counters.send_errors += 1;
                if error.raw_os_error() == Some(libc::EMSGSIZE) && !self.told_too_big {
                    self.told_too_big = true;
                    self.arrivals.push_back(Arrival::Warning(format!(
                        "packets of {} bytes do not fit the network interface towards {}; \
                         set `mtu` in [cluster] to its MTU less 48",
                        self.options.mtu, transmit.destination
                    )));
                }
            }
        }
    }

    /// Runs timers that are due, dials who should be dialed, drops who took too long.
    pub(crate) fn tick(&mut self, now: Instant) {
        let due: Vec<ConnectionHandle> = self
            .connections
            .iter_mut()
            .filter_map(|(handle, connection)| connection.quic.poll_timeout().filter(|at| *at <= now).map(|_| *handle))
            .collect();
        for handle in due {
            if let Some(connection) = self.connections.get_mut(&handle) {
                connection.quic.handle_timeout(now);
            }
            self.settle(now, handle);
        }
        let slow: Vec<ConnectionHandle> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.is_waited_for() && connection.since + HELLO_PATIENCE <= now)
            .map(|(handle, _)| *handle)
            .collect();
        for handle in slow {
            self.shut(now, handle, code::ABANDONED, "no hello in time");
        }
        self.tend(now);
    }

    /// [`Links::tick`] no later than this.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        let timers = self.connections.values_mut().filter_map(|connection| connection.quic.poll_timeout()).min();
        let slow = self.connections.values().filter(|c| c.is_waited_for()).map(|c| c.since + HELLO_PATIENCE).min();
        [timers, slow, self.dial_deadline()].into_iter().flatten().min()
    }

    /// Closes a connection from this side.
    fn shut(&mut self, now: Instant, handle: ConnectionHandle, code: u32, reason: &str) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        connection.quic.close(now, VarInt::from_u32(code), Bytes::copy_from_slice(reason.as_bytes()));
        connection.stage = Stage::Closed;
        self.unsent.insert(handle);
        self.settle(now, handle);
    }

    /// Says goodbye to everybody: this process leaves in order.
    pub(crate) fn goodbye(&mut self, now: Instant) {
        let all: Vec<ConnectionHandle> = self.connections.keys().copied().collect();
        for peer in self.peers.values_mut() {
            peer.link = None;
            peer.dial = Dial::Never;
        }
        for handle in all {
            self.shut(now, handle, code::GOODBYE, "leaving");
        }
        self.flush(now);
    }

    /// Tells people about somebody refused, not too often.
    fn refused(&mut self, now: Instant, address: SocketAddr, reason: String) {
        if self.refusals.note(now, address.ip(), &reason) {
            self.arrivals.push_back(Arrival::Event(LinkEvent::Refused { address, reason }));
        }
    }

    /// Each peer's link.
    pub(crate) fn peers(&self, now: Instant) -> BTreeMap<NodeId, PeerStatus> {
        let status = |peer: &Peer| {
            let link = peer.link.and_then(|handle| self.connections.get(&handle));
            PeerStatus {
                link: link.map(|link| link.remote),
                incarnation: peer.life,
                round_trip: link.map(|link| link.quic.rtt()),
                silence: link.map(|link| now.saturating_duration_since(link.heard)),
            }
        };
        self.peers.iter().map(|(name, peer)| (name.clone(), status(peer))).collect()
    }

    /// Packets and refusals so far.
    pub(crate) fn counters(&self) -> Counters {
        Counters { refused: self.refusals.total, ..self.counters }
    }

    /// What to wait for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(AsFd::as_fd)
    }

    /// Whether an address is of a kind that one of the sockets reaches.
    pub(crate) fn reaches(&self, address: &SocketAddr) -> bool {
        self.sockets.iter().any(|socket| socket.address().is_ipv4() == address.is_ipv4())
    }

    /// Largest frame that every link which is up can carry now.
    #[cfg(test)]
    fn room(&mut self) -> Option<usize> {
        self.connections.values_mut().filter(|c| c.is_open()).filter_map(|c| c.quic.datagrams().max_size()).min()
    }
}

#[cfg(test)]
mod tests;
