//! What somebody edits.

use super::{any, note, pick};
use crate::element::{Element, Path};
use fastrand::Rng;

const OPTIONS: [(&str, &[&str]); 13] = [
    ("stonith-enabled", &["true", "false"]),
    ("no-quorum-policy", &["stop", "ignore", "freeze", "demote", "suicide"]),
    ("symmetric-cluster", &["false", "true"]),
    ("maintenance-mode", &["true", "false"]),
    ("stop-all-resources", &["true"]),
    ("stop-orphan-resources", &["false", "true"]),
    ("stop-orphan-actions", &["false"]),
    ("start-failure-is-fatal", &["false"]),
    ("startup-fencing", &["false"]),
    ("enable-startup-probes", &["false"]),
    ("concurrent-fencing", &["true", "false"]),
    ("placement-strategy", &["utilization", "balanced", "minimal", "default"]),
    ("node-health-strategy", &["migrate-on-red", "only-green", "progressive"]),
];

/// Gives an option of the cluster a value, under the name it has already.
pub(super) fn set_option(config: &mut Element, name: &str, value: &str) {
    if config.children.is_empty() {
        config.children.push(Element::new("cluster_property_set", &[("id", "cib-bootstrap-options")]));
    }
    let newer = name.replace("stonith", "fencing");
    let set = &mut config.children[0];
    let known = |it: &Element| it.get("name") == name || it.get("name") == newer;
    match set.children.iter_mut().find(|it| known(it)) {
        Some(it) => it.set("value", value),
        None => {
            let id = format!("added-{name}");
            set.children.push(Element::new("nvpair", &[("id", &id), ("name", name), ("value", value)]));
        }
    }
}

pub(super) fn option(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let (name, values) = pick(rng, &OPTIONS);
    let value = pick(rng, values);
    let path = any(rng, cib, |it| it.name == "crm_config")?;
    set_option(cib.at_mut(&path), name, value);
    Some(format!("option {name}={value}"))
}

const ANY: [(&str, &[&str]); 11] = [
    ("target-role", &["Stopped", "Stopped", "Started", "Unpromoted"]),
    ("is-managed", &["false", "true"]),
    ("resource-stickiness", &["0", "100", "INFINITY"]),
    ("migration-threshold", &["1", "3"]),
    ("failure-timeout", &["10s", "1h"]),
    ("priority", &["10"]),
    ("multiple-active", &["block", "stop_only", "stop_unexpected"]),
    ("requires", &["nothing", "quorum", "fencing"]),
    ("critical", &["false"]),
    ("allow-migrate", &["true", "false"]),
    ("maintenance", &["true"]),
];

const CLONES: [(&str, &[&str]); 9] = [
    ("interleave", &["true", "false"]),
    ("ordered", &["true", "false"]),
    ("notify", &["true", "false"]),
    ("clone-max", &["1", "2", "3"]),
    ("clone-node-max", &["1", "2"]),
    ("clone-min", &["1", "2"]),
    ("promoted-max", &["1", "2"]),
    ("target-role", &["Unpromoted", "Promoted", "Stopped"]),
    ("is-managed", &["false"]),
];

fn is_resource(it: &Element) -> bool {
    ["primitive", "group", "clone", "master", "bundle"].contains(&it.name.as_str()) && !it.get("id").is_empty()
}

/// Resources of the configuration; a history's elements have other names.
fn resource(rng: &mut Rng, cib: &Element, wanted: impl Fn(&Element) -> bool) -> Option<Path> {
    any(rng, cib, |it| is_resource(it) && wanted(it))
}

pub(super) fn meta(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = resource(rng, cib, |_| true)?;
    let it = cib.at_mut(&path);
    let clone = ["clone", "master"].contains(&it.name.as_str());
    let (name, values) = if clone && rng.u32(0..3) > 0 { pick(rng, &CLONES) } else { pick(rng, &ANY) };
    let value = pick(rng, values);
    note(it, "meta_attributes", name, value);
    Some(format!("meta {name}={value}: {}", it.get("id")))
}

pub(super) fn score(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = any(rng, cib, |it| it.name.starts_with("rsc_") && !it.get("score").is_empty())?;
    let value = pick(rng, &["INFINITY", "-INFINITY", "100", "-100", "10"]);
    let it = cib.at_mut(&path);
    let before = it.get("score").to_string();
    it.set("score", value);
    (before != value).then(|| format!("score {value}: {}", it.get("id")))
}

pub(super) fn constraint_goes(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path =
        any(rng, cib, |it| it.name.starts_with("rsc_") && !it.get("id").is_empty() && it.name != "rsc_defaults")?;
    let id = cib.at(&path).get("id").to_string();
    cib.remove(&path);
    Some(format!("constraint goes: {id}"))
}

pub(super) fn constraint_changes(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let kinds: [(&str, &str, &[&str]); 6] = [
        ("rsc_order", "kind", &["Mandatory", "Optional", "Serialize"]),
        ("rsc_order", "symmetrical", &["false", "true"]),
        ("rsc_order", "first-action", &["start", "promote", "stop", "demote"]),
        ("rsc_colocation", "rsc-role", &["Promoted", "Unpromoted", "Started"]),
        ("rsc_colocation", "with-rsc-role", &["Promoted", "Unpromoted", "Started"]),
        ("rsc_ticket", "loss-policy", &["stop", "demote", "fence", "freeze"]),
    ];
    let (element, name, values) = pick(rng, &kinds);
    let value = pick(rng, values);
    // Sets have their words for this inside.
    let path = any(rng, cib, |it| it.name == element && it.children.is_empty())?;
    let it = cib.at_mut(&path);
    if name == "kind" {
        it.attributes.retain(|(known, _)| known != "score");
    }
    let before = it.get(name).to_string();
    it.set(name, value);
    (before != value).then(|| format!("constraint {name}={value}: {}", it.get("id")))
}

/// A resource is taken out of the configuration with all that is about it; what it did stays.
pub(super) fn resource_goes(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let named: Vec<String> = cib
        .paths(|it| ["resource_ref", "obj_ref"].contains(&it.name.as_str()))
        .iter()
        .map(|path| cib.at(path).get("id").to_string())
        .collect();
    let path = resource(rng, cib, |it| !named.contains(&it.get("id").to_string()))?;
    if path.len() > 3 {
        let above = cib.at(&path[..path.len() - 1]);
        let inside = above.children.iter().filter(|it| is_resource(it)).count();
        if inside < 2 {
            return None;
        }
    }
    let id = cib.at(&path).get("id").to_string();
    let inside: Vec<String> =
        cib.at(&path).paths(is_resource).iter().map(|at| cib.at(&path).at(at).get("id").to_string()).collect();
    cib.remove(&path);
    let about = |it: &Element| {
        let ends = ["rsc", "with-rsc", "first", "then"];
        it.name.starts_with("rsc_") && ends.iter().any(|end| inside.contains(&it.get(end).to_string()))
    };
    let mut constraints = cib.paths(about);
    constraints.reverse();
    constraints.iter().for_each(|path| cib.remove(path));
    Some(format!("resource goes: {id}"))
}
