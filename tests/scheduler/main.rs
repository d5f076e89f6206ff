//! The scheduler, held against golden cases and against random clusters.
//!
//! As the daemon runs it, from its own CIB to its own graph: each file in `cases/` is one rule: a cluster file, a line
//! of dashes, the facts, a line of dashes, and the expected answer. `UPDATE=1` rewrites the answers; a rewritten line
//! is reviewed like code. Every case is also audited, computed twice, and walked to its end, after which nothing may be
//! left to do.
//!
//! By itself: each file in `what-if/`, see [`what_if`].

mod facts;
mod golden;
mod random;
mod render;
mod walk;
mod what_if;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = golden::trials();
    trials.extend(random::trials());
    trials.extend(what_if::trials());
    let judged = libtest_mimic::run(&arguments, trials);
    let measured = libtest_mimic::run(&arguments, random::measured());
    judged.exit_if_failed();
    measured.exit();
}

/// The scheduler's answer; a case where its own audit finds fault with it fails there and then.
fn safe(situation: &crm::scheduler::Situation<'_>) -> crm::schedule::Schedule {
    crm::scheduler::schedule(situation).unwrap_or_else(|bug| panic!("{bug}"))
}
