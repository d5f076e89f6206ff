//! `paceline status`: what needs an operator first, then who is here, then what runs.

use crate::output::{Paint, Style};
use crate::render::text::{cell, clean, count, widest, wrapped};
use crate::render::time::Clock;
use config::NodeId;
use crm::summary::{NodeSummary, ResourceSummary, Summary};
use membership::Quorum;

/// Widest name shown whole, in columns.
const NAME: usize = 28;

/// The whole status.
pub(crate) fn status(summary: &Summary, clock: &Clock, paint: Paint) -> String {
    let mut out = headline(summary, paint);
    out.push_str(&alarms(summary, paint));
    out.push_str(&format!("\n{}\n", paint.text(Style::Head, "Nodes")));
    let names = widest(summary.nodes.iter().map(|node| node.name.as_str()), 8, NAME);
    for node in &summary.nodes {
        out.push_str(&node_line(node, names, summary, paint));
    }
    out.push_str(&resources(summary, paint));
    out.push_str(&failures(summary, clock, paint));
    out.push_str(&overrides(summary, paint));
    out
}

fn headline(summary: &Summary, paint: Paint) -> String {
    let dc = summary.dc.as_ref().map_or("none yet", |node| node.as_str());
    let facts = format!("view {}, DC {dc}, configuration {}", summary.view, summary.generation);
    let mut out = wrapped(&format!("{}: ", clean(&summary.cluster)), &facts);
    let name = paint.text(Style::Head, &clean(&summary.cluster));
    out.replace_range(..clean(&summary.cluster).len(), &name);
    let style = if summary.quorum.quorate { Style::Good } else { Style::Bad };
    let text = wrapped("", &quorum(&summary.quorum));
    out.push_str(&paint.text(style, text.trim_end()));
    out.push('\n');
    out.push_str(&wrapped("", &sentence(&summary.activity)));
    out
}

/// The quorum in one sentence.
pub(crate) fn quorum(quorum: &Quorum) -> String {
    let Quorum { votes, expected, needed, awaited, .. } = quorum;
    let numbers = format!("{votes} of {expected} votes, {needed} needed");
    match (quorum.quorate, awaited.as_slice()) {
        (true, _) => format!("Quorate: {numbers}"),
        (false, []) if quorum.undecided() => {
            format!("NO QUORUM YET: {numbers}; the arbiter is asked, nothing is stopped")
        }
        (false, []) => format!("NO QUORUM: {numbers}; nothing is started here and no change is accepted"),
        (false, nodes) => {
            let names: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
            format!("NO QUORUM: {numbers}; wait-for-all is waiting for {}", names.join(", "))
        }
    }
}

