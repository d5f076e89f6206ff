//! A simulation in words: JSON for programs, text for people, dot for pictures.

pub mod dot;
pub mod json;
pub mod text;

use crate::schedule::{ActionKind, ScheduledAction};

/// The name that a graph has for an action: `web_start_0`, `web_post_notify_started_0`, `load_stopped_n1`.
#[must_use]
pub fn key(action: &ScheduledAction) -> String {
    let operation = match &action.notify {
        Some((when, about)) => format!("{when}_notify_{about}"),
        None => action.operation.clone(),
    };
    match (&action.resource, action.kind) {
        (Some(resource), _) => format!("{resource}_{operation}_{}", action.interval_ms),
        (None, ActionKind::Fence) => format!("fence_{operation}"),
        (None, _) => operation,
    }
}
