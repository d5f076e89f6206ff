//! `cargo xtask sim`: the simulated world, any number of seeds.

use crate::workspace::cargo;
use anyhow::{Context, Result};
use clap::Args;

#[derive(Args)]
pub struct Options {
    /// How many seeds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them; drawn at random (and printed) when absent
    #[arg(long)]
    first: Option<u64>,
    /// Only this one
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Print one line per event
    #[arg(long)]
    trace: bool,
    /// Rings alone, 2 to 64 of them, instead of whole nodes
    #[arg(long)]
    ring: bool,
    /// So many rings, whatever the seed says
    #[arg(long, requires = "ring")]
    nodes: Option<u64>,
    /// Small rings in all their ways, so many steps deeper than in every test run
    #[arg(long, requires = "ring", conflicts_with_all = ["seeds", "first", "seed"])]
    explore: Option<u64>,
    /// Print how the times of a ring grow with the number of nodes
    #[arg(long, requires = "ring", conflicts_with_all = ["seeds", "first", "seed"])]
    sizes: bool,
}

/// Runs the seeds; true when all held.
pub fn run(options: &Options) -> Result<bool> {
    let program = if options.ring { ["rings", "rings"] } else { ["tests", "sim"] };
    let mut command = cargo(&["test", "--quiet", "--package", program[0], "--test", program[1], "--"]);
    match (options.seed, options.explore, options.sizes) {
        (Some(seed), _, _) => command.args(["--seed", &seed.to_string()]),
        (_, Some(deeper), _) => command.args(["--explore", &deeper.to_string()]),
        (_, _, true) => command.arg("--sizes"),
        _ => command.args(["--seeds", &options.seeds.to_string()]),
    };
    for (name, value) in [("--first", options.first), ("--nodes", options.nodes)] {
        if let Some(value) = value {
            command.args([name, &value.to_string()]);
        }
    }
    if options.trace {
        command.arg("--trace");
    }
    Ok(command.status().context("cannot run the simulation")?.success())
}
