//! Plays seeds of the simulated world: safety after every step, then the faults stop and all must settle in bounded
//! time. Without arguments it plays a fixed set and a few fresh ones, and sees that planted bugs are caught.
//!
//! ```text
//! sim [--seeds N] [--first S]   N seeds from S on (S is drawn when absent)
//! sim --seed X [--trace]        one seed; with a line per event (--frames: also every frame)
//!     [--mutation NAME]         with a planted bug
//! ```

#![expect(clippy::print_stdout, reason = "this is a program")]
#![expect(
    clippy::disallowed_methods,
    reason = "the world is given an instant to begin with, and people want to see how long it took"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Instant, SystemTime};
use world::{Detail, Mutation, Options, Outcome, Violation, World};

/// Seeds that are played every time.
const FIXED: u64 = 150;
/// Seeds that were never played before.
const FRESH: u64 = 50;
/// Worlds that may pass before a planted bug is noticed.
const MUTATED: u64 = 200;
/// Lines shown of a failed world.
const LINES: usize = 400;

#[derive(Debug, Default)]
struct Arguments {
    seeds: Option<u64>,
    first: Option<u64>,
    seed: Option<u64>,
    detail: Detail,
    mutation: Option<Mutation>,
    list: bool,
}

fn main() -> ExitCode {
    let arguments = match read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            println!(
                "sim: {problem}; usage: sim [--seeds N] [--first S] | --seed X [--trace | --frames] [--mutation M]"
            );
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        return ExitCode::SUCCESS;
    }
    // A panic is a broken rule like any other; it is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let good = match arguments {
        Arguments { seed: Some(seed), .. } => one(seed, &arguments),
        Arguments { seeds: None, first: None, .. } => suite(&arguments),
        _ => {
            let first = arguments.first.unwrap_or_else(fresh);
            let count = arguments.seeds.unwrap_or(1);
            println!("sim: seeds {first} to {}", first + count - 1);
            play((first..first + count).collect(), arguments.mutation)
        }
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let mut number = || {
            let word = words.next().ok_or("a number is missing")?;
            word.parse::<u64>().map_err(|_| format!("{word:?} is not a number"))
        };
        match word.as_str() {
            "--seeds" => arguments.seeds = Some(number()?.max(1)),
            "--first" => arguments.first = Some(number()?),
            "--seed" => arguments.seed = Some(number()?),
            "--trace" => arguments.detail = Detail::Events,
            "--frames" => arguments.detail = Detail::Frames,
            "--mutation" => {
                let name = words.next().ok_or("a planted bug is missing")?;
                let known = Mutation::ALL.iter().find(|(mutation, _)| format!("{mutation:?}") == name);
                arguments.mutation = Some(known.ok_or(format!("no planted bug {name:?}"))?.0);
            }
            // What `cargo test` hands to every test program.
            "--list" => arguments.list = true,
            "--nocapture" | "--quiet" | "-q" | "--show-output" | "--include-ignored" => {}
            _ => return Err(format!("{word:?} is not understood")),
        }
    }
    Ok(arguments)
}

/// A seed that was probably never played before.
fn fresh() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(1, |since| since.as_micros() as u64 % 1_000_000_000) * 1_000
}

fn one(seed: u64, arguments: &Arguments) -> bool {
    let limit = if arguments.detail == Detail::Nothing { LINES } else { usize::MAX };
    let (outcome, lines) = explain(seed, arguments.mutation, arguments.detail.max(Detail::Events), limit);
    if arguments.detail > Detail::Nothing || outcome.violation.is_some() {
        for line in &lines {
            println!("{line}");
        }
    }
    println!("{}", describe(seed, &outcome));
    outcome.violation.is_none()
}

fn describe(seed: u64, outcome: &Outcome) -> String {
    let Outcome { steps, time, acknowledged, recounted, moved, forced, parted, fenced, started, .. } = outcome;
    let verdict = outcome.violation.as_ref().map_or("ok".to_owned(), ToString::to_string);
    format!(
        "seed {seed}: {verdict} ({steps} steps, {} s, {acknowledged} acknowledged, {recounted} recounted, {moved} moved, {forced} forced, {parted} parted, {fenced} fenced, {started} started)",
        time / world::SECOND
    )
}

