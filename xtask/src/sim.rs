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
}

/// Runs the seeds; true when all held.
pub fn run(options: &Options) -> Result<bool> {
    let mut command = cargo(&["test", "--quiet", "--package", "tests", "--test", "sim", "--"]);
    match options.seed {
        Some(seed) => command.args(["--seed", &seed.to_string()]),
        None => command.args(["--seeds", &options.seeds.to_string()]),
    };
    if let Some(first) = options.first {
        command.args(["--first", &first.to_string()]);
    }
    if options.trace {
        command.arg("--trace");
    }
    Ok(command.status().context("cannot run the simulation")?.success())
}
