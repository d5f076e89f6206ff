//! `paceline check FILE`: what a valid file would lead to, and what every loss of a node would do.

use super::Context;
use crate::cluster_file::ClusterFile;
use crate::failure::Failure;
use crate::output::Style;
use crate::render::text::{count, wrapped};
use scheduler::loss::{EffectKind, Loss, at_rest, losses};
use scheduler::outcome::Outcome;
use scheduler::situation::Situation;
use scheduler::{check::findings, facts};
use std::path::PathBuf;
use std::time::SystemTime;

/// What to check.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The cluster file; `-` for standard input
    file: PathBuf,
    /// Nodes that are lost at once, from 1 to this many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    losses: u8,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let file = ClusterFile::read(&args.file)?;
    let config = file.check(context.output)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let started = Situation::just_started(config.written.clone(), now);
    let found = findings(&started);
    let Some(rest) = at_rest(&started) else {
        return Err(Failure::refused(
            "the cluster of this file does not come to rest, even on paper: each transition leads to another",
        ));
    };
    let votes = |name: &str| {
        let node = config.nodes.values().find(|node| node.name.as_str() == name);
        node.map_or(0, |node| node.votes)
    };
    let mut lost = Vec::new();
    for size in 1..=usize::from(args.losses) {
        lost.extend(losses(&rest, size, &votes));
    }
    if args.json {
        context.output.json(&serde_json::json!({ "findings": found, "losses": lost }));
    } else {
        let mut text = String::new();
        text.push_str(&section("With every node", context));
        text.push_str(&placement(&Outcome::of(&facts::read(&rest))));
        for finding in &found {
            text.push_str(&wrapped("  ! ", finding));
        }
        for loss in &lost {
            text.push_str(&told(loss, context));
        }
        text.push_str(&verdict(found.len(), &lost));
        context.output.print(&text);
    }
    Ok(())
}

fn section(title: &str, context: &Context<'_>) -> String {
    format!("{}\n", context.output.paint.text(Style::Head, title))
}

/// Where everything runs.
fn placement(outcome: &Outcome) -> String {
    let mut text = String::new();
    for node in &outcome.nodes {
        let here = outcome.resources.iter().filter(|resource| resource.node == node.name);
        let names: Vec<&str> = here.map(|resource| resource.resource.as_str()).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        text.push_str(&wrapped(&format!("  {}: ", node.name), &names));
    }
    text
}

fn told(loss: &Loss, context: &Context<'_>) -> String {
    let mut text = format!("\n{}", section(&format!("Without {}", loss.nodes.join(" and ")), context));
    if !loss.quorate {
        text.push_str("  the others have no quorum\n");
    }
    if loss.effects.is_empty() {
        text.push_str("  nothing changes\n");
    }
    for effect in &loss.effects {
        let name = &effect.resource;
        let what = match &effect.kind {
            EffectKind::Stops { from } => format!("{name} stops (ran on {})", from.join(", ")),
            EffectKind::NotPromoted { from } => format!("{name} is promoted nowhere (was on {})", from.join(", ")),
            EffectKind::Disturbed { on, to } if on == to => format!("{name} restarts on {on}, which is well"),
            EffectKind::Disturbed { on, to } => format!("{name} moves from {on}, which is well, to {to}"),
            EffectKind::Moves { from, to } => format!("{name} moves from {from} to {to}"),
            EffectKind::Promotes { on } => format!("{name} is promoted on {on}"),
            EffectKind::Fewer { before, after } => format!("{name} runs on {after} nodes instead of {before}"),
        };
        let why = if effect.because.is_empty() { String::new() } else { format!(": {}", effect.because.join("; ")) };
        let mark = if effect.kind.is_grave() { "  ! " } else { "    " };
        text.push_str(&wrapped(mark, &format!("{what}{why}")));
    }
    text
}

fn verdict(findings: usize, losses: &[Loss]) -> String {
    let grave = losses.iter().filter(|loss| loss.effects.iter().any(|effect| effect.kind.is_grave())).count();
    let of = count(losses.len(), "loss").replace("losss", "losses");
    match (findings, grave) {
        (0, 0) => format!("\nnothing to worry about: {of} tried, and every service goes on\n"),
        (_, 0) => format!("\n{} found; {of} tried, and every service goes on\n", count(findings, "problem")),
        _ => format!("\n{} found; {grave} of {of} would stop a service\n", count(findings, "problem")),
    }
}
