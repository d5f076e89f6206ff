//! What Debian's `crm_simulate` would do, as far as its graph says it: what agents, fence devices and the cluster do,
//! and in which order.

use crate::sequence::Step;
use roxmltree::{Document, Node};
use scheduler::schedule::{ActionKind, Schedule, ScheduledAction};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Actions and how often each is done: `start db on n1`, `monitor=10000 db on n1`, `fence n3 reboot`. What the cluster
/// does itself is none of them.
pub type Actions = BTreeMap<String, u32>;

/// The class of clusters for which the peer stops with a failed assertion.
pub const GIVES_UP: &str = "the peer gives up";

/// What the peer does with the CIB in `file` at `now` (ISO 8601), step by step. Its graph is written next to the file.
///
/// # Errors
/// When the program cannot be run or refuses the file.
pub fn plan(file: &Path, now: &str) -> Result<Vec<Step>, String> {
    let graph = file.with_extension("graph");
    let output = Command::new("crm_simulate")
        .args(["-Q", "-R", "-t", now, "-x"])
        .arg(file)
        .arg("-G")
        .arg(&graph)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("running crm_simulate (Debian package pacemaker-cli-utils): {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("crm_simulate refuses {}: {}", file.display(), said.trim()));
    }
    let text = std::fs::read_to_string(&graph).map_err(|error| format!("reading {}: {error}", graph.display()));
    let read = text.and_then(|text| parse(&text));
    let _ = std::fs::remove_file(&graph);
    read
}

/// A CIB in words that 2.1.5 knows: options that were renamed since, and a newer schema.
#[must_use]
pub fn older(xml: &str) -> String {
    let fencing = ["enabled", "action", "timeout", "max-attempts", "watchdog-timeout"];
    let text = fencing.iter().fold(xml.to_string(), |text, rest| {
        text.replace(&format!("name=\"fencing-{rest}\""), &format!("name=\"stonith-{rest}\""))
    });
    text.replacen("validate-with=\"pacemaker-3.10\"", "validate-with=\"pacemaker-3.9\"", 1)
}

/// The steps of the peer's graph: synapses with what they do (`action_set`) and what that waits for (`inputs`).
///
/// # Errors
/// When it is not a graph.
pub fn parse(graph: &str) -> Result<Vec<Step>, String> {
    let document = Document::parse(graph).map_err(|error| format!("reading the peer's graph: {error}"))?;
    let inside = |synapse: Node<'_, '_>, name: &str| -> Vec<String> {
        let parts = synapse.children().filter(|it| it.has_tag_name(name)).flat_map(|it| it.descendants());
        let actions = parts.filter(|it| ["rsc_op", "crm_event", "pseudo_event"].contains(&it.tag_name().name()));
        actions.filter_map(|it| it.attribute("id").map(str::to_string)).collect()
    };
    let synapses: Vec<Node<'_, '_>> = document.descendants().filter(|it| it.has_tag_name("synapse")).collect();
    let mut places = BTreeMap::new();
    let mut found = Vec::new();
    for &synapse in &synapses {
        let set = synapse.children().filter(|it| it.has_tag_name("action_set")).flat_map(|it| it.children());
        for action in set.filter(Node::is_element) {
            places.insert(action.attribute("id").unwrap_or_default().to_string(), found.len());
            found.push((synapse, words(action)));
        }
    }
    let step = |(synapse, words): (Node<'_, '_>, Option<String>)| {
        let after = inside(synapse, "inputs").iter().filter_map(|id| places.get(id).copied()).collect();
        Step { words, after }
    };
    Ok(found.into_iter().map(step).collect())
}

/// What an element of the peer's graph does.
fn words(action: Node<'_, '_>) -> Option<String> {
    let child = |name: &str| action.children().find(|it| it.has_tag_name(name));
    let option = |name: &str| child("attributes").and_then(|it| it.attribute(name));
    let task = action.attribute("operation").unwrap_or_default();
    let node = action.attribute("on_node").unwrap_or_default();
    let named = child("primitive").and_then(|it| it.attribute("long-id").or_else(|| it.attribute("id")));
    let resource = base(named.unwrap_or_default());
    match action.tag_name().name() {
        "crm_event" if task == "stonith" => {
            Some(format!("fence {node} {}", option("CRM_meta_stonith_action").unwrap_or("reboot")))
        }
        "crm_event" => Some(format!("{task} {resource} on {node}")),
        "rsc_op" => {
            let interval = option("CRM_meta_interval").map(|it| format!("={it}")).unwrap_or_default();
            let told = |part: &str| option(&format!("CRM_meta_notify_{part}"));
            let about = told("type").zip(told("operation")).map(|(when, what)| format!("={when}-{what}"));
            let about = about.filter(|_| task == "notify").unwrap_or_default();
            Some(format!("{task}{interval}{about} {resource} on {node}"))
        }
        _ => None,
    }
}

