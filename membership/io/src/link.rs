//! The links of one node to all others: a UDP socket per own address, a QUIC connection per peer and address.
//!
//! The node with the lower name dials, the other accepts, so that two nodes never build the same link twice. A dialer
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
//! Every node has one to eight addresses, and a socket on each. The first address of one node and the first of another
//! make their first link, and so on ([`Path`]); all links stand all the time. Which of them frames take ([`Route`]) is
//! a matter of the mode, and of whether a link works: that is tried all the time, in both directions and with packets
//! of the full size. The loss of a link is an event for people; only silence on all of them is one for the ring.
//!
//! Nothing here knows what a frame means, and nothing here reads a clock.

mod change;
mod closed;
mod dial;
mod hello;
mod path;
mod refusals;
mod route;
mod send;
mod settle;
mod size;
mod socket;
mod status;
mod tend;

pub(crate) use change::{Ends, LinkChange};
pub(crate) use closed::{Complaint, LABEL_END};
pub(crate) use hello::Hello;
pub(crate) use socket::Socket;

use crate::event::{Counters, LinkEvent};
use crate::identity::{Certificate, Identity, name};
use crate::quic::{MIN_MTU, Setup, frame_limit};
use bytes::Bytes;
use config::{LinkMode, NodeId};
use dial::{Dial, KNOCK};
use membership::{Incarnation, Versions};
use path::{MAX_LINKS, Pace, Path};
use quinn_proto::{ConnectionError, ConnectionHandle, DatagramEvent, Endpoint, Incoming, VarInt};
use refusals::Refusals;
use route::Route;
use socket::Batch;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
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
    /// The process cannot go on.
    pub(super) const FAILED: u32 = 4;
}

/// What the links need to know.
pub(crate) struct LinkOptions {
    /// What this program speaks.
    pub(crate) versions: Versions,
    pub(crate) cluster: String,
    pub(crate) me: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) peers: BTreeSet<NodeId>,
    pub(crate) token: Duration,
    /// Largest UDP payload, in bytes; `None`: each connection finds out its own.
    pub(crate) mtu: Option<u16>,
    pub(crate) seed: u64,
    pub(crate) mode: LinkMode,
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
    Open { peer: NodeId, incarnation: Incarnation, version: u8 },
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
    /// Which of the peer's links it is; of accepted ones not known before the hello.
    link: usize,
    since: Instant,
    heard: Instant,
    /// Bytes sent since something was heard.
    deaf: usize,
    /// A frame was sent since the last look: its confirmation will show whether the path works.
    spoke: bool,
    /// The connection id that packets on it carry.
    label: Option<[u8; 8]>,
    /// What was complained about since something was heard.
    refused: Option<closed::Refused>,
    /// It was made with options or keys that are not those of now: another one is to take its place.
    outdated: bool,
}

impl Connection {
    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open { .. })
    }

    /// When its timers are to be run. Those of an open one only confirm what came, or wonder why nothing was confirmed:
    /// they wait a little for something that wakes this thread up in any case. Hellos are still repeated in time.
    fn due(&mut self, pace: &Pace) -> Option<Instant> {
        let at = self.quic.poll_timeout()?;
        let settled = self.is_open() && self.since + pace.trust <= at;
        Some(if settled { at + pace.slack } else { at })
    }

    /// A connection of somebody who has not proven a name yet.
    fn is_stranger(&self) -> bool {
        self.dialed.is_none() && !self.is_open()
    }
}

/// One configured peer.
#[derive(Debug)]
struct Peer {
    /// One per link, the preferred one first.
    paths: Vec<Path>,
    /// The connections that frames are sent on.
    route: Route,
    /// The life that was linked last, until it is known to be over.
    life: Option<Incarnation>,
    /// Its port is said to be closed.
    suspicion: Option<closed::Suspicion>,
    /// The certificate that it showed last.
    certificate: Option<Certificate>,
}

impl Peer {
    fn new() -> Peer {
        Peer { paths: Vec::new(), route: Route::default(), life: None, suspicion: None, certificate: None }
    }
}

