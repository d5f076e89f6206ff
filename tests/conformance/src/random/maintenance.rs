//! What the cluster leaves alone: a resource, a member of a group, what a clone has several of, a node.

use super::feature::{any, resource, transient};
use super::{Cluster, pick};
use crate::element::Element;
use crate::mutate::note;
use fastrand::Rng;

/// Leaves one or two things alone. Of a cloned group all members, or none: when one of them must stay where another one
/// is not wanted, our answer has them start together there.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    for _ in 0..rng.usize(1..=2) {
        let top = any(rng, cluster);
        let part = &top.primitives[rng.usize(0..top.primitives.len())];
        let (id, name, value) = match rng.u32(0..100) {
            0..25 => (&top.id, "maintenance", "true"),
            25..45 => (&top.id, "is-managed", "false"),
            45..80 if top.is_cloned_group() => (&top.id, "maintenance", "true"),
            45..60 => (&part.id, "maintenance", "true"),
            60..80 => (&part.id, "is-managed", "false"),
            _ => {
                let node = &cluster.nodes[rng.usize(0..cluster.nodes.len())].name;
                let (name, value) = pick(rng, &[("maintenance", "true"), ("standby", "true"), ("standby", "off")]);
                if let Some(notes) = transient(cib, node) {
                    note(notes, "instance_attributes", name, value);
                }
                continue;
            }
        };
        if let Some(it) = resource(cib, id) {
            note(it, "meta_attributes", name, value);
        }
    }
}
