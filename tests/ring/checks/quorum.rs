//! Quorum is never on both sides, each node having one vote.

use super::{Life, Verdict, broken};
use config::{NodeId, QuorumOptions};
use membership::{Electorate, RingId, View};
use std::collections::BTreeMap;

/// The views that had quorum.
#[derive(Clone, Debug, Default)]
pub(super) struct Quorate {
    all: Electorate,
    views: BTreeMap<RingId, View>,
    /// Who said last that it is in which of them.
    present: BTreeMap<NodeId, RingId>,
}

/// Views remembered: older ones nobody is in any more.
const REMEMBERED: usize = 64;

impl Quorate {
    pub(super) fn new(nodes: impl Iterator<Item = NodeId>) -> Quorate {
        let votes = nodes.map(|node| (node, 1)).collect();
        let all = Electorate::new(&votes, &QuorumOptions::default());
        Quorate { all, views: BTreeMap::new(), present: BTreeMap::new() }
    }

    /// Any two views with quorum share a member and differ in their number, so that what they decide has an order; and
    /// a member that has moved on to the newer one never goes back to the older.
    pub(super) fn one_side_acts(&mut self, life: &Life, view: &View) -> Verdict {
        const RULE: &str = "one_side_acts";
        if !self.all.tally(|node| view.contains(node), false).carried() {
            return Ok(());
        }
        for (ring, other) in self.views.iter().filter(|(ring, _)| **ring != view.ring) {
            if ring.number == view.ring.number {
                return broken(RULE, format!("{ring} has quorum too, and the same number"));
            }
            if !view.members.keys().any(|node| other.contains(node)) {
                return broken(RULE, format!("{ring} has quorum too, and shares no member"));
            }
        }
        if let Some(before) = self.present.insert(life.0.clone(), view.ring.clone()).filter(|b| *b > view.ring) {
            return broken(RULE, format!("it goes back from {before}"));
        }
        self.views.insert(view.ring.clone(), view.clone());
        if self.views.len() > REMEMBERED {
            self.views.pop_first();
        }
        Ok(())
    }
}
