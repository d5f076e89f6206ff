//! `paceline quorum status`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crate::render::{status, text::wrapped};
use crm::control::{Request, Response};

/// What to see of quorum.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Votes, and who is in the view; exit status 4 without quorum
    Status {
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<(), Failure> {
    let Command::Status { json } = command;
    let response = context.connect()?.ask(&Request::Quorum, PROMPT)?;
    let Response::Quorum { quorum, view, members } = &response else { return Err(Failure::unexpected(&response)) };
    if *json {
        context.output.json(&response);
    } else {
        let names: Vec<&str> = members.iter().map(|node| node.as_str()).collect();
        context.output.print(&wrapped("", &status::quorum(quorum)));
        context.output.print(&wrapped("", &format!("View {view}: {}", names.join(", "))));
    }
    if quorum.quorate {
        Ok(())
    } else {
        Err(Failure::not_quorate("this part of the cluster has no quorum")
            .hint("look at the nodes that are missing: are they on, and is the network between them up?"))
    }
}
