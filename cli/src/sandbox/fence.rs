//! `fence_sandbox`: the fence device of a sandbox, a fence-agent like any other. This program under that name.
//!
//! It speaks the standard-input interface of fence-agents: `name=value` lines, exit status 0 for success, and for
//! `status` 2 when the node is off. It answers 0 to `off` only when the machine has said that no process is left; a
//! machine that does not answer is a failure, since nobody then knows what still runs.

use crate::sandbox::layout::Layout;
use crate::sandbox::lines;
use crate::sandbox::machine::{Answer, PATIENCE, Request};
use config::NodeId;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

/// The name of the program, and of the agent in a cluster file.
pub(crate) const NAME: &str = "fence_sandbox";

/// Most bytes of parameters.
const MAX_INPUT: u64 = 64 * 1024;

const METADATA: &str = r#"<?xml version="1.0" ?>
<resource-agent name="fence_sandbox" shortdesc="Power switch of a paceline sandbox">
  <longdesc>Turns the machines of a paceline sandbox off and on. Off kills every process of the machine.</longdesc>
  <parameters>
    <parameter name="action" unique="0" required="1">
      <content type="string" default="reboot"/>
      <shortdesc lang="en">off, on, reboot, status, monitor, list or metadata</shortdesc>
    </parameter>
    <parameter name="plug" unique="0" required="1">
      <content type="string"/>
      <shortdesc lang="en">The node</shortdesc>
    </parameter>
    <parameter name="socket-dir" unique="0" required="1">
      <content type="string"/>
      <shortdesc lang="en">The directory of the sandbox</shortdesc>
    </parameter>
  </parameters>
  <actions>
    <action name="on" automatic="0"/>
    <action name="off"/>
    <action name="reboot"/>
    <action name="status"/>
    <action name="monitor"/>
    <action name="list"/>
    <action name="metadata"/>
  </actions>
</resource-agent>
"#;

/// Runs as the fence-agent; returns the exit status.
pub(crate) fn run() -> u8 {
    let mut input = String::new();
    let _ = std::io::stdin().take(MAX_INPUT).read_to_string(&mut input);
    let (status, out, err) = answer(&parameters(&input));
    let _ = std::io::stdout().write_all(out.as_bytes());
    if !err.is_empty() {
        let _ = writeln!(std::io::stderr(), "{NAME}: {err}");
    }
    status
}

/// `name=value` lines; `_` and `-` are the same in names; the last of equals counts.
fn parameters(input: &str) -> BTreeMap<String, &str> {
    input
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().replace('_', "-"), value.trim()))
        .collect()
}

/// Exit status, standard output, standard error.
fn answer(given: &BTreeMap<String, &str>) -> (u8, String, String) {
    let failed = |text: String| (1, String::new(), text);
    let action = given.get("action").or_else(|| given.get("option")).copied().unwrap_or("reboot");
    if action == "metadata" {
        return (0, METADATA.to_owned(), String::new());
    }
    let Some(dir) = given.get("socket-dir") else {
        return failed("the parameter socket-dir is missing: the directory of the sandbox".to_owned());
    };
    let layout = Layout::find(Some(Path::new(dir)));
    match action {
        "monitor" | "list" => match layout.description() {
            Err(failure) => failed(failure.to_string()),
            Ok(_) if action == "monitor" => (0, String::new(), String::new()),
            Ok(found) => (0, found.seats.iter().map(|seat| format!("{},\n", seat.name)).collect(), String::new()),
        },
        "on" | "off" | "reboot" | "status" => {
            let plug = given.get("plug").or_else(|| given.get("port")).copied().unwrap_or_default();
            match NodeId::new(plug) {
                Ok(node) => switch_power(&layout, &node, action),
                Err(error) => failed(format!("the parameter plug does not name a node ({plug:?}): {error}")),
            }
        }
        other => failed(format!("unknown action {other:?}")),
    }
}

fn switch_power(layout: &Layout, node: &NodeId, action: &str) -> (u8, String, String) {
    let request = match action {
        "on" => Request::On,
        "off" => Request::Off,
        "reboot" => Request::Reboot,
        _ => Request::Status,
    };
    match lines::ask::<Answer>(&layout.machine_socket(node), &request, PATIENCE) {
        Err(error) => (1, String::new(), format!("the power supply of {node} does not answer: {error}")),
        Ok(Answer { error: Some(error), .. }) => (1, String::new(), format!("{action} of {node} failed: {error}")),
        Ok(answer) => match (request, answer.on) {
            (Request::Status, true) => (0, "Status: ON\n".to_owned(), String::new()),
            (Request::Status, false) => (2, "Status: OFF\n".to_owned(), String::new()),
            (Request::Off, true) => (1, String::new(), format!("{node} is still on")),
            _ => (0, format!("Success: {action} of {node}, {} processes killed\n", answer.killed), String::new()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parameters_as_fence_agents_do() {
        let given = parameters("# comment\naction=off\n plug = alpha \nsocket_dir=/x=y\nrubbish\n");
        assert_eq!(given["action"], "off");
        assert_eq!(given["plug"], "alpha");
        assert_eq!(given["socket-dir"], "/x=y");
        assert_eq!(given.len(), 3);
    }

    #[test]
    fn every_mistake_is_a_failure_that_says_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let place = format!("socket-dir={}\n", dir.path().display());
        for (input, expected) in [
            ("action=off\nplug=alpha\n".to_owned(), "socket-dir is missing"),
            (format!("{place}action=off\n"), "does not name a node"),
            (format!("{place}action=off\nplug=../alpha\n"), "does not name a node"),
            (format!("{place}action=explode\nplug=alpha\n"), "unknown action"),
            (format!("{place}action=off\nplug=alpha\n"), "does not answer"),
            (format!("{place}action=monitor\n"), "no sandbox"),
        ] {
            let (status, _, err) = answer(&parameters(&input));
            assert_eq!(status, 1, "{input}");
            assert!(err.contains(expected), "{input}: {err}");
        }
    }

    #[test]
    fn describes_itself() {
        let (status, out, _) = answer(&parameters("action=metadata\n"));
        assert_eq!(status, 0);
        assert!(out.contains("<resource-agent name=\"fence_sandbox\""));
    }
}
