//! What would happen: a situation is scheduled, the transition is carried out on paper, and the result is read again.

use crate::execute::execute;
use crate::facts;
use crate::outcome::Outcome;
use crate::schedule::Schedule;
use crate::situation::Situation;

/// A transition with what was before and what comes after it.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The answer of the scheduler.
    pub schedule: Schedule,
    /// Nodes and resources before.
    pub before: Outcome,
    /// Nodes and resources when every action succeeded.
    pub after: Outcome,
}

/// Schedules a situation and carries the transition out on paper.
#[must_use]
pub fn simulate(situation: &Situation) -> Simulation {
    let facts = facts::read(situation);
    let schedule = crate::plan(&facts);
    let before = Outcome::of(&facts);
    let after = if schedule.actions.is_empty() {
        before.clone()
    } else {
        let later = execute(&facts, &schedule);
        Outcome::of(&facts::read(&later))
    };
    Simulation { schedule, before, after }
}
