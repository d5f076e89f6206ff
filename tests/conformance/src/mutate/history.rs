//! What resources did, and how it ended.

use super::{any, note, pick};
use crate::element::{Element, Path};
use fastrand::Rng;

/// The history of a resource whose entries `wanted` accepts.
fn history(rng: &mut Rng, cib: &Element, wanted: impl Fn(&Element) -> bool) -> Option<Path> {
    any(rng, cib, |it| it.name == "lrm_resource" && wanted(it))
}

fn call(entry: &Element) -> i64 {
    entry.get("call-id").parse().unwrap_or(0)
}

/// The last entry by its call.
fn last(history: &Element) -> Option<&Element> {
    let entries = history.children.iter().filter(|it| !it.get("id").contains("last_failure"));
    entries.max_by_key(|it| call(it))
}

/// Whether it ended as something that runs does.
fn runs(history: &Element) -> bool {
    last(history).is_some_and(|it| {
        let started = it.is("operation", &["start", "monitor", "promote", "demote", "migrate_from"]);
        started && it.is("rc-code", &["0", "8"]) && it.get("op-status") == "0"
    })
}

fn is_promoted(history: &Element) -> bool {
    last(history).is_some_and(|it| it.get("operation") == "promote" || it.get("rc-code") == "8")
}

/// The name of the resource without the number of an instance, and of the node.
fn whose(cib: &Element, path: &[usize]) -> (String, String) {
    let state = path.iter().enumerate().map(|(depth, _)| cib.at(&path[..depth])).find(|it| it.name == "node_state");
    (cib.at(path).get("id").to_string(), state.map(|it| it.get("uname").to_string()).unwrap_or_default())
}

/// The node's entry in the status that holds this place.
fn state_of<'c>(cib: &'c mut Element, path: &[usize]) -> Option<&'c mut Element> {
    let depth = (0..path.len()).find(|&depth| cib.at(&path[..depth]).name == "node_state")?;
    Some(cib.at_mut(&path[..depth]))
}

/// The digest of no parameters.
const NOTHING: &str = "f2317cad3d54cec5d7d7aa7d0bf35cf8";

/// An entry as the peer writes it.
pub(crate) fn entry(
    resource: &str,
    slot: &str,
    operation: &str,
    interval: &str,
    exit: (i32, i32),
    call: i64,
    when: i64,
) -> Element {
    let (wanted, got) = exit;
    let key = format!("1:1:{wanted}:00000000-0000-4000-8000-000000000000");
    let kept = if slot == "last_failure" { "0" } else { interval };
    Element::new(
        "lrm_rsc_op",
        &[
            ("id", &format!("{resource}_{slot}_{kept}")),
            ("operation_key", &format!("{resource}_{operation}_{interval}")),
            ("operation", operation),
            ("crm_feature_set", "3.17.0"),
            ("transition-key", &key),
            ("transition-magic", &format!("0:{got};{key}")),
            ("call-id", &call.to_string()),
            ("rc-code", &got.to_string()),
            ("op-status", "0"),
            ("interval", interval),
            ("last-rc-change", &when.to_string()),
            ("exec-time", "10"),
            ("queue-time", "0"),
        ],
    )
}

/// Adds an entry in place of one with the same id. It was made with the same parameters as those before it.
fn add(history: &mut Element, mut entry: Element) {
    let alike = |it: &&Element| it.get("interval") == entry.get("interval") && !it.get("op-digest").is_empty();
    let digest = history.children.iter().find(alike).map(|it| it.get("op-digest").to_string());
    entry.set("op-digest", &digest.unwrap_or_else(|| NOTHING.to_string()));
    history.children.retain(|it| it.get("id") != entry.get("id"));
    history.children.push(entry);
}

fn count(cib: &mut Element, path: &[usize], operation: &str, interval: &str, value: &str, when: i64) {
    let name = cib.at(path).get("id").split(':').next().unwrap_or_default().to_string();
    let Some(state) = state_of(cib, path) else { return };
    let id = state.get("id").to_string();
    let attributes = state.child("transient_attributes");
    attributes.set("id", &id);
    note(attributes, "instance_attributes", &format!("fail-count-{name}#{operation}_{interval}"), value);
    note(attributes, "instance_attributes", &format!("last-failure-{name}#{operation}_{interval}"), &when.to_string());
}

pub(super) fn monitor_fails(rng: &mut Rng, cib: &mut Element, now: i64) -> Option<String> {
    let path = history(rng, cib, runs)?;
    let exit = pick(rng, &[1, 7, 7]);
    let history = cib.at_mut(&path);
    let resource = history.get("id").to_string();
    let monitors = history.children.iter().filter(|it| it.get("operation") == "monitor" && it.get("interval") != "0");
    let interval = monitors.map(|it| it.get("interval").to_string()).next().unwrap_or_else(|| "10000".to_string());
    let wanted = if is_promoted(history) { 8 } else { 0 };
    let next = history.children.iter().map(call).max().unwrap_or(0) + 1;
    let when = now - 50;
    add(history, entry(&resource, "last_failure", "monitor", &interval, (wanted, exit), next, when));
    add(history, entry(&resource, "monitor", "monitor", &interval, (wanted, exit), next, when));
    let times = pick(rng, &["1", "1", "2"]);
    count(cib, &path, "monitor", &interval, times, when);
    let (resource, node) = whose(cib, &path);
    Some(format!("monitor={interval} fails with {exit}: {resource} on {node}"))
}

