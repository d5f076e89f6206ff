//! `paceline ring status`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crate::render::ring;
use crm::control::{Request, Response, RingReport};

/// What to see of the ring.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// The view, the time of the token, every change of the view with its reason, and what was noticed of each peer
    Status {
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

/// Asks the daemon.
pub(super) fn ask(context: &Context<'_>) -> Result<Box<RingReport>, Failure> {
    match context.connect()?.ask(&Request::Ring, PROMPT)? {
        Response::Ring(report) => Ok(report),
        other => Err(Failure::unexpected(&other)),
    }
}

pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<(), Failure> {
    let Command::Status { json } = command;
    let report = ask(context)?;
    if *json {
        context.output.json(&report);
    } else {
        context.output.print(&ring::ring(&report));
    }
    Ok(())
}
