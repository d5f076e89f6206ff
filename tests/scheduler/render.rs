//! An answer of the scheduler as text.

use config::format_duration;
use crm::schedule::{Action, ActionKind, Place, Schedule};
use std::fmt::Write;

pub(crate) fn render(schedule: &Schedule) -> String {
    let mut text = String::from("placement\n");
    for (resource, places) in &schedule.placement {
        let places: Vec<String> = places.iter().map(place).collect();
        let places = if places.is_empty() { "-".to_owned() } else { places.join(" ") };
        let _ = writeln!(text, "  {resource}: {places}");
    }
    text.push_str("graph\n");
    for action in &schedule.graph.actions {
        let _ = writeln!(text, "  {}", line(action));
    }
    if !schedule.held.is_empty() {
        text.push_str("held\n");
    }
    for held in &schedule.held {
        let _ = writeln!(text, "  {held}");
    }
    text.push_str("reasons\n");
    for (resource, reasons) in &schedule.reasons {
        for reason in reasons {
            let _ = writeln!(text, "  {resource}: {reason}");
        }
    }
    if let Some(at) = schedule.recheck_wall_ms {
        let _ = writeln!(text, "recheck\n  {}ms", at);
    }
    text
}

/// "alpha", "beta (promoted)".
fn place(place: &Place) -> String {
    let role = if place.promoted { " (promoted)" } else { "" };
    format!("{}{role}", place.node)
}

/// "3 start web on beta after 1 2: it should run, and does not".
pub(crate) fn line(action: &Action) -> String {
    let what = match &action.kind {
        ActionKind::Perform { node, operation, .. } => {
            let name = match (operation.name, operation.interval) {
                (config::OperationName::Monitor, None) => "probe".to_owned(),
                (name, None) => name.as_str().to_owned(),
                (name, Some(interval)) => format!("{} {}", name.as_str(), format_duration(interval)),
            };
            let mut text = format!("{name} {} on {node}", operation.resource);
            if operation.agent.to_string() != "ocf:test:Dummy" {
                let _ = write!(text, " as {}", operation.agent);
            }
            if operation.timeout.as_secs() != 20 {
                let _ = write!(text, " within {}", format_duration(operation.timeout));
            }
            text
        }
        ActionKind::CancelMonitor { node, resource, interval } => {
            format!("cancel monitor {} {resource} on {node}", format_duration(*interval))
        }
        ActionKind::Fence { node, .. } => format!("fence {node}"),
        ActionKind::ClearFailures { node, resource } => format!("clear failures of {resource} on {node}"),
        ActionKind::Forget { node, resource } => format!("forget {resource} on {node}"),
        ActionKind::Mark { what } => format!("mark {what}"),
    };
    let after: String = action.after.iter().map(|id| format!(" {}", id.0)).collect();
    let after = if after.is_empty() { after } else { format!(" after{after}") };
    format!("{} {what}{after}: {}", action.id.0, action.cause)
}