/// Fencing first, then the other risks: what an operator must not overlook.
fn alarms(summary: &Summary, paint: Paint) -> String {
    let mut out = String::new();
    for fencing in &summary.fencing {
        let node = &fencing.node;
        let failing = fencing.failed_attempts > 0;
        let (style, head) = match failing {
            true => (Style::Bad, format!("FENCING OF {node} FAILS")),
            false => (Style::Warn, format!("FENCING {node}")),
        };
        let mut text = wrapped("!! ", &format!("{head}: {}", fencing.reason));
        if failing {
            let tries = count(fencing.failed_attempts as usize, "failed attempt");
            let last = fencing.last_failure.as_deref().unwrap_or("no reason given");
            text.push_str(&wrapped("   ", &format!("{tries}, the last one: {last}")));
            text.push_str(&wrapped(
                "   ",
                "Nothing that may run there is started elsewhere until it is confirmed off.",
            ));
            text.push_str(&wrapped("   ", &format!("If you know that it is off: paceline fencing confirm {node}")));
        }
        out.push_str(&painted_lines(paint, style, &text));
    }
    for warning in &summary.warnings {
        out.push_str(&painted_lines(paint, Style::Warn, &wrapped("!  ", warning)));
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

fn node_line(node: &NodeSummary, names: usize, summary: &Summary, paint: Paint) -> String {
    let style = match node.state.as_str() {
        "online" => Style::Good,
        "unclean" => Style::Bad,
        "offline" => Style::Dim,
        _ => Style::Warn,
    };
    let mut marks = Vec::new();
    if summary.dc.as_ref() == Some(&node.name) {
        marks.push("DC");
    }
    if summary.node == node.name {
        marks.push("answering");
    }
    let state = if node.state == "unclean" { "UNCLEAN" } else { &node.state };
    let line =
        format!("  {}  {}  {}", cell(node.name.as_str(), names), paint.text(style, &cell(state, 11)), marks.join(", "));
    format!("{}\n", line.trim_end())
}

fn resources(summary: &Summary, paint: Paint) -> String {
    let mut out = format!("\n{}\n", paint.text(Style::Head, "Resources"));
    if summary.resources.is_empty() {
        out.push_str("  none: give the cluster some with `paceline apply FILE`\n");
        return out;
    }
    let names = widest(summary.resources.iter().map(|resource| resource.name.as_str()), 8, NAME - 2) + 2;
    let places: Vec<String> = summary.resources.iter().map(place).collect();
    let place_width = widest(places.iter().map(String::as_str), 6, 22);
    let mut around = (&None, &None);
    for (resource, place) in summary.resources.iter().zip(&places) {
        if (&resource.group, &resource.clone) != around {
            around = (&resource.group, &resource.clone);
            match around {
                (Some(group), Some(clone)) => out.push_str(&format!("  {clone} (clone of the group {group})\n")),
                (Some(group), None) => out.push_str(&format!("  {group} (group)\n")),
                (None, Some(clone)) => out.push_str(&format!("  {clone} (clone)\n")),
                (None, None) => {}
            }
        }
        let indent = if around == (&None, &None) { "  " } else { "    " };
        let width = names + 2 - indent.len();
        let used = 2 + names + 2 + 9 + 2 + place_width + 2;
        let line = format!(
            "{indent}{}  {}  {}  {}",
            cell(resource.name.as_str(), width),
            paint.text(style_of(resource), &cell(&loud(resource), 9)),
            cell(place, place_width),
            paint.text(Style::Dim, cell(&resource.agent, crate::render::WIDTH - used).trim_end())
        );
        out.push_str(line.trim_end());
        out.push('\n');
        if resource.clone.is_some() && !resource.nodes.is_empty() {
            out.push_str(&wrapped(&format!("{indent}  on "), &instances(resource)));
        } else if resource.nodes.len() > 1 {
            let nodes: Vec<&str> = resource.nodes.iter().map(|node| node.as_str()).collect();
            let text =
                wrapped(&format!("{indent}  -> "), &format!("ACTIVE MORE THAN ONCE: on {}", nodes.join(" and ")));
            out.push_str(&painted_lines(paint, Style::Bad, &text));
        }
        if let Some(note) = &resource.note {
            out.push_str(&wrapped(&format!("{indent}  -> "), note));
        }
    }
    out
}

/// "alpha (promoted), beta, gamma": where the instances of a clone run.
fn instances(resource: &ResourceSummary) -> String {
    let role = |node: &NodeId| if resource.promoted.contains(node) { " (promoted)" } else { "" };
    resource.nodes.iter().map(|node| format!("{node}{}", role(node))).collect::<Vec<_>>().join(", ")
}

/// Where a resource runs. Running twice is a fault, told in a line of its own.
fn place(resource: &ResourceSummary) -> String {
    match resource.nodes.as_slice() {
        [] => "-".to_owned(),
        [node] => node.to_string(),
        nodes if resource.clone.is_some() => format!("{} nodes", nodes.len()),
        nodes => format!("{} NODES", nodes.len()),
    }
}

fn style_of(resource: &ResourceSummary) -> Style {
    match resource.state.as_str() {
        _ if resource.nodes.len() > 1 && resource.clone.is_none() => Style::Bad,
        "started" => Style::Good,
        "stopped" => Style::Dim,
        "failed" | "blocked" => Style::Bad,
        _ => Style::Warn,
    }
}

fn loud(resource: &ResourceSummary) -> String {
    match resource.state.as_str() {
        state @ ("failed" | "blocked") => state.to_uppercase(),
        state => state.to_owned(),
    }
}

fn failures(summary: &Summary, clock: &Clock, paint: Paint) -> String {
    if summary.failures.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", paint.text(Style::Head, "Failures"));
    for failure in &summary.failures {
        let when = format!("{} ({})", clock.moment(failure.wall_ms), clock.ago(failure.wall_ms));
        let times = count(failure.count as usize, "time");
        let text = format!("{} on {} failed {times}, last {when}: {}", failure.resource, failure.node, failure.last);
        out.push_str(&wrapped("  ", &text));
        out.push_str(&wrapped("    forget with: ", &format!("paceline resource cleanup {}", failure.resource)));
    }
    out
}

fn overrides(summary: &Summary, paint: Paint) -> String {
    if summary.overrides.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", paint.text(Style::Head, "Set by operators"));
    for set in &summary.overrides {
        out.push_str(&wrapped("  ", &set.what));
        out.push_str(&wrapped("    undo with: ", &set.undo));
    }
    out
}

fn painted_lines(paint: Paint, style: Style, text: &str) -> String {
    text.lines().map(|line| format!("{}\n", paint.text(style, line))).collect()
}

/// With a capital letter in front.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().collect::<String>() + characters.as_str(),
        None => String::new(),
    }
}
