//! `paceline fencing history`: open requests first, then what was tried, newest first.

use crate::output::{Paint, Style};
use crate::render::text::wrapped;
use crate::render::time::{Clock, span};
use config::FencingAction;
use fencing::{HistoryEntry, Request};

/// Both lists.
pub(crate) fn history(open: &[Request], history: &[HistoryEntry], clock: &Clock, paint: Paint) -> String {
    if open.is_empty() && history.is_empty() {
        return "No node was fenced since the cluster started.\n".to_owned();
    }
    let mut out = String::new();
    for request in open {
        let head = paint.text(Style::Bad, "NOT CONFIRMED");
        out.push_str(&format!(
            "{}  {head}  {} of {}\n",
            clock.moment(request.wall_ms),
            word(request.action),
            request.target
        ));
        out.push_str(&wrapped("    because ", &request.reason));
        if let Some(attempt) = &request.last_failure {
            let failure = attempt.result.as_ref().err().map_or("no reason given", String::as_str);
            let text = format!("{} failed, the last on {}: {failure}", request.failed_attempts, attempt.by);
            out.push_str(&wrapped("    attempts: ", &text));
        }
    }
    for entry in history.iter().rev() {
        let head = match entry.result {
            Ok(()) => paint.text(Style::Good, "confirmed"),
            Err(_) => paint.text(Style::Bad, "FAILED"),
        };
        let by = match &entry.by {
            Some(node) => {
                let devices: Vec<&str> = entry.devices.iter().map(|device| device.as_str()).collect();
                format!("by {node} with {} in {}", devices.join(", "), span(entry.elapsed))
            }
            None => "by the word of an operator".to_owned(),
        };
        let line = format!("{}  {head}  {} of {} {by}", clock.moment(entry.wall_ms), word(entry.action), entry.target);
        out.push_str(&format!("{line}\n"));
        out.push_str(&wrapped("    because ", &entry.reason));
        if let Err(failure) = &entry.result {
            out.push_str(&wrapped("    the device said: ", failure));
        }
    }
    out
}

fn word(action: FencingAction) -> &'static str {
    match action {
        FencingAction::Reboot => "reboot",
        FencingAction::Off => "off",
    }
}
