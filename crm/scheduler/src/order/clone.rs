//! What the steps of a clone have to do with each other, and the order of instances where they go one after the other.

use super::edge::Edges;
use super::whole::{Verb, Wholes};
use crate::facts::Facts;
use crate::graph::{Graph, Task, Terms};
use crate::index::{ActionIx, ResourceIx};
use crate::transition::shown;

/// More instances than these are related with their neighbours only.
const LONG: usize = 500;

/// Relates the steps of every clone, and its instances.
pub fn relate(facts: &Facts<'_>, graph: &Graph, wholes: &Wholes, edges: &mut Edges) {
    for clone in facts.all_resources().filter(|&resource| facts[resource].is_clone()) {
        steps(clone, wholes, edges);
        if facts[clone].meta.ordered && facts[clone].children.len() <= LONG {
            one_after_the_other(facts, graph, wholes, edges, clone);
        }
    }
}

/// Orders the instances of clones that have very many, each after the one before it that has something to do: known
/// only when need has travelled along everything else. Relating all of them with all others would take too long.
pub fn relate_long(facts: &Facts<'_>, graph: &Graph, wholes: &Wholes, edges: &mut Edges) {
    let long = |&resource: &ResourceIx| {
        let here = &facts[resource];
        here.is_clone() && here.meta.ordered && here.children.len() > LONG
    };
    for clone in facts.all_resources().filter(long) {
        for verb in Verb::ALL {
            let mut last: Vec<ActionIx> = Vec::new();
            let mut next = |&instance: &ResourceIx| {
                let (begin, done) = match wholes.of(instance, verb) {
                    Some(whole) => (vec![whole.begin], vec![whole.done]),
                    None => {
                        let tasks: Vec<ActionIx> = graph.tasks(instance, verb.begin()).collect();
                        (tasks.clone(), tasks)
                    }
                };
                if begin.iter().any(|&at| shown(&graph[at])) {
                    last.iter().for_each(|&last| begin.iter().for_each(|&at| edges.add(last, at, Terms::ORDERED)));
                    last = done;
                }
            };
            if verb.up() {
                facts[clone].children.iter().for_each(&mut next);
            } else {
                facts[clone].children.iter().rev().for_each(&mut next);
            }
        }
    }
}

/// Demoted, then stopped, then started, then promoted.
fn steps(clone: ResourceIx, wholes: &Wholes, edges: &mut Edges) {
    let (Some(start), Some(stop)) = (wholes.of(clone, Verb::Start), wholes.of(clone, Verb::Stop)) else { return };
    edges.add(stop.done, start.begin, Terms::ORDERED);
    let (Some(promote), Some(demote)) = (wholes.of(clone, Verb::Promote), wholes.of(clone, Verb::Demote)) else {
        return;
    };
    edges.add(demote.done, stop.begin, Terms::ORDERED);
    edges.add(demote.done, start.begin, Terms::ORDERED);
    edges.add(demote.done, promote.begin, Terms::ORDERED);
    edges.add(stop.done, promote.begin, Terms::ORDERED);
    edges.add(start.done, promote.begin, Terms::ORDERED);
}

/// `ordered`: each instance waits for all before it, since the one just before may have nothing to do.
fn one_after_the_other(facts: &Facts<'_>, graph: &Graph, wholes: &Wholes, edges: &mut Edges, clone: ResourceIx) {
    let instances = &facts[clone].children;
    for (at, &one) in instances.iter().enumerate() {
        for &next in &instances[at + 1..] {
            for task in [Task::Start, Task::Promote] {
                edges.connect(graph, wholes, (one, task), (next, task), Terms::ORDERED);
            }
            for task in [Task::Stop, Task::Demote] {
                let found = |resource| graph.tasks(resource, task).next().is_some();
                let comes_back = |resource| graph.tasks(resource, Task::Start).next().is_some();
                // Where nothing is stopped there is only looking for it, which what merely stops does not wait for.
                let stops = facts.primitives(next).into_iter().any(found);
                if stops || facts.primitives(one).into_iter().any(comes_back) {
                    edges.connect(graph, wholes, (next, task), (one, task), Terms::ORDERED);
                }
            }
        }
    }
}