/// What we do, step by step, in the same words.
#[must_use]
pub fn steps(schedule: &Schedule) -> Vec<Step> {
    let places: BTreeMap<u32, usize> = schedule.actions.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
    let step = |it: &ScheduledAction| {
        let after = it.after.iter().filter_map(|id| places.get(id).copied()).collect();
        Step { words: our_words(it), after }
    };
    schedule.actions.iter().map(step).collect()
}

fn our_words(it: &ScheduledAction) -> Option<String> {
    let node = it.node.as_deref().unwrap_or_default();
    let resource = base(it.resource.as_deref().unwrap_or_default());
    match (it.kind, it.operation.as_str()) {
        (ActionKind::Fence, how) => Some(format!("fence {node} {how}")),
        (ActionKind::Crm, task) => Some(format!("{task} {resource} on {node}")),
        (ActionKind::Rsc, task) => {
            let interval = if it.interval_ms > 0 { format!("={}", it.interval_ms) } else { String::new() };
            let about = it.notify.as_ref().map(|(when, what)| format!("={when}-{what}")).unwrap_or_default();
            Some(format!("{task}{interval}{about} {resource} on {node}"))
        }
        (ActionKind::Pseudo, _) => None,
    }
}

/// The actions among some steps.
#[must_use]
pub fn actions(steps: &[Step]) -> Actions {
    let mut actions = Actions::new();
    for words in steps.iter().filter_map(|step| step.words.as_deref()) {
        let (task, about) = words.split_once(' ').unwrap_or((words, ""));
        // What a notification is about is compared with its place in the order.
        let task = if task.starts_with("notify=") { "notify" } else { task };
        if !CLUSTER.contains(&task) {
            *actions.entry(format!("{task} {about}")).or_default() += 1;
        }
    }
    actions
}

/// Tasks of the cluster itself, which are compared with the order.
const CLUSTER: [&str; 3] = ["clear_failcount", "lrm_delete", "do_shutdown"];

/// The actions of a plan of ours.
#[must_use]
pub fn ours(schedule: &Schedule) -> Actions {
    actions(&steps(schedule))
}

/// A name without the number of an instance; which instance of an anonymous clone does something says nothing.
fn base(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((base, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    }
}

/// What only the first does (`-`) and only the second (`+`), one line each.
#[must_use]
pub fn differences(peer: &Actions, ours: &Actions) -> Vec<String> {
    let mut lines = Vec::new();
    for (action, count) in peer {
        if ours.get(action).copied().unwrap_or(0) < *count {
            lines.push(format!("- {action}"));
        }
    }
    for (action, count) in ours {
        if peer.get(action).copied().unwrap_or(0) < *count {
            lines.push(format!("+ {action}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graph_of_the_peer_names_actions_and_what_they_wait_for() {
        let graph = "<transition_graph><synapse><action_set><rsc_op id=\"1\" operation=\"monitor\" on_node=\"n1\"><primitive \
                     id=\"a\" long-id=\"a:1\"/><attributes CRM_meta_interval=\"10000\"/></rsc_op></action_set><inputs>\
                     <trigger><pseudo_event id=\"3\" operation=\"stop\"/></trigger></inputs></synapse><synapse><action_set>\
                     <crm_event id=\"2\" operation=\"stonith\" on_node=\"n2\"><attributes CRM_meta_stonith_action=\"off\"/>\
                     </crm_event></action_set></synapse><synapse><action_set><pseudo_event id=\"3\" operation=\"stop\"/>\
                     </action_set><inputs><trigger><crm_event id=\"2\" operation=\"stonith\"/></trigger></inputs></synapse>\
                     </transition_graph>";
        let steps = parse(graph).expect("well-formed");
        let found = crate::sequence::sequence(&steps);
        let words: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(words, ["fence n2 off", "monitor=10000 a on n1"]);
        assert!(found["monitor=10000 a on n1"].contains("fence n2 off"), "{found:?}");
        assert_eq!(actions(&steps).len(), 2);
    }
}
