//! Links that change while they are used: other nodes, other addresses, other times and sizes, other keys.
//!
//! Nothing that works is given up before what replaces it works. A connection that was made with something that is no
//! longer so is *outdated*: its dialer dials again beside it, and the new connection takes its place as any newer one
//! does. A socket whose address this node gave up receives until no connection uses it any more. Only what must not go
//! on is ended at once: connections with nodes that were taken out, and with certificates that are not accepted now.

use super::path::Test;
use super::settle::shown;
use super::*;

/// Which link each socket is the end of, by the socket's address.
pub(crate) type Ends = BTreeMap<SocketAddr, usize>;

/// What of the links can be changed.
pub(crate) struct LinkChange {
    /// All nodes of the cluster.
    pub(crate) peers: BTreeSet<NodeId>,
    pub(crate) token: Duration,
    pub(crate) mtu: Option<u16>,
    pub(crate) mode: LinkMode,
    /// Fingerprints of certificates that are not accepted, whoever signed them.
    pub(crate) revoked: BTreeSet<[u8; 32]>,
    /// Additional ones.
    pub(crate) sockets: Vec<Socket>,
    /// Those not named are given up. `None`: all stay as they are.
    pub(crate) ends: Option<Ends>,
}

impl Links {
    /// Goes on with other options. Where peers are is told apart, with [`Links::set_addresses`].
    ///
    /// # Errors
    /// What QUIC has against a value, in words; then nothing has changed.
    pub(crate) fn change(&mut self, now: Instant, to: LinkChange) -> Result<(), String> {
        let setup = Setup::new(&self.identity, to.token, self.options.seed)?;
        self.plug(to.sockets, to.ends);
        let before = (self.options.token, self.options.mtu);
        (self.options.token, self.options.mtu, self.options.mode) = (to.token, to.mtu, to.mode);
        if before != (to.token, to.mtu) {
            self.told_too_big = false;
            self.set_up(setup);
        }
        let removed: Vec<NodeId> = self.peers.keys().filter(|peer| !to.peers.contains(*peer)).cloned().collect();
        for peer in removed {
            self.dismiss(now, &peer);
        }
        for peer in to.peers.iter().filter(|peer| **peer != self.options.me) {
            self.peers.entry(peer.clone()).or_insert_with(Peer::new);
        }
        self.options.peers = to.peers;
        if *self.identity.revoked() != to.revoked {
            self.identity = self.identity.clone().revoking(to.revoked);
            self.inspect(now);
        }
        self.pace = Pace::new(self.options.token, self.peers.values().map(|peer| peer.paths.len()).sum());
        self.measure();
        let names: Vec<NodeId> = self.peers.keys().cloned().collect();
        for name in names {
            self.reroute(now, &name);
        }
        Ok(())
    }

    /// Goes on with other keys, or other authorities: connections that stand are replaced by ones made with them. A
    /// peer whose certificate is not accepted any more is told so and loses its connections at once.
    ///
    /// # Errors
    /// What is wrong with the keys, in words; then nothing has changed.
    pub(crate) fn renew(&mut self, now: Instant, identity: Identity) -> Result<(), String> {
        if *identity.node() != self.options.me {
            return Err(format!("they are those of {}, and this is {}", identity.node(), self.options.me));
        }
        let setup = Setup::new(&identity, self.options.token, self.options.seed)?;
        self.identity = identity.revoking(self.identity.revoked().clone());
        self.set_up(setup);
        self.inspect(now);
        // Those that peers have dialed only they can replace.
        let accepted = self.connections.iter().filter(|(_, c)| c.is_open() && c.dialed.is_none());
        let accepted: Vec<ConnectionHandle> = accepted.map(|(handle, _)| *handle).collect();
        for handle in accepted {
            self.test(handle, Test::Renew);
        }
        Ok(())
    }

    /// Ends the connections of those whose certificates are not accepted any more.
    fn inspect(&mut self, now: Instant) {
        let mut refused = Vec::new();
        for (handle, connection) in self.connections.iter().filter(|(_, connection)| connection.is_open()) {
            let Some(certificate) = shown(&connection.quic) else { continue };
            refused.extend(self.identity.rejects(&certificate).map(|reason| (*handle, reason)));
        }
        for (handle, reason) in refused {
            self.expel(now, handle, reason);
        }
    }

