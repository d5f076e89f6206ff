//! How a fence-agent is called: by the standard-input API, `name=value` lines and nothing else, so that no password
//! stands in an argument or in the environment where other users could read it.

use config::{Device, NodeId};
use resource_agents::{Exit, Finished, Job, StartError, presentable, reason_of, redact};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

/// Longest time that an agent gets to print its description.
const METADATA_TIMEOUT: Duration = Duration::from_secs(30);

/// What a fence-agent can be asked to do to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Cut the power (or the network, or the storage) and confirm that it is cut.
    Off,
    /// Give it back.
    On,
    /// Off, confirmed, then on.
    Reboot,
    /// Say whether the node has power.
    Status,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Off => "off",
            Command::On => "on",
            Command::Reboot => "reboot",
            Command::Status => "status",
        })
    }
}

/// The call that makes `device` do `command` to `target`.
///
/// # Errors
/// A sentence when the device has no plug for the target, or a parameter cannot be said in one line.
pub fn job(device: &Device, target: &NodeId, command: Command, directories: &[PathBuf]) -> Result<Job, String> {
    let name = &device.name;
    let plug = device.plugs.get(target).ok_or_else(|| format!("device {name} is not for node {target}"))?;
    let mut stdin = String::new();
    line(&mut stdin, name.as_str(), "action", &command.to_string())?;
    line(&mut stdin, name.as_str(), "nodename", target.as_str())?;
    if !device.params.contains_key("plug") && !device.params.contains_key("port") {
        line(&mut stdin, name.as_str(), "plug", plug)?;
    }
    for (key, value) in device.params.iter().filter(|(key, _)| !matches!(key.as_str(), "action" | "nodename")) {
        line(&mut stdin, name.as_str(), key, value)?;
    }
    Ok(call(&device.agent, directories, stdin, device.timeout))
}

/// The call that makes a fence-agent describe itself; its answer is for [`resource_agents::Metadata::parse`].
#[must_use]
pub fn metadata_job(agent: &str, directories: &[PathBuf]) -> Job {
    call(agent, directories, "action=metadata\n".to_owned(), METADATA_TIMEOUT)
}

/// Whether the agent confirmed; else why not, for people, without the device's secrets.
///
/// # Errors
/// The reason, at most [`resource_agents::REASON_LIMIT`] bytes.
pub fn verdict(device: &Device, command: Command, finished: &Finished, directories: &[PathBuf]) -> Result<(), String> {
    let (name, agent) = (&device.name, &device.agent);
    let words = reason_of(&redact(&finished.stderr, &device.params));
    let why = match &finished.exit {
        Exit::Code(0) => return Ok(()),
        Exit::Code(code) => words.unwrap_or_else(|| format!("{agent} ended with exit code {code} without a word")),
        Exit::Signal(signal) => format!("{agent} was ended by signal {signal}"),
        Exit::TimedOut => {
            let words = words.map(|words| format!("; its last words: {words}")).unwrap_or_default();
            format!("{agent} did not answer within {:?} and was killed{words}", device.timeout)
        }
        Exit::Cancelled => format!("{agent} was killed before it could answer"),
        Exit::NotStarted(StartError::Missing(_)) => {
            let places: Vec<String> = directories.iter().map(|directory| directory.display().to_string()).collect();
            format!("fence-agent {agent} is not installed on this node; looked in {}", places.join(", "))
        }
        Exit::NotStarted(StartError::Forbidden(why) | StartError::Other(why)) => why.clone(),
    };
    Err(presentable(&format!("{name} {command}: {why}")))
}

fn call(agent: &str, directories: &[PathBuf], stdin: String, timeout: Duration) -> Job {
    Job {
        program: PathBuf::from(agent),
        search: directories.to_vec(),
        args: Vec::new(),
        env: BTreeMap::new(),
        stdin: Some(stdin),
        timeout,
    }
}

