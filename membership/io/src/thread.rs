//! The ring thread: sockets, clock and disk on one side, the pure [`Ring`] on the other.
//!
//! One thread carries everything between the network and the ring, in the order in which it arrived: the order of two
//! frames of different peers matters, since a token that overtakes data asks for it again. For the same reason
//! everything queued before a token is handed to the kernel before the token is, on all links.
//!
//! ```text
//!   socket --> Links --frames--> Ring --outputs--> Links --> socket
//!                                 | ^
//!              on_event <---------+ +------- Mailbox <-- RingHandle, names, disk
//! ```

mod pump;

use crate::address::{self, Place};
use crate::event::{Event, Status};
use crate::flight::Flight;
use crate::identity::Identity;
use crate::link::{Ends, LinkChange, LinkOptions, Links, Socket};
use crate::mailbox::{Busy, Mailbox, Note};
use crate::quic::{MIN_MTU, frame_limit};
use crate::sequence::{self, SequenceError};
use config::{LinkMode, NodeId};
use membership::{Chronicle, Incarnation, Message, Ring, RingOptions, Versions};
use pump::Pump;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long [`RingHandle::status`] waits for an answer.
const STATUS_PATIENCE: Duration = Duration::from_secs(1);

/// Where the socket comes from.
#[derive(Debug, Default)]
pub enum Bind {
    /// One socket on each of this node's configured addresses. The first must be there; any other that is not is left
    /// out with a warning.
    #[default]
    Configured,
    /// One socket, here, while the peers use the configured address (NAT, a sandbox).
    Address(SocketAddr),
    /// This one, bound already.
    Socket(UdpSocket),
}

/// What the ring thread needs to know.
#[derive(Debug)]
pub struct Options {
    /// The cluster's name; nodes of another cluster are refused.
    pub cluster: String,
    /// This node.
    pub me: NodeId,
    /// This life of the daemon.
    pub incarnation: Incarnation,
    /// All nodes, this one included, with their addresses: `HOST` or `HOST:PORT`, the first is preferred.
    pub nodes: BTreeMap<NodeId, Vec<String>>,
    /// Port where an address names none.
    pub port: u16,
    /// Silence after which a node counts as lost.
    pub token: Duration,
    /// Largest UDP payload the links carry unfragmented, in bytes; `None`: each link finds out its own.
    pub mtu: Option<u16>,
    /// What this program says it speaks: [`membership::VERSIONS`], and other ranges in tests.
    pub versions: Versions,
    /// Seed for jitter; draw it at random.
    pub seed: u64,
    /// This node's key and certificate.
    pub identity: Identity,
    /// Where the socket comes from.
    pub bind: Bind,
    /// Where the ring number is stored.
    pub state_dir: PathBuf,
    /// Whether to ask for real-time scheduling and locked memory.
    pub realtime: bool,
    /// How several links between two nodes are used.
    pub link_mode: LinkMode,
}

/// What of [`Options`] a running ring can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// All nodes, this one included, with their addresses.
    pub nodes: BTreeMap<NodeId, Vec<String>>,
    /// Port where an address names none.
    pub port: u16,
    /// Silence after which a node counts as lost.
    pub token: Duration,
    /// Largest UDP payload the links carry unfragmented, in bytes; `None`: each link finds out its own.
    pub mtu: Option<u16>,
    /// How several links between two nodes are used.
    pub link_mode: LinkMode,
    /// Fingerprints (SHA-256) of certificates that are not accepted any more.
    pub revoked: BTreeSet<[u8; 32]>,
}

/// Why the ring thread did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// This node is not among the nodes.
    #[error("node {0} is not among the nodes of the cluster file; add [nodes.{0}] or correct this node's name")]
    Unknown(NodeId),
    /// The certificate is somebody else's.
    #[error(
        "this is node {me}, but the certificate in its key directory is for {certificate}; install {me}'s own keys"
    )]
    WrongIdentity {
        /// This node.
        me: NodeId,
        /// Whose certificate it is.
        certificate: NodeId,
    },
    /// An address cannot be read.
    #[error("address of node {node}: {reason}")]
    Address {
        /// Whose address.
        node: NodeId,
        /// What is wrong with it.
        reason: String,
    },
    /// The packet size is not possible.
    #[error("mtu = {0} is too small: QUIC needs at least {MIN_MTU}")]
    Mtu(u16),
    /// The socket cannot be bound.
    #[error(
        "cannot use UDP address {address}: {source}; is it this host's, and is no other daemon running on this port?"
    )]
    Bind {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The stored ring number is not usable.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    /// TLS or QUIC refuses the identity or a value.
    #[error("cannot set up QUIC: {0}")]
    Quic(String),
    /// The system has no thread or file descriptor to give.
    #[error("cannot start the ring thread: {0}")]
    System(#[from] io::Error),
}

/// Starts rings.
#[derive(Debug)]
pub struct RingThread;

/// A running ring. Dropping it ends the thread at once and says goodbye to nobody, as a killed process would: peers
/// notice when they send something to the closed port. To leave in order, call [`RingHandle::leave`] and wait for
/// [`Event::Left`] or [`RingHandle::join`].
pub struct RingHandle {
    mailbox: Arc<Mailbox>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
    me: NodeId,
    /// Where this node receives, and which of its addresses that is for; empty when a socket was given.
    own: Vec<(Place, SocketAddr)>,
    /// The same of addresses that it does not have any more.
    given_up: Vec<(Place, SocketAddr)>,
    /// Counts the changes of addresses.
    era: u64,
    /// What the ring was told last.
    settings: Settings,
}

impl fmt::Debug for RingHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingHandle").field("address", &self.address).finish_non_exhaustive()
    }
}

