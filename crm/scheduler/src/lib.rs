//! What should run where, and the way there: a pure function from a cluster's situation to a plan.
//!
//! ```text
//! Situation -> Facts -> constraints -> Assignment -> Graph (actions, then order) -> Schedule
//! ```
//!
//! Each stage takes the values before it and returns a new one; nothing becomes final later.

pub mod actions;
pub mod assign;
pub mod audit;
pub mod check;
pub mod constraint;
pub mod cut;
pub mod execute;
pub mod explain;
pub mod facts;
pub mod graph;
pub mod index;
pub mod injection;
pub mod loss;
pub mod order;
pub mod outcome;
pub mod reason;
pub mod report;
pub mod role;
pub mod rule;
pub mod schedule;
pub mod simulate;
pub mod situation;
pub mod steady;
pub mod summary;
pub mod transition;
pub mod word;

use schedule::Schedule;
use situation::Situation;

/// Decides what should run where, and the way there. Reads its argument and nothing else; equal arguments give equal
/// answers, byte for byte.
#[must_use]
pub fn schedule(situation: &Situation) -> Schedule {
    plan(&facts::read(situation))
}

/// As [`schedule`], for facts that were read already.
#[must_use]
pub fn plan(facts: &facts::Facts<'_>) -> Schedule {
    let constraints = constraint::resolve(facts);
    let assignment = assign::assign(facts, &constraints);
    let schedule = plan_for(facts, &constraints, &assignment);
    steady::steady(facts, &constraints, &assignment, schedule)
}

/// The plan that makes an assignment so, whether or not it leads in a circle.
fn plan_for(
    facts: &facts::Facts<'_>,
    constraints: &constraint::Constraints,
    assignment: &assign::Assignment,
) -> Schedule {
    let graph = actions::plan(facts, constraints, assignment);
    let graph = order::order(facts, constraints, assignment, graph);
    transition::write(facts, assignment, &graph)
}
