//! Who must be cut off before anything else can be trusted.

use super::facts::{Facts, Standing, State};
use config::OnFail;
use std::collections::BTreeMap;

/// The decision.
pub(super) struct Fencing {
    /// Nodes to cut off, with the reason.
    pub(super) targets: BTreeMap<usize, String>,
    /// By node: why nothing may be placed there, fencing included.
    pub(super) unusable: Vec<Option<String>>,
}

impl Fencing {
    pub(super) fn usable(&self, n: usize) -> bool {
        self.unusable[n].is_none()
    }

    /// What was ordered of resource `r` and is not answered yet, in words: nothing is planned for it until it is. A
    /// node that is cut off owes no answers.
    pub(super) fn in_flight(&self, facts: &Facts<'_>, r: usize) -> Option<String> {
        let resource = &facts.resources[r];
        resource.on.iter().enumerate().filter(|(n, _)| self.reachable(facts, *n)).find_map(|(n, presence)| {
            let what = presence.flight?.name.as_str();
            Some(format!("{what} of {} on {} is not answered yet", resource.config.name, facts.nodes[n].id))
        })
    }

    /// Whether node `n` is here and stays: it can be given orders.
    pub(super) fn reachable(&self, facts: &Facts<'_>, n: usize) -> bool {
        facts.nodes[n].here() && !self.targets.contains_key(&n)
    }
}

pub(super) fn decide(facts: &Facts<'_>) -> Fencing {
    let mut targets = BTreeMap::new();
    let mut unusable: Vec<Option<String>> = facts.nodes.iter().map(|node| node.unusable.clone()).collect();
    for (n, node) in facts.nodes.iter().enumerate() {
        let reason = match node.standing {
            Standing::Lost => Some(format!("{} dropped out without leaving in order", node.id)),
            Standing::Unseen => Some(format!("{} was not seen since the cluster started", node.id)),
            Standing::Here => distrusted(facts, n),
            Standing::Gone | Standing::Awaited => None,
        };
        let Some(reason) = reason else { continue };
        if node.here() {
            unusable[n] = Some(format!("{} is to be fenced: {reason}", node.id));
        }
        if facts.quorate() && facts.properties().fencing_enabled {
            targets.insert(n, reason);
        }
    }
    Fencing { targets, unusable }
}

/// Why a node that is here must be cut off: a failure says so, or it was asked for already. What was asked for cannot
/// be taken back, because the fence device may be at work.
fn distrusted(facts: &Facts<'_>, n: usize) -> Option<String> {
    let node = &facts.nodes[n];
    let open = facts.situation.cib.status.fencing.open.values();
    let asked = open.filter(|request| request.target == *node.id && request.incarnation == node.incarnation);
    let asked = asked.map(|request| request.reason.clone()).next();
    let failed = || {
        facts.resources.iter().filter(|resource| resource.managed()).find_map(|resource| match &resource.on[n].state {
            State::Failed(failure) if failure.on_fail == OnFail::Fence => {
                Some(format!("{} failed on {}: {}", resource.config.name, node.id, failure.text))
            }
            _ => None,
        })
    };
    let orphan = || facts.orphans.iter().filter(|orphan| orphan.node == n).find_map(|orphan| orphan.fence.clone());
    asked.or_else(failed).or_else(orphan)
}
