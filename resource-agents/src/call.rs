//! From an operation to the program that carries it out, and from the program's end to what it means.
//!
//! | end                       | OCF script            | command: start, stop    | command: check        |
//! |---------------------------|-----------------------|-------------------------|-----------------------|
//! | exit 0                    | ok                    | ok                      | ok (it runs)          |
//! | exit 7                    | not running; stop: ok | error                   | not running           |
//! | exit 126, 127 (the shell) | error                 | error                   | not privileged, not installed |
//! | other exit                | its OCF meaning       | error                   | not running           |
//! | signal                    | error                 | error                   | error                 |
//! | out of time               | timed out             | timed out               | timed out             |
//! | no such program           | not installed         | not installed           | not installed         |
//!
//! Promote, demote, reload and the halves of a migration are judged as a start is. A notification is always ok: nothing
//! depends on whether it was understood, and most agents do not know it; what the agent said is kept as its reason.

use crate::job::{Exit, Finished, Job, StartError};
use crate::operation::Operation;
use crate::outcome::Outcome;
use crate::reason::{presentable, reason_of};
use crate::secret::redact;
use crate::{command, ocf};
use config::{AgentRef, OperationName};
use std::path::Path;

/// Why there is nothing that could be run for an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoJob {
    /// What to answer.
    pub outcome: Outcome,
    /// A sentence for people.
    pub why: String,
}

impl NoJob {
    /// The configuration is wrong everywhere.
    fn wrong(why: String) -> NoJob {
        NoJob { outcome: Outcome::NotConfigured, why }
    }
}

/// The program that carries out `operation` on this node.
///
/// # Errors
/// When there is nothing that could be run: the configuration is wrong everywhere, or the agent has no such action.
pub fn job(ocf_root: &Path, operation: &Operation) -> Result<Job, NoJob> {
    match (&operation.agent, &operation.commands) {
        (AgentRef::Ocf { provider, kind }, _) => ocf::job(ocf_root, provider, kind, operation).map_err(NoJob::wrong),
        (AgentRef::Command, Some(commands)) => command::job(commands, operation),
        (AgentRef::Command, None) => {
            Err(NoJob::wrong(format!("{} has no start, stop and check lines", operation.resource)))
        }
    }
}

/// What the end of the program means, and why, in the agent's words where it left any.
#[must_use]
pub fn verdict(operation: &Operation, finished: &Finished) -> (Outcome, Option<String>) {
    let outcome = outcome(operation, &finished.exit);
    if outcome == Outcome::Ok {
        return (outcome, None);
    }
    let reason = reason(operation, finished, outcome);
    (answer(operation.name, outcome), reason)
}

/// What is told to the cluster when an action came to this.
pub(crate) fn answer(name: OperationName, outcome: Outcome) -> Outcome {
    if name == OperationName::Notify { Outcome::Ok } else { outcome }
}

fn reason(operation: &Operation, finished: &Finished, outcome: Outcome) -> Option<String> {
    let words = reason_of(&redact(&finished.stderr, &operation.params));
    let reason = match (&finished.exit, words) {
        (Exit::TimedOut, None) => Some(format!("no answer within {:?}, killed", operation.timeout)),
        (Exit::TimedOut, Some(words)) => {
            Some(format!("no answer within {:?}, killed; its last words: {words}", operation.timeout))
        }
        (Exit::Signal(signal), None) => Some(format!("ended by signal {signal}")),
        (Exit::Signal(signal), Some(words)) => Some(format!("ended by signal {signal}: {words}")),
        (Exit::NotStarted(StartError::Missing(why) | StartError::Forbidden(why) | StartError::Other(why)), _) => {
            Some(why.clone())
        }
        (Exit::Cancelled, _) => Some("killed before it could answer".to_owned()),
        (Exit::Code(_), Some(words)) => Some(words),
        (Exit::Code(_), None) if matches!(outcome, Outcome::NotRunning | Outcome::Promoted) => None,
        (Exit::Code(code), None) => Some(format!("exit code {code} without a word on standard error")),
    };
    reason.as_deref().map(presentable).filter(|reason| !reason.is_empty())
}