/// All links of this node.
pub(crate) struct Links {
    options: LinkOptions,
    identity: Identity,
    setup: Setup,
    endpoint: Endpoint,
    /// Each under a number that is not used again.
    sockets: BTreeMap<usize, Socket>,
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
    /// Packets to these addresses come through up to this size, and were lost above.
    passing: BTreeMap<IpAddr, u16>,
    /// Handshakes in a row with peers at these addresses that came to nothing.
    stalled: BTreeMap<IpAddr, u32>,
    /// Largest frame that every link in use carries, as of the last look.
    carries: usize,
    pace: Pace,
    /// When all paths are looked at again.
    next_look: Instant,
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
        let setup = Setup::new(identity, options.token, options.seed)?;
        let endpoint = Endpoint::new(Arc::clone(&setup.endpoint), Some(Arc::clone(&setup.server)), true, None);
        let others = options.peers.iter().filter(|peer| **peer != options.me);
        let peers = others.map(|peer| (peer.clone(), Peer::new())).collect();
        let pace = Pace::new(options.token, options.peers.len());
        let carries = frame_limit(options.mtu.unwrap_or(MIN_MTU));
        Ok(Links {
            options,
            identity: identity.clone(),
            setup,
            endpoint,
            sockets: sockets.into_iter().enumerate().collect(),
            batch: Batch::new(),
            connections: BTreeMap::new(),
            peers,
            arrivals: VecDeque::new(),
            unsent: BTreeSet::new(),
            refusals: Refusals::default(),
            counters: Counters::default(),
            scratch: Vec::with_capacity(64 * 1024),
            told_too_big: false,
            passing: BTreeMap::new(),
            stalled: BTreeMap::new(),
            carries,
            pace,
            next_look: now,
        })
    }

    /// Where `peer` can be reached: the addresses of each of its links. A link without any keeps those it had. Returns
    /// an address that no socket of this node reaches, if a link has only such.
    pub(crate) fn set_addresses(
        &mut self,
        now: Instant,
        name: &NodeId,
        links: Vec<Vec<SocketAddr>>,
    ) -> Option<SocketAddr> {
        let mut beyond = None;
        self.take_out(now, name, links.len());
        for (link, addresses) in links.into_iter().take(MAX_LINKS).enumerate() {
            let (usable, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| self.reaches(address));
            if usable.is_empty() {
                beyond = beyond.or(other.first().copied());
            }
            let Some(path) = self.grow(now, name, link) else { continue };
            if !usable.is_empty() {
                path.addresses = usable;
            }
        }
        let paths = self.peers.values().map(|peer| peer.paths.len()).sum();
        self.pace = Pace::new(self.options.token, paths);
        beyond
    }

    /// The path to a peer over a link, made if it is new.
    fn grow(&mut self, now: Instant, name: &NodeId, link: usize) -> Option<&mut Path> {
        let dials = self.options.me < *name;
        let peer = self.peers.get_mut(name)?;
        while peer.paths.len() <= link.min(MAX_LINKS - 1) {
            peer.paths.push(Path::new(if dials { Dial::Waiting { until: now } } else { Dial::Asking { next: now } }));
        }
        peer.paths.get_mut(link)
    }

    /// Takes one batch of packets from each socket; true while more may be waiting. Then look at [`Links::arrival`].
    ///
    /// # Errors
    /// A socket is broken for good.
    pub(crate) fn receive(&mut self, now: Instant) -> io::Result<bool> {
        let mut batch = std::mem::replace(&mut self.batch, Batch::empty());
        let mut more = false;
        let numbers: Vec<usize> = self.sockets.keys().copied().collect();
        for number in numbers {
            let Some(socket) = self.sockets.get_mut(&number) else { continue };
            more |= socket.receive(&mut batch)?;
            for packet in batch.packets() {
                self.packet(now, number, packet);
            }
        }
        self.batch = batch;
        Ok(more)
    }

    fn packet(&mut self, now: Instant, socket: usize, packet: socket::Packet) {
        self.counters.packets_in += 1;
        if let Some(knock) = packet.bytes.strip_prefix(KNOCK) {
            return self.knocked(now, packet.remote, knock);
        }
        self.scratch.clear();
        match self.endpoint.handle(now, packet.remote, packet.local, packet.ecn, packet.bytes, &mut self.scratch) {
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
        let server = self.setup.accepting(self.size_towards(socket, &remote));
        match self.endpoint.accept(incoming, now, &mut self.scratch, Some(server)) {
            Ok((handle, quic)) => self.adopt(now, handle, quic, (socket, remote), None),
            Err(error) => {
                if let Some(transmit) = error.response {
                    self.respond(socket, &transmit);
                }
                // A packet that cannot be read is garbage, or one for a connection that is over: nobody was refused.
                if matches!(&error.cause, ConnectionError::TransportError(_)) {
                    self.counters.ignored += 1;
                } else {
                    self.refused(now, remote, error.cause.to_string());
                }
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
        dialed: Option<(NodeId, usize)>,
    ) {
        let link = dialed.as_ref().map_or(0, |(_, link)| *link);
        let dialed = dialed.map(|(name, _)| name);
        let stage = Stage::Shaking;
        let fresh = Connection {
            quic,
            stage,
            socket,
            remote,
            dialed,
            link,
            since: now,
            heard: now,
            deaf: 0,
            spoke: false,
            label: None,
            refused: None,
            outdated: false,
        };
        self.connections.insert(handle, fresh);
        self.settle(now, handle);
    }

    /// The next thing that arrived.
    pub(crate) fn arrival(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }

    /// Forgets the frames that have arrived and were not taken yet.
    pub(crate) fn forget_frames(&mut self) {
        self.arrivals.retain(|arrival| !matches!(arrival, Arrival::Frame { .. }));
    }

    /// Runs timers that are due, dials who should be dialed, drops who took too long.
    pub(crate) fn tick(&mut self, now: Instant) {
        let pace = self.pace;
        let due: Vec<ConnectionHandle> = self
            .connections
            .iter_mut()
            .filter_map(|(handle, connection)| connection.due(&pace).filter(|at| *at <= now).map(|_| *handle))
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
        self.look(now);
        self.investigate(now);
        self.unplug();
    }

    /// [`Links::tick`] no later than this.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        let pace = self.pace;
        let timers = self.connections.values_mut().filter_map(|connection| connection.due(&pace)).min();
        let slow = self.connections.values().filter(|c| c.is_waited_for()).map(|c| c.since + HELLO_PATIENCE).min();
        let linked = self.connections.values().any(Connection::is_open);
        let suspicion = self.suspicion_deadline();
        [timers, slow, self.dial_deadline(), suspicion, linked.then_some(self.next_look + pace.look)]
            .into_iter()
            .flatten()
            .min()
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
        self.part(now, code::GOODBYE, "leaving");
    }

    /// Tells everybody that this process ends without having left in order.
    pub(crate) fn fail(&mut self, now: Instant) {
        self.part(now, code::FAILED, "its ring has failed");
    }

    fn part(&mut self, now: Instant, code: u32, reason: &str) {
        let all: Vec<ConnectionHandle> = self.connections.keys().copied().collect();
        for peer in self.peers.values_mut() {
            for path in &mut peer.paths {
                path.link = None;
                path.dial = Dial::Never;
            }
            peer.route = Route::default();
        }
        for handle in all {
            self.shut(now, handle, code, reason);
        }
        self.flush(now);
    }

    /// Tells people about somebody refused, not too often.
    fn refused(&mut self, now: Instant, address: SocketAddr, reason: String) {
        if self.refusals.note(now, address.ip(), &reason) {
            self.arrivals.push_back(Arrival::Event(LinkEvent::Refused { address, reason }));
        }
    }

    /// What to wait for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.values().map(AsFd::as_fd)
    }

    /// Whether an address is of a kind that one of the sockets reaches.
    pub(crate) fn reaches(&self, address: &SocketAddr) -> bool {
        self.sockets.values().any(|socket| socket.address().is_ipv4() == address.is_ipv4())
    }

    /// Largest frame that every link in use carries.
    pub(crate) fn carries(&self) -> usize {
        self.carries
    }

    /// Works out anew what every link in use carries: its connection may have been made for another size.
    fn measure(&mut self) {
        let open = self.connections.values_mut().filter(|connection| connection.is_open());
        let room = open.filter_map(|connection| connection.quic.datagrams().max_size()).min();
        let most = self.options.mtu.map_or(usize::MAX, frame_limit);
        self.carries = most.min(room.unwrap_or(self.carries));
    }
}

#[cfg(test)]
mod tests;
