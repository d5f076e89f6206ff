//! Unfencing: devices that must let a node in (its key, its port) before it may run anything that needs them.

use super::Plan;
use crate::facts::Facts;
use crate::facts::meta::Requires;
use crate::graph::{Carrier, Graph, Key, Task, Terms};
use crate::index::ActionIx;
use crate::reason::Reason;

/// Makes the unfencing of every node that can have one; needed when something on the node needs it. A node that leaves
/// need not be let in any more.
pub fn make(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    let unfences = facts.options.fencing_enabled && facts.resources.iter().any(|it| it.unfences);
    if !unfences {
        return;
    }
    for node in facts.all_nodes() {
        let here = &facts[node];
        let outlook = plan.outlook(node);
        let there = outlook.online && !outlook.unclean && !here.pending && !here.shutdown;
        if here.is_guest() || !there || plan.fence[node.at()].is_some() {
            continue;
        }
        let unfence = plan.graph.ensure(Key::node(Task::Unfence, node), Carrier::Fencing, here.unfenced_at == 0);
        plan.graph[unfence].fencing = Some("on");
        plan.graph[unfence].because.push(Reason::NotLetIn(here.name.clone()));
        plan.unfence[node.at()] = Some(unfence);
    }
}

/// A device whose definition changed lets nodes in anew, where it runs.
pub fn devices_changed(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    for resource in facts.all_resources().filter(|&resource| facts[resource].unfences) {
        let restarted = plan.restart.contains(&resource).then_some(&facts[resource].on);
        let redefined = facts[resource].forget.iter().map(|(node, _)| node);
        for node in restarted.into_iter().flatten().chain(redefined) {
            if let Some(unfence) = plan.unfence[node.at()] {
                plan.graph.need(unfence, Reason::DeviceChanged(facts[resource].id.clone()));
            }
        }
    }
}

/// What needs unfencing, and the devices themselves, come after the unfencing of their node; their stops before it.
pub fn relate(facts: &Facts<'_>, graph: &mut Graph) {
    for at in (0..graph.actions.len()).map(ActionIx::new) {
        let key = graph[at].key;
        let (Some(resource), Some(node)) = (key.resource, key.node) else { continue };
        let here = &facts[resource];
        if !(here.meta.requires == Requires::Unfencing || here.unfences) {
            continue;
        }
        let Some(unfence) = graph.find(Key::node(Task::Unfence, node)) else { continue };
        match key.task {
            Task::Start => graph.before(unfence, at, Terms::mandatory()),
            Task::Monitor if key.interval_ms == 0 => graph.before(unfence, at, Terms::ORDERED),
            Task::Stop if here.meta.requires == Requires::Unfencing => graph.before(at, unfence, Terms::ORDERED),
            _ => {}
        }
    }
}
