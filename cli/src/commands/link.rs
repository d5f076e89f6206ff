//! `paceline link status`

use super::{Context, ring as asked};
use crate::failure::Failure;
use crate::render::ring;

/// What to see of the links between nodes.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Each link to each peer: whether it works in both directions, whether it is used, what it loses
    Status {
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<(), Failure> {
    let Command::Status { json } = command;
    let report = asked::ask(context)?;
    if *json {
        context.output.json(&report.peers);
    } else {
        context.output.print(&ring::links(&report));
    }
    Ok(())
}
