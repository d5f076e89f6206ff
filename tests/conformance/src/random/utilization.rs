//! Two kinds of capacity, which not every node has, and needs of all kinds of resources.

use super::feature::{element, option, part, resource};
use super::{Cluster, chance, pick};
use crate::element::Element;
use fastrand::Rng;

/// Gives nodes capacities and primitives needs, under each strategy. Not in cloned groups: when only some members of an
/// instance have room, what follows the clone does not wait for them in our answer.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    option(cib, "placement-strategy", pick(rng, &["utilization", "balanced", "minimal", "default"]));
    for at in 0..cluster.nodes.len() {
        let has = values(rng, &format!("has-{at}"), &["4", "8", "16"]);
        let id = (at + 1).to_string();
        let nodes = &mut part(cib, "nodes").children;
        if let Some(node) = nodes.iter_mut().find(|it| it.get("id") == id).filter(|_| chance(rng, 85)) {
            node.children.retain(|it| it.name != "utilization");
            node.children.extend(has);
        }
    }
    let tops = cluster.tops.iter().filter(|top| !top.is_cloned_group());
    for primitive in tops.flat_map(|top| &top.primitives) {
        let needs = values(rng, &format!("{}-wants", primitive.id), &["1", "2", "3", "5"]);
        if let Some(it) = resource(cib, &primitive.id).filter(|_| chance(rng, 60)) {
            it.children.retain(|it| it.name != "utilization");
            it.children.extend(needs);
        }
    }
}

/// Some of the two kinds.
fn values(rng: &mut Rng, id: &str, amounts: &[&str]) -> Option<Element> {
    let mut pairs = String::new();
    for (kind, percent) in [("cpu", 60), ("memory", 80)] {
        if chance(rng, percent) {
            let amount = pick(rng, amounts);
            pairs.push_str(&format!("<nvpair id=\"{id}-{kind}\" name=\"{kind}\" value=\"{amount}\"/>"));
        }
    }
    (!pairs.is_empty()).then(|| element(&format!("<utilization id=\"{id}\">{pairs}</utilization>")))
}
