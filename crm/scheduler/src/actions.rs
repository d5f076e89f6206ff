//! What must be done: the difference between facts and wish.

use crate::assign::Assignment;
use crate::constraint::Constraints;
use crate::facts::Facts;
use crate::graph::Graph;

/// The actions that lead from the facts to the wish, with the relations that each resource's own actions have.
#[must_use]
pub fn plan(facts: &Facts<'_>, constraints: &Constraints, assignment: &Assignment) -> Graph {
    let _ = (facts, constraints, assignment);
    Graph::default()
}
