//! Bundles: which of the resources that a replica is made of are probed where, and what waits for that.

use super::Plan;
use crate::facts::resource::Kind;
use crate::graph::{Key, Point, Task, Terms};
use crate::index::{NodeIx, ResourceIx};

/// Probes the parts of a bundle on a node: the primitive inside on its replica's own node only, everything else on
/// every member. No container starts on a node before the probes of all the others there.
pub fn probe<'p, 'a>(
    plan: &mut Plan<'p, 'a>,
    bundle: ResourceIx,
    node: NodeIx,
    part: &mut dyn FnMut(&mut Plan<'p, 'a>, ResourceIx, NodeIx) -> bool,
) -> bool {
    let facts = plan.facts;
    let Kind::Bundle(replicas) = &facts[bundle].kind else { return false };
    let one_a_node = facts[bundle].meta.clone_node_max <= 1;
    let mut any = false;
    for replica in replicas {
        if let Some(address) = replica.address {
            any |= part(plan, address, node);
        }
        if let Some(child) = replica.child
            && replica.node == Some(node)
        {
            any |= part(plan, child, node);
        }
        if part(plan, replica.container, node) {
            any = true;
            let probe = plan.graph.find(Key::on(replica.container, Task::Monitor, node));
            for other in replicas.iter().filter(|other| one_a_node && other.container != replica.container) {
                if let Some(probe) = probe {
                    plan.graph.relate(
                        Point::Action(probe),
                        Point::Task(other.container, Task::Start),
                        Terms::ORDERED | Terms::SAME_NODE,
                    );
                }
            }
        }
        let runs = facts[replica.container].role.runs();
        let up = runs || plan.assignment.node(replica.container).is_some();
        if let Some(connection) = replica.connection
            && up
            && part(plan, connection, node)
        {
            any = true;
            if let Some(probe) = plan.graph.find(Key::on(connection, Task::Monitor, node)) {
                plan.graph.relate(
                    Point::Task(replica.container, Task::Start),
                    Point::Action(probe),
                    if runs { Terms::ORDERED } else { Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE },
                );
            }
        }
    }
    any
}
