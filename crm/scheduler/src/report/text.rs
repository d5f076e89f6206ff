//! A simulation as text: what is, what changes, in which order, what will be.

use crate::outcome::Outcome;
use crate::schedule::{ActionKind, Change, ScheduledAction};
use crate::simulate::Simulation;
use config::format_duration;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// The text.
#[must_use]
pub fn write(simulation: &Simulation) -> String {
    let mut out = String::new();
    for warning in &simulation.schedule.warnings {
        line(&mut out, &format!("warning: {warning}"));
    }
    outcome(&mut out, "Now", &simulation.before);
    line(&mut out, "\nChanges");
    if simulation.schedule.summary.is_empty() {
        line(&mut out, "  none");
    }
    for change in &simulation.schedule.summary {
        line(&mut out, &format!("  {}", self::change(change)));
    }
    line(&mut out, "\nSteps");
    let steps: Vec<&ScheduledAction> =
        simulation.schedule.actions.iter().filter(|action| action.kind != ActionKind::Pseudo).collect();
    if steps.is_empty() {
        line(&mut out, "  none");
    }
    for action in steps {
        let cause = if action.cause.is_empty() { String::new() } else { format!("  ({})", action.cause) };
        line(&mut out, &format!("  {}{cause}", step(action)));
    }
    out.push('\n');
    outcome(&mut out, "Afterwards", &simulation.after);
    out
}

fn outcome(out: &mut String, title: &str, outcome: &Outcome) {
    line(out, title);
    let mut on: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for resource in &outcome.resources {
        let here = on.entry(resource.node.as_str()).or_default();
        here.push(format!("{} ({})", resource.resource, resource.role.to_string().to_lowercase()));
    }
    for node in &outcome.nodes {
        let flags = [
            (node.unclean, "unclean"),
            (node.pending, "pending"),
            (node.standby, "standby"),
            (node.maintenance, "maintenance"),
        ];
        let mut state = String::from(if node.online { "online" } else { "offline" });
        for (_, word) in flags.iter().filter(|(set, _)| *set) {
            state.push_str(", ");
            state.push_str(word);
        }
        let here = on.get(node.name.as_str()).map_or_else(|| "nothing".to_string(), |here| here.join(", "));
        line(out, &format!("  {} ({}, {state}): {here}", node.name, node.kind));
    }
}

fn change(change: &Change) -> String {
    let subject = change.resource.as_deref().or(change.node.as_deref()).unwrap_or_default();
    let mut text = match &change.op {
        Some(op) => format!("{} ({op}) {subject}", change.action),
        None => format!("{} {subject}", change.action),
    };
    match (&change.from, &change.to) {
        (Some(from), Some(to)) if from != to => text.push_str(&format!(" {from} -> {to}")),
        (Some(node), _) | (None, Some(node)) => text.push_str(&format!(" on {node}")),
        (None, None) => {}
    }
    if change.blocked {
        text.push_str(" (blocked)");
    }
    if !change.because.is_empty() {
        text.push_str(&format!(": {}", change.because));
    }
    text
}

fn step(action: &ScheduledAction) -> String {
    let mut text = match &action.notify {
        Some((when, about)) => format!("notify ({when} {about})"),
        None => action.operation.clone(),
    };
    if let Some(resource) = &action.resource {
        text.push_str(&format!(" {resource}"));
    }
    if action.interval_ms > 0 {
        let every = Duration::from_millis(action.interval_ms);
        text.push_str(&format!(" every {}", format_duration(every)));
    }
    if let Some(node) = &action.node {
        text.push_str(if action.kind == ActionKind::Fence { " " } else { " on " });
        text.push_str(node);
    }
    text
}

fn line(out: &mut String, text: &str) {
    // Writing into a text cannot fail.
    let _ = writeln!(out, "{text}");
}
