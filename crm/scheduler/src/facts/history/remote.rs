//! Remote and guest nodes: they are up when their connection is.

use crate::facts::Facts;
use crate::facts::node::NodeKind;
use crate::index::NodeIx;
use crate::reason::Reason;
use crate::role::Role;

/// Whether so much is known of the connection of `node` (and its host) that its own histories can be read.
pub(super) fn readable(facts: &Facts<'_>, node: NodeIx) -> bool {
    let Some(connection) = facts[node].connection else { return false };
    let connected = facts[connection].role.runs();
    match facts[node].kind {
        NodeKind::Guest { container } => connected && facts[container].role.runs(),
        NodeKind::Remote => connected || facts.options.shutdown_lock,
        NodeKind::Member => true,
    }
}

/// Sets whether `node` is up, from its connection and the connection's host.
pub(super) fn refresh(facts: &mut Facts<'_>, node: NodeIx) {
    let Some(connection) = facts[node].connection else {
        facts.nodes[node.at()].online = false;
        return;
    };
    let container = facts[connection].container;
    let host = container.and_then(|container| match facts[container].on[..] {
        [host] => Some(host),
        _ => None,
    });
    let runs = facts[connection].role.runs();
    let stops = facts[connection].next_role.as_ref().is_some_and(|(role, _)| *role == Role::Stopped);
    let container_failed = container.is_some_and(|container| facts[container].failed);
    let container_stopped = container.is_some_and(|container| !facts[container].role.runs());
    let host_lost = host.is_some_and(|host| !facts[host].online && facts[host].unclean);
    let failed = facts[connection].failed;
    let it = &mut facts.nodes[node.at()];
    it.online = runs;
    if runs && stops {
        it.shutdown = true;
    }
    if container_failed {
        it.online = false;
        it.remote_needs_reset = true;
    } else if failed {
        it.online = false;
    } else if !runs || container_stopped {
        it.online = false;
        it.remote_needs_reset = false;
    } else if host_lost {
        it.online = false;
        it.remote_needs_reset = true;
    }
}

/// What the status itself says of a remote node, apart from its connection.
pub(super) fn seen(facts: &mut Facts<'_>, node: NodeIx) {
    let unmanaged = facts[node].connection.is_some_and(|connection| !facts[connection].managed);
    let it = &mut facts.nodes[node.at()];
    if !it.remote_needs_reset {
        it.unclean = false;
        it.unseen = false;
    }
    if unmanaged {
        it.maintenance = true;
    }
}

/// The end of reading: nodes that were never readable, nodes that want to leave, connections that wait.
pub(super) fn finish(facts: &mut Facts<'_>, read: &[bool]) {
    for node in facts.all_nodes() {
        if !facts[node].is_remote() {
            continue;
        }
        if facts[node].shutdown
            && let Some(connection) = facts[node].connection
        {
            facts.resources[connection.at()].next_role = Some((Role::Stopped, Reason::RemoteLeaves));
        }
        if !read[node.at()] {
            refresh(facts, node);
        }
    }
}
