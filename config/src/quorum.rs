//! When a part of the cluster may act: `[quorum]`.

use serde::{Deserialize, Serialize};

/// The quorum options (peer: votequorum).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumOptions {
    /// `two-node`: with exactly two nodes one vote is enough; fencing decides the race. Implies `wait-for-all`.
    pub two_node: bool,
    /// `wait-for-all`: after a full stop the cluster becomes quorate only once all nodes were seen together.
    /// `None` means its default: true with `two-node`, else false.
    pub wait_for_all: Option<bool>,
}

impl QuorumOptions {
    /// Whether all nodes must have been seen together before the first quorum.
    #[must_use]
    pub fn waits_for_all(&self) -> bool {
        self.wait_for_all.unwrap_or(self.two_node)
    }
}
