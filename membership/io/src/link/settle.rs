//! What a connection has to say after each packet and each timer: it came up, it said hello, it brought frames, it is
//! gone.

use super::path::Test;
use super::*;
use quinn_proto::{Dir, Event, StreamEvent, TransportErrorCode};
use rustls::pki_types::CertificateDer;

impl Links {
    /// Takes in everything that a connection has to say.
    pub(super) fn settle(&mut self, now: Instant, handle: ConnectionHandle) {
        self.unsent.insert(handle);
        loop {
            self.exchange(handle);
            let Some(connection) = self.connections.get_mut(&handle) else { return };
            let Some(event) = connection.quic.poll() else { break };
            match event {
                Event::DatagramReceived => self.frames(now, handle),
                Event::Connected => self.connected(now, handle),
                Event::Stream(StreamEvent::Opened { dir: Dir::Uni } | StreamEvent::Readable { .. }) => {
                    self.read_hello(now, handle);
                }
                Event::ConnectionLost { reason } => self.lost(now, handle, reason),
                Event::HandshakeDataReady | Event::Stream(_) | Event::DatagramsUnblocked => {}
            }
        }
        if self.connections.get(&handle).is_some_and(|connection| connection.quic.is_drained()) {
            self.exchange(handle);
            self.connections.remove(&handle);
            self.unsent.remove(&handle);
        }
    }

