//! Rules: about dates, about attributes of nodes with all comparisons, for roles, and in sets of values.

use super::feature::{any, element, part, resource};
use super::{Cluster, chance, pick};
use crate::element::Element;
use fastrand::Rng;

/// Adds one to three things that hold only under a rule.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    for number in 0..rng.usize(1..=3) {
        match rng.u32(0..100) {
            0..60 => location(rng, cluster, cib, number),
            60..85 => meta(rng, cluster, cib, number),
            _ => defaults(rng, cib, number),
        }
    }
}

fn location(rng: &mut Rng, cluster: &Cluster, cib: &mut Element, number: usize) {
    let top = any(rng, cluster);
    let role = if top.is_promotable() && chance(rng, 50) { " role=\"Promoted\"" } else { "" };
    let score = if chance(rng, 15) {
        weights(rng, cluster, cib);
        "score-attribute=\"weight\"".to_string()
    } else {
        format!("score=\"{}\"", pick(rng, &["INFINITY", "-INFINITY", "100", "-20"]))
    };
    let id = format!("when-{number}");
    let both = pick(rng, &["and", "or"]);
    let expressions: String = (0..rng.usize(1..=2))
        .map(|at| {
            let id = format!("{id}-{at}");
            if chance(rng, 35) { date(rng, &id) } else { attribute(rng, cluster, &id) }
        })
        .collect();
    part(cib, "constraints").children.push(element(&format!(
        "<rsc_location id=\"{id}\" rsc=\"{}\"><rule id=\"{id}-rule\" {score} boolean-op=\"{both}\"{role}>{expressions}\
         </rule></rsc_location>",
        top.id
    )));
}

/// Gives some nodes a number that a rule uses as its score.
fn weights(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    for node in &cluster.nodes {
        let weight = pick(rng, &["5", "50", "-INFINITY", "INFINITY", ""]);
        let path = cib.paths(|it| it.name == "node" && it.get("uname") == node.name);
        if let Some(path) = path.first().filter(|_| !weight.is_empty()) {
            crate::mutate::note(cib.at_mut(path), "instance_attributes", "weight", weight);
        }
    }
}

fn attribute(rng: &mut Rng, cluster: &Cluster, id: &str) -> String {
    let node = &cluster.nodes[rng.usize(0..cluster.nodes.len())].name;
    let test = match rng.u32(0..6) {
        0 => format!("attribute=\"#uname\" operation=\"{}\" value=\"{node}\"", pick(rng, &["eq", "ne"])),
        1 => format!("attribute=\"rack\" operation=\"{}\"", pick(rng, &["defined", "not_defined"])),
        2 => format!("attribute=\"rack\" operation=\"{}\" value=\"a\"", pick(rng, &["ne", "gt", "lte"])),
        3 => "attribute=\"#kind\" operation=\"eq\" value=\"cluster\"".to_string(),
        4 => format!("attribute=\"weight\" operation=\"{}\" type=\"number\" value=\"20\"", pick(rng, &["lt", "gte"])),
        _ => {
            format!("attribute=\"#id\" operation=\"{}\" type=\"integer\" value=\"2\"", pick(rng, &["lt", "gte", "eq"]))
        }
    };
    format!("<expression id=\"{id}\" {test}/>")
}

/// Now is the first of January 2026, at midnight.
fn date(rng: &mut Rng, id: &str) -> String {
    let when = pick(
        rng,
        &[
            "operation=\"gt\" start=\"2025-06-01\"",
            "operation=\"lt\" end=\"2025-06-01\"",
            "operation=\"in_range\" start=\"2025-12-31 12:00:00\" end=\"2026-01-02 12:00:00\"",
            "operation=\"in_range\" start=\"2026-01-01 00:00:01\" end=\"2026-02-01\"",
        ],
    );
    let spec =
        pick(rng, &["hours=\"0-8\"", "hours=\"9-17\"", "monthdays=\"1\"", "weekdays=\"4\"", "years=\"2026-2027\""]);
    if chance(rng, 40) {
        return format!(
            "<date_expression id=\"{id}\" operation=\"date_spec\"><date_spec id=\"{id}-spec\" {spec}/></date_expression>"
        );
    }
    format!("<date_expression id=\"{id}\" {when}/>")
}

/// Meta attributes of a resource that hold at times.
fn meta(rng: &mut Rng, cluster: &Cluster, cib: &mut Element, number: usize) {
    let top = any(rng, cluster);
    let id = format!("at-times-{number}");
    let (name, value) = pick(
        rng,
        &[("target-role", "Stopped"), ("resource-stickiness", "500"), ("is-managed", "false"), ("priority", "50")],
    );
    let when = date(rng, &format!("{id}-date"));
    let set = format!(
        "<meta_attributes id=\"{id}\" score=\"{}\"><rule id=\"{id}-rule\" score=\"0\" boolean-op=\"and\">{when}</rule>\
         <nvpair id=\"{id}-{name}\" name=\"{name}\" value=\"{value}\"/></meta_attributes>",
        pick(rng, &["1", "10"])
    );
    if let Some(it) = resource(cib, &top.id) {
        it.children.insert(0, element(&set));
    }
}

/// Defaults for resources of a kind.
fn defaults(rng: &mut Rng, cib: &mut Element, number: usize) {
    let id = format!("defaults-{number}");
    let kind = pick(rng, &["Dummy", "Stateful"]);
    let value = pick(rng, &["0", "77", "INFINITY"]);
    part(cib, "rsc_defaults").children.insert(
        0,
        element(&format!(
            "<meta_attributes id=\"{id}\"><rule id=\"{id}-rule\" score=\"0\" boolean-op=\"and\"><rsc_expression \
             id=\"{id}-kind\" class=\"ocf\" provider=\"pacemaker\" type=\"{kind}\"/></rule><nvpair id=\"{id}-sticky\" \
             name=\"resource-stickiness\" value=\"{value}\"/></meta_attributes>"
        )),
    );
}