impl RingThread {
    /// Starts the ring. `on_event` is called on the ring thread and must return at once: hand the event to a queue.
    ///
    /// # Errors
    /// [`SpawnError`] says what is wrong and what to do.
    pub fn spawn(options: Options, on_event: Box<dyn Fn(Event) + Send>) -> Result<RingHandle, SpawnError> {
        let now = Instant::now();
        check(&options)?;
        let settings = Settings {
            nodes: options.nodes.clone(),
            port: options.port,
            token: options.token,
            mtu: options.mtu,
            link_mode: options.link_mode,
            revoked: options.identity.revoked().clone(),
        };
        let places = places(&options.me, &settings)?;
        let ring_number_floor = sequence::load(&options.state_dir)?;
        let mailbox = Arc::new(Mailbox::new()?);
        let configured = matches!(options.bind, Bind::Configured);
        let sockets = sockets(bind(options.bind, &places[&options.me], &mailbox)?, &mailbox)?;
        let local = sockets[0].address();
        let own = sockets.iter().filter(|_| configured).filter_map(|socket| {
            let place = places[&options.me].get(socket.link()?)?;
            Some((place.clone(), socket.address()))
        });
        let own = own.collect();

        let link_options = LinkOptions {
            versions: options.versions,
            cluster: options.cluster,
            me: options.me.clone(),
            incarnation: options.incarnation,
            peers: options.nodes.keys().cloned().collect(),
            token: options.token,
            mtu: options.mtu,
            seed: options.seed,
            mode: options.link_mode,
        };
        let links = Links::new(link_options, &options.identity, sockets, now).map_err(SpawnError::Quic)?;
        let peers: BTreeMap<NodeId, Vec<Place>> = places.into_iter().filter(|(node, _)| *node != options.me).collect();
        look_up(peers, 0, &mailbox);

        let me = options.me.clone();
        let ring = Ring::new(
            RingOptions {
                me: options.me.clone(),
                incarnation: options.incarnation,
                nodes: options.nodes.keys().cloned().collect(),
                token: options.token,
                frame_limit: frame_limit(options.mtu.unwrap_or(MIN_MTU)),
                ring_number_floor,
                seed: options.seed,
            },
            now,
        );
        let known = (options.token, options.nodes.into_keys().collect());
        let chronicle = Chronicle::new(me.clone());
        let flight = Flight::new(&ring, me, &options.state_dir, Arc::clone(&mailbox))?;
        let keeper = sequence::keeper(options.state_dir, Arc::clone(&mailbox))?;
        let pump = Pump::new((ring, flight, chronicle), links, local, Arc::clone(&mailbox), keeper, known, on_event);
        let realtime = options.realtime;
        let thread = thread::Builder::new().name("ring".to_owned()).spawn(move || pump.run(realtime))?;
        Ok(RingHandle {
            mailbox,
            address: local,
            thread: Some(thread),
            me: options.me,
            own,
            given_up: Vec::new(),
            era: 0,
            settings,
        })
    }
}

/// Gives messages to a running ring, and holds nothing of it.
#[derive(Clone)]
pub struct RingSender {
    mailbox: Arc<Mailbox>,
}

impl fmt::Debug for RingSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingSender").finish_non_exhaustive()
    }
}

impl RingSender {
    /// As [`RingHandle::multicast`].
    ///
    /// # Errors
    /// [`Busy`]: the message was not taken.
    pub fn multicast(&self, message: impl Into<Message>) -> Result<(), Busy> {
        self.mailbox.multicast(message)
    }
}

