//! Fingerprints of parameters in histories that were written without: those that calls would be recorded with today,
//! so that a cluster does not start anew what was only just configured.

use crate::element::Element;
use scheduler::facts::{self, digest};

/// Adds the missing ones of what stands in the configuration.
pub(super) fn add(cib: &mut Element) {
    let missing = |it: &Element| it.name == "lrm_rsc_op" && it.get("op-digest").is_empty();
    let places = cib.paths(missing);
    if places.is_empty() {
        return;
    }
    let situation = import::read(&cib.write()).expect("the generator writes what can be read");
    let facts = facts::read(&situation);
    for place in places {
        let above = |name: &str| (0..place.len()).map(|depth| cib.at(&place[..depth])).find(|it| it.name == name);
        let (Some(history), Some(state)) = (above("lrm_resource"), above("node_state")) else { continue };
        let resource =
            facts.all_resources().find(|&at| facts[at].id == history.get("id") || facts[at].base == history.get("id"));
        let node = facts.all_nodes().find(|&node| facts[node].name == state.get("uname"));
        let (Some(resource), Some(node)) = (resource, node) else { continue };
        let entry = cib.at(&place);
        let interval = entry.get("interval").parse().unwrap_or(0);
        let parameters = digest::parameters(&facts, resource, node, entry.get("operation"), interval);
        cib.at_mut(&place).set("op-digest", &digest::of(&parameters));
    }
}
