//! A pure function from what is to what should be done.
//!
//! ```text
//! Situation -> facts -> fence -> expand -> scores (location, stickiness) -> assign (colocation) -> actions -> order
//!                                                                     \-> explain            audit looks at the result
//! ```
//!
//! Each stage takes the values before it and returns a new one; nothing is made final later. [`audit`] shares no code
//! with the stages and checks every answer before it is used.

mod actions;
mod assign;
mod audit;
mod colocation;
mod expand;
mod explain;
mod facts;
mod fence;
mod location;
mod operation;
mod order;
mod restart;
mod score;
mod stickiness;

use crate::cib::Cib;
use crate::schedule::Schedule;
use config::NodeId;
use membership::Quorum;
use std::collections::BTreeSet;
use std::fmt;

pub use audit::audit;

/// Everything a scheduler may look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Configuration and status.
    pub cib: &'a Cib,
    /// Members of the view.
    pub members: &'a BTreeSet<NodeId>,
    /// Whether this partition may act.
    pub quorum: &'a Quorum,
    /// Wall clock, milliseconds since 1970 (failure timeouts).
    pub wall_ms: u64,
    /// The cluster has just started and may still wait for nodes not yet seen (`dc-deadtime`): they are neither fenced
    /// nor is anything started that might run on them.
    pub waiting_for_nodes: bool,
}

/// Decides what should run where, and the way there. Reads its argument and nothing else; equal arguments give equal
/// answers, byte for byte.
///
/// # Errors
/// [`Unsafe`] when the [`audit`] finds fault with the answer, which is a defect of this program. Nothing may be done
/// then: a cluster that stands still is better than one that does a wrong thing.
pub fn schedule(situation: &Situation<'_>) -> Result<Schedule, Unsafe> {
    let answer = unaudited(situation);
    let violations = audit(situation, &answer);
    if violations.is_empty() { Ok(answer) } else { Err(Unsafe { violations }) }
}

/// What the [`audit`] has against an answer of the stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsafe {
    /// Each rule that the answer would break.
    pub violations: Vec<String>,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plan is unsafe and was not used (a bug in paceline): {}", self.violations.join("; "))
    }
}

fn unaudited(situation: &Situation<'_>) -> Schedule {
    let facts = facts::Facts::read(*situation);
    let fencing = fence::decide(&facts);
    let rules = expand::Rules::expand(&facts);
    let mut scores = score::Scores::new(&facts);
    location::add(&facts, &mut scores);
    stickiness::add(&facts, &mut scores);
    let assignment = assign::assign(&facts, &fencing, &rules, &scores);
    let steps = actions::difference(&facts, &fencing, &rules, &scores, &assignment);
    let ordered = order::order(&facts, &fencing, &rules, steps);
    explain::explain(&facts, &fencing, &scores, &assignment, ordered)
}
