//! `paceline plan FILE`

use super::Context;
use crate::client::PROMPT;
use crate::cluster_file::ClusterFile;
use crate::failure::Failure;
use crate::render;
use crm::control::{Request, Response};
use std::path::PathBuf;

/// What to plan.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The cluster file; `-` for standard input
    file: PathBuf,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let file = ClusterFile::read(&args.file)?;
    if file.parsed.config.is_none() {
        file.check(context.output)?;
    }
    let mut client = context.connect()?;
    let text = file.text_for(&client, context.output)?;
    let response = client.ask(&Request::Plan { text }, PROMPT)?;
    let Response::Plan { differences, actions, stopped, warnings: _, .. } = &response else {
        return Err(Failure::unexpected(&response));
    };
    if args.json {
        context.output.json(&response);
    } else {
        // The warnings about the file were shown with their lines, from the operator's own text.
        context.output.print(&render::plan::plan(differences, actions, stopped, context.output.paint));
    }
    Ok(())
}
