//! The DC proposes who counts: with last-man-standing those that are left once they have been alone for a while, and
//! who is back at once.

use super::{Moment, Node};
use crate::cib::Change;
use config::NodeId;
use std::collections::BTreeSet;
use std::time::Instant;

/// What the DC of a view has proposed in it.
#[derive(Debug)]
pub(super) struct Counting {
    /// When the view began to count.
    since: Instant,
    /// When those who are away are to be dropped.
    due: Option<Instant>,
    /// What was proposed last. If it came to nothing, the same again would too.
    proposed: Option<BTreeSet<NodeId>>,
}

impl Counting {
    pub(super) fn new(since: Instant) -> Counting {
        Counting { since, due: None, proposed: None }
    }

    /// Quorum or who counts has changed: what came to nothing before may be possible now.
    pub(super) fn anew(&mut self) {
        self.proposed = None;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

impl Node {
    /// Proposes another electorate, if there should be one, when its time has come.
    pub(super) fn tend_electorate(&mut self, now: Moment) {
        let wanted = self.controller.wanted_electorate();
        let window = self.cib().config.quorum.last_man_standing_window;
        let Some(duty) = &mut self.duty else { return };
        let counting = &mut duty.counting;
        counting.due = None;
        let Some((nodes, grows)) = wanted.filter(|(nodes, _)| counting.proposed.as_ref() != Some(nodes)) else {
            return;
        };
        let due = counting.since + window;
        if !grows && now.at < due {
            counting.due = Some(due);
            return;
        }
        counting.proposed = Some(nodes.clone());
        let Some(view) = self.view().map(|view| view.ring.number) else { return };
        self.controller.submit(Change::Count { view, nodes });
    }
}