impl RingHandle {
    /// Sends a message to all members, this node included, in agreed order. Bytes alone are the cluster's own.
    ///
    /// # Errors
    /// [`Busy`]: the message was not taken.
    pub fn multicast(&self, message: impl Into<Message>) -> Result<(), Busy> {
        self.mailbox.multicast(message)
    }

    /// For another thread that has something to say.
    #[must_use]
    pub fn sender(&self) -> RingSender {
        RingSender { mailbox: Arc::clone(&self.mailbox) }
    }

    /// Goes on with other nodes, addresses, times or sizes, without a new view unless a member was taken out. Addresses
    /// that are new to this node are received at from now on, those that it gives up until no peer uses them any more;
    /// connections are made anew beside those that stand. What is the same as before changes nothing. May take as long
    /// as looking up this node's own addresses does.
    ///
    /// # Errors
    /// Nothing was changed: an address cannot be read, or this node is none of the nodes any more.
    pub fn reconfigure(&mut self, settings: Settings) -> Result<(), SpawnError> {
        if settings == self.settings {
            return Ok(());
        }
        large_enough(settings.mtu)?;
        let places = places(&self.me, &settings)?;
        let (sockets, ends) = self.move_to(&places[&self.me])?;
        let change = Box::new(LinkChange {
            peers: places.keys().cloned().collect(),
            token: settings.token,
            mtu: settings.mtu,
            mode: settings.link_mode,
            revoked: settings.revoked.clone(),
            sockets,
            ends,
        });
        self.era += 1;
        self.mailbox.post(Note::Reconfigure { era: self.era, change });
        let peers = places.into_iter().filter(|(node, _)| *node != self.me).collect();
        look_up(peers, self.era, &self.mailbox);
        self.settings = settings;
        Ok(())
    }

    /// Goes on with other keys or other authorities, as [`Identity::load`] read them anew: connections are made anew
    /// beside those that stand, and peers whose certificates are not accepted any more lose theirs. `answer` is called
    /// on the ring thread, with what is wrong with the keys if they cannot be used, and must return at once.
    pub fn renew(&self, identity: Identity, answer: impl FnOnce(Result<(), String>) + Send + 'static) {
        self.mailbox.post(Note::Renew(Box::new(identity), Box::new(answer)));
    }

    /// Sockets for those of this node's addresses that have none yet, and which link each of all of them is the end of.
    /// An address that cannot be had is left out with a warning; when that leaves none, everything stays as it is.
    fn move_to(&mut self, places: &[Place]) -> Result<(Vec<Socket>, Option<Ends>), SpawnError> {
        if self.own.is_empty() {
            return Ok((Vec::new(), None));
        }
        let (mut own, mut fresh, mut ends) = (Vec::new(), Vec::new(), Ends::new());
        for (link, place) in places.iter().enumerate() {
            let bound = match self.own.iter().find(|(before, _)| before == place) {
                Some((_, bound)) => *bound,
                None => match address::bind_soon(place) {
                    Ok(udp) => {
                        let bound = udp.local_addr()?;
                        fresh.push((link, udp));
                        bound
                    }
                    // Given up before, and still received at for those who have not moved.
                    Err(source) if source.kind() == io::ErrorKind::AddrInUse && self.left(place).is_some() => {
                        self.left(place).expect("as just seen")
                    }
                    Err(source) => {
                        let error = refused(place)(source);
                        self.mailbox.post(Note::Warning(format!("{error} The addresses in use so far stay in use.")));
                        continue;
                    }
                },
            };
            ends.insert(bound, link);
            own.push((place.clone(), bound));
        }
        if own.is_empty() {
            return Ok((Vec::new(), None));
        }
        let sockets = sockets(fresh, &self.mailbox)?;
        let before = std::mem::replace(&mut self.own, own);
        self.given_up.extend(before);
        self.given_up.retain(|(place, _)| !self.own.iter().any(|(own, _)| own == place));
        Ok((sockets, Some(ends)))
    }

    /// Where an address was bound that this node has given up.
    fn left(&self, place: &Place) -> Option<SocketAddr> {
        self.given_up.iter().find(|(left, _)| left == place).map(|(_, bound)| *bound)
    }

    /// Leaves the cluster in order, after what was multicast before. [`Event::Left`] follows.
    pub fn leave(&self) {
        self.mailbox.post(Note::Leave);
    }

