//! `paceline check [FILE]`: what a valid file would lead to, or the running cluster without one, and what every loss of
//! a node would do.

use super::Context;
use super::source::{running, say_file};
use crate::client::PROMPT;
use crate::cluster_file::ClusterFile;
use crate::failure::Failure;
use crate::output::Style;
use crate::render::text::{count, wrapped};
use config::Config;
use crm::control::{Request, Response};
use scheduler::loss::{EffectKind, Loss, at_rest, losses};
use scheduler::outcome::Outcome;
use scheduler::situation::Situation;
use scheduler::{check::findings, facts};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What to check.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The cluster file, `-` for standard input; without one, the running cluster as it is now
    file: Option<PathBuf>,
    /// Nodes that are lost at once, from 1 to this many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    losses: u8,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// What is looked at.
struct Cluster {
    /// What is configured.
    config: Config,
    /// How everything stands once nothing is left to do.
    rest: Situation,
    /// What that is called.
    title: &'static str,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let Cluster { config, rest, title } = match &args.file {
        Some(file) => written(file, context)?,
        None => of_daemon(context)?,
    };
    let found = findings(&Situation::just_started(config.written.clone(), rest.now_ms));
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
        text.push_str(&section(title, context));
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

/// The cluster of a file, with all its nodes.
fn written(file: &Path, context: &Context<'_>) -> Result<Cluster, Failure> {
    let mut config = ClusterFile::read(file)?.check(context.output)?.clone();
    say_file(&mut config.written, file);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let started = Situation::just_started(config.written.clone(), now);
    let rest = at_rest(&started).ok_or_else(|| restless("the cluster of this file"))?;
    Ok(Cluster { config, rest, title: "With every node" })
}

/// The running cluster, as the daemon of this node sees it: nodes that are away are away.
fn of_daemon(context: &Context<'_>) -> Result<Cluster, Failure> {
    let situation = running(context, "to check a cluster file, give its name: paceline check cluster.toml")?;
    let response = context.connect()?.ask(&Request::Config, PROMPT)?;
    let Response::Config { text, .. } = &response else { return Err(Failure::unexpected(&response)) };
    let config = config::parse(text).config.ok_or_else(|| {
        Failure::refused("the cluster file in force is not one that this program understands")
            .hint("paceline and pacelined should be of the same version")
    })?;
    let rest = at_rest(&situation).ok_or_else(|| restless("the running cluster"))?;
    Ok(Cluster { config, rest, title: "As it is, once nothing is left to do" })
}

fn restless(what: &str) -> Failure {
    Failure::refused(format!("{what} does not come to rest, even on paper: each transition leads to another"))
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
