//! What the history of one resource on one node comes to: its role counts, its failure is acted upon.

use super::{fencing, owner, running};
use crate::facts::Facts;
use crate::facts::failure::in_bundle;
use crate::facts::node::NodeKind;
use crate::facts::operation::OnFail;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use std::collections::BTreeSet;

/// What is left after all histories were read.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// Containers of bundles to be stopped wherever they run, because of what failed inside: the connection into one
    /// may be on another node.
    pub containers: BTreeSet<ResourceIx>,
}

/// The result of a playback, without its borrow of the facts.
#[derive(Debug)]
pub(super) struct Result {
    /// The role there.
    pub role: Role,
    /// What failures ask for.
    pub on_fail: OnFail,
    /// The failure that asks for it.
    pub because: Option<Reason>,
}

/// Applies `result` of `resource` on `node`.
pub(super) fn apply(facts: &mut Facts<'_>, resource: ResourceIx, node: NodeIx, result: Result, later: &mut Later) {
    if result.role != Role::Unknown {
        known(facts, resource, node);
    }
    if result.role.runs() && !facts[node].online && !facts[node].maintenance && facts[resource].managed {
        thought_active(facts, resource, node);
    }
    let on_fail = if facts[node].unclean { OnFail::Ignore } else { result.on_fail };
    react(facts, resource, node, on_fail, &result, later);
    if facts[resource].failed
        && let Some(remote) = facts[resource].connects.filter(|&remote| facts[remote].unclean)
    {
        facts.nodes[remote.at()].unseen = false;
    }
    if result.role.runs() {
        running::add(facts, resource, node);
        let it = &mut facts.resources[resource.at()];
        match on_fail {
            OnFail::Ignore => {}
            OnFail::Demote | OnFail::Block => it.failed = true,
            _ => {
                it.failed = true;
                it.recover.get_or_insert_with(|| result.because.clone().unwrap_or(Reason::Failed));
            }
        }
        if it.role < result.role {
            it.role = result.role;
        }
        it.roles_on.push((node, result.role));
    } else if facts[resource].role == Role::Unknown {
        facts.resources[resource.at()].role = result.role;
    }
}

/// Its state on `node` is known; for an instance of an anonymous clone, that of the whole clone is.
fn known(facts: &mut Facts<'_>, resource: ResourceIx, node: NodeIx) {
    let mut at = Some(resource);
    let anonymous = owner::anonymous_clone(facts, resource).is_some();
    while let Some(here) = at {
        let it = &mut facts.resources[here.at()];
        if !it.known_on.contains(&node) {
            it.known_on.push(node);
        }
        at = it.parent.filter(|_| anonymous);
    }
}

/// It ran when its node was last heard of, and the node is down.
fn thought_active(facts: &mut Facts<'_>, resource: ResourceIx, node: NodeIx) {
    let because = Reason::NodeUnclean {
        node: facts[node].name.clone(),
        because: format!("{} is thought to be active there", facts[resource].id),
    };
    match facts[node].kind {
        NodeKind::Guest { .. } => {
            let it = &mut facts.resources[resource.at()];
            it.failed = true;
            it.recover.get_or_insert_with(|| because.clone());
            fencing::require(facts, node, because);
        }
        NodeKind::Remote if facts.options.fencing_enabled => {
            if !facts[node].connection.is_some_and(|connection| facts[connection].failed) {
                // When the connection can be made again somewhere, the node need not be fenced.
                facts.nodes[node.at()].unseen = true;
            }
            fencing::require(facts, node, because);
        }
        NodeKind::Member if facts.options.fencing_enabled => fencing::require(facts, node, because),
        NodeKind::Member | NodeKind::Remote => {}
    }
}

fn react(
    facts: &mut Facts<'_>,
    resource: ResourceIx,
    node: NodeIx,
    on_fail: OnFail,
    result: &Result,
    later: &mut Later,
) {
    let because = result.because.clone().unwrap_or(Reason::Failed);
    let it = &mut facts.resources[resource.at()];
    match on_fail {
        OnFail::Ignore => {}
        OnFail::Demote => {
            it.failed = true;
            it.demote_for_failure = true;
        }
        OnFail::Restart => {
            if result.role.runs() {
                it.failed = true;
                it.recover.get_or_insert(because);
            }
        }
        OnFail::Ban => it.bans.push((node, because)),
        OnFail::Block => running::block(facts, resource, because),
        OnFail::Stop => {
            it.next_role = Some((Role::Stopped, because.clone()));
            it.stop_reason = Some(because);
        }
        OnFail::Standby => {
            let node = &mut facts.nodes[node.at()];
            node.standby = true;
            node.standby_on_fail = true;
        }
        OnFail::Fence => fencing::require(facts, node, because),
        OnFail::RestartContainer => {
            it.failed = true;
            it.recover.get_or_insert_with(|| because.clone());
            match facts[resource].container {
                Some(container) if in_bundle(facts, resource) => {
                    later.containers.insert(container);
                }
                Some(container) => {
                    facts.resources[container.at()].must_stop_on.push((node, Reason::ContentFailed));
                }
                None if result.role.runs() => facts.resources[resource.at()].must_stop_on.push((node, because)),
                None => {}
            }
        }
        OnFail::ResetRemote => reset_remote(facts, resource, node, result.role, because),
    }
}

/// The connection to a remote node is lost, and so is what is known of the node.
fn reset_remote(facts: &mut Facts<'_>, resource: ResourceIx, node: NodeIx, role: Role, because: Reason) {
    let it = &mut facts.resources[resource.at()];
    it.failed = true;
    it.recover.get_or_insert_with(|| because.clone());
    let connects = it.connects;
    if facts.options.fencing_enabled
        && let Some(remote) = connects.filter(|&remote| facts[remote].kind == NodeKind::Remote)
        && !facts[remote].remote_fenced
    {
        let because = Reason::NodeUnclean {
            node: facts[remote].name.clone(),
            because: "remote connection is unrecoverable".to_string(),
        };
        fencing::require(facts, remote, because);
    }
    if role.runs() {
        facts.resources[resource.at()].must_stop_on.push((node, because));
    }
    if super::reconnect_interval_ms(facts, resource) > 0 {
        facts.resources[resource.at()].next_role = Some((Role::Stopped, Reason::ConnectionRetried));
    }
}
