//! `paceline validate FILE`

use super::Context;
use crate::cluster_file::ClusterFile;
use crate::failure::Failure;
use crate::render::problems::tally;
use crate::render::text::count;
use std::path::PathBuf;

/// What to check.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The cluster file; `-` for standard input
    file: PathBuf,
    /// For programs: the problems as a list
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let file = ClusterFile::read(&args.file)?;
    if args.json {
        context.output.json(&file.parsed.problems);
        return match &file.parsed.config {
            Some(_) => Ok(()),
            None => Err(Failure::refused(format!("{} is not a valid cluster file", file.shown))),
        };
    }
    let config = file.check(context.output)?;
    let words = [
        count(config.nodes.len(), "node"),
        count(config.resources.len(), "resource"),
        count(config.groups.len(), "group"),
        count(config.devices.len(), "fence device"),
    ];
    let problems = match file.parsed.problems.len() {
        0 => String::new(),
        _ => format!(" ({})", tally(&file.parsed.problems)),
    };
    context.output.line(&format!("{} is valid{problems}: {}", file.shown, words.join(", ")));
    Ok(())
}
