//! What something did on one node, written as a cluster leaves it. Fingerprints of parameters come later, when the
//! configuration is whole.

use super::feature::{element, transient};
use super::{NOW, Presence};
use crate::element::Element;
use crate::mutate::{entry, note};

/// How something stands on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// It runs.
    Runs,
    /// It runs in the upper role.
    Promoted,
    /// It was never there.
    Absent,
    /// It ran once.
    Stopped,
    /// It ran, and a monitor found that it does not any more.
    Failed,
    /// It could not be started.
    StartFailed,
}

/// What did it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thing<'t> {
    /// Its name.
    pub id: &'t str,
    /// Its agent, as attributes.
    pub agent: &'t str,
    /// The container that a connection leads into.
    pub container: Option<&'t str>,
    /// Seconds between two monitors; 0: none.
    pub monitor: u64,
}

/// Records how a thing stands on a node that has a status.
pub(super) fn record(cib: &mut Element, node: &str, thing: Thing<'_>, past: Past) {
    let Thing { id, agent, container, monitor } = thing;
    let Some(histories) = histories(cib, node) else { return };
    let within = container.map(|it| format!(" container=\"{it}\"")).unwrap_or_default();
    let mut history = element(&format!("<lrm_resource id=\"{id}\" {agent}{within}/>"));
    let next = 500 + i64::try_from(10 * histories.children.len()).unwrap_or(0);
    let interval = (monitor * 1000).to_string();
    let (operation, exit) = match past {
        Past::Runs | Past::Failed => ("start", (0, 0)),
        Past::Promoted => ("promote", (0, 0)),
        Past::Absent => ("monitor", (7, 7)),
        Past::Stopped => ("stop", (0, 0)),
        Past::StartFailed => ("start", (0, 1)),
    };
    let mut add = |slot: &str, operation: &str, interval: &str, exit, call, ago| {
        history.children.push(entry(id, slot, operation, interval, exit, next + call, NOW - ago));
    };
    add("last", operation, "0", exit, 0, 500);
    let failed = match past {
        Past::Runs if monitor > 0 => {
            add("monitor", "monitor", &interval, (0, 0), 1, 400);
            None
        }
        Past::Failed if monitor > 0 => {
            add("last_failure", "monitor", &interval, (0, 7), 2, 50);
            add("monitor", "monitor", &interval, (0, 7), 2, 50);
            Some((format!("{id}#monitor_{interval}"), "1"))
        }
        Past::StartFailed => {
            add("last_failure", "start", "0", (0, 1), 0, 500);
            Some((format!("{id}#start_0"), "INFINITY"))
        }
        _ => None,
    };
    histories.children.retain(|it| it.get("id") != id);
    histories.children.push(history);
    if let Some(((key, count), notes)) = failed.zip(transient(cib, node)) {
        note(notes, "instance_attributes", &format!("fail-count-{key}"), count);
        note(notes, "instance_attributes", &format!("last-failure-{key}"), &(NOW - 50).to_string());
    }
}

/// The histories of a node that has a status.
pub(super) fn histories<'c>(cib: &'c mut Element, node: &str) -> Option<&'c mut Element> {
    let status = cib.child("status");
    let state = status.children.iter_mut().find(|it| it.get("uname") == node)?;
    let id = state.get("id").to_string();
    let manager = state.child("lrm");
    manager.set("id", &id);
    Some(manager.child("lrm_resources"))
}

/// Whether nodes that stand so can be asked what they do.
pub(super) fn speaks(presence: Presence) -> bool {
    matches!(presence, Presence::Online | Presence::Leaving)
}

/// Whether a history says that something runs.
pub(super) fn runs(history: &Element) -> bool {
    let call = |it: &&Element| it.get("call-id").parse::<i64>().unwrap_or(0);
    let last = history.children.iter().filter(|it| !it.get("id").contains("last_failure")).max_by_key(call);
    last.is_some_and(|it| it.get("operation") != "stop" && it.is("rc-code", &["0", "8"]))
}
