//! Fencing: which nodes are, in which order, and what it implies.
//!
//! What ran on a fenced node is stopped by it; the stops and demotions there become marks that follow the fencing.
//! What needs fencing before it starts waits for all of it. A guest node is fenced by stopping its host.

use super::Plan;
use crate::assign::Assignment;
use crate::facts::Facts;
use crate::facts::failure;
use crate::facts::meta::Requires;
use crate::facts::options::NoQuorumPolicy;
use crate::graph::{Carrier, Graph, Key, Point, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;

/// Asks for the fencing of every node that needs it and can be fenced.
pub fn make(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    // Where the cluster may touch nothing, nothing is made safe by fencing.
    let any_managed = facts.tops.iter().any(|&top| facts[top].managed);
    for node in facts.all_nodes() {
        let here = &facts[node];
        let decided = plan.assignment.fence.iter().filter(|(on, _)| *on == node).map(|(_, because)| because.clone());
        let decided: Vec<Reason> = decided.collect();
        let cut_off = cut_off(plan, node);
        let unclean = plan.outlook(node).unclean || !decided.is_empty();
        let wanted = any_managed && unclean || cut_off;
        if here.is_guest() || !wanted || !can_fence(facts, node) {
            continue;
        }
        let fence = plan.graph.ensure(Key::node(Task::Fence, node), Carrier::Fencing, true);
        plan.graph[fence].fencing = Some(action(facts));
        plan.graph[fence].because.extend(here.fence.iter().cloned().chain(decided));
        if cut_off {
            plan.graph[fence].because.push(Reason::Unconnectable(here.name.clone()));
        }
        plan.fence[node.at()] = Some(fence);
    }
    for node in facts.all_nodes() {
        guest(plan, node);
    }
    in_turn(plan);
}

/// What fencing does.
fn action(facts: &Facts<'_>) -> &'static str {
    if facts.options.fencing_action == "off" { "off" } else { "reboot" }
}

/// Whether the connection of a remote node failed or was lost with its host, can be made nowhere else, and something
/// may run on the node.
fn cut_off(plan: &Plan<'_, '_>, node: NodeIx) -> bool {
    let facts = plan.facts;
    let Some(connection) = facts[node].connection.filter(|_| !facts[node].is_guest()) else { return false };
    let here = &facts[connection];
    let lost = here.on.iter().any(|&host| facts[host].unclean);
    let stays_down = plan.assignment.node(connection).is_none()
        && (lost || here.meta.target_role != Some(Role::Stopped))
        && !facts[node].remote_fenced;
    if here.on.is_empty() || !plan.managed(connection) || !stays_down {
        return false;
    }
    let runs = || facts.resources.iter().any(|it| it.is_primitive() && it.on.contains(&node));
    let unheard = || !facts.resources.iter().any(|it| it.history.iter().any(|(on, _)| *on == node));
    here.failed || (lost && (runs() || unheard()))
}

/// Whether a node can be fenced: there is something to do it with, and this partition may.
fn can_fence(facts: &Facts<'_>, node: NodeIx) -> bool {
    let options = &facts.options;
    options.fencing_possible
        && (options.quorate || options.no_quorum_policy == NoQuorumPolicy::Ignore || facts[node].online)
}

/// A guest node is fenced with its host: when the host is stopped because of a failure, or its own node is fenced.
fn guest(plan: &mut Plan<'_, '_>, node: NodeIx) {
    let facts = plan.facts;
    let here = &facts[node];
    let Some(host) = here.container() else { return };
    let under = facts[host].on.iter().find(|on| plan.fence[on.at()].is_some());
    let fenceable = facts[host].on.iter().all(|&on| facts[on].online || can_fence(facts, on));
    if !here.remote_needs_reset || !fenceable {
        return;
    }
    let fence = plan.graph.ensure(Key::node(Task::Fence, node), Carrier::Nobody, true);
    plan.graph[fence].fencing = Some(action(facts));
    plan.graph[fence].because.push(Reason::HostStops(facts[host].id.clone()));
    plan.fence[node.at()] = Some(fence);
    if let Some(under) = under.and_then(|under| plan.fence[under.at()]) {
        // What its host runs on is cut off, and the host with it.
        plan.graph.before(under, fence, Terms::ORDERED);
    } else {
        let terms = Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE;
        plan.graph.relate(Point::Task(host, Task::Stop), Point::Action(fence), terms);
    }
    if facts[host].on.is_empty()
        && let Some(connection) = here.connection
    {
        plan.graph.relate(Point::Task(connection, Task::Stop), Point::Action(fence), Terms::ORDERED);
    }
}

/// Fencing of several nodes: one after the other unless told otherwise, the coordinator last.
fn in_turn(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    let fenced = |node: &NodeIx| plan.fence[node.at()].filter(|_| !facts[*node].is_guest());
    let coordinator = coordinator(facts);
    let (dc, others): (Vec<NodeIx>, Vec<NodeIx>) =
        facts.all_nodes().filter(|node| fenced(node).is_some()).partition(|&node| Some(node) == coordinator);
    let others: Vec<ActionIx> = others.iter().filter_map(fenced).collect();
    let dc: Option<ActionIx> = dc.first().and_then(fenced);
    if facts.options.concurrent_fencing {
        for (other, dc) in others.iter().filter_map(|&other| dc.map(|dc| (other, dc))) {
            plan.graph.before(other, dc, Terms::ORDERED);
        }
    } else {
        let row: Vec<ActionIx> = others.into_iter().chain(dc).collect();
        for pair in row.windows(2) {
            plan.graph.before(pair[0], pair[1], Terms::ORDERED);
        }
    }
}

/// The coordinator as recorded, wherever it is now: it goes last.
#[must_use]
pub fn coordinator(facts: &Facts<'_>) -> Option<NodeIx> {
    let named = facts.situation.dc.as_deref()?;
    facts.all_nodes().find(|&node| facts[node].id == named || facts[node].name == named)
}

/// Relates fencing with everything that is done to resources.
pub fn relate(facts: &Facts<'_>, assignment: &Assignment, graph: &mut Graph) {
    let fences: Vec<(NodeIx, ActionIx)> = facts
        .all_nodes()
        .filter_map(|node| graph.find(Key::node(Task::Fence, node)).map(|fence| (node, fence)))
        .collect();
    if fences.is_empty() {
        return;
    }
    for at in (0..graph.actions.len()).map(ActionIx::new) {
        let key = graph[at].key;
        let (Some(resource), Some(node)) = (key.resource, key.node) else { continue };
        match key.task {
            Task::Start | Task::Promote => {
                let needs = graph[at].requires;
                for &(target, fence) in &fences {
                    start_after(facts, graph, (target, fence), at, needs);
                }
            }
            Task::Stop | Task::Demote => {
                if let Some(&(_, fence)) = fences.iter().find(|(target, _)| *target == node)
                    && assignment.managed[resource.at()]
                {
                    implied(facts, graph, fence, at, resource);
                }
            }
            _ => {}
        }
    }
}

/// What needs fencing starts after it; what needs a quorum only, when it may still run on the fenced node for all that
/// is known.
fn start_after(
    facts: &Facts<'_>,
    graph: &mut Graph,
    (target, fence): (NodeIx, ActionIx),
    start: ActionIx,
    needs: Requires,
) {
    let Some(resource) = graph[start].key.resource else { return };
    match needs {
        Requires::Nothing => {}
        Requires::Quorum => {
            // Behind a removed connection nothing was ever to run.
            let removed = facts[target].connection.is_some_and(|connection| facts[connection].removed);
            if !removed && !foreign(facts, resource, target) && !known(facts, resource, target) {
                graph.before(fence, start, Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE);
            }
        }
        Requires::Fencing | Requires::Unfencing => graph.before(fence, start, Terms::ORDERED),
    }
}

/// Whether a node is inside a bundle that a resource is no part of: there it never runs.
fn foreign(facts: &Facts<'_>, resource: ResourceIx, node: NodeIx) -> bool {
    let connection = facts[node].connection.filter(|&connection| failure::in_bundle(facts, connection));
    connection.is_some_and(|connection| facts.top(connection) != facts.top(resource))
}

/// Whether it is recorded what a resource does on a node; of an anonymous clone any instance tells.
fn known(facts: &Facts<'_>, resource: ResourceIx, node: NodeIx) -> bool {
    let here = &facts[resource];
    if here.known_on.contains(&node) {
        return true;
    }
    let anonymous = facts.clone_of(resource).filter(|_| !here.unique);
    anonymous.is_some_and(|top| {
        let siblings = facts.primitives(top);
        siblings.iter().any(|&it| facts[it].base == here.base && facts[it].known_on.contains(&node))
    })
}

/// A stop or demotion on a fenced node is implied by the fencing.
fn implied(facts: &Facts<'_>, graph: &mut Graph, fence: ActionIx, action: ActionIx, resource: ResourceIx) {
    graph[action].carrier = Carrier::Nobody;
    graph[action].possible = true;
    if facts[resource].meta.requires < Requires::Fencing {
        return;
    }
    // What runs in a bundle's container ends with the container, which the bundle itself sees to.
    let in_bundle = facts[facts.top(resource)].is_bundle() && graph[fence].carrier == Carrier::Nobody;
    if !in_bundle {
        graph.before(fence, action, Terms::ORDERED);
    }
    let top = crate::constraint::name::below_bundle(facts, resource);
    if top != resource && graph[action].key.task == Task::Stop {
        graph.relate(Point::Action(fence), Point::Task(top, Task::Stop), Terms::ORDERED);
    }
}
