//! When a peer is dialed: at once, then with growing pauses, for ever; and again beside a link that has gone silent.

use super::*;

/// First pause after a failed attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Longest pause when nobody answers. An attempt repeats its first packet by itself, so pauses can be short.
const SILENT_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause when somebody answers and refuses.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// What the dialer does about one peer.
#[derive(Debug)]
pub(super) enum Dial {
    /// The peer dials.
    Never,
    /// There is a link. It is watched for silence.
    Watching,
    /// The next attempt starts then.
    Waiting { until: Instant },
    /// An attempt is under way and is given up then.
    Trying { handle: ConnectionHandle, until: Instant },
}

/// How attempts went lately.
#[derive(Debug)]
pub(super) struct Patience {
    pause: Duration,
    next_address: usize,
    told: bool,
}

impl Patience {
    pub(super) fn new() -> Patience {
        Patience { pause: FIRST_PAUSE, next_address: 0, told: false }
    }

    fn failed(&mut self, longest: Duration) -> Duration {
        let pause = self.pause.min(longest);
        self.pause = (self.pause * 2).min(REFUSED_PAUSE);
        pause
    }
}

impl Connection {
    /// Whether this connection should have said hello by now.
    pub(super) fn is_waited_for(&self) -> bool {
        self.dialed.is_none() && matches!(self.stage, Stage::Shaking | Stage::Greeting { .. })
    }
}

impl Links {
    /// How long an attempt may take: a token timeout, within reason. Two crypto operations on a busy host must fit.
    fn reach(&self) -> Duration {
        self.options.token.clamp(Duration::from_millis(300), Duration::from_secs(2))
    }

    /// When the link to this peer counts as silent: half a token timeout, in which an idle link shows itself at least
    /// once.
    fn silent_at(&self, peer: &Peer) -> Option<Instant> {
        let link = self.connections.get(&peer.link?)?;
        Some(link.heard + (self.options.token / 2).clamp(Duration::from_millis(150), Duration::from_secs(2)))
    }

    /// The socket to reach an address from: the one of the same rank when it is of the same kind.
    fn socket_for(&self, rank: usize, address: &SocketAddr) -> Option<usize> {
        let fits = |socket: &Socket| socket.address().is_ipv4() == address.is_ipv4();
        if self.sockets.get(rank).is_some_and(fits) { Some(rank) } else { self.sockets.iter().position(fits) }
    }

    pub(super) fn dial_deadline(&self) -> Option<Instant> {
        self.peers
            .values()
            .filter_map(|peer| match peer.dial {
                Dial::Never => None,
                Dial::Watching => self.silent_at(peer),
                Dial::Waiting { .. } if peer.addresses.is_empty() => None,
                Dial::Waiting { until } | Dial::Trying { until, .. } => Some(until),
            })
            .min()
    }

    /// Does what is due for each peer that this node dials.
    pub(super) fn tend(&mut self, now: Instant) {
        let due: Vec<NodeId> = self
            .peers
            .iter()
            .filter(|(_, peer)| match peer.dial {
                Dial::Never => false,
                Dial::Watching => self.silent_at(peer).is_none_or(|at| at <= now),
                Dial::Waiting { until } => until <= now && !peer.addresses.is_empty(),
                Dial::Trying { until, .. } => until <= now,
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            let fresh = self.silent_at(&self.peers[&name]).is_some_and(|at| now < at);
            match self.peers[&name].dial {
                Dial::Never => {}
                // The link that was silent is heard again.
                Dial::Waiting { .. } if fresh => self.watch(&name),
                Dial::Watching => {
                    self.look_elsewhere(&name);
                    self.attempt(now, &name);
                }
                Dial::Waiting { .. } => self.attempt(now, &name),
                Dial::Trying { handle, .. } => self.give_up(now, &name, handle),
            }
        }
    }

    fn watch(&mut self, name: &NodeId) {
        if let Some(peer) = self.peers.get_mut(name) {
            peer.dial = Dial::Watching;
        }
    }

    /// The address in use has fallen silent: the next one first.
    fn look_elsewhere(&mut self, name: &NodeId) {
        if let Some(peer) = self.peers.get_mut(name) {
            peer.patience.next_address += 1;
        }
    }

    fn attempt(&mut self, now: Instant, name: &NodeId) {
        let until = now + self.reach();
        let Some(peer) = self.peers.get_mut(name) else { return };
        if peer.addresses.is_empty() {
            peer.dial = Dial::Waiting { until: now };
            return;
        }
        let rank = peer.patience.next_address % peer.addresses.len();
        let address = peer.addresses[rank];
        let Some(socket) = self.socket_for(rank, &address) else {
            return self.unanswered(now, name, address, "this node has no address of that kind");
        };
        let Some(peer) = self.peers.get_mut(name) else { return };
        let client = self.setup.client.clone();
        match self.endpoint.connect(now, client, address, &name::encode(name)) {
            Ok((handle, quic)) => {
                peer.dial = Dial::Trying { handle, until };
                self.adopt(now, handle, quic, (socket, address), Some(name.clone()));
                self.unsent.insert(handle);
            }
            Err(error) => self.unanswered(now, name, address, &error.to_string()),
        }
    }

    fn give_up(&mut self, now: Instant, name: &NodeId, handle: ConnectionHandle) {
        let Some(address) = self.connections.get(&handle).map(|connection| connection.remote) else { return };
        // First into the books, so that closing it does not count as another failure.
        self.unanswered(now, name, address, "no answer");
        self.shut(now, handle, code::ABANDONED, "no answer in time");
    }

    /// An attempt failed without an answer: the next address, after a pause.
    pub(super) fn unanswered(&mut self, now: Instant, name: &NodeId, address: SocketAddr, reason: &str) {
        self.try_later(now, name, SILENT_PAUSE);
        let Some(peer) = self.peers.get_mut(name) else { return };
        if peer.patience.told || peer.link.is_some() || peer.patience.next_address < peer.addresses.len() {
            return;
        }
        peer.patience.told = true;
        let event = LinkEvent::Unreachable { peer: name.clone(), address, reason: reason.to_owned() };
        self.arrivals.push_back(Arrival::Event(event));
    }

    /// An attempt was answered with a no.
    pub(super) fn turned_down(&mut self, now: Instant, name: &NodeId) {
        self.try_later(now, name, REFUSED_PAUSE);
    }

    fn try_later(&mut self, now: Instant, name: &NodeId, longest: Duration) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        peer.patience.next_address += 1;
        peer.dial = Dial::Waiting { until: now + peer.patience.failed(longest) };
    }

    /// The link of a dialed peer is gone: dial again at once, at the address that worked.
    pub(super) fn redial(&mut self, now: Instant, name: &NodeId) {
        if let Some(peer) = self.peers.get_mut(name)
            && matches!(peer.dial, Dial::Watching)
        {
            peer.dial = Dial::Waiting { until: now };
        }
    }

    /// A dialed connection is open.
    pub(super) fn answered(&mut self, name: &NodeId, remote: SocketAddr) {
        if let Some(peer) = self.peers.get_mut(name)
            && !matches!(peer.dial, Dial::Never)
        {
            peer.dial = Dial::Watching;
            let works = peer.addresses.iter().position(|address| *address == remote).unwrap_or(0);
            peer.patience = Patience { next_address: works, ..Patience::new() };
        }
    }
}
