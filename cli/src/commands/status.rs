//! `paceline status`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crate::render;
use crm::control::{Request, Response};

/// What to show.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let summary = match context.connect()?.ask(&Request::Status, PROMPT)? {
        Response::Summary(summary) => summary,
        other => return Err(Failure::unexpected(&other)),
    };
    if args.json {
        context.output.json(&summary);
    } else {
        let clock = render::time::Clock::system();
        context.output.print(&render::status::status(&summary, &clock, context.output.paint));
    }
    Ok(())
}