    /// Passes events between endpoint and connection.
    fn exchange(&mut self, handle: ConnectionHandle) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        while let Some(event) = connection.quic.poll_endpoint_events() {
            if let Some(answer) = self.endpoint.handle_event(handle, event) {
                connection.quic.handle_event(answer);
            }
        }
    }

    fn frames(&mut self, now: Instant, handle: ConnectionHandle) {
        loop {
            let Some(connection) = self.connections.get_mut(&handle) else { return };
            let Some(bytes) = connection.quic.datagrams().recv() else { return };
            let test = Test::read(&bytes);
            match (&mut connection.stage, test) {
                (Stage::Open { .. }, Some(test)) => self.tested(now, handle, test),
                (Stage::Open { peer, .. }, None) => {
                    self.counters.frames_in += 1;
                    self.arrivals.push_back(Arrival::Frame { from: peer.clone(), bytes });
                }
                (Stage::Greeting { early, .. }, _) if early.len() < MAX_EARLY => early.push(bytes),
                _ => {}
            }
        }
    }

    /// The handshake is done: who is it, and is that who it should be? Then say hello.
    fn connected(&mut self, now: Instant, handle: ConnectionHandle) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        let Some(certificate) = shown(&connection.quic) else {
            return self.refuse(now, handle, "it shows no certificate".to_owned());
        };
        let Some(peer) = name::of(&certificate) else {
            return self.refuse(now, handle, "its certificate names no paceline node".to_owned());
        };
        let dialed = connection.dialed.is_some();
        if !self.peers.contains_key(&peer) {
            let reason = format!("its certificate is for {peer}, and the cluster has no other node of that name");
            return self.refuse(now, handle, reason);
        }
        if !dialed && peer > self.options.me {
            let reason = format!("its certificate is for {peer}, which never dials {}: is it copied?", self.options.me);
            return self.refuse(now, handle, reason);
        }
        let hello = Hello {
            versions: self.options.versions,
            incarnation: self.options.incarnation,
            node: self.options.me.clone(),
            cluster: self.options.cluster.clone(),
            link: u8::try_from(connection.link).expect("there are eight at most"),
        };
        connection.stage = Stage::Greeting { peer, heard: Vec::new(), early: Vec::new() };
        let opened = connection.quic.streams().open(Dir::Uni);
        let said = opened.is_some_and(|stream| {
            let mut stream = connection.quic.send_stream(stream);
            let bytes = hello.encode();
            matches!(stream.write(&bytes), Ok(written) if written == bytes.len()) && stream.finish().is_ok()
        });
        if !said {
            self.refuse(now, handle, "it does not let this node say hello".to_owned());
        }
    }

    fn read_hello(&mut self, now: Instant, handle: ConnectionHandle) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        let Stage::Greeting { peer, heard, .. } = &mut connection.stage else { return };
        let Some(stream) = first_stream(&mut connection.quic) else { return };
        let complete = match take(&mut connection.quic, stream, heard) {
            Ok(complete) => complete,
            Err(reason) => return self.refuse(now, handle, reason),
        };
        if !complete {
            return;
        }
        let (me, mine) = (&self.options.me, self.options.versions);
        let common = Hello::versions(heard).and_then(|theirs| {
            // Both logs say this, one of them as what the other said.
            let apart =
                || format!("{peer} speaks {theirs} and {me} {mine}: one of them needs another release of paceline");
            theirs.meet(mine).ok_or_else(apart)
        });
        let checked = common.and_then(|version| Ok((version, Hello::decode(heard)?))).and_then(|(version, hello)| {
            if hello.node != *peer {
                return Err(format!("it calls itself {}, but its certificate is for {peer}", hello.node));
            }
            if hello.cluster != self.options.cluster {
                let theirs = plain(hello.cluster.as_bytes());
                return Err(format!("{peer} is in cluster {theirs:?}, this is {:?}", self.options.cluster));
            }
            // Not before it has said hello: then the handshake is over on both sides, and it can be told why.
            let certificate = shown(&connection.quic).ok_or("it shows no certificate")?;
            if let Some(objection) = self.identity.rejects(&certificate) {
                return Err(objection);
            }
            let link = usize::from(hello.link).min(MAX_LINKS - 1);
            let links = self.peers.get(peer).map_or(0, |peer| peer.paths.len());
            if connection.dialed.is_none() && links > 0 && link >= links {
                return Err(format!("{peer} has {links} addresses here, and this is its link {}", link + 1));
            }
            Ok((hello.incarnation, version, link))
        });
        match checked {
            Ok((incarnation, version, link)) => {
                // The dialer knows which link it is.
                if connection.dialed.is_none() {
                    connection.link = link;
                }
                self.open(now, handle, incarnation, version);
            }
            Err(reason) => self.refuse(now, handle, reason),
        }
    }

    /// The peer is who it says it is: from now on frames are sent here.
    fn open(&mut self, now: Instant, handle: ConnectionHandle, incarnation: Incarnation, version: u8) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        let remote = connection.remote;
        let dialed = connection.dialed.is_some();
        let Stage::Greeting { peer: name, early, .. } = std::mem::replace(&mut connection.stage, Stage::Closed) else {
            return;
        };
        connection.stage = Stage::Open { peer: name.clone(), incarnation, version };

        let link = connection.link;
        let certificate = shown(&connection.quic).and_then(|shown| Certificate::read(&shown).ok());
        self.another_life(&name, incarnation);
        if let Some(peer) = self.peers.get_mut(&name) {
            peer.certificate = certificate;
        }
        let Some(path) = self.grow(now, &name, link) else { return };
        path.link = Some(handle);
        path.health.renew();
        self.stalled.remove(&remote.ip());
        self.arrivals.push_back(Arrival::Up(name.clone()));
        self.measure();
        self.reroute(now, &name);
        self.first_test(now, handle);
        for bytes in early {
            if let Some(test) = Test::read(&bytes) {
                self.tested(now, handle, test);
                continue;
            }
            self.counters.frames_in += 1;
            self.arrivals.push_back(Arrival::Frame { from: name.clone(), bytes });
        }
        if dialed {
            self.answered(&name, link, remote);
        }
        // The dialer decides which of several connections stays; the other side keeps them until it is told. Those of
        // an earlier life have nobody at their other end.
        let old: Vec<ConnectionHandle> = self
            .connections
            .iter()
            .filter(|(other, connection)| **other != handle && connection.is_old(&name, incarnation, dialed, link))
            .map(|(other, _)| *other)
            .collect();
        for other in old {
            self.shut(now, other, code::REPLACED, "replaced");
        }
    }

    /// A peer is here in this life: whatever was known of another one is over.
    fn another_life(&mut self, name: &NodeId, incarnation: Incarnation) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        if peer.life.replace(incarnation).is_some_and(|before| before != incarnation) {
            self.bury(name, "its process is a new one");
            if let Some(peer) = self.peers.get_mut(name) {
                peer.life = Some(incarnation);
            }
        }
    }

    /// Ends a connection with somebody who is not who it should be.
    fn refuse(&mut self, now: Instant, handle: ConnectionHandle, reason: String) {
        let Some(connection) = self.connections.get(&handle) else { return };
        let (remote, dialed, link) = (connection.remote, connection.dialed.clone(), connection.link);
        self.shut(now, handle, code::REFUSED, &reason);
        self.refused(now, remote, reason);
        if let Some(name) = dialed {
            self.turned_down(now, &name, link);
        }
    }

    /// The connection ended, not by this side.
    fn lost(&mut self, now: Instant, handle: ConnectionHandle, reason: ConnectionError) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        let remote = connection.remote;
        let (dialed, link) = (connection.dialed.clone(), connection.link);
        let (size, shaking) = (connection.quic.current_mtu(), matches!(connection.stage, Stage::Shaking));
        if shaking && dialed.is_none() {
            let heard = now.saturating_duration_since(connection.since);
            self.unfinished(now, &remote, size, Some(heard));
        }
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        match std::mem::replace(&mut connection.stage, Stage::Closed) {
            Stage::Closed => {}
            Stage::Open { peer, .. } => self.link_lost(now, handle, (&peer, link), remote, &reason),
            Stage::Shaking | Stage::Greeting { .. } => match dialed {
                Some(name) => self.attempt_lost(now, (&name, link), remote, &reason),
                None => self.stranger_lost(now, remote, &reason),
            },
        }
    }

    fn link_lost(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        (name, link): (&NodeId, usize),
        remote: SocketAddr,
        reason: &ConnectionError,
    ) {
        // Another open connection of the same link takes over.
        let same = |c: &Connection| c.link == link && matches!(&c.stage, Stage::Open { peer, .. } if peer == name);
        let others = self.connections.iter().filter(|(_, connection)| same(connection));
        let next = others.max_by_key(|(_, connection)| connection.heard).map(|(handle, _)| *handle);
        let closed = |with: u32| {
            matches!(reason, ConnectionError::ApplicationClosed(close)
            if close.error_code == VarInt::from_u32(with))
        };
        let left = closed(code::GOODBYE);
        let Some(peer) = self.peers.get_mut(name) else { return };
        let Some(path) = peer.paths.get_mut(link) else { return };
        if path.link == Some(handle) {
            path.link = next;
            path.health.renew();
        }
        let gone = path.link.is_none();
        if gone && std::mem::take(&mut path.health.up) {
            path.health.losses += 1;
            let reason = if left { "it left".to_owned() } else { phrase(reason) };
            self.arrivals.push_back(Arrival::Event(LinkEvent::Down { peer: name.clone(), link, reason }));
        }
        if (left || closed(code::FAILED)) && peer.life.take().is_some() {
            self.arrivals.push_back(Arrival::Down(name.clone()));
        }
        if gone {
            self.redial(now, name, link);
        }
        if closed(code::REFUSED) {
            self.refused_by(now, name, remote, phrase(reason));
        }
        self.reroute(now, name);
    }

    fn attempt_lost(
        &mut self,
        now: Instant,
        (name, link): (&NodeId, usize),
        remote: SocketAddr,
        reason: &ConnectionError,
    ) {
        match reason {
            // This side does not like the peer's certificate.
            ConnectionError::TransportError(error) if is_crypto(error.code) => {
                self.turned_down(now, name, link);
                self.refused(now, remote, format!("it does not prove that it is {name}: {}", phrase(reason)));
            }
            // The peer does not like this node's.
            ConnectionError::ConnectionClosed(_) | ConnectionError::ApplicationClosed(_) => {
                self.turned_down(now, name, link);
                self.refused_by(now, name, remote, phrase(reason));
            }
            other => self.unanswered(now, (name, link), remote, &phrase(other)),
        }
    }

    /// Tells people that a peer does not want this node, not too often.
    fn refused_by(&mut self, now: Instant, name: &NodeId, address: SocketAddr, reason: String) {
        if self.refusals.note(now, address.ip(), &format!("{name} {reason}")) {
            let event = LinkEvent::RefusedByPeer { peer: name.clone(), address, reason };
            self.arrivals.push_back(Arrival::Event(event));
        }
    }

    fn stranger_lost(&mut self, now: Instant, remote: SocketAddr, reason: &ConnectionError) {
        match reason {
            ConnectionError::TransportError(_) => self.refused(now, remote, phrase(reason)),
            ConnectionError::ConnectionClosed(close) if is_crypto(close.error_code) => {
                self.refused(now, remote, format!("it does not accept this node's certificate: {}", phrase(reason)));
            }
            // It gave up or went silent: that happens whenever a node stops while dialing.
            _ => {}
        }
    }
}

