//! Where nodes are: `HOST`, `HOST:PORT`, `[IPV6]:PORT` or a bare IPv6 address; and the helper thread that looks names
//! up, since a name server may take its time and the ring has none.

use crate::mailbox::{Mailbox, Note};
use config::NodeId;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long this node's own new name may take to be looked up.
const OWN_NAME: Duration = Duration::from_millis(500);
/// Between two attempts at a name that has no address.
const RETRY: Duration = Duration::from_secs(2);
/// Between two looks at all, however often links fail.
const APART: Duration = Duration::from_millis(500);
/// Names are looked up again this often, in case a host moved.
const REFRESH: Duration = Duration::from_secs(60);

/// A host, by number or by name, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Ready to use.
    Known(SocketAddr),
    /// To be looked up.
    Named(String, u16),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Known(address) => write!(f, "{address}"),
            Place::Named(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl Place {
    /// Reads an address; `port` is used where it names none.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str, port: u16) -> Result<Place, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Place::Known(address));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Place::Known(SocketAddr::new(address, port)));
        }
        let (host, port) = match text.rsplit_once(':') {
            None => (text, port),
            Some((host, digits)) => {
                (host, digits.parse().map_err(|_| format!("{text:?} does not end in a port number"))?)
            }
        };
        if host.is_empty() || host.contains([':', '[', ']', ' ', '/']) {
            return Err(format!("{text:?} is not HOST or HOST:PORT"));
        }
        Ok(Place::Named(host.to_owned(), port))
    }

    /// Looks the name up. May take seconds.
    ///
    /// # Errors
    /// What the resolver says.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        match self {
            Place::Known(address) => Ok(vec![*address]),
            Place::Named(host, port) => match (host.as_str(), *port).to_socket_addrs() {
                Ok(found) => match found.collect::<Vec<_>>() {
                    none if none.is_empty() => Err("the name has no address".to_owned()),
                    found => Ok(found),
                },
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

/// The addresses that need no look-up, for each link.
pub(crate) fn known(places: &[Place]) -> Vec<Vec<SocketAddr>> {
    places
        .iter()
        .map(|place| match place {
            Place::Known(address) => vec![*address],
            Place::Named(..) => Vec::new(),
        })
        .collect()
}

/// A socket on an address of this host.
///
/// # Errors
/// What the resolver or the kernel says.
pub(crate) fn bind(place: &Place) -> io::Result<UdpSocket> {
    UdpSocket::bind(&place.resolve().map_err(io::Error::other)?[..])
}

/// A socket on an address that this host does not have yet: a card that is not there, or a network that is still being
/// set up. It works as soon as the address is there.
///
/// # Errors
/// What the resolver or the kernel says.
pub(crate) fn bind_absent(place: &Place) -> io::Result<UdpSocket> {
    let found = place.resolve().map_err(io::Error::other)?;
    let address = *found.first().ok_or_else(|| io::Error::other("the name has no address"))?;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.cloexec(), Some(Protocol::UDP))?;
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A socket on an address that this host has or will have. A name is given half a second to be looked up: whoever waits
/// for this has other things to do.
///
/// # Errors
/// What the resolver or the kernel says.
pub(crate) fn bind_soon(place: &Place) -> io::Result<UdpSocket> {
    let both = |place: &Place| bind(place).or_else(|_| bind_absent(place));
    let Place::Named(..) = place else { return both(place) };
    let (sender, found) = mpsc::sync_channel(1);
    let wanted = place.clone();
    let look = move || {
        // Nobody waits for it any more: no harm.
        let _ = sender.try_send(wanted.resolve());
    };
    thread::Builder::new().name("ring-own-name".to_owned()).spawn(look)?;
    let found = found.recv_timeout(OWN_NAME).map_err(|_| io::Error::other("its name is not looked up in time"))?;
    let found = found.map_err(io::Error::other)?;
    let first = *found.first().ok_or_else(|| io::Error::other("the name has no address"))?;
    both(&Place::Known(first))
}

/// Looks names up until the other end of `asked` is dropped, on a thread of its own, and says of what it finds in which
/// era of addresses it began: now and then, and soon when it is asked to. Peers that have no names are left alone.
pub(crate) fn resolver(peers: BTreeMap<NodeId, Vec<Place>>, era: u64, mailbox: Arc<Mailbox>, asked: Receiver<()>) {
    let named: BTreeMap<NodeId, Vec<Place>> =
        peers.into_iter().filter(|(_, places)| places.iter().any(|place| matches!(place, Place::Named(..)))).collect();
    if named.is_empty() {
        return;
    }
    let work = move || {
        loop {
            let mut pause = REFRESH;
            for (peer, places) in &named {
                let mut links = Vec::new();
                for place in places {
                    match place.resolve() {
                        Ok(found) => links.push(found),
                        Err(reason) => {
                            links.push(Vec::new());
                            pause = RETRY;
                            let Place::Named(name, _) = place else { continue };
                            mailbox.post(Note::Unresolved { era, peer: peer.clone(), name: name.clone(), reason });
                        }
                    }
                }
                if links.iter().any(|addresses| !addresses.is_empty()) {
                    mailbox.post(Note::Resolved { era, peer: peer.clone(), links });
                }
            }
            if !wait(&asked, pause) {
                return;
            }
        }
    };
    // Never joined: a look-up cannot be interrupted. Without the thread, peers with names stay unreachable, and the
    // ring says so.
    let _ = thread::Builder::new().name("ring-names".to_owned()).spawn(work);
}

/// Waits for `longest`, or until somebody asks for another look. Whether to go on.
fn wait(asked: &Receiver<()>, longest: Duration) -> bool {
    let (began, mut wanted) = (Instant::now(), false);
    loop {
        let time = if wanted { APART } else { longest };
        match asked.recv_timeout(time.saturating_sub(began.elapsed())) {
            Ok(()) => wanted = true,
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let known = |text: &str| Ok(Place::Known(text.parse().unwrap()));
        assert_eq!(Place::parse("10.0.0.1", 5405), known("10.0.0.1:5405"));
        assert_eq!(Place::parse("10.0.0.1:7", 5405), known("10.0.0.1:7"));
        assert_eq!(Place::parse("fd00::1", 5405), known("[fd00::1]:5405"));
        assert_eq!(Place::parse("[fd00::1]", 5405), known("[fd00::1]:5405"));
        assert_eq!(Place::parse("[fd00::1]:7", 5405), known("[fd00::1]:7"));
        assert_eq!(Place::parse("db1.lan", 5405), Ok(Place::Named("db1.lan".to_owned(), 5405)));
        assert_eq!(Place::parse("db1.lan:7", 5405), Ok(Place::Named("db1.lan".to_owned(), 7)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", ":7", "a:b", "a:99999", "a b", "http://a", "[fd00::1"] {
            assert!(Place::parse(text, 5405).is_err(), "{text}");
        }
    }

    #[test]
    fn localhost_resolves_and_an_impossible_name_does_not() {
        assert!(Place::parse("localhost", 7).unwrap().resolve().unwrap().iter().all(|found| found.ip().is_loopback()));
        assert!(Place::parse("no.such.host.invalid", 7).unwrap().resolve().is_err());
    }

    #[test]
    fn names_are_looked_up_when_asked_for_and_no_more_when_nobody_can_ask() {
        let (names, asked) = mpsc::channel();
        let days = Duration::from_secs(1_000_000);
        names.send(()).unwrap();
        names.send(()).unwrap();
        let began = Instant::now();
        assert!(wait(&asked, days), "a link is down");
        assert!(began.elapsed() >= APART, "not in a whirl");
        assert!(asked.try_recv().is_err(), "one look answers all who asked before it");
        assert!(wait(&asked, Duration::ZERO), "in case a host moved");
        drop(names);
        assert!(!wait(&asked, days), "the ring has ended");
    }
}