/// Agents cut blanks off a line and one pair of quotes off a value, so a value that would suffer gets a pair to lose.
fn line(stdin: &mut String, device: &str, key: &str, value: &str) -> Result<(), String> {
    let one_line = |text: &str| !text.contains(['\n', '\r', '\0']);
    if key.is_empty() || key.starts_with('#') || key.contains('=') || key.trim() != key || !one_line(key) {
        return Err(format!("device {device}: {key:?} cannot be the name of a parameter"));
    }
    if !one_line(value) {
        return Err(format!("device {device}: the value of {key:?} has more than one line, which no agent can read"));
    }
    let quoted = value.trim() != value || (value.len() >= 2 && value.starts_with('"') && value.ends_with('"'));
    let mark = if quoted { "\"" } else { "" };
    writeln!(stdin, "{key}={mark}{value}{mark}").expect("writing to a String cannot fail");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::DeviceId;

    fn device(params: &[(&str, &str)]) -> Device {
        let alpha = NodeId::new("alpha").unwrap();
        Device {
            name: DeviceId::new("bmc").unwrap(),
            agent: "fence_ipmilan".to_owned(),
            params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            plugs: [(alpha, "outlet 3".to_owned())].into(),
            timeout: Duration::from_secs(60),
            delay: Duration::ZERO,
        }
    }

    fn stdin(params: &[(&str, &str)]) -> Result<String, String> {
        let alpha = NodeId::new("alpha").unwrap();
        job(&device(params), &alpha, Command::Off, &[]).map(|job| job.stdin.unwrap())
    }

    fn failure(stderr: &str, exit: Exit) -> String {
        let finished = Finished { exit, stdout: String::new(), stderr: stderr.to_owned(), elapsed: Duration::ZERO };
        verdict(&device(&[("passwd", "hunter2")]), Command::Off, &finished, &["/usr/sbin".into()]).unwrap_err()
    }

    #[test]
    fn everything_goes_through_standard_input() {
        let bmc = device(&[("ip", "10.0.0.1"), ("password", "hunter2"), ("action", "monitor")]);
        let job = job(&bmc, &NodeId::new("alpha").unwrap(), Command::Reboot, &["/usr/sbin".into()]).unwrap();
        assert_eq!(
            job.stdin.as_deref(),
            Some("action=reboot\nnodename=alpha\nplug=outlet 3\nip=10.0.0.1\npassword=hunter2\n")
        );
        assert!(job.args.is_empty() && job.env.is_empty());
        assert_eq!((job.program, job.search), ("fence_ipmilan".into(), vec!["/usr/sbin".into()]));
    }

    #[test]
    fn a_job_can_be_logged_without_its_secrets() {
        let bmc = device(&[("password", "hunter2")]);
        let job = job(&bmc, &NodeId::new("alpha").unwrap(), Command::Off, &[]).unwrap();
        assert!(!format!("{job:?}").contains("hunter2"));
    }

    #[test]
    fn a_plug_in_the_parameters_is_the_plug() {
        assert_eq!(stdin(&[("port", "7")]).unwrap(), "action=off\nnodename=alpha\nport=7\n");
    }

    #[test]
    fn values_survive_the_agents_way_of_reading() {
        let text = stdin(&[("a", " x "), ("b", "\"y\""), ("c", "p=q#\"r"), ("d", "")]).unwrap();
        assert!(text.ends_with("a=\" x \"\nb=\"\"y\"\"\nc=p=q#\"r\nd=\n"), "{text}");
    }

    #[test]
    fn what_would_be_another_line_is_refused_without_telling_the_value() {
        for (key, value) in [("password", "a\naction=on"), ("password", "a\r"), ("a\nb", ""), ("a=b", ""), ("#a", "")] {
            let refusal = stdin(&[(key, value)]).unwrap_err();
            assert!(refusal.starts_with("device bmc: ") && !refusal.contains("action=on"), "{refusal}");
        }
    }

    #[test]
    fn a_node_without_a_plug_is_refused() {
        let beta = NodeId::new("beta").unwrap();
        assert_eq!(job(&device(&[]), &beta, Command::Off, &[]).unwrap_err(), "device bmc is not for node beta");
    }

    #[test]
    fn failures_are_told_without_secrets() {
        let words = "WARNING: Parse error: Ignoring unknown option 'passwd=hunter2'\n";
        assert_eq!(
            failure(words, Exit::Code(1)),
            "bmc off: WARNING: Parse error: Ignoring unknown option 'passwd=***'"
        );
        assert_eq!(failure("", Exit::Code(1)), "bmc off: fence_ipmilan ended with exit code 1 without a word");
        assert!(failure("", Exit::TimedOut).contains("did not answer within 60s"));
        let missing = failure("", Exit::NotStarted(StartError::Missing("x".into())));
        assert_eq!(missing, "bmc off: fence-agent fence_ipmilan is not installed on this node; looked in /usr/sbin");
    }
}
