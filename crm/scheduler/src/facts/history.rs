//! What agents answered, interpreted: who runs where and in which role, what failed, and what failures ask for.
//!
//! ```text
//! for each node that can be read:
//!   for each history: whose is it (owner) -> play back its operations (replay) -> act on the result (effect)
//! remote nodes are readable only when their connection was found up, so nodes are gone over until none is left
//! ```

mod effect;
mod expiry;
mod fencing;
mod lock;
mod migration;
pub(crate) mod outcome;
mod owner;
mod remote;
mod removed;
mod replay;
pub(crate) mod running;
pub(crate) mod sequence;
#[cfg(test)]
mod tests;

use super::{Facts, failure};
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::ResourceHistory;
use crate::word;
use effect::Later;
use owner::Owners;

/// Interprets all histories.
pub(super) fn apply(facts: &mut Facts<'_>) {
    let mut owners = Owners::of(facts);
    failure::read(facts, |name| owners.named(name));
    let mut reader =
        Reader { of_status: nodes_of_status(facts), read: vec![false; facts.nodes.len()], later: Later::default() };
    for &node in reader.of_status.iter().flatten() {
        if facts[node].is_remote() {
            remote::seen(facts, node);
        }
    }
    while reader.pass(facts, &mut owners, false) {}
    if facts.options.fencing_enabled {
        reader.pass(facts, &mut owners, true);
    }
    for &container in &reader.later.containers {
        for node in facts[container].on.clone() {
            facts.resources[container.at()].must_stop_on.push((node, Reason::ContentFailed));
        }
    }
    remote::finish(facts, &reader.read);
    lock::settle(facts);
    settle_failures(facts);
    expiry::clear_outdated(facts);
    settle_forgetting(facts);
    settle_roles(facts);
}

/// Goes over the nodes.
#[derive(Debug)]
struct Reader {
    /// The node of each entry of the status.
    of_status: Vec<Option<NodeIx>>,
    /// Nodes whose histories were read.
    read: Vec<bool>,
    later: Later,
}

impl Reader {
    /// Reads every node that can be read and was not; `all`: also those of which nothing is known. Says whether there
    /// was one.
    fn pass(&mut self, facts: &mut Facts<'_>, owners: &mut Owners, all: bool) -> bool {
        let mut progress = false;
        for at in 0..self.of_status.len() {
            let Some(node) = self.of_status[at] else { continue };
            if self.read[node.at()] || !(all || can_be_read(facts, node)) {
                continue;
            }
            self.read[node.at()] = true;
            progress = true;
            if facts[node].is_remote() {
                remote::refresh(facts, node);
                remote::seen(facts, node);
            }
            for history in &facts.situation.status[at].resources {
                self.history(facts, owners, node, history);
            }
        }
        progress
    }

    fn history<'a>(&mut self, facts: &mut Facts<'a>, owners: &mut Owners, node: NodeIx, history: &'a ResourceHistory) {
        let Some(resource) = owners.find(facts, node, history) else { return };
        lock::recorded(facts, resource, node, history);
        if history.operations.is_empty() {
            return;
        }
        facts.resources[resource.at()].history.push((node, history));
        let played = replay::replay(facts, resource, node, history);
        let because = played.failure.map(|failure| played.because(failure));
        let result = effect::Result { role: played.role, on_fail: played.on_fail, because };
        effect::apply(facts, resource, node, result, &mut self.later);
        apply_target_role(facts, resource);
    }
}

fn can_be_read(facts: &Facts<'_>, node: NodeIx) -> bool {
    if facts[node].is_remote() {
        return remote::readable(facts, node);
    }
    facts.options.fencing_enabled || facts.options.shutdown_lock || facts[node].online
}

fn nodes_of_status(facts: &Facts<'_>) -> Vec<Option<NodeIx>> {
    let of = |status: &crate::situation::NodeStatus| {
        let by_name = || facts.all_nodes().find(|&node| facts[node].name.eq_ignore_ascii_case(&status.name));
        if status.remote {
            return by_name();
        }
        facts.all_nodes().find(|&node| facts[node].id == status.id && !facts[node].is_remote()).or_else(by_name)
    };
    facts.situation.status.iter().map(of).collect()
}

/// The node of this name.
fn node_named(facts: &Facts<'_>, name: &str) -> Option<NodeIx> {
    facts.all_nodes().find(|&node| facts[node].name.eq_ignore_ascii_case(name))
}

