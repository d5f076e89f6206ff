//! Bundles: the address before the container, and the bundle as a whole around its containers and what runs inside.

use super::edge::Edges;
use super::whole::{Verb, Wholes};
use crate::facts::Facts;
use crate::facts::bundle::Replica;
use crate::facts::resource::Kind;
use crate::graph::{Graph, Task, Terms};
use crate::index::ResourceIx;

/// The replicas of a bundle; of anything else none.
#[must_use]
pub fn replicas<'f>(facts: &'f Facts<'_>, resource: ResourceIx) -> &'f [Replica] {
    match &facts[resource].kind {
        Kind::Bundle(replicas) => replicas,
        _ => &[],
    }
}

/// What of a bundle starts and stops with it: its containers, and the clone of what runs inside.
#[must_use]
pub fn parts(facts: &Facts<'_>, bundle: ResourceIx) -> Vec<ResourceIx> {
    let containers = replicas(facts, bundle).iter().map(|replica| replica.container);
    let inside = facts[bundle].children.iter().copied().filter(|&child| facts[child].is_clone());
    containers.chain(inside).collect()
}

/// Relates the steps of every bundle, and the parts of its replicas.
pub fn relate(facts: &Facts<'_>, graph: &Graph, wholes: &Wholes, edges: &mut Edges) {
    for bundle in facts.all_resources().filter(|&resource| facts[resource].is_bundle()) {
        steps(bundle, wholes, edges);
        for replica in replicas(facts, bundle) {
            if let Some(address) = replica.address {
                let (start, stop) = (Task::Start, Task::Stop);
                edges.connect(graph, wholes, (address, start), (replica.container, start), Terms::mandatory());
                edges.connect(graph, wholes, (replica.container, stop), (address, stop), Terms::undo());
            }
            if let Some(inside) = wholes.inside(facts, bundle) {
                let starts = graph.tasks(replica.container, Task::Start).next().is_some();
                for probe in graph.tasks(replica.container, Task::Monitor).filter(|_| starts) {
                    edges.add(probe, inside.begin, Terms::ORDERED);
                }
            }
            if let (Some(child), Some(whole)) = (replica.child, wholes.of(bundle, Verb::Stop)) {
                for stop in graph.tasks(child, Task::Stop) {
                    edges.add(whole.begin, stop, Terms::ORDERED);
                }
            }
        }
    }
}

/// Where something inside can be promoted: demoted, then stopped, then started, then promoted.
fn steps(bundle: ResourceIx, wholes: &Wholes, edges: &mut Edges) {
    let of = |verb| wholes.of(bundle, verb);
    let (Some(start), Some(stop), Some(promote), Some(demote)) =
        (of(Verb::Start), of(Verb::Stop), of(Verb::Promote), of(Verb::Demote))
    else {
        return;
    };
    edges.add(stop.done, start.begin, Terms::ORDERED);
    edges.add(demote.done, stop.begin, Terms::ORDERED);
    edges.add(demote.done, promote.begin, Terms::ORDERED);
    edges.add(stop.done, promote.begin, Terms::ORDERED);
    edges.add(start.done, promote.begin, Terms::ORDERED);
}
