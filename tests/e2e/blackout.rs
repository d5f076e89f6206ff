//! The power of the whole room fails: what was acknowledged is there afterwards, and the services run again.

use crate::sandbox::{NODES, service, with};
use crate::watch;
use std::process::Stdio;

/// Three times, each after a change through another node.
pub fn everything() -> Result<(), String> {
    with(&(service("web", "monitor = \"1s\"") + &service("mail", "monitor = \"1s\"")), |sandbox| {
        for through in NODES {
            let (ended, acknowledged) = sandbox.apply_mark(through)?;
            ended.said(0, &["safe on the disks of a quorum"])?;
            let mut cuts = Vec::new();
            for node in NODES {
                let spawned = sandbox.command().args(["sandbox", "kill", node]).stdout(Stdio::null()).spawn();
                cuts.push(spawned.map_err(|error| error.to_string())?);
            }
            for mut cut in cuts {
                match cut.wait() {
                    Ok(status) if status.success() => {}
                    other => return Err(format!("a power cut failed: {other:?}")),
                }
            }
            for name in ["web", "mail"] {
                if !sandbox.holders(name).is_empty() {
                    return Err(format!("{name} runs without power"));
                }
            }
            for node in NODES {
                sandbox.sandbox("start", node)?;
            }
            let all = |status: &serde_json::Value| NODES.iter().all(|node| watch::online(status, node));
            sandbox.until(through, "all nodes online", all)?;
            sandbox.of_one_mind(&NODES)?;
            for node in NODES {
                if !sandbox.has_mark(node, acknowledged)? {
                    return Err(format!("{node} has lost a change that was acknowledged"));
                }
            }
            for name in ["web", "mail"] {
                sandbox.holder(name)?;
            }
        }
        sandbox.consistent(&NODES)
    })
}
