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

/// Every reason not to carry `schedule` out in `situation`; none when it is safe. A schedule that breaks a rule is a
/// bug of the scheduler. Standing still is its safe failure, since every member would compute the same wrong thing.
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
