//! `paceline simulate`: what a cluster would do, from files, without a cluster.

use super::Context;
use super::source::Source;
use crate::failure::Failure;
use scheduler::audit::audit;
use scheduler::report::{dot, json, text};
use scheduler::simulate::simulate;
use scheduler::situation::Situation;
use std::path::{Path, PathBuf};

/// What to simulate.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How to show it: `dot` is a picture for Graphviz
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the situation to a file for --state, with everything that was injected
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// How to show it.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Format {
    Text,
    Json,
    Dot,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let situation = args.source.situation(context)?;
    if let Some(path) = &args.save {
        save(path, &situation)?;
    }
    let simulation = simulate(&situation);
    let shown = match args.format {
        Format::Text => text::write(&simulation),
        Format::Json => json::write(&simulation, situation.now_ms),
        Format::Dot => dot::write(&simulation.schedule),
    };
    context.output.print(&shown);
    let violations = audit(&situation, &simulation.schedule);
    if violations.is_empty() {
        return Ok(());
    }
    let failure = Failure::bug("the schedule breaks rules of its own, and no cluster may carry it out");
    let failure = violations.into_iter().fold(failure, Failure::because);
    Err(failure.hint("please report it with the file that --save FILE writes"))
}

fn save(path: &Path, situation: &Situation) -> Result<(), Failure> {
    let problem = || Failure::refused(format!("cannot write {}", path.display()));
    let text = serde_json::to_string(situation).map_err(|error| problem().because(error))?;
    std::fs::write(path, text).map_err(|error| problem().because(error))
}
