//! Small clusters in all their ways: from a beginning, everything that may happen next, and next, up to a depth. On the
//! code that runs in production, with the rules of the simulation.
//!
//! A library (stateright) would bring a web server along and would not know that a ring is made of shared parts; the
//! search itself is forty lines.

mod model;

use crate::checks::Violation;
use model::{Action, Budget, Model};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Of so many states one is tried whether all is well in the end when nothing more goes wrong.
const TRIED: u128 = 32;
/// Within this time, and so many steps.
const SETTLES: (Duration, usize) = (Duration::from_secs(3), 20_000);

/// Where a search begins, and what may happen on the way.
struct Scenario {
    name: &'static str,
    nodes: u8,
    /// So long after the start, all well until then.
    after: Duration,
    budget: Budget,
    /// Steps of the short search.
    depth: usize,
}

const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "two nodes start, one fault, one message",
        nodes: 2,
        after: Duration::ZERO,
        budget: Budget { faults: 1, crashes: 0, messages: 1 },
        depth: 14,
    },
    Scenario {
        name: "two nodes in a view, two faults, two messages",
        nodes: 2,
        after: Duration::from_millis(700),
        budget: Budget { faults: 2, crashes: 0, messages: 2 },
        depth: 12,
    },
    Scenario {
        name: "two nodes in a view, a crash and a restart, a fault, a message",
        nodes: 2,
        after: Duration::from_millis(700),
        budget: Budget { faults: 1, crashes: 1, messages: 1 },
        depth: 12,
    },
    Scenario {
        name: "three nodes in a view, one fault, one message",
        nodes: 3,
        after: Duration::from_millis(700),
        budget: Budget { faults: 1, crashes: 0, messages: 1 },
        depth: 9,
    },
    Scenario {
        name: "three nodes in a view, a crash and a restart, a fault, a message",
        nodes: 3,
        after: Duration::from_millis(700),
        budget: Budget { faults: 1, crashes: 1, messages: 1 },
        depth: 6,
    },
    Scenario {
        name: "three nodes in a view, a crash and a restart, a message",
        nodes: 3,
        after: Duration::from_millis(700),
        budget: Budget { faults: 0, crashes: 1, messages: 1 },
        depth: 10,
    },
];

/// What a search found.
struct Found {
    states: usize,
    transitions: usize,
    settled: usize,
    violation: Option<(Violation, Vec<Action>)>,
}

/// All scenarios, `deeper` steps further than usual; true when every rule holds in every state.
pub fn all(deeper: usize, dawn: Instant) -> bool {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let good = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(scenario) = SCENARIOS.get(at) else { return };
                    if !one(scenario, scenario.depth + deeper, dawn) {
                        good.store(false, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    good.into_inner()
}

fn one(scenario: &Scenario, depth: usize, dawn: Instant) -> bool {
    let began = Instant::now();
    let found = match begin(scenario, dawn) {
        Ok(model) => search(model, depth),
        Err(violation) => Found { states: 0, transitions: 0, settled: 0, violation: Some((violation, Vec::new())) },
    };
    let Found { states, transitions, settled, violation } = found;
    println!(
        "explore: {}: depth {depth}, {states} states, {transitions} transitions, {settled} ends tried, {:.1} s",
        scenario.name,
        began.elapsed().as_secs_f64()
    );
    let Some((Violation { rule, text }, path)) = violation else { return true };
    println!("explore: {rule} does not hold: {text}; after");
    path.iter().for_each(|action| println!("    {action:?}"));
    false
}

fn begin(scenario: &Scenario, dawn: Instant) -> Result<Model, Violation> {
    let nothing = Budget { faults: 0, crashes: 0, messages: 0 };
    Model::new(scenario.nodes, nothing, dawn)?.after(scenario.after, scenario.budget)
}

/// Every state within `depth` steps, the nearest first, each once.
fn search(begin: Model, depth: usize) -> Found {
    let mut seen = BTreeSet::from([begin.print()]);
    // How each state was reached: from which, by what.
    let mut ways: Vec<(usize, Option<Action>)> = vec![(0, None)];
    let mut found = Found { states: 1, transitions: 0, settled: 0, violation: None };
    let mut edge = vec![(0, begin)];
    for _ in 0..depth {
        let mut next = Vec::new();
        for (at, model) in edge {
            for action in model.actions() {
                found.transitions += 1;
                let mut after = model.clone();
                let verdict = guarded(|| after.apply(action)).and_then(|()| {
                    let print = after.print();
                    if !seen.insert(print) {
                        return Ok(false);
                    }
                    if print.is_multiple_of(TRIED) {
                        found.settled += 1;
                        let mut end = after.clone();
                        guarded(|| settles(&mut end))?;
                    }
                    Ok(true)
                });
                match verdict {
                    Ok(false) => {}
                    Ok(true) => {
                        ways.push((at, Some(action)));
                        next.push((ways.len() - 1, after));
                    }
                    Err(violation) => {
                        let mut path = way(&ways, at);
                        path.push(action);
                        found.violation = Some((violation, path));
                        return Found { states: seen.len(), ..found };
                    }
                }
            }
        }
        edge = next;
    }
    Found { states: seen.len(), ..found }
}

fn way(ways: &[(usize, Option<Action>)], mut at: usize) -> Vec<Action> {
    let mut path = Vec::new();
    while let (before, Some(action)) = ways[at] {
        path.push(action);
        at = before;
    }
    path.reverse();
    path
}

/// When nothing more goes wrong, all nodes come together and every message comes back.
fn settles(model: &mut Model) -> Result<(), Violation> {
    let (limit, steps) = SETTLES;
    let end = model.time() + limit;
    for _ in 0..steps {
        if model.settled() {
            return Ok(());
        }
        match model.usual().filter(|_| model.time() < end) {
            Some(action) => model.apply(action)?,
            None => break,
        }
    }
    Err(Violation { rule: "settles", text: format!("not within {limit:?} when nothing more goes wrong") })
}

/// A panic of a ring is the rule `panic`.
fn guarded(work: impl FnOnce() -> Result<(), Violation>) -> Result<(), Violation> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Violation { rule: "panic", text: text.unwrap_or_default() })
    })
}
