//! In which order it is done, and what of it can be done.
//!
//! ```text
//! groups, clones and bundles get actions as a whole -> relations become edges between actions
//!   -> need and impossibility travel along the edges -> notifications of what remains -> the order of the transition
//! ```

pub mod bundle;
pub mod clone;
pub mod colocation;
pub mod constraint;
pub mod cycle;
pub mod edge;
pub mod group;
pub mod hold;
pub mod knot;
pub mod load;
pub mod migration;
pub mod notify;
pub mod propagate;
pub mod whole;

use crate::actions::probe;
use crate::assign::Assignment;
use crate::constraint::Constraints;
use crate::facts::Facts;
use crate::graph::{Action, Carrier, Graph, Task, Terms};
use constraint::Relating;
use edge::Edges;
use whole::{Verb, Wholes};

/// A graph in which everything is decided, and the edges of its transition.
#[derive(Debug, Default)]
pub struct Ordered {
    /// The actions.
    pub graph: Graph,
    /// Their edges.
    pub edges: Edges,
}

/// Adds the relations that constraints, clones, groups and bundles ask for, and lets need and impossibility travel
/// along them until nothing changes.
#[must_use]
pub fn order(facts: &Facts<'_>, constraints: &Constraints, assignment: &Assignment, mut graph: Graph) -> Ordered {
    let hosts = facts.resources.iter().map(|it| it.container).collect();
    let mut edges = Edges { hosts, ..Edges::default() };
    let wholes = Wholes::make(facts, &mut graph);
    let relating = &mut Relating { facts, assignment, wholes: &wholes, graph: &mut graph, edges: &mut edges };
    constraint::relate(constraints, relating);
    wholes.relate(facts, relating.graph, relating.edges);
    group::relate(relating);
    clone::relate(facts, &graph, &wholes, &mut edges);
    bundle::relate(facts, &graph, &wholes, &mut edges);
    colocation::relate(facts, constraints, &mut graph, &wholes, &mut edges);
    load::relate(facts, &mut graph, &mut edges);
    crate::actions::finish(facts, assignment, &mut graph);
    let starts = probe::starts(facts, &graph);
    let relations = std::mem::take(&mut graph.relations);
    let mut relating = Relating { facts, assignment, wholes: &wholes, graph: &mut graph, edges: &mut edges };
    relating.make_missing_of(&relations);
    edges.resolve(&graph, &wholes, &relations);
    implied(facts, &graph, &mut edges);
    let before = edges.list.len();
    loop {
        propagate::propagate(&mut graph, &edges.list, |action| fixed(assignment, action));
        cancel(&mut graph, &edges);
        probe::relate(facts, constraints, &graph, &starts, &mut edges);
        clone::relate_long(facts, &graph, &wholes, &mut edges);
        migration::settle(&mut graph);
        migration::relate(facts, &graph, &mut edges);
        // What is given up stays so: as many rounds as there are migrations at most.
        if !migration::give_up(&mut graph, &edges.list, |graph, edge| hold::hold(facts, graph, edge)) {
            break;
        }
        edges.list.truncate(before);
    }
    notify::add(facts, assignment, &mut graph, &wholes, &mut edges);
    cycle::open(&graph, &mut edges, |edge| hold::hold(facts, &graph, edge));
    Ordered { graph, edges }
}

/// Whether propagation may not ask for an action: its resource is left alone.
fn fixed(assignment: &Assignment, action: &Action) -> bool {
    let changes = !matches!(
        action.key.task,
        Task::Monitor | Task::Cancel | Task::Notify | Task::Notified | Task::Forget | Task::ClearFailures
    );
    action.key.resource.is_some_and(|resource| changes && !assignment.managed[resource.at()])
}

/// Actions that others make superfluous.
fn cancel(graph: &mut Graph, edges: &Edges) {
    for edge in edges.list.iter().filter(|edge| edge.terms.has(Terms::THEN_CANCELS_FIRST)) {
        if graph[edge.then].needed && graph[edge.then].possible {
            graph[edge.first].needed = false;
        }
    }
}

/// What the end of a guest implies to be stopped does not come before that end, and a host does not wait for probes of
/// what lives in it.
fn implied(facts: &Facts<'_>, graph: &Graph, edges: &mut Edges) {
    edges.list.retain(|edge| {
        let (first, then) = (&graph[edge.first], &graph[edge.then]);
        if let (Some(one), Some(other)) = (first.key.resource, then.key.resource)
            && (first.key.task, first.key.interval_ms, then.key.task) == (Task::Monitor, 0, Task::Stop)
            && facts[one].container == Some(other)
        {
            return false;
        }
        let down = matches!(first.key.task, Task::Stop | Task::Demote) && then.key.task == Task::Stop;
        let Some(guest) = first.key.node.filter(|_| down && first.carrier == Carrier::Nobody) else { return true };
        let ends = [facts[guest].container(), facts[guest].connection];
        !(facts[guest].is_guest() && then.key.resource.is_some() && ends.contains(&then.key.resource))
    });
}
