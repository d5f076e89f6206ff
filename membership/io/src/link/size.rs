//! How large packets are towards an address, where the configuration does not say: as large as the network interface
//! takes. When packets of that size do not come through, another connection tries the next smaller size beside it.
//!
//! ```text
//! what the interface takes, at most 8952 ---> 1452 ---> 1200
//! ```

use super::*;
use crate::quic::MIN_MTU;

/// Jumbo frames of 9000 bytes, less what IPv6 and UDP take. Larger ones are rare, and lost as a whole.
const LARGEST: u16 = 8952;
/// Plain Ethernet, less what IPv6 and UDP take.
const USUAL: u16 = 1452;
/// So many handshakes in a row that a peer takes part in and that come to nothing are not chance: each repeats its
/// packets several times.
const STALLED: u32 = 8;
/// A handshake that ended sooner had not begun to repeat them: a busy host was late.
const SPOKEN: Duration = Duration::from_millis(100);

impl Links {
    /// Largest UDP payload towards an address, in bytes.
    pub(super) fn size_towards(&self, socket: usize, remote: &SocketAddr) -> u16 {
        if let Some(configured) = self.options.mtu {
            return configured;
        }
        let taken = self.sockets.get(&socket).and_then(|socket| socket.takes(remote)).unwrap_or(USUAL);
        let passing = self.passing.get(&remote.ip()).copied().unwrap_or(LARGEST);
        taken.min(passing).clamp(MIN_MTU, LARGEST)
    }

    /// A handshake was begun and not finished. For so long the peer was heard, in it or beside it, if it was: then
    /// packets of the full size may be what fails, for others are smaller. Of jumbo frames that is believed at once,
    /// also when another connection with the same host works; of the usual ones when one handshake after the other ends
    /// so.
    pub(super) fn unfinished(&mut self, now: Instant, remote: &SocketAddr, size: u16, heard: Option<Duration>) {
        let near = self.options.token / 2;
        let works = |c: &Connection| c.is_open() && c.remote.ip() == remote.ip() && now < c.heard + near;
        let works = self.connections.values().any(works);
        let stalled = heard.is_some_and(|time| time >= SPOKEN) && self.stalls(remote) >= STALLED;
        let shrunk = ((heard.is_some() && size > USUAL) || works || stalled) && self.shrink(remote, size);
        // The rest is caution: whoever is refused, or ends in the middle of it, looks the same.
        if shrunk && stalled {
            self.arrivals.push_back(Arrival::Warning(format!(
                "no connection with {} comes about with packets of {size} bytes, smaller ones are tried: something on the \
                 way takes less than the network cards; `mtu` in the cluster file says how much",
                remote.ip()
            )));
        }
    }

    /// Counts a handshake with a peer that came to nothing.
    fn stalls(&mut self, remote: &SocketAddr) -> u32 {
        if !self.is_of_a_peer(remote) {
            return 0;
        }
        let count = self.stalled.entry(remote.ip()).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    fn is_of_a_peer(&self, remote: &SocketAddr) -> bool {
        let known = |path: &Path| path.addresses.iter().any(|address| address.ip() == remote.ip());
        self.peers.values().any(|peer| peer.paths.iter().any(known))
    }

    /// Packets of this size did not come through to the address of a peer. Whether a smaller one is left to be tried.
    pub(super) fn shrink(&mut self, remote: &SocketAddr, size: u16) -> bool {
        let next = if size > USUAL { USUAL } else { MIN_MTU };
        let smaller = self.options.mtu.is_none() && next < size && self.is_of_a_peer(remote);
        if smaller {
            self.stalled.remove(&remote.ip());
            self.passing.insert(remote.ip(), next);
        }
        smaller
    }
}