impl Connection {
    /// Whether a new connection of `name` in life `now` makes this one useless.
    fn is_old(&self, name: &NodeId, now: Incarnation, dialed: bool, link: usize) -> bool {
        matches!(&self.stage, Stage::Open { peer, incarnation, .. }
            if peer == name && (dialed && self.link == link || *incarnation != now))
    }
}

/// The certificate that the peer proved to be its own.
pub(super) fn shown(quic: &quinn_proto::Connection) -> Option<CertificateDer<'static>> {
    let chain = quic.crypto_session().peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.into_iter().next()
}

/// The stream that carries the hello; only one may be opened.
fn first_stream(quic: &mut quinn_proto::Connection) -> Option<quinn_proto::StreamId> {
    let expected = quinn_proto::StreamId::new(!quic.side(), Dir::Uni, 0);
    while quic.streams().accept(Dir::Uni).is_some() {}
    Some(expected)
}

/// Reads what is there; true at the end of the stream.
fn take(quic: &mut quinn_proto::Connection, id: quinn_proto::StreamId, into: &mut Vec<u8>) -> Result<bool, String> {
    let mut stream = quic.recv_stream(id);
    let Ok(mut chunks) = stream.read(true) else { return Ok(false) };
    let end = loop {
        match chunks.next(hello::MAX_HELLO) {
            Ok(Some(chunk)) if into.len() + chunk.bytes.len() > hello::MAX_HELLO => {
                break Err("its hello is too long".to_owned());
            }
            Ok(Some(chunk)) => into.extend_from_slice(&chunk.bytes),
            Ok(None) => break Ok(true),
            Err(quinn_proto::ReadError::Blocked) => break Ok(false),
            Err(error) => break Err(format!("its hello broke off: {error}")),
        }
    };
    let _ = chunks.finalize();
    end
}

