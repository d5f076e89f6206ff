//! Rings alone, many on one virtual clock: seeds of random faults, safety after every step, then the faults stop and
//! all must come together in bounded time. And small rings in all their ways.
//!
//! ```text
//! rings                                     what every test run does
//! rings --seeds N [--first S] [--nodes K]   N seeds from S on, drawn when absent (--stop: until one fails)
//! rings --seed X [--nodes K] [--trace | --frames] [--record DIRECTORY]
//! rings --replay FILE [--frames]            what a ring did that was recorded, done again
//! rings --explore N                         small rings, every order of events, N steps deeper than in every test run
//! rings --sizes                             how times grow with the number of nodes
//! ```

#![expect(clippy::print_stdout, reason = "this is a program")]
#![expect(
    clippy::disallowed_methods,
    reason = "the worlds are given an instant to begin with, and people want to see how long it took"
)]

mod args;
mod checks;
mod explore;
mod flight;
mod host;
mod network;
mod plan;
mod play;
mod programs;
mod sizes;
mod world;

use args::Arguments;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

/// Seeds that are played every time.
const FIXED: u64 = 1_800;
/// Seeds that were never played before.
const FRESH: u64 = 200;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            println!(
                "rings: {problem}; usage: rings [--seeds N] [--first S] [--nodes K] | --seed X [--trace | --frames] \
                 [--record DIRECTORY] | --replay FILE [--frames]"
            );
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        return ExitCode::SUCCESS;
    }
    // A panic is a broken rule like any other; it is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let good = match &arguments {
        Arguments { replay: Some(file), .. } => flight::replay(file, arguments.detail == world::Detail::Frames),
        Arguments { sizes: true, .. } => sizes::table(Instant::now()),
        Arguments { explore: Some(deeper), .. } => explore::all(*deeper, Instant::now()),
        Arguments { seed: Some(seed), .. } => play::one(*seed, &arguments),
        Arguments { seeds: None, first: None, .. } => suite(&arguments),
        _ => {
            let first = arguments.first.unwrap_or_else(fresh);
            let count = arguments.seeds.unwrap_or(1);
            println!("rings: seeds {first} to {}", first + count - 1);
            play::many((first..first + count).collect(), &arguments)
        }
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A seed that was probably never played before.
fn fresh() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(1, |since| since.as_micros() as u64 % 1_000_000_000) * 1_000
}

/// The usual test: fixed seeds and fresh seeds.
fn suite(arguments: &Arguments) -> bool {
    let (first, began) = (fresh(), Instant::now());
    println!("rings: seeds 0 to {}, and {first} to {}", FIXED - 1, first + FRESH - 1);
    let seeds = (0..FIXED).chain(first..first + FRESH).collect();
    let tests = [("seeds", play::many(seeds, arguments)), ("small rings in all their ways", explore::all(0, began))];
    let failed = tests.iter().filter(|(_, good)| !good).count();
    for (name, good) in tests {
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
    }
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
        if failed == 0 { "ok" } else { "FAILED" },
        tests.len() - failed,
        began.elapsed().as_secs_f64()
    );
    failed == 0
}
