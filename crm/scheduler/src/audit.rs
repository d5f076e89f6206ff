//! An independent look at a schedule: is it safe to carry out?
//!
//! Nothing here is shared with the stages that made the schedule. The situation is read again, more simply and more
//! fearfully; the schedule is judged by its actions and their edges alone. Each rule has a file of its own, which says
//! what it leaves to the stages, and why. Common are the words of the situation itself: what a rule of the
//! configuration says ([`crate::rule`]), and how yes, no and numbers are written.
//!
//! ```text
//! Situation -> options, nodes, tree, subjects, histories \
//!                                                         Case -> one check for each rule -> violations
//! Schedule  -> graph, steps of each subject, fences      /
//! ```
//!
//! The cost is that of reading both, and of one walk through the edges before each start.

mod case;
mod double;
mod fencing;
mod forbidden;
mod graph;
mod history;
mod instances;
mod managed;
mod migration;
mod names;
mod node;
mod options;
mod order;
mod place;
mod probe;
mod quorum;
mod scope;
mod setting;
mod single;
mod steps;
mod subject;
#[cfg(test)]
mod tests;
mod together;
mod tree;
mod unclean;
mod violation;

pub use violation::{Rule, Violation};

use crate::schedule::Schedule;
use crate::situation::Situation;
use case::Case;
use graph::{Before, Graph};
use scope::Scope;
use std::fmt;

/// Every reason not to carry `schedule` out in `situation`; none when it is safe.
#[must_use]
pub fn audit(situation: &Situation, schedule: &Schedule) -> Vec<Violation> {
    let graph = match Graph::of(schedule) {
        Ok(graph) => graph,
        // Everything else reads the graph.
        Err(found) => return found,
    };
    let case = Case::new(situation, schedule, graph);
    let mut before = Before::new(&case.graph);
    let scope = Scope::of(&case);
    let mut found = Vec::new();
    double::check(&case, &mut found);
    place::check(&case, &mut before, &mut found);
    quorum::check(&case, &mut found);
    fencing::check(&case, &mut found);
    unclean::check(&case, &mut found);
    managed::check(&case, &mut found);
    forbidden::check(&case, &scope, &mut found);
    single::check(&case, &mut before, &mut found);
    probe::check(&case, &mut before, &mut found);
    instances::check(&case, &mut before, &mut found);
    steps::check(&case, &mut before, &mut found);
    order::check(&case, &scope, &mut before, &mut found);
    together::check(&case, &scope, &mut found);
    migration::check(&case, &mut before, &mut found);
    found
}

/// A schedule that breaks rules: a bug of the scheduler. Standing still is its safe failure, since every member would
/// compute the same wrong thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsafe {
    /// The schedule that must not be carried out.
    pub schedule: Schedule,
    /// What is wrong with it; never empty.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.violations.len();
        write!(f, "the schedule breaks {count} of its rules, which is a bug; it must not be carried out. First: ")?;
        match self.violations.first() {
            Some(first) => first.fmt(f),
            None => f.write_str("nothing"),
        }
    }
}

impl std::error::Error for Unsafe {}

/// As [`crate::schedule`], and audited.
///
/// # Errors
/// The schedule breaks a rule. Nothing of it may be carried out, and somebody should hear of it.
pub fn checked(situation: &Situation) -> Result<Schedule, Box<Unsafe>> {
    let schedule = crate::schedule(situation);
    let violations = audit(situation, &schedule);
    if violations.is_empty() { Ok(schedule) } else { Err(Box::new(Unsafe { schedule, violations })) }
}