/// TLS alerts are carried as these codes (RFC 9001, section 4.8).
fn is_crypto(code: TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(code))
}

/// Why a connection ended, for people.
fn phrase(reason: &ConnectionError) -> String {
    match reason {
        ConnectionError::TransportError(error) if !error.reason.is_empty() => tls_words(&error.reason),
        ConnectionError::ConnectionClosed(close) if !close.reason.is_empty() => plain(&close.reason),
        ConnectionError::ApplicationClosed(close) if !close.reason.is_empty() => plain(&close.reason),
        ConnectionError::TimedOut => "nothing was heard from it".to_owned(),
        ConnectionError::Reset => "its process is a new one".to_owned(),
        other => other.to_string(),
    }
}

/// What TLS has against a certificate, in the operator's words where they are known.
fn tls_words(reason: &str) -> String {
    if reason.contains("UnknownIssuer") || reason.contains("BadSignature") {
        "its certificate is not signed by this cluster's authority".to_owned()
    } else if reason.contains("peer sent no certificates") {
        "it shows no certificate".to_owned()
    } else if reason.contains("certificate expired") {
        format!("its certificate has expired ({})", plain(reason.as_bytes()))
    } else if reason.contains("not valid for name") || reason.contains("NotValidForName") {
        "its certificate is for another node".to_owned()
    } else {
        plain(reason.as_bytes())
    }
}

/// Text of a peer, made safe for a log line.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() { '?' } else { c }).take(200).collect()
}
