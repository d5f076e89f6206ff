//! `cargo xtask fuzz`: the fuzz targets, guided by what the inputs reach, for as long as there is time.

use crate::workspace::{cargo, target};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct Options {
    /// Only this one (tests/fuzz/targets.rs lists them)
    target: Option<String>,
    /// For so long, all targets together
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Where the mutations begin
    #[arg(long)]
    seed: Option<u64>,
    /// Add inputs that reached new code to the corpus
    #[arg(long)]
    keep: bool,
    /// One input again
    #[arg(long, requires = "target")]
    input: Option<PathBuf>,
}

/// Runs them; true when nothing was found. What was found is told with the way to see it again.
pub fn run(options: &Options) -> Result<bool> {
    let mut command = cargo(&["test", "--quiet", "--package", "fuzz", "--test", "fuzz"]);
    // Coverage counters are stable; a target directory of their own keeps the usual one as it is. What the counters
    // would write at the end of each program is not wanted.
    command.env("RUSTFLAGS", "-C instrument-coverage --cfg fuzz_coverage");
    command.env("CARGO_TARGET_DIR", target().join("fuzz")).env("LLVM_PROFILE_FILE", "/dev/null");
    command.arg("--");
    if let Some(target) = &options.target {
        command.args(["--target", target]);
    }
    match &options.input {
        Some(input) => command.arg("--input").arg(input),
        None => command.args(["--minutes", &options.minutes.to_string()]),
    };
    if let Some(seed) = options.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if options.keep {
        command.arg("--keep");
    }
    Ok(command.status().context("cannot run the fuzz targets")?.success())
}
