//! Throws mutated bytes at every decoder: none may panic, hang, or take more memory than its target states.
//!
//! ```text
//! fuzz                                      every target for a second: what every test run does
//! fuzz --minutes N [--target T] [--keep]    longer; --keep adds what reached new code to the corpus
//! fuzz --target T --input FILE              one input again
//! ```
//!
//! Why an engine of our own: cargo-fuzz needs a nightly compiler, and what runs on stable (bolero, proptest) does not
//! look at coverage there. This one does, where it was built with `-C instrument-coverage` (which is stable, and what
//! `cargo xtask fuzz` does): [`coverage`] reads the counters that the compiler has put in. Without it the same program
//! mutates the corpus blindly, which is enough for a look at every change.
//!
//! Each target runs in a process of its own: what dies of a stack overflow or of too large an allocation leaves the
//! input behind that it died of.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "this program reads files, clocks and memory")]

mod args;
mod corpus;
mod coverage;
mod examine;
mod hunt;
mod meter;
mod mutate;
mod targets;
mod watch;

use args::Arguments;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static METER: meter::Meter = meter::Meter;

/// How long each target is tried in every test run.
const SHORT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            println!(
                "fuzz: {problem}; usage: fuzz [--target T] [--minutes N] [--keep] [--seed S] | --target T --input F"
            );
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        return ExitCode::SUCCESS;
    }
    let good = match (&arguments.target, &arguments.input, arguments.child) {
        (Some(target), Some(input), _) => hunt::again(target, input),
        (Some(target), None, Some(time)) => hunt::child(target, time, &arguments),
        _ => watch::all(&arguments, SHORT),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
