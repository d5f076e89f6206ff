//! `paceline plan`: what differs, what that would cause, and what would run nowhere.

use crate::output::{Paint, Style};
use crate::render::text::wrapped;
use crm::control::PlannedAction;

/// The plan in words.
pub(crate) fn plan(
    differences: &[String],
    actions: &[PlannedAction],
    stopped: &[PlannedAction],
    paint: Paint,
) -> String {
    let mut out = String::new();
    match differences {
        [] => out.push_str("The file says what the cluster already has.\n"),
        _ => {
            out.push_str(&format!("{}\n", paint.text(Style::Head, "What differs")));
            differences.iter().for_each(|difference| out.push_str(&wrapped("  ", difference)));
        }
    }
    match actions {
        [] => out.push_str("Nothing would be started, stopped or moved.\n"),
        _ => {
            out.push_str(&format!("\n{}\n", paint.text(Style::Head, "What would be done, in a possible order")));
            for (number, action) in actions.iter().enumerate() {
                out.push_str(&wrapped(&format!("  {:>2}. ", number + 1), &action.what));
                out.push_str(&wrapped("      because ", &action.why));
            }
        }
    }
    if !stopped.is_empty() {
        out.push_str(&format!("\n{}\n", paint.text(Style::Bad, "What would run NOWHERE")));
        for resource in stopped {
            out.push_str(&wrapped("  ", &resource.what));
            out.push_str(&wrapped("      because ", &resource.why));
        }
    }
    out
}