pub(super) fn start_fails(rng: &mut Rng, cib: &mut Element, now: i64) -> Option<String> {
    let path = history(rng, cib, |it| !it.children.is_empty() && !is_promoted(it))?;
    let exit = pick(rng, &[1, 1, 5, 6]);
    fails(cib, &path, "start", exit, now);
    let (resource, node) = whose(cib, &path);
    Some(format!("start fails with {exit}: {resource} on {node}"))
}

pub(super) fn stop_fails(rng: &mut Rng, cib: &mut Element, now: i64) -> Option<String> {
    let path = history(rng, cib, runs)?;
    fails(cib, &path, "stop", 1, now);
    let (resource, node) = whose(cib, &path);
    Some(format!("stop fails: {resource} on {node}"))
}

fn fails(cib: &mut Element, path: &[usize], operation: &str, exit: i32, now: i64) {
    let history = cib.at_mut(path);
    let resource = history.get("id").to_string();
    let next = history.children.iter().map(call).max().unwrap_or(0) + 1;
    let when = now - 50;
    history.children.retain(|it| it.get("interval") == "0");
    add(history, entry(&resource, "last_failure", operation, "0", (0, exit), next, when));
    add(history, entry(&resource, "last", operation, "0", (0, exit), next, when));
    count(cib, path, operation, "0", "INFINITY", when);
}

/// What was asked for last did not answer yet.
pub(super) fn pending(rng: &mut Rng, cib: &mut Element, now: i64) -> Option<String> {
    let path = history(rng, cib, |it| !it.children.is_empty())?;
    let history = cib.at_mut(&path);
    let operation = match (runs(history), is_promoted(history)) {
        (true, true) => pick(rng, &["demote", "monitor"]),
        (true, false) => pick(rng, &["stop", "stop", "monitor", "migrate_to"]),
        (false, _) => pick(rng, &["start", "start", "monitor"]),
    };
    let resource = history.get("id").to_string();
    let mut it = entry(&resource, "last", operation, "0", (0, 193), -1, now - 10);
    it.set("op-status", "-1");
    it.set("transition-magic", &format!("-1:193;{}", it.get("transition-key")));
    add(history, it);
    let (resource, node) = whose(cib, &path);
    Some(format!("pending {operation}: {resource} on {node}"))
}

pub(super) fn forgotten(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = history(rng, cib, |_| true)?;
    let (resource, node) = whose(cib, &path);
    cib.remove(&path);
    Some(format!("history forgotten: {resource} on {node}"))
}

pub(super) fn entry_forgotten(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = any(rng, cib, |it| it.name == "lrm_rsc_op")?;
    let name = cib.at(&path).get("id").to_string();
    cib.remove(&path);
    Some(format!("entry forgotten: {name}"))
}

/// The history of something goes to another node, or stands there too.
fn elsewhere(rng: &mut Rng, cib: &mut Element, stays: bool) -> Option<String> {
    // A connection goes where its container goes.
    let path = history(rng, cib, |it| runs(it) && it.get("container").is_empty())?;
    let (resource, node) = whose(cib, &path);
    let remote: Vec<Path> = cib.paths(|it| it.name == "node_state" && it.get("remote_node") == "true");
    let inside = |at: &Path| remote.iter().any(|remote| at.starts_with(remote));
    let mut places = cib.paths(|it| it.name == "lrm_resources");
    places.retain(|at| !path.starts_with(at) && inside(at) == inside(&path));
    let others = places;
    let to = (!others.is_empty()).then(|| others[rng.usize(0..others.len())].clone())?;
    let copy = cib.at(&path).clone();
    let there = cib.at_mut(&to);
    there.children.retain(|it| it.get("id") != copy.get("id"));
    there.children.push(copy);
    if !stays {
        // The place moved only if something before it went, which is in another part of the tree.
        cib.remove(&path);
    }
    Some(format!("history {}: {resource} on {node}", if stays { "doubled" } else { "moved" }))
}

pub(super) fn moved(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    elsewhere(rng, cib, false)
}

pub(super) fn doubled(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    elsewhere(rng, cib, true)
}

pub(super) fn stopped(rng: &mut Rng, cib: &mut Element, now: i64) -> Option<String> {
    let path = history(rng, cib, runs)?;
    let history = cib.at_mut(&path);
    let resource = history.get("id").to_string();
    let next = history.children.iter().map(call).max().unwrap_or(0) + 1;
    history.children.clear();
    add(history, entry(&resource, "last", "stop", "0", (0, 0), next, now - 50));
    let (resource, node) = whose(cib, &path);
    Some(format!("stopped: {resource} on {node}"))
}

pub(super) fn other_parameters(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = any(rng, cib, |it| it.name == "lrm_rsc_op" && !it.get("op-digest").is_empty())?;
    let it = cib.at_mut(&path);
    it.set("op-digest", "00000000000000000000000000000000");
    if !it.get("op-restart-digest").is_empty() && rng.bool() {
        it.set("op-restart-digest", "00000000000000000000000000000000");
    }
    Some(format!("parameters differ: {}", it.get("id")))
}
