//! Which daemon a command speaks to.
//!
//! In this order: `--socket PATH`; `--node NAME`, a node of the sandbox; `$PACELINE_SOCKET`; the usual place; the first
//! node of a running sandbox that answers, with a note that says so.

use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use crate::sandbox::layout::Layout;
use std::path::{Path, PathBuf};

/// The socket of a daemon installed on this machine.
const DEFAULT_SOCKET: &str = "/run/paceline/control.sock";
/// The environment variable that names another one.
const SOCKET_VARIABLE: &str = "PACELINE_SOCKET";

/// The options that say which daemon.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Where {
    /// Speak to the daemon at this socket
    #[arg(long, global = true, value_name = "PATH", help_heading = "Which daemon")]
    pub(crate) socket: Option<PathBuf>,
    /// Speak to this node of the sandbox
    #[arg(long = "node", global = true, value_name = "NAME", conflicts_with = "socket", help_heading = "Which daemon")]
    pub(crate) sandbox_node: Option<String>,
}

impl Where {
    /// Connects to the daemon that is meant.
    ///
    /// # Errors
    /// Exit status 3 when none answers.
    pub(crate) fn connect(&self, output: &Output) -> Result<Client, Failure> {
        if let Some(path) = &self.socket {
            return Client::connect(path);
        }
        let sandbox = Layout::find(None);
        if let Some(name) = &self.sandbox_node {
            let description = sandbox.description()?;
            let seat = description.seat(name)?;
            return Client::connect(&sandbox.control_socket(&seat.name)).map_err(|failure| {
                failure.hint(format!(
                    "is it on? `paceline sandbox status` tells, `paceline sandbox start {name}` starts it"
                ))
            });
        }
        if let Some(path) = std::env::var_os(SOCKET_VARIABLE).filter(|value| !value.is_empty()) {
            return Client::connect(Path::new(&path));
        }
        let usual = Path::new(DEFAULT_SOCKET);
        if usual.exists() || !sandbox.exists() {
            return Client::connect(usual).map_err(|failure| {
                failure.hint(
                    "is pacelined running here? Name a socket with --socket or PACELINE_SOCKET, or play with \
                     `paceline sandbox up`",
                )
            });
        }
        let description = sandbox.description()?;
        for seat in &description.seats {
            if let Ok(client) = Client::connect(&sandbox.control_socket(&seat.name)) {
                output.note(&format!("asking sandbox node {} in {}", seat.name, sandbox.dir().display()));
                return Ok(client);
            }
        }
        Err(Failure::no_answer(format!("no node of the sandbox in {} answers", sandbox.dir().display()))
            .hint("`paceline sandbox status` tells how they are, `paceline sandbox start NODE` starts one"))
    }
}
