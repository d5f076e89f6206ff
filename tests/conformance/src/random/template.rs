//! A template that several primitives are made from, and tags.

use super::feature::{element, part, resource, several};
use super::{Cluster, chance, pick};
use crate::element::Element;
use fastrand::Rng;

/// Makes some primitives from a template, and names others in a tag; constraints are about both.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    let stickiness = pick(rng, &["0", "10", "INFINITY"]);
    let timeout = pick(rng, &["15s", "40s"]);
    let template = format!(
        "<template id=\"made\" class=\"ocf\" provider=\"pacemaker\" type=\"Dummy\"><meta_attributes id=\"made-meta\">\
         <nvpair id=\"made-sticky\" name=\"resource-stickiness\" value=\"{stickiness}\"/></meta_attributes><operations>\
         <op id=\"made-start\" name=\"start\" interval=\"0\" timeout=\"{timeout}\"/>\
         <op id=\"made-late\" name=\"monitor\" interval=\"120s\"/></operations></template>"
    );
    let mut made = 0;
    for top in several(rng, cluster, 3) {
        for primitive in top.primitives.iter().filter(|_| !top.is_promotable()) {
            let Some(it) = resource(cib, &primitive.id).filter(|it| it.get("type") == "Dummy") else { continue };
            it.attributes.retain(|(name, _)| name == "id");
            it.set("template", "made");
            made += 1;
        }
    }
    if made == 0 {
        return;
    }
    part(cib, "resources").children.insert(0, element(&template));
    if chance(rng, 50) {
        let tagged = several(rng, cluster, 2);
        let members: String = tagged.iter().map(|top| format!("<obj_ref id=\"{}\"/>", top.id)).collect();
        part(cib, "tags").children.push(element(&format!("<tag id=\"marked\">{members}</tag>")));
    }
    let tagged = cib.paths(|it| it.name == "tag").len();
    let about = if tagged > 0 && chance(rng, 60) { "marked" } else { "made" };
    let node = &cluster.nodes[rng.usize(0..cluster.nodes.len())].name;
    let score = pick(rng, &["INFINITY", "-INFINITY", "200"]);
    part(cib, "constraints").children.push(element(&format!(
        "<rsc_location id=\"location-{about}\" rsc=\"{about}\" node=\"{node}\" score=\"{score}\"/>"
    )));
}
