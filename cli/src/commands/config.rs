//! `paceline config show`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crm::control::{Request, Response};

/// What to see of the configuration.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Print the cluster file in force, as it was applied
    Show {
        /// For programs: with its version
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<(), Failure> {
    let Command::Show { json } = command;
    let response = context.connect()?.ask(&Request::Config, PROMPT)?;
    let Response::Config { text, .. } = &response else { return Err(Failure::unexpected(&response)) };
    if *json {
        context.output.json(&response);
    } else {
        context.output.print(text);
    }
    Ok(())
}
