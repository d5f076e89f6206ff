//! The order in which resources get their nodes.

use super::colocation::End;
use super::draft::Draft;
use super::influence::Manner;
use super::score::{ABSENT, NEVER};
use crate::facts::options::PlacementStrategy;
use crate::index::{NodeIx, ResourceIx};
use std::cmp::Ordering;

impl Draft<'_, '_> {
    /// Chooses a node for everything. Connections first, since they decide which remote nodes can be used; an
    /// interrupted migration of one goes on where it went.
    pub fn assign_all(&mut self) {
        let sequence = self.sequence();
        let (connections, others): (Vec<_>, Vec<_>) =
            sequence.into_iter().partition(|&top| self.facts[top].connects.is_some());
        for connection in connections {
            let target = self.facts[connection].partial_migration.map(|(_, target)| target);
            self.assign(connection, target, true);
        }
        for other in others {
            self.assign(other, None, true);
        }
    }

    /// By priority, then as written. Where capacity counts, among equals those first whose wishes are strongest.
    fn sequence(&mut self) -> Vec<ResourceIx> {
        let mut tops = self.facts.tops.clone();
        tops.sort_by_key(|&top| (self.facts[top].removed, -self.facts[top].meta.priority));
        if self.facts.options.placement_strategy == PlacementStrategy::Default {
            return tops;
        }
        let nodes = self.sorted_nodes(&vec![0; self.width], None);
        let mut wishes = Vec::new();
        for top in tops {
            let row = self.own_and_followed_wishes(top);
            wishes.push((top, self.current(top), row));
        }
        wishes.sort_by(|(one, here, row), (other, there, other_row)| {
            let priority = self.facts[*other].meta.priority.cmp(&self.facts[*one].meta.priority);
            priority.then_with(|| strength(here.as_ref(), row, there.as_ref(), other_row, &nodes))
        });
        wishes.into_iter().map(|(top, _, _)| top).collect()
    }

    fn own_and_followed_wishes(&mut self, resource: ResourceIx) -> Vec<i32> {
        let mut row = self.row(resource).to_vec();
        let manner = Manner { end: End::Dependent, only_for: false, keep_some: false };
        self.merge_wishes(&mut row, resource, resource, None, 1.0, manner);
        row
    }
}

/// Higher on the node where it runs, then higher on any node, best nodes first.
fn strength(here: Option<&NodeIx>, row: &[i32], there: Option<&NodeIx>, other: &[i32], nodes: &[NodeIx]) -> Ordering {
    let worth = |row: &[i32], node: Option<&NodeIx>| match node.map(|node| row[node.at()]) {
        None | Some(ABSENT) => NEVER,
        Some(score) => score,
    };
    let now = worth(other, there).cmp(&worth(row, here));
    nodes.iter().fold(now, |found, node| found.then_with(|| worth(other, Some(node)).cmp(&worth(row, Some(node)))))
}
