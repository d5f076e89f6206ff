//! Plays seeds, and explains those that fail.

use crate::args::Arguments;
use crate::checks::Violation;
use crate::flight;
use crate::plan::{Outcome, Plan};
use crate::world::Detail;
use membership::RECORDED;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

/// Lines shown of a failed world.
const LINES: usize = 400;
/// So many failures are enough to know that there is something to do.
const ENOUGH: usize = 20;

/// Plays one seed, and shows it.
pub fn one(seed: u64, arguments: &Arguments) -> bool {
    let lines = if arguments.detail == Detail::Nothing { LINES } else { usize::MAX };
    let detail = arguments.detail.max(Detail::Events);
    let (outcome, lines) = explain(seed, arguments, detail, lines);
    if arguments.detail > Detail::Nothing || outcome.violation.is_some() {
        lines.iter().for_each(|line| println!("{line}"));
    }
    println!("{}", describe(seed, &outcome));
    outcome.violation.is_none()
}

fn describe(seed: u64, outcome: &Outcome) -> String {
    let Outcome { nodes, violation, time, steps, views, deliveries: (all, transitional), heard, settled } = outcome;
    let verdict = match violation {
        None => "ok".to_owned(),
        Some(Violation { rule, text }) => format!("{rule} does not hold: {text}"),
    };
    format!(
        "seed {seed}: {verdict} ({nodes} nodes, {time} ms, {steps} steps, {views} views, {all} deliveries, \
         {transitional} transitional, {heard} heard by programs, together after {:.0} % of the bound)",
        settled * 100.0
    )
}

/// Plays one world. A panic of a ring is the rule `panic`.
fn explain(seed: u64, arguments: &Arguments, detail: Detail, lines: usize) -> (Outcome, Vec<String>) {
    let mut plan = Plan::new(seed, arguments.nodes, Instant::now(), detail, lines);
    if arguments.record.is_some() {
        plan.world.flights.limit = Some(RECORDED);
    }
    let played = catch_unwind(AssertUnwindSafe(|| plan.play()));
    let violation = match played {
        Ok(played) => played.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(Violation { rule: "panic", text: text.unwrap_or_default() })
        }
    };
    if let Some(directory) = arguments.record.as_ref().filter(|_| arguments.seed.is_some()) {
        match flight::write(directory, plan.world.recorders()) {
            Ok(files) => files.iter().for_each(|file| println!("rings: wrote {}", file.display())),
            Err(error) => println!("rings: cannot write recordings to {}: {error}", directory.display()),
        }
    }
    (plan.outcome(violation), plan.world.lines().map(str::to_owned).collect())
}

#[derive(Default)]
struct Sums {
    played: usize,
    steps: u64,
    views: u64,
    deliveries: u64,
    transitional: u64,
    heard: u64,
    slowest: (f64, u64),
    largest: usize,
    failed: Vec<u64>,
}

impl Sums {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.played += 1;
        self.steps += outcome.steps;
        self.views += outcome.views;
        self.deliveries += outcome.deliveries.0;
        self.transitional += outcome.deliveries.1;
        self.heard += outcome.heard;
        self.largest = self.largest.max(outcome.nodes);
        if outcome.settled > self.slowest.0 {
            self.slowest = (outcome.settled, seed);
        }
        if outcome.violation.is_some() {
            println!("{}", describe(seed, outcome));
            self.failed.push(seed);
        }
    }
}

/// Plays many seeds on two threads; explains the first that fails; true when none does.
pub fn many(seeds: Vec<u64>, arguments: &Arguments) -> bool {
    let (began, next, mut sums) = (Instant::now(), AtomicUsize::new(0), Sums::default());
    std::thread::scope(|scope| {
        let (told, hear) = mpsc::channel();
        for _ in 0..2 {
            let (told, next, seeds) = (told.clone(), &next, &seeds);
            scope.spawn(move || {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if told.send((*seed, explain(*seed, arguments, Detail::Nothing, 1).0)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(told);
        // When enough have failed, nobody hears the players any more, and they stop.
        for (seed, outcome) in hear {
            sums.add(seed, &outcome);
            if sums.failed.len() >= if arguments.stop { 1 } else { ENOUGH } {
                println!("rings: stopping");
                break;
            }
            if sums.played.is_multiple_of(1_000) {
                println!("rings: {} of {} played, {} s", sums.played, seeds.len(), began.elapsed().as_secs());
            }
        }
    });
    let Sums { played, steps, views, deliveries, transitional, heard, slowest, largest, mut failed } = sums;
    failed.sort_unstable();
    if let Some(seed) = failed.first() {
        let (outcome, lines) = explain(*seed, arguments, Detail::Events, LINES);
        println!("--- the last of seed {seed}; all of it: cargo xtask sim --ring --seed {seed} --trace");
        lines.iter().for_each(|line| println!("{line}"));
        println!("--- {}", describe(*seed, &outcome));
        println!("rings: failed seeds {failed:?}");
    }
    println!(
        "rings: {views} views, {deliveries} deliveries ({transitional} transitional), {heard} told to programs, up to {largest} nodes; together \
         within {:.0} % of the bound (seed {})",
        slowest.0 * 100.0,
        slowest.1
    );
    println!(
        "rings: {played} seeds, {} failed, {:.1} s, {:.1} M steps",
        failed.len(),
        began.elapsed().as_secs_f64(),
        steps as f64 / 1e6
    );
    failed.is_empty()
}