/// The usual test: fixed seeds, fresh seeds, planted bugs.
fn suite(arguments: &Arguments) -> bool {
    let first = fresh();
    println!("sim: seeds 0 to {}, and {first} to {}", FIXED - 1, first + FRESH - 1);
    let began = Instant::now();
    let held = play((0..FIXED).chain(first..first + FRESH).collect(), arguments.mutation);
    let mut passed = u32::from(held);
    let mut failed = u32::from(!held);
    println!("test seeds ... {}", if held { "ok" } else { "FAILED" });
    for (mutation, check) in Mutation::ALL {
        match catches(mutation, check) {
            Ok(after) => {
                passed += 1;
                println!("test {mutation:?} is caught by {check} ... ok (world {after})");
            }
            Err(why) => {
                failed += 1;
                println!("test {mutation:?} is caught by {check} ... FAILED: {why}");
            }
        }
    }
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
        if failed == 0 { "ok" } else { "FAILED" },
        began.elapsed().as_secs_f64()
    );
    failed == 0
}

/// Plays worlds with a planted bug until the check that is meant for it notices. Others may notice consequences first.
fn catches(mutation: Mutation, check: &str) -> Result<u64, String> {
    let mut others: Vec<String> = Vec::new();
    for seed in 0..MUTATED {
        match run(seed, Some(mutation)).violation {
            Some(violation) if violation.check == check => return Ok(seed + 1),
            Some(violation) if others.len() < 3 => others.push(violation.to_string()),
            _ => {}
        }
    }
    Err(format!("not in {MUTATED} worlds; others noticed: {others:?}"))
}

fn run(seed: u64, mutation: Option<Mutation>) -> Outcome {
    explain(seed, mutation, Detail::Nothing, 1).0
}

/// Plays one world. A panic of a machine is the rule `panic`.
fn explain(seed: u64, mutation: Option<Mutation>, detail: Detail, lines: usize) -> (Outcome, Vec<String>) {
    let mut world = World::new(seed, Options { mutation, detail, lines }, Instant::now());
    let played = catch_unwind(AssertUnwindSafe(|| world.run()));
    let outcome = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violation = Violation { check: "panic", text: text.unwrap_or_default() };
        Outcome { violation: Some(violation), ..world.outcome() }
    });
    (outcome, world.lines().map(str::to_owned).collect())
}

/// Plays many seeds on two threads; explains the first that fails; true when none does.
fn play(seeds: Vec<u64>, mutation: Option<Mutation>) -> bool {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let (mut ok, mut failed, mut steps) = (0_u64, Vec::new(), 0_u64);
    let (mut acknowledged, mut recounted, mut fenced, mut started, mut slowest) = (0, 0, 0, 0, (0, 0));
    let (mut moved, mut forced, mut parted) = (0, 0, 0);
    std::thread::scope(|scope| {
        let (told, hear) = mpsc::channel();
        for _ in 0..2 {
            let told = told.clone();
            let (next, stop, seeds) = (&next, &stop, &seeds);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let place = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                    let Some(seed) = seeds.get(place) else { break };
                    if told.send((*seed, run(*seed, mutation))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(told);
        for (seed, outcome) in hear {
            steps += outcome.steps;
            acknowledged += outcome.acknowledged;
            recounted += outcome.recounted;
            moved += outcome.moved;
            forced += outcome.forced;
            parted += outcome.parted;
            fenced += outcome.fenced;
            started += outcome.started;
            slowest = slowest.max((outcome.settled_after, seed));
            if outcome.violation.is_some() {
                println!("{}", describe(seed, &outcome));
                failed.push(seed);
                if failed.len() >= 20 {
                    println!("sim: too many failures, stopping");
                    stop.store(true, Ordering::Relaxed);
                }
            } else {
                ok += 1;
            }
            let played = ok + failed.len() as u64;
            if played.is_multiple_of(500) {
                println!("sim: {played} of {} played, {} s", seeds.len(), began.elapsed().as_secs());
            }
        }
    });
    failed.sort_unstable();
    if let Some(seed) = failed.first() {
        let (outcome, lines) = explain(*seed, mutation, Detail::Events, LINES);
        println!("--- the last of seed {seed}; all of it: cargo xtask sim --seed {seed} --trace");
        for line in lines {
            println!("{line}");
        }
        println!("--- {}", describe(*seed, &outcome));
        println!("sim: failed seeds {failed:?}");
    }
    let (slowest, seed) = (slowest.0 / world::SECOND, slowest.1);
    println!(
        "sim: {acknowledged} changes acknowledged, {recounted} times others counted, {moved} machines came or went, quorum \
         forced {forced} times ({parted} machines parted), {fenced} machines fenced, {started} services started; all was well \
         within {slowest} s of the last fault (seed {seed})"
    );
    println!(
        "sim: {} seeds, {ok} ok, {} failed, {} s, {:.1} M steps",
        ok + failed.len() as u64,
        failed.len(),
        began.elapsed().as_secs(),
        steps as f64 / 1e6
    );
    failed.is_empty()
}