/// How long a remote connection that was lost is left alone, milliseconds (`reconnect_interval`); 0: not at all.
#[must_use]
pub fn reconnect_interval_ms(facts: &Facts<'_>, resource: ResourceIx) -> i64 {
    if facts[resource].connects.is_none() {
        return 0;
    }
    facts[resource].params.get("reconnect_interval").and_then(|text| word::interval_ms(text)).unwrap_or(0)
}

/// Facts change at this moment, milliseconds since 1970.
fn recheck(facts: &mut Facts<'_>, at_ms: i64) {
    if at_ms > facts.situation.now_ms && facts.recheck_ms.is_none_or(|recheck| at_ms < recheck) {
        facts.recheck_ms = Some(at_ms);
    }
}

/// `target-role` limits the role to come; what a failure says may be less.
fn apply_target_role(facts: &mut Facts<'_>, resource: ResourceIx) {
    let it = &mut facts.resources[resource.at()];
    let target = match it.meta.target_role {
        Some(Role::Stopped) => Role::Stopped,
        Some(Role::Unpromoted) if it.meta.promotable => Role::Unpromoted,
        _ => return,
    };
    if it.next_role.as_ref().is_none_or(|(role, _)| target < *role) {
        it.next_role = Some((target, Reason::TargetRole(target)));
    }
}

/// Counts what still counts of the failures.
fn settle_failures(facts: &mut Facts<'_>) {
    let keys: Vec<_> = facts.failures.counts.keys().copied().collect();
    for (resource, node) in keys {
        let history = facts[resource].history.iter().find(|(on, _)| *on == node).map(|(_, history)| *history);
        let timeout = expiry::timeout_ms(facts, resource, history);
        let now = facts.situation.now_ms;
        let Some(count) = facts.failures.counts.get_mut(&(resource, node)) else { continue };
        count.count = failure::counting(count, timeout, now);
        count.expired = count.recorded > 0 && count.count == 0;
        let ends = count.last.map(|last| last.saturating_mul(1000).saturating_add(timeout));
        if let Some(ends) = ends.filter(|_| timeout > 0 && count.count > 0) {
            recheck(facts, ends);
        }
    }
}

/// Histories of what is not configured any more, or not as this kind of thing, are to be forgotten, and so are failure
/// counts of what was removed. Surplus instances of a clone keep theirs: they share them with the others.
fn settle_forgetting(facts: &mut Facts<'_>) {
    for resource in facts.all_resources() {
        let it = &facts[resource];
        if !it.is_primitive() || it.failed || (it.removed && it.parent.is_some()) {
            continue;
        }
        let changed = |history: &ResourceHistory| it.agent.as_ref().is_some_and(|agent| *agent != history.agent);
        let stale = it.history.iter().filter(|(node, history)| {
            let left_alone = facts[*node].maintenance && it.on.contains(node);
            let node = &facts[*node];
            let listens = node.online && !node.unclean && !node.shutdown && !node.standby && !left_alone;
            listens && (it.removed || changed(history))
        });
        let because = if it.removed { Reason::NotConfigured } else { Reason::AgentChanged };
        let stale: Vec<_> = stale.map(|(node, _)| (*node, because.clone())).collect();
        facts.resources[resource.at()].forget.extend(stale);
    }
    for (resource, node) in facts.failures.counts.keys().copied().collect::<Vec<_>>() {
        let it = &facts[resource];
        if it.removed
            && it.parent.is_none()
            && it.managed
            && facts[node].online
            && facts.failures.count(resource, node) > 0
        {
            facts.failures.clear(resource, node, Reason::NotConfigured);
        }
    }
}

/// What never ran anywhere is stopped; groups and clones do what the most active of their members does.
fn settle_roles(facts: &mut Facts<'_>) {
    for resource in facts.all_resources() {
        if facts[resource].is_primitive() {
            if facts[resource].role == Role::Unknown {
                facts.resources[resource.at()].role = Role::Stopped;
            }
            apply_target_role(facts, resource);
        }
    }
    // Children stand behind their parents.
    for resource in (0..facts.resources.len()).rev().map(ResourceIx::new) {
        let it = &facts[resource];
        if !it.is_primitive() {
            let role = it.children.iter().map(|&child| facts[child].role).max().unwrap_or(Role::Stopped);
            facts.resources[resource.at()].role = role;
        }
    }
}