fn outcome(operation: &Operation, exit: &Exit) -> Outcome {
    match exit {
        Exit::Code(code) => match operation.agent {
            AgentRef::Ocf { .. } => ocf_outcome(operation.name, *code),
            AgentRef::Command => command_outcome(operation.name, *code),
        },
        Exit::TimedOut => Outcome::TimedOut,
        Exit::Signal(_) | Exit::Cancelled | Exit::NotStarted(StartError::Other(_)) => Outcome::Error,
        Exit::NotStarted(StartError::Missing(_)) => Outcome::NotInstalled,
        Exit::NotStarted(StartError::Forbidden(_)) => Outcome::InsufficientPrivilege,
    }
}

fn ocf_outcome(name: OperationName, code: i32) -> Outcome {
    match (name, Outcome::from_code(code)) {
        // A stop that found nothing to stop has reached its aim.
        (OperationName::Stop, Outcome::NotRunning) => Outcome::Ok,
        (_, outcome) => outcome,
    }
}

fn command_outcome(name: OperationName, code: i32) -> Outcome {
    match (name, code) {
        (_, 0) => Outcome::Ok,
        // The shell's own codes: a check that could not even run must not pass for "it is cleanly stopped".
        (OperationName::Monitor, 126) => Outcome::InsufficientPrivilege,
        (OperationName::Monitor, 127) => Outcome::NotInstalled,
        (OperationName::Monitor, _) => Outcome::NotRunning,
        _ => Outcome::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{Commands, NodeId, ResourceId};
    use std::time::Duration;

    fn operation(agent: AgentRef, name: OperationName) -> Operation {
        Operation {
            resource: ResourceId::new("web").unwrap(),
            agent,
            name,
            interval: None,
            timeout: Duration::from_secs(20),
            params: [("password".to_owned(), "hunter2".to_owned())].into(),
            commands: Some(Commands { start: "up".into(), stop: "down".into(), check: "look".into() }),
            node: NodeId::new("alpha").unwrap(),
            expect: Outcome::Ok,
            meta: std::collections::BTreeMap::new(),
        }
    }

    fn ocf() -> AgentRef {
        AgentRef::Ocf { provider: "heartbeat".to_owned(), kind: "Dummy".to_owned() }
    }

    fn ended(exit: Exit, stderr: &str) -> Finished {
        Finished { exit, stdout: String::new(), stderr: stderr.to_owned(), elapsed: Duration::ZERO }
    }

    #[test]
    fn every_ocf_code_has_its_meaning() {
        use OperationName::{Demote, MigrateTo, Monitor, Notify, Promote, Reload, Start, Stop};
        for (name, code, outcome) in [
            (Promote, 0, Outcome::Ok),
            (Promote, 8, Outcome::Promoted),
            (Promote, 9, Outcome::FailedPromoted),
            (Demote, 7, Outcome::NotRunning),
            (MigrateTo, 1, Outcome::Error),
            (Reload, 3, Outcome::Unimplemented),
            (Notify, 3, Outcome::Ok),
            (Notify, 1, Outcome::Ok),
            (Monitor, 0, Outcome::Ok),
            (Monitor, 7, Outcome::NotRunning),
            (Monitor, 8, Outcome::Promoted),
            (Monitor, 9, Outcome::FailedPromoted),
            (Monitor, 190, Outcome::Degraded),
            (Start, 2, Outcome::InvalidParameter),
            (Start, 3, Outcome::Unimplemented),
            (Start, 4, Outcome::InsufficientPrivilege),
            (Start, 5, Outcome::NotInstalled),
            (Start, 6, Outcome::NotConfigured),
            (Start, 7, Outcome::NotRunning),
            (Start, 255, Outcome::Error),
            (Stop, 7, Outcome::Ok),
            (Stop, 1, Outcome::Error),
        ] {
            let (found, _) = verdict(&operation(ocf(), name), &ended(Exit::Code(code), ""));
            assert_eq!(found, outcome, "{name:?} {code}");
        }
    }

    #[test]
    fn a_command_says_yes_or_no() {
        use OperationName::{Monitor, Start, Stop};
        for (name, code, outcome) in [
            (Monitor, 0, Outcome::Ok),
            (Monitor, 1, Outcome::NotRunning),
            (Monitor, 2, Outcome::NotRunning),
            (Monitor, 127, Outcome::NotInstalled),
            (Start, 7, Outcome::Error),
            (Start, 5, Outcome::Error),
            (Stop, 7, Outcome::Error),
            (Stop, 0, Outcome::Ok),
        ] {
            let (found, _) = verdict(&operation(AgentRef::Command, name), &ended(Exit::Code(code), ""));
            assert_eq!(found, outcome, "{name:?} {code}");
        }
    }

    #[test]
    fn what_is_no_exit_code_has_a_meaning_too() {
        let monitor = operation(ocf(), OperationName::Monitor);
        for (exit, outcome) in [
            (Exit::Signal(9), Outcome::Error),
            (Exit::TimedOut, Outcome::TimedOut),
            (Exit::NotStarted(StartError::Missing("no /x".into())), Outcome::NotInstalled),
            (Exit::NotStarted(StartError::Forbidden("may not /x".into())), Outcome::InsufficientPrivilege),
            (Exit::NotStarted(StartError::Other("out of memory".into())), Outcome::Error),
        ] {
            let (found, reason) = verdict(&monitor, &ended(exit.clone(), ""));
            assert_eq!(found, outcome, "{exit:?}");
            assert!(reason.is_some(), "{exit:?} says why");
        }
    }

    #[test]
    fn a_failure_speaks_and_keeps_secrets() {
        let start = operation(ocf(), OperationName::Start);
        let (_, reason) = verdict(&start, &ended(Exit::Code(1), "ocf-exit-reason:login with hunter2 refused\n"));
        assert_eq!(reason.unwrap(), "login with *** refused");
        let (_, reason) = verdict(&start, &ended(Exit::Code(255), ""));
        assert_eq!(reason.unwrap(), "exit code 255 without a word on standard error");
        let (_, reason) = verdict(&start, &ended(Exit::Code(0), "WARNING: chatter"));
        assert_eq!(reason, None);
        let monitor = operation(ocf(), OperationName::Monitor);
        assert_eq!(verdict(&monitor, &ended(Exit::Code(8), "")).1, None, "promoted says it all");
    }

    #[test]
    fn the_line_of_the_action_goes_to_the_shell() {
        let job = job(Path::new("/o"), &operation(AgentRef::Command, OperationName::Monitor)).unwrap();
        assert_eq!(
            (job.program.to_str().unwrap(), job.args.as_slice()),
            ("/bin/sh", &["-c".to_owned(), "look".to_owned()][..])
        );
        assert_eq!(job.env["PACELINE_ACTION"], "check");
        assert_eq!(job.env["PACELINE_RESOURCE"], "web");
        assert_eq!(job.env["PACELINE_NODE"], "alpha");
        assert_eq!(job.env["password"], "hunter2");
    }

    #[test]
    fn a_command_knows_three_actions_and_says_so() {
        for name in [OperationName::Promote, OperationName::MigrateTo, OperationName::Reload] {
            let no_job = job(Path::new("/o"), &operation(AgentRef::Command, name)).unwrap_err();
            assert_eq!(no_job.outcome, Outcome::Unimplemented);
            assert!(no_job.why.contains(name.as_str()), "{}", no_job.why);
        }
    }

    #[test]
    fn a_command_without_lines_is_a_wrong_configuration() {
        let mut start = operation(AgentRef::Command, OperationName::Start);
        start.commands = None;
        assert!(job(Path::new("/o"), &start).unwrap_err().why.contains("web has no start"));
    }
}
