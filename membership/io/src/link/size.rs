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

    /// A handshake was begun and not finished; `answered`: something came back. Its packets may be too large, for not
    /// all of them are small: jumbo frames, or ones that failed while another connection with the same host works.
    pub(super) fn unfinished(&mut self, now: Instant, remote: &SocketAddr, size: u16, answered: bool) {
        let near = self.options.token / 2;
        let works = |c: &Connection| c.is_open() && c.remote.ip() == remote.ip() && now < c.heard + near;
        if (answered && size > USUAL) || self.connections.values().any(works) {
            self.shrink(remote, size);
        }
    }

    /// Packets of this size did not come through to the address of a peer. Whether a smaller one is left to be tried.
    pub(super) fn shrink(&mut self, remote: &SocketAddr, size: u16) -> bool {
        let next = if size > USUAL { USUAL } else { MIN_MTU };
        let known = |path: &Path| path.addresses.iter().any(|address| address.ip() == remote.ip());
        let of_a_peer = self.peers.values().any(|peer| peer.paths.iter().any(known));
        let smaller = self.options.mtu.is_none() && next < size && of_a_peer;
        if smaller {
            self.passing.insert(remote.ip(), next);
        }
        smaller
    }
}
