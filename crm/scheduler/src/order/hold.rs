//! How firmly an order holds, where orders make actions wait for each other in a circle and one of them must give way.

use super::edge::{BACKWARD, Edge, FORWARD};
use crate::facts::Facts;
use crate::graph::{Graph, Key, Task, Terms};

/// From what gives way first to what never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Room that something else frees, or the wish not to do two things at once.
    Room,
    /// Looking for one thing before another is done.
    Looking,
    /// Histories and failure counts, and the end of monitors.
    Bookkeeping,
    /// Telling others about something.
    Telling,
    /// An order that nothing needs: who comes first where both come.
    Wish,
    /// An order that one of the two needs.
    Need,
    /// Parts of one group, clone or bundle.
    Part,
    /// The steps of one resource, fencing, and what lives in or speaks through something else.
    Never,
}

/// How firmly an order holds.
#[must_use]
pub fn hold(facts: &Facts<'_>, graph: &Graph, edge: &Edge) -> Hold {
    let (first, then) = (graph[edge.first].key, graph[edge.then].key);
    let room = edge.terms.has(Terms::NOT_TOGETHER) || first.task == Task::LoadStopped;
    if room && edge.terms.any(Terms::LOAD | Terms::NOT_TOGETHER) {
        return Hold::Room;
    }
    if first.resource.is_some() && first.resource == then.resource {
        return Hold::Never;
    }
    let some = |wanted: fn(Key) -> bool| wanted(first) || wanted(then);
    if some(|it| matches!(it.task, Task::Cancel | Task::Forget | Task::ClearFailures)) {
        return Hold::Bookkeeping;
    }
    let top = |key: Key| key.resource.map(|resource| facts.top(resource));
    let together = top(first).is_some() && top(first) == top(then);
    let looks = |key: Key| key.task == Task::Monitor && key.interval_ms == 0;
    if looks(first) && !together {
        return Hold::Looking;
    }
    if carries(facts, first, then) || carries(facts, then, first) || some(|it| it.task == Task::Fence) {
        return Hold::Never;
    }
    if together {
        return Hold::Part;
    }
    if looks(then) {
        return Hold::Looking;
    }
    if some(|it| it.notify.is_some()) {
        return Hold::Telling;
    }
    // What runs may run on while its node is let in again.
    if then.task == Task::Unfence || !edge.terms.any(FORWARD.or(BACKWARD)) && !whole(first) && !whole(then) {
        return Hold::Wish;
    }
    Hold::Need
}

/// Whether the second happens on a node that the resource of the first connects or hosts, or inside it.
fn carries(facts: &Facts<'_>, first: Key, then: Key) -> bool {
    let Some(resource) = first.resource else { return false };
    let hosts = then
        .node
        .is_some_and(|node| facts[node].connection == Some(resource) || facts[node].container() == Some(resource));
    hosts || then.resource.is_some_and(|inside| facts[inside].container == Some(resource))
}

/// Whether an action stands for a whole group or clone: what is needed of it travels beside its order.
fn whole(key: Key) -> bool {
    key.resource.is_some() && key.node.is_none()
}
