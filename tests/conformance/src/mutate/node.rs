//! What happens to nodes, to the quorum and to tickets.

use super::{any, note, pick};
use crate::element::{Element, Path};
use fastrand::Rng;

/// What a node's entry in the status says of it.
fn stands(state: &mut Element, ring: &str, manager: &str, join: &str, expected: &str) {
    state.set("in_ccm", ring);
    state.set("crmd", manager);
    state.set("join", join);
    state.set("expected", expected);
}

fn is_remote(state: &Element) -> bool {
    state.get("remote_node") == "true"
}

/// The entry of a node of the ring that is there, or of one that is not.
fn state(rng: &mut Rng, cib: &Element, there: bool) -> Option<Path> {
    any(rng, cib, |it| {
        it.name == "node_state"
            && !is_remote(it)
            && !it.get("id").is_empty()
            && (it.is("crmd", &["online"]) && it.get("join") == "member") == there
    })
}

fn named(cib: &Element, path: &[usize]) -> String {
    cib.at(path).get("uname").to_string()
}

pub(super) fn leaves(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = state(rng, cib, true)?;
    let state = cib.at_mut(&path);
    stands(state, "false", "offline", "down", "down");
    state.children.retain(|child| child.name != "transient_attributes");
    Some(format!("node leaves: {}", named(cib, &path)))
}

pub(super) fn is_lost(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = state(rng, cib, true)?;
    let state = cib.at_mut(&path);
    stands(state, "false", "offline", "member", "member");
    state.children.retain(|child| child.name != "transient_attributes");
    Some(format!("node lost: {}", named(cib, &path)))
}

pub(super) fn comes(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let path = state(rng, cib, false)?;
    stands(cib.at_mut(&path), "true", "online", "member", "member");
    Some(format!("node comes: {}", named(cib, &path)))
}

pub(super) fn joins(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let there = rng.bool();
    let path = state(rng, cib, there)?;
    stands(cib.at_mut(&path), "true", "online", "pending", "member");
    Some(format!("node joins: {}", named(cib, &path)))
}

/// Any node of the configuration, remote ones too.
fn attribute(rng: &mut Rng, cib: &mut Element, name: &str, values: &[&str]) -> Option<String> {
    let path = any(rng, cib, |it| it.name == "node" && !it.get("uname").is_empty())?;
    let value = pick(rng, values);
    let node = cib.at_mut(&path);
    note(node, "instance_attributes", name, value);
    Some(format!("node {name}={value}: {}", node.get("uname")))
}

pub(super) fn standby(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    attribute(rng, cib, "standby", &["on", "on", "off"])
}

pub(super) fn maintenance(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    attribute(rng, cib, "maintenance", &["true"])
}

/// An attribute that a node has until it leaves.
fn passing(rng: &mut Rng, cib: &mut Element, name: &str, value: &str) -> Option<String> {
    let path = state(rng, cib, true)?;
    let state = cib.at_mut(&path);
    let id = state.get("id").to_string();
    let attributes = state.child("transient_attributes");
    attributes.set("id", &id);
    note(attributes, "instance_attributes", name, value);
    Some(format!("node {name}={value}: {}", named(cib, &path)))
}

pub(super) fn wants_to_leave(rng: &mut Rng, cib: &mut Element, now: i64) -> Option<String> {
    passing(rng, cib, "shutdown", &(now - 30).to_string())
}

pub(super) fn health(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let value = pick(rng, &["red", "yellow", "green", "-50"]);
    passing(rng, cib, "#health-disk", value)
}

pub(super) fn quorum(_rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let has = cib.is("have-quorum", &["1", "true"]);
    cib.set("have-quorum", if has { "0" } else { "1" });
    Some(format!("the quorum: {}", !has))
}

pub(super) fn ticket(rng: &mut Rng, cib: &mut Element, _now: i64) -> Option<String> {
    let constraint = any(rng, cib, |it| it.name == "rsc_ticket")?;
    let name = cib.at(&constraint).get("ticket").to_string();
    let status = any(rng, cib, |it| it.name == "status")?;
    let tickets = cib.at_mut(&status).child("tickets");
    let at = tickets.children.iter().position(|it| it.get("id") == name).unwrap_or_else(|| {
        tickets.children.push(Element::new("ticket_state", &[("id", &name)]));
        tickets.children.len() - 1
    });
    let (key, value) =
        pick(rng, &[("granted", "true"), ("granted", "false"), ("standby", "true"), ("standby", "false")]);
    let state = &mut tickets.children[at];
    if state.get("granted").is_empty() {
        state.set("granted", "false");
    }
    state.set(key, value);
    Some(format!("ticket {key}={value}: {name}"))
}
