//! Looking at a cluster from outside: its events as they come, and the processes of its services in `/proc`.

use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One line of `paceline events --json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// Wall clock, milliseconds.
    pub wall_ms: u64,
    /// What kind.
    pub kind: String,
    /// The sentence.
    pub text: String,
}

/// The wall clock as events have it.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// The error of [`event`] when the program that prints the events ended.
pub const ENDED: &str = "the events ended";

/// Follows the events that `command` prints until one since `mark` is `wanted`.
pub fn event(
    mut command: Command,
    mark: u64,
    patience: Duration,
    wanted: impl Fn(&Event) -> bool,
) -> Result<Event, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot follow the events: {error}"))?;
    let output = child.stdout.take().ok_or("stdout was piped above")?;
    let (sender, lines) = channel();
    let reader = std::thread::spawn(move || {
        // Ends when nobody listens, or when the program does.
        let _ = BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
    });
    let deadline = Instant::now() + patience;
    let mut last = Vec::new();
    let result = loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => match serde_json::from_str::<Event>(&line) {
                Ok(event) if event.wall_ms < mark => {}
                Ok(event) if wanted(&event) => break Ok(event),
                Ok(event) => last.push(format!("  {}: {}", event.kind, event.text)),
                Err(error) => break Err(format!("{line} is not an event: {error}")),
            },
            Err(RecvTimeoutError::Timeout) => {
                let tail = &last[last.len().saturating_sub(20)..];
                break Err(format!("none within {} s; the last were\n{}", patience.as_secs_f32(), tail.join("\n")));
            }
            Err(RecvTimeoutError::Disconnected) => break Err(ENDED.to_owned()),
        }
    };
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    drop(lines);
    let _ = reader.join();
    result
}

/// The processes of a service of the sandbox in `dir`, with their nodes.
pub fn service_processes(dir: &Path, name: &str) -> Vec<(String, i32)> {
    let mut run = b"RUN=".to_vec();
    run.extend_from_slice(dir.as_os_str().as_bytes());
    let resource = format!("PACELINE_RESOURCE={name}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ended meanwhile has neither.
        let program = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if program.trim() != "sleep" {
            continue;
        }
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        if variables.contains(&run.as_slice()) && variables.contains(&resource.as_bytes()) {
            let node = variables.iter().find_map(|variable| variable.strip_prefix(b"PACELINE_NODE="));
            found.push((String::from_utf8_lossy(node.unwrap_or_default()).into_owned(), pid));
        }
    }
    found.sort();
    found
}

/// What a status says of a node.
pub fn state<'a>(status: &'a Value, node: &str) -> &'a str {
    let nodes = status["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    nodes.iter().find(|one| one["name"] == node).and_then(|one| one["state"].as_str()).unwrap_or("absent")
}

/// Whether a status says that a node is online.
pub fn online(status: &Value, node: &str) -> bool {
    state(status, node) == "online"
}

/// What a status says of a resource.
pub fn resource<'a>(status: &'a Value, name: &str) -> &'a Value {
    let resources = status["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    resources.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}
