//! A transition as a picture, for Graphviz: boxes are real actions, what only carries order is dashed.

use crate::schedule::{ActionKind, Schedule, ScheduledAction};
use std::fmt::Write;

/// The picture.
#[must_use]
pub fn write(schedule: &Schedule) -> String {
    let mut out = String::from("digraph transition {\n");
    for action in &schedule.actions {
        let style = match action.kind {
            ActionKind::Pseudo => "style=dashed",
            ActionKind::Fence => "style=bold color=red",
            ActionKind::Rsc | ActionKind::Crm => "shape=box",
        };
        // Writing into a text cannot fail.
        let _ = writeln!(out, "  {} [label={:?} {style}]", action.id, label(action));
    }
    for action in &schedule.actions {
        for before in &action.after {
            let _ = writeln!(out, "  {before} -> {}", action.id);
        }
    }
    out.push_str("}\n");
    out
}

fn label(action: &ScheduledAction) -> String {
    let key = super::key(action);
    match &action.node {
        Some(node) => format!("{key} {node}"),
        None => key,
    }
}
