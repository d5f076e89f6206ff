//! A pure function from what is to what should be done.

use crate::cib::Cib;
use crate::schedule::Schedule;
use config::NodeId;
use membership::Quorum;
use std::collections::{BTreeMap, BTreeSet};

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
#[must_use]
pub fn schedule(situation: &Situation<'_>) -> Schedule {
    let _ = situation;
    Schedule { placement: BTreeMap::new(), graph: crate::schedule::Graph::default(), reasons: BTreeMap::new() }
}
