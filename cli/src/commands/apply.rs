//! `paceline apply FILE`

use super::{Context, SETTLE};
use crate::client::PROMPT;
use crate::cluster_file::ClusterFile;
use crate::failure::Failure;
use crate::render::text::wrapped;
use crm::control::{Request, Response};
use std::path::PathBuf;

/// What to apply.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The cluster file; `-` for standard input
    file: PathBuf,
    /// Wait until the cluster has nothing left to do
    #[arg(long)]
    wait: bool,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let file = ClusterFile::read(&args.file)?;
    let mut client = context.connect()?;
    let text = file.text_for(&client, context.output)?;
    // The plan names the version it was made from, so that nobody's change in between is overwritten unseen.
    let (base, differences) = match client.ask(&Request::Plan { text: text.clone() }, PROMPT)? {
        Response::Plan { base, differences, .. } => (base, differences),
        other => return Err(Failure::unexpected(&other)),
    };
    let done = client.change(&Request::Apply { text, base: Some(base) })?;
    if done.changed {
        differences.iter().for_each(|difference| context.output.print(&wrapped("  ", difference)));
        context.output.line(&format!(
            "{} is in force as configuration {}, and safe on the disks of a quorum",
            file.shown, done.generation
        ));
    } else {
        context.output.line(&format!("nothing changed: {} is already in force", file.shown));
    }
    if args.wait {
        client.wait_idle(SETTLE)?;
        context.output.line("the cluster has nothing left to do");
    }
    Ok(())
}
