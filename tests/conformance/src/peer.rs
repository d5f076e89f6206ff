//! What Debian's `crm_simulate` would do, as far as its graph says it: the actions of agents and of fencing.

use scheduler::schedule::{ActionKind, Schedule};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Actions and how often each is done: `start db on n1`, `monitor=10000 db on n1`, `fence n3 reboot`.
pub type Actions = BTreeMap<String, u32>;

/// The class of clusters for which the peer stops with a failed assertion.
pub const GIVES_UP: &str = "the peer gives up";

/// What the peer does with the CIB in `file` at `now` (ISO 8601). Its graph is written next to the file.
///
/// # Errors
/// When the program cannot be run or refuses the file.
pub fn actions(file: &Path, now: &str) -> Result<Actions, String> {
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
    let text = std::fs::read_to_string(&graph).map_err(|error| format!("reading {}: {error}", graph.display()))?;
    Ok(parse(&text))
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

/// The actions of the peer's graph. It has one element in each line; an action's own elements are inside `action_set`:
/// what is done, for which resource, and its options.
#[must_use]
pub fn parse(graph: &str) -> Actions {
    let mut actions = Actions::new();
    let mut inside = false;
    let (mut task, mut node, mut resource) = ("", "", "");
    for line in graph.lines().map(str::trim) {
        if line.starts_with("<action_set") {
            inside = true;
        } else if line.starts_with("</action_set") {
            inside = false;
        } else if !inside {
            continue;
        } else if line.starts_with("<rsc_op") || line.starts_with("<crm_event") || line.starts_with("<pseudo_event") {
            task =
                if line.starts_with("<pseudo_event") { "" } else { attribute(line, "operation").unwrap_or_default() };
            node = attribute(line, "on_node").unwrap_or_default();
            resource = "";
        } else if line.starts_with("<primitive") {
            resource = attribute(line, "long-id").or_else(|| attribute(line, "id")).unwrap_or_default();
        } else if line.starts_with("<attributes") {
            let action = if task == "stonith" {
                format!("fence {node} {}", attribute(line, "CRM_meta_stonith_action").unwrap_or("reboot"))
            } else if task.is_empty() || resource.is_empty() || CLUSTER.contains(&task) {
                continue;
            } else {
                let interval = attribute(line, "CRM_meta_interval").map(|it| format!("={it}")).unwrap_or_default();
                format!("{task}{interval} {} on {node}", base(resource))
            };
            *actions.entry(action).or_default() += 1;
        }
    }
    actions
}

/// Tasks of the cluster itself, which are not compared.
const CLUSTER: [&str; 3] = ["clear_failcount", "lrm_delete", "do_shutdown"];

/// The value of an attribute of the element in `line`.
fn attribute<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// What we do, in the same words.
#[must_use]
pub fn ours(schedule: &Schedule) -> Actions {
    let mut actions = Actions::new();
    for it in &schedule.actions {
        let node = it.node.as_deref().unwrap_or_default();
        let words = match (it.kind, it.operation.as_str()) {
            (ActionKind::Fence, how) => format!("fence {node} {how}"),
            (ActionKind::Rsc, task) => {
                let interval = if it.interval_ms > 0 { format!("={}", it.interval_ms) } else { String::new() };
                format!("{task}{interval} {} on {node}", base(it.resource.as_deref().unwrap_or_default()))
            }
            _ => continue,
        };
        *actions.entry(words).or_default() += 1;
    }
    actions
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
    fn the_graph_of_the_peer_names_actions() {
        let graph = "<synapse>\n<action_set>\n<rsc_op id=\"1\" operation=\"monitor\" on_node=\"n1\">\n<primitive id=\"a\" \
                     long-id=\"a:1\"/>\n<attributes CRM_meta_interval=\"10000\"/>\n</rsc_op>\n</action_set>\n<inputs>\n\
                     <rsc_op operation=\"stop\"/>\n</inputs>\n<action_set>\n<crm_event operation=\"stonith\" \
                     on_node=\"n2\">\n<attributes CRM_meta_stonith_action=\"off\"/>\n</crm_event>\n</action_set>";
        let actions = parse(graph);
        let words: Vec<&str> = actions.keys().map(String::as_str).collect();
        assert_eq!(words, ["fence n2 off", "monitor=10000 a on n1"]);
    }
}
