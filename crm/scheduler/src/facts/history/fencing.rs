//! Nodes that must be fenced because of what resources on them did.

use crate::facts::Facts;
use crate::facts::node::NodeKind;
use crate::facts::options::NoQuorumPolicy;
use crate::index::NodeIx;
use crate::reason::Reason;

/// Whether `node` can be fenced: a guest by stopping its host, which needs a node that is up or can be fenced; others
/// by a device, when fencing is used and there is a quorum (or losing it does not matter).
pub(super) fn can_fence(facts: &Facts<'_>, node: NodeIx) -> bool {
    match facts[node].kind {
        NodeKind::Guest { container } => {
            facts[container].on.iter().all(|&host| facts[host].online || by_device(facts, host))
        }
        NodeKind::Member | NodeKind::Remote => by_device(facts, node),
    }
}

fn by_device(facts: &Facts<'_>, node: NodeIx) -> bool {
    let options = &facts.options;
    let quorum = options.quorate || options.no_quorum_policy == NoQuorumPolicy::Ignore;
    options.fencing_possible && (quorum || facts[node].online)
}

/// Says that `node` must be fenced.
pub(super) fn require(facts: &mut Facts<'_>, node: NodeIx, because: Reason) {
    match facts[node].kind {
        NodeKind::Guest { container } => {
            // A guest is fenced by the recovery of its host.
            if facts[container].failed || !facts[container].managed {
                return;
            }
            facts.nodes[node.at()].remote_needs_reset = true;
            facts.nodes[node.at()].fence.push(because.clone());
            let container = &mut facts.resources[container.at()];
            container.failed = true;
            container.recover.get_or_insert(because);
        }
        NodeKind::Remote => {
            if facts[node].connection.is_some_and(|connection| !facts[connection].managed) {
                return;
            }
            let node = &mut facts.nodes[node.at()];
            node.remote_needs_reset = true;
            node.unclean = true;
            node.fence.push(because);
        }
        NodeKind::Member => {
            let node = &mut facts.nodes[node.at()];
            node.unclean = true;
            node.fence.push(because);
        }
    }
}
