//! A simulation as one JSON object, schema `paceline-simulate/1`. Written by hand: large transitions have a million
//! edges, and nothing needs to be built in memory but the text.

use crate::outcome::Outcome;
use crate::rule::date;
use crate::schedule::{ActionKind, Change, Schedule, ScheduledAction};
use crate::simulate::Simulation;
use config::Score;
use std::fmt::Write;

/// The whole object, with a line break at the end. `now_ms` is the moment that was simulated.
#[must_use]
pub fn write(simulation: &Simulation, now_ms: i64) -> String {
    let mut out = String::with_capacity(4096);
    out.push_str("{\"format\":\"paceline-simulate/1\",\"now\":");
    text(&mut out, &moment(now_ms));
    summary(&mut out, &simulation.schedule.summary);
    out.push_str(",\n\"transition\":{\"actions\":[");
    for (at, action) in simulation.schedule.actions.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        self::action(&mut out, action);
    }
    out.push_str("]}");
    outcome(&mut out, "final", &simulation.after);
    scores(&mut out, &simulation.schedule);
    out.push_str(",\n\"warnings\":[");
    for (at, warning) in simulation.schedule.warnings.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        text(&mut out, warning);
    }
    out.push(']');
    if let Some(recheck) = simulation.schedule.recheck_ms {
        member(&mut out, "recheck", &moment(recheck));
    }
    out.push_str("}\n");
    out
}

/// A moment in ISO 8601.
#[must_use]
pub fn moment(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (year, month, day) = date::civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

fn summary(out: &mut String, changes: &[Change]) {
    out.push_str(",\n\"summary\":[");
    for (at, change) in changes.iter().enumerate() {
        out.push_str(if at == 0 { "\n{" } else { ",\n{" });
        out.push_str("\"action\":");
        text(out, &change.action);
        let parts = [
            ("resource", &change.resource),
            ("op", &change.op),
            ("node", &change.node),
            ("from", &change.from),
            ("to", &change.to),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                member(out, name, value);
            }
        }
        out.push_str(if change.blocked { ",\"blocked\":true" } else { "" });
        member(out, "because", &change.because);
        out.push('}');
    }
    out.push(']');
}

fn action(out: &mut String, action: &ScheduledAction) {
    let kind = match action.kind {
        ActionKind::Rsc => "rsc",
        ActionKind::Fence => "fence",
        ActionKind::Crm => "crm",
        ActionKind::Pseudo => "pseudo",
    };
    number(out, "{\"id\":", i64::from(action.id));
    member(out, "kind", kind);
    let notify = action.notify.as_ref().filter(|_| action.kind == ActionKind::Rsc);
    member(out, "op", if notify.is_some() { "notify" } else { &action.operation });
    if let Some((when, about)) = notify {
        member(out, "notify_type", when);
        member(out, "notify_op", about);
    }
    if let Some(resource) = &action.resource {
        member(out, "resource", resource);
    }
    if let Some(node) = &action.node {
        member(out, "node", node);
    }
    match action.kind {
        ActionKind::Rsc => {
            number(out, ",\"interval_ms\":", i64::try_from(action.interval_ms).unwrap_or(i64::MAX));
            number(out, ",\"timeout_ms\":", i64::try_from(action.timeout_ms).unwrap_or(i64::MAX));
            number(out, ",\"target_rc\":", i64::from(action.target_rc));
        }
        ActionKind::Pseudo => member(out, "key", &super::key(action)),
        ActionKind::Fence | ActionKind::Crm => {}
    }
    if let Some((from, to)) = &action.migration {
        member(out, "migrate_source", from);
        member(out, "migrate_target", to);
    }
    if !action.cause.is_empty() {
        member(out, "cause", &action.cause);
    }
    out.push_str(",\"after\":[");
    for (at, before) in action.after.iter().enumerate() {
        number(out, if at == 0 { "" } else { "," }, i64::from(*before));
    }
    out.push_str("]}");
}

fn outcome(out: &mut String, name: &str, outcome: &Outcome) {
    let _ = write!(out, ",\n\"{name}\":{{\"nodes\":[");
    // A guest that is not there is told by its host.
    let shown = outcome.nodes.iter().filter(|node| node.online || node.kind != "guest");
    for (at, node) in shown.enumerate() {
        out.push_str(if at == 0 { "\n{\"name\":" } else { ",\n{\"name\":" });
        text(out, &node.name);
        member(out, "kind", &node.kind);
        let flags = [
            ("online", node.online),
            ("unclean", node.unclean),
            ("pending", node.pending),
            ("standby", node.standby),
            ("maintenance", node.maintenance),
        ];
        for (name, value) in flags {
            let _ = write!(out, ",\"{name}\":{value}");
        }
        out.push('}');
    }
    out.push_str("],\"resources\":[");
    for (at, resource) in outcome.resources.iter().enumerate() {
        out.push_str(if at == 0 { "\n{\"resource\":" } else { ",\n{\"resource\":" });
        text(out, &resource.resource);
        let _ = write!(out, ",\"role\":\"{}\"", resource.role);
        member(out, "node", &resource.node);
        out.push('}');
    }
    out.push_str("]}");
}

fn scores(out: &mut String, schedule: &Schedule) {
    out.push_str(",\n\"scores\":[");
    for (at, line) in schedule.scores.iter().enumerate() {
        out.push_str(if at == 0 { "\n{\"kind\":" } else { ",\n{\"kind\":" });
        text(out, if line.promotion { "promote" } else { "place" });
        member(out, "resource", &line.resource);
        member(out, "node", &line.node);
        member(out, "score", &score(line.score));
        out.push('}');
    }
    out.push(']');
}

/// A score in the peer's words.
#[must_use]
pub fn score(score: Score) -> String {
    match score {
        score if score.is_mandatory() => "INFINITY".to_string(),
        score if score.is_never() => "-INFINITY".to_string(),
        score => score.value().to_string(),
    }
}

fn number(out: &mut String, before: &str, value: i64) {
    // Writing into a text cannot fail.
    let _ = write!(out, "{before}{value}");
}

fn member(out: &mut String, name: &str, value: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    text(out, value);
}

fn text(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
