//! What the ring says about all members at once has to fit into one packet.

use super::Check;
use crate::spot::Spot;

/// Bytes of QUIC and of the frame's own head in a packet (membership-io: `frame_limit`; membership: `frame`).
const HEAD: usize = 40 + 40;

/// Bytes that the longest of these frames, the commit token, takes for each member beside two names: its life, the
/// number of the view it comes from, lengths and tags.
const PER_MEMBER: usize = 21;

impl Check<'_, '_, '_> {
    /// The members' names fit into a packet, so that they can agree on each other.
    pub(super) fn packet(&mut self) {
        let names = || self.config.nodes.keys().map(|name| name.as_str().len());
        let longest = names().max().unwrap_or(0);
        let needed: usize = HEAD + names().map(|name| name + longest + PER_MEMBER).sum::<usize>();
        let mtu = usize::from(self.config.cluster.mtu);
        let Some(last) = self.config.nodes.keys().next_back().filter(|_| needed > mtu) else { return };
        let nodes = self.config.nodes.len();
        let message =
            format!("the names of {nodes} nodes do not fit into one packet: {needed} bytes, and mtu is {mtu}");
        let hint = "use shorter names or, where the network carries it, a larger mtu".to_owned();
        self.report.error(self.spots.of(&Spot::Node(last.clone())), message, Some(hint));
    }
}
