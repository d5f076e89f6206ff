//! Colocations on nodes that are alike: in the same rack, and not on the same node.

use super::feature::{any, element, part};
use super::{Cluster, chance, pick};
use crate::element::Element;
use fastrand::Rng;

/// Adds one or two of them. What comes later follows.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    for number in 0..rng.usize(1..=2) {
        let (one, other) = (any(rng, cluster), any(rng, cluster));
        if one.id == other.id {
            continue;
        }
        let (dependent, primary) = if one.id > other.id { (one, other) } else { (other, one) };
        let score = pick(rng, &["INFINITY", "100", "-INFINITY", "-100"]);
        let role = if primary.is_promotable() && chance(rng, 40) { " with-rsc-role=\"Promoted\"" } else { "" };
        part(cib, "constraints").children.push(element(&format!(
            "<rsc_colocation id=\"alike-{number}\" rsc=\"{}\" with-rsc=\"{}\" score=\"{score}\" node-attribute=\"rack\"{role}/>",
            dependent.id, primary.id
        )));
    }
}
