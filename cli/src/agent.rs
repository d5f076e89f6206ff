//! The commands of the peer that OCF agents call, under the names that they call them by: `crm_attribute`,
//! `crm_master`, `attrd_updater`, `crm_node`, `crm_mon`. This program answers to them where the daemon has put it
//! first in the path of its agents.
//!
//! Only what agents ask for is here, with the peer's options, output and exit statuses. People have better words for
//! the same: `paceline node attribute`, `paceline quorum status`.

mod attribute;
mod member;
mod overview;

use crate::client::{Client, PROMPT, Where};
use crate::failure::Failure;
use crate::output::Output;
use crm::control::{AGENT_COMMANDS, Refusal, Request, Response};
use std::ffi::OsString;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a change may take, the time in which the members of a new view are synchronised included.
const PATIENCE: Duration = Duration::from_secs(12);

/// How long to wait before the same is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// What agents find out from an exit status; the peer's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok = 0,
    Error = 1,
    Unimplemented = 3,
    Usage = 64,
    NotConnected = 102,
    NoSuchObject = 105,
    NoQuorum = 106,
}

/// What a command says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reply {
    status: Status,
    out: String,
    err: String,
}

impl Reply {
    fn ok(out: impl Into<String>) -> Reply {
        Reply { status: Status::Ok, out: out.into(), err: String::new() }
    }

    fn fault(status: Status, err: impl Into<String>) -> Reply {
        Reply { status, out: String::new(), err: err.into() }
    }
}

/// Whether this program is called by a name of the peer.
pub(crate) fn answers_to(name: &str) -> bool {
    AGENT_COMMANDS.contains(&name)
}

/// Runs as the command `name`; returns the exit status.
pub(crate) fn run(name: &str, arguments: Vec<OsString>) -> u8 {
    let arguments: Vec<String> = arguments.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let reply = match name {
        "crm_attribute" | "crm_master" | "attrd_updater" => attribute::run(name, arguments),
        "crm_node" => member::run(arguments),
        "crm_mon" => overview::run(&arguments),
        // Agents ask it for the version that they compare names of commands with.
        "pacemakerd" if arguments.iter().any(|word| word == "-$" || word == "--version") => {
            Reply::ok(format!("Pacemaker {PEER}\nNot Pacemaker, but paceline {}\n", env!("CARGO_PKG_VERSION")))
        }
        _ => Reply::fault(Status::Unimplemented, "paceline does not offer this command to its agents"),
    };
    let _ = std::io::stdout().write_all(reply.out.as_bytes());
    if !reply.err.is_empty() {
        let _ = writeln!(std::io::stderr(), "{name}: {}", reply.err);
    }
    reply.status as u8
}

/// The version of the peer whose commands these are like.
const PEER: &str = "2.1.5";

/// The node that this runs on, as the executor told the agent.
fn own_node() -> Option<String> {
    std::env::var("OCF_RESKEY_CRM_meta_on_node").ok().filter(|name| !name.is_empty())
}

fn connect() -> Result<Client, Reply> {
    Where::default().connect(&Output::new()).map_err(|failure| silent(&failure))
}

fn silent(failure: &Failure) -> Reply {
    Reply::fault(Status::NotConnected, failure.to_string())
}

/// Asks until the node has an answer. While the members of a new view are synchronised it has none, and an agent that
/// was refused would fail its service for that.
fn ask(client: &mut Client, request: &Request) -> Result<Response, Reply> {
    let begun = Instant::now();
    loop {
        match client.ask(request, PROMPT.max(PATIENCE)) {
            Ok(Response::Refused { kind: Refusal::Unavailable, .. }) if begun.elapsed() < PATIENCE => sleep(AGAIN),
            Ok(Response::Refused { kind, message, .. }) => {
                let status = match kind {
                    Refusal::NotQuorate => Status::NoQuorum,
                    Refusal::NotFound => Status::NoSuchObject,
                    Refusal::Invalid => Status::Usage,
                    Refusal::Conflict | Refusal::Unknown | Refusal::Unavailable => Status::Error,
                };
                return Err(Reply::fault(status, message));
            }
            Ok(response) => return Ok(response),
            Err(failure) => return Err(silent(&failure)),
        }
    }
}

fn unexpected(response: &Response) -> Reply {
    Reply::fault(Status::Error, Failure::unexpected(response).to_string())
}