    /// Ends an open connection with somebody who may not go on, and with it the link: nothing takes its place.
    fn expel(&mut self, now: Instant, handle: ConnectionHandle, reason: String) {
        let Some(connection) = self.connections.get(&handle) else { return };
        let Stage::Open { peer: name, .. } = &connection.stage else { return };
        let (name, link, remote) = (name.clone(), connection.link, connection.remote);
        self.shut(now, handle, code::REFUSED, &reason);
        self.refused(now, remote, reason.clone());
        let Some(path) = self.peers.get_mut(&name).and_then(|peer| peer.paths.get_mut(link)) else { return };
        if path.link != Some(handle) {
            return;
        }
        path.link = None;
        path.health.renew();
        if std::mem::take(&mut path.health.up) {
            path.health.losses += 1;
            self.arrivals.push_back(Arrival::Event(LinkEvent::Down { peer: name.clone(), link, reason }));
        }
        self.turned_down(now, &name, link);
        self.reroute(now, &name);
    }

    /// New connections are made with this from now on.
    fn set_up(&mut self, setup: Setup) {
        self.endpoint.set_server_config(Some(Arc::clone(&setup.server)));
        self.setup = setup;
        // What did not pass may pass by now.
        self.passing.clear();
        self.stalled.clear();
        for connection in self.connections.values_mut() {
            connection.outdated = true;
        }
    }

    /// Adds sockets, and says of which links they and the others are the ends.
    pub(super) fn plug(&mut self, sockets: Vec<Socket>, ends: Option<Ends>) {
        let next = self.sockets.keys().next_back().map_or(0, |last| last + 1);
        self.sockets.extend((next..).zip(sockets));
        for socket in self.sockets.values_mut() {
            if let Some(ends) = &ends {
                socket.relink(ends.get(&socket.address()).copied());
            }
        }
    }

    /// Closes the sockets that were given up and are not used any more.
    pub(super) fn unplug(&mut self) {
        if self.sockets.values().all(|socket| socket.link().is_some()) {
            return;
        }
        let used: BTreeSet<usize> = self.connections.values().map(|connection| connection.socket).collect();
        self.sockets.retain(|number, socket| socket.link().is_some() || used.contains(number));
    }

    /// Whether the connection in use is to be replaced: it was made otherwise than one would be made now.
    pub(super) fn is_outdated(&self, path: &Path) -> bool {
        let Some(connection) = path.link.and_then(|handle| self.connections.get(&handle)) else { return false };
        let given_up = self.sockets.get(&connection.socket).is_none_or(|socket| socket.link().is_none());
        connection.outdated || given_up || !path.addresses.contains(&connection.remote)
    }

    /// A node is not one of this cluster's any more.
    fn dismiss(&mut self, now: Instant, name: &NodeId) {
        let reason = format!("{name} is no node of this cluster any more");
        let with = |c: &Connection| match &c.stage {
            Stage::Open { peer, .. } | Stage::Greeting { peer, .. } => peer == name,
            Stage::Shaking | Stage::Closed => c.dialed.as_ref() == Some(name),
        };
        let theirs = self.connections.iter().filter(|(_, connection)| with(connection));
        let theirs: Vec<ConnectionHandle> = theirs.map(|(handle, _)| *handle).collect();
        for handle in theirs {
            self.shut(now, handle, code::REFUSED, &reason);
        }
        self.take_out(now, name, 0);
        if self.peers.remove(name).is_some_and(|peer| peer.life.is_some()) {
            self.arrivals.push_back(Arrival::Down(name.clone()));
        }
    }

    /// A peer has only so many links from now on.
    pub(super) fn take_out(&mut self, now: Instant, name: &NodeId, links: usize) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let gone: Vec<Path> = peer.paths.drain(links.min(peer.paths.len())..).collect();
        if gone.is_empty() {
            return;
        }
        let reason = "it is not configured any more";
        for (link, _) in gone.iter().enumerate().filter(|(_, path)| path.health.up) {
            let event = LinkEvent::Down { peer: name.clone(), link: links + link, reason: reason.to_owned() };
            self.arrivals.push_back(Arrival::Event(event));
        }
        let tried = gone.iter().filter_map(|path| match path.dial {
            Dial::Trying { handle, .. } => Some(handle),
            _ => None,
        });
        let handles: BTreeSet<ConnectionHandle> = gone.iter().filter_map(|path| path.link).chain(tried).collect();
        for handle in handles {
            self.shut(now, handle, code::REPLACED, reason);
        }
        self.reroute(now, name);
    }
}