    /// A snapshot; `None` when the ring thread has ended or does not answer within a second.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        let (sender, answer) = mpsc::sync_channel(1);
        self.status_to(move |status| {
            // Nobody waits for it any more: no harm.
            let _ = sender.try_send(status);
        });
        answer.recv_timeout(STATUS_PATIENCE).ok()
    }

    /// Like [`RingHandle::status`], without waiting: `answer` is called on the ring thread and must return at once. It
    /// is dropped uncalled when the ring thread has ended.
    pub fn status_to(&self, answer: impl FnOnce(Status) + Send + 'static) {
        self.mailbox.post(Note::Status(Box::new(answer)));
    }

    /// Writes down what the ring did of late. `answer` is told where, or why not; it is called on another thread and
    /// must return at once. It is dropped uncalled when the ring thread has ended.
    pub fn record_to(&self, answer: impl FnOnce(Result<PathBuf, String>) + Send + 'static) {
        self.mailbox.post(Note::Record(Box::new(answer)));
    }

    /// Where the socket is bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the thread has ended, after [`RingHandle::leave`] or a failure.
    pub fn join(mut self) {
        self.wait();
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take()
            // From its own callback the thread cannot wait for itself.
            && thread.thread().id() != thread::current().id()
        {
            // A panic has been told as Event::Failed.
            let _ = thread.join();
        }
    }
}

impl Drop for RingHandle {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.mailbox.post(Note::Stop);
            self.wait();
        }
    }
}

/// Checks what can be checked before anything is started.
fn check(options: &Options) -> Result<(), SpawnError> {
    if options.identity.node() != &options.me {
        let certificate = options.identity.node().clone();
        return Err(SpawnError::WrongIdentity { me: options.me.clone(), certificate });
    }
    large_enough(options.mtu)
}

fn large_enough(mtu: Option<u16>) -> Result<(), SpawnError> {
    mtu.filter(|mtu| *mtu < MIN_MTU).map_or(Ok(()), |mtu| Err(SpawnError::Mtu(mtu)))
}

/// All nodes' addresses, of which each has one at least.
fn places(me: &NodeId, settings: &Settings) -> Result<BTreeMap<NodeId, Vec<Place>>, SpawnError> {
    if !settings.nodes.contains_key(me) {
        return Err(SpawnError::Unknown(me.clone()));
    }
    let mut all = BTreeMap::new();
    for (node, texts) in &settings.nodes {
        let failed = |reason| SpawnError::Address { node: node.clone(), reason };
        let places: Result<Vec<Place>, String> = texts.iter().map(|text| Place::parse(text, settings.port)).collect();
        let places = places.map_err(failed)?;
        if places.is_empty() {
            return Err(failed("there is none".to_owned()));
        }
        all.insert(node.clone(), places);
    }
    Ok(all)
}

/// Tells where peers are as far as that is known, and begins to look up the rest, until the ring thread ends or gets
/// other ones to look up.
fn look_up(peers: BTreeMap<NodeId, Vec<Place>>, era: u64, mailbox: &Arc<Mailbox>) {
    for (peer, places) in &peers {
        mailbox.post(Note::Resolved { era, peer: peer.clone(), links: address::known(places) });
    }
    let (names, asked) = mpsc::channel();
    mailbox.post(Note::Names(names));
    address::resolver(peers, era, Arc::clone(mailbox), asked);
}

/// Sockets ready for use, with a warning when the kernel grants them too little room.
fn sockets(bound: Vec<(usize, UdpSocket)>, mailbox: &Mailbox) -> Result<Vec<Socket>, SpawnError> {
    let mut sockets = Vec::new();
    for (link, udp) in bound {
        let (socket, warning) = Socket::new(udp, link)?;
        if let Some(warning) = warning.filter(|_| sockets.is_empty()) {
            mailbox.post(Note::Warning(warning));
        }
        sockets.push(socket);
    }
    Ok(sockets)
}

/// The sockets, at least one, each with the link that it is the end of.
fn bind(bind: Bind, own: &[Place], mailbox: &Mailbox) -> Result<Vec<(usize, UdpSocket)>, SpawnError> {
    match bind {
        Bind::Socket(udp) => Ok(vec![(0, udp)]),
        Bind::Address(address) => Ok(vec![(0, address::bind(&Place::Known(address)).map_err(refused(address))?)]),
        Bind::Configured => {
            let mut sockets = vec![(0, address::bind(&own[0]).map_err(refused(&own[0]))?)];
            for (link, place) in own.iter().enumerate().skip(1) {
                match address::bind(place).or_else(|_| address::bind_absent(place)).map_err(refused(place)) {
                    Ok(udp) => sockets.push((link, udp)),
                    Err(error) => mailbox.post(Note::Warning(format!(
                        "{error} It is left out until the daemon starts again; the other addresses are used."
                    ))),
                }
            }
            Ok(sockets)
        }
    }
}

fn refused(address: impl fmt::Display) -> impl FnOnce(io::Error) -> SpawnError {
    move |source| SpawnError::Bind { address: address.to_string(), source }
}
