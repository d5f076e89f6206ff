//! The one place where errors meet people: a message, its causes, a hint, and the exit status.

use crm::control::{Refusal, Response};
use std::fmt;
use std::io::Write;

/// What each exit status means; shown by `paceline --help`.
pub(crate) const EXIT_CODES: &str = "\
Exit status:
   0  done
   1  refused, or failed: the message says why
   2  the command line was not understood
   3  no answer from the daemon
   4  this part of the cluster has no quorum
  70  a bug in paceline";

/// Why a command failed, as its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was refused, or it failed.
    Refused = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The daemon does not answer.
    NoAnswer = 3,
    /// This part of the cluster has no quorum.
    NotQuorate = 4,
    /// Our fault.
    Bug = 70,
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// It was refused, or it failed.
    pub(crate) fn refused(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Refused, message)
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// The daemon does not answer.
    pub(crate) fn no_answer(message: impl Into<String>) -> Failure {
        Failure::new(Exit::NoAnswer, message)
    }

    /// This part of the cluster has no quorum.
    pub(crate) fn not_quorate(message: impl Into<String>) -> Failure {
        Failure::new(Exit::NotQuorate, message)
    }

    /// Something is wrong with paceline itself.
    pub(crate) fn bug(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Bug, message)
    }

    /// The daemon said something it should not have said.
    pub(crate) fn unexpected(response: &Response) -> Failure {
        match response {
            Response::Refused { kind, message, hint } => {
                let exit = if *kind == Refusal::NotQuorate { Exit::NotQuorate } else { Exit::Refused };
                let hint = hint.clone().or_else(|| own_hint(*kind));
                Failure { exit, message: message.clone(), causes: Vec::new(), hint }
            }
            Response::Invalid { problems } => {
                let mut failure = Failure::refused("the daemon finds the cluster file invalid");
                failure.causes.extend(problems.iter().map(|p| format!("line {}: {}", p.line, p.message)));
                failure
            }
            other => {
                let mut text = format!("{other:?}");
                text.truncate(text.char_indices().nth(300).map_or(text.len(), |(at, _)| at));
                Failure::new(Exit::Bug, "the daemon gave an answer that does not fit the question")
                    .because(text)
                    .hint("paceline and pacelined should be of the same version")
            }
        }
    }

    /// Adds a cause, and the causes behind it.
    pub(crate) fn because(mut self, cause: impl fmt::Display) -> Failure {
        self.causes.push(cause.to_string());
        self
    }

    /// Says what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// The exit status.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells the user, on standard error.
    pub(crate) fn report(&self, colour: bool) {
        let (red, cyan, off) = if colour { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!("{red}error:{off} {}\n", self.message);
        for cause in &self.causes {
            text.push_str(&format!("  because: {}\n", cause.trim_end().replace('\n', "\n           ")));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("{cyan}hint:{off} {hint}\n"));
        }
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// A hint for refusals that come without one.
fn own_hint(kind: Refusal) -> Option<String> {
    let text = match kind {
        Refusal::NotQuorate => "see who is missing with `paceline quorum status`, or ask a node on the other side",
        Refusal::Conflict => "look at the new state with `paceline plan FILE`, then apply again",
        Refusal::NotFound => "`paceline status` lists nodes and resources",
        Refusal::Unknown => "it may or may not take effect: look with `paceline status`, then ask again",
        Refusal::Unavailable => "try again in a moment, or ask another node",
        Refusal::Invalid => return None,
    };
    Some(text.to_owned())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

/// From now on a panic says that it is our fault, and ends the program with the exit status that says the same.
pub(crate) fn announce_panics() {
    std::panic::set_hook(Box::new(|info| {
        let text = format!(
            "error: paceline has a bug and gives up: {info}\nhint: please report this together with the command line\n"
        );
        let _ = std::io::stderr().write_all(text.as_bytes());
        std::process::exit(Exit::Bug as i32);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_get_their_exit_status_and_always_a_way_on() {
        let refused = |kind| Response::Refused { kind, message: "no".to_owned(), hint: None };
        assert_eq!(Failure::unexpected(&refused(Refusal::NotQuorate)).exit, Exit::NotQuorate);
        let conflict = Failure::unexpected(&refused(Refusal::Conflict));
        assert_eq!(conflict.exit, Exit::Refused);
        assert!(conflict.hint.unwrap().contains("paceline plan"));
        let odd = Failure::unexpected(&Response::Done { generation: crm::cib::Generation::default(), changed: true });
        assert_eq!(odd.exit, Exit::Bug);
    }
}
