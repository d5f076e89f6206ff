//! `cargo xtask`: the one entry for people and CI.

// A command-line tool talks to its terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod conformance;
mod demo;
mod fuzz;
mod mutants;
mod packages;
mod service;
mod sim;
mod soak;
mod test;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The one entry for people and CI")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and watch the main job: a node loses power, its service goes on elsewhere
    Demo(demo::Options),
    /// Hold the scheduler against recorded answers of Pacemaker
    Conformance(conformance::Options),
    /// Measure speed with real processes
    Bench(bench::Options),
    /// Run every test; ends with "N passed, N failed, N skipped"
    Test(test::Options),
    /// Run the simulated world: many whole nodes, seeded faults
    Sim(sim::Options),
    /// Disturb rings of real processes in network namespaces, as root
    Soak(soak::Options),
    /// Throw mutated bytes at every decoder, for as long as there is time
    Fuzz(fuzz::Options),
    /// Break the ring on purpose, and see that its simulation notices
    Mutants(mutants::Options),
    /// Check the house rules
    Tidy,
    /// The HTTP service that the demo puts under management
    #[command(hide = true)]
    Service(service::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Bench(options) => bench::run(&options),
        Command::Conformance(options) => conformance::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Sim(options) => sim::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Mutants(options) => mutants::run(&options),
        Command::Tidy => tidy::run(),
        Command::Service(options) => return service::run(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
