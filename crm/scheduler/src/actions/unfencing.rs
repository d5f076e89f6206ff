//! Unfencing: devices that must let a node in (its key, its port) before it may run anything that needs them.

use super::Plan;
use crate::facts::Facts;
use crate::facts::meta::Requires;
use crate::graph::{Carrier, Graph, Key, Task, Terms};
use crate::index::ActionIx;
use crate::reason::Reason;

/// Makes the unfencing of every node that can have one; needed when something on the node needs it.
pub fn make(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    let unfences = facts.options.fencing_enabled && facts.resources.iter().any(|it| it.unfences);
    if !unfences {
        return;
    }
    for node in facts.all_nodes() {
        let here = &facts[node];
        let outlook = plan.outlook(node);
        if here.is_guest() || !outlook.online || outlook.unclean || here.pending || plan.fence[node.at()].is_some() {
            continue;
        }
        let unfence = plan.graph.ensure(Key::node(Task::Unfence, node), Carrier::Fencing, here.unfenced_at == 0);
        plan.graph[unfence].fencing = Some("on");
        plan.graph[unfence].because.push(Reason::Said(format!("{} was not let in yet", here.name)));
        plan.unfence[node.at()] = Some(unfence);
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
            Task::Start => graph.before(unfence, at, Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE),
            Task::Monitor if key.interval_ms == 0 => graph.before(unfence, at, Terms::ORDERED),
            Task::Stop if here.meta.requires == Requires::Unfencing => graph.before(at, unfence, Terms::ORDERED),
            _ => {}
        }
    }
}
