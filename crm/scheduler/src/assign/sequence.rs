//! The order in which resources get their nodes.

use super::colocation::End;
use super::draft::Draft;
use super::influence::Manner;
use super::score::{ABSENT, NEVER, add};
use crate::facts::options::PlacementStrategy;
use crate::index::{NodeIx, ResourceIx};
use std::cmp::{Ordering, Reverse};

/// The length of the pieces of long chains.
const PIECE: u32 = 100;

impl Draft<'_, '_> {
    /// Chooses a node for everything. Connections first, since they decide which remote nodes can be used; an
    /// interrupted migration of one goes on where it went.
    pub fn assign_all(&mut self) {
        for deep in self.deep_first() {
            self.assign(deep, None, true);
        }
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

    /// Resources that stand at the end of long chains of colocations. Whoever follows is placed after the one that it
    /// follows, by asking for that one's place while its own is being chosen; so that this does not go too deep, long
    /// chains are cut into pieces, the last piece first.
    fn deep_first(&self) -> Vec<ResourceIx> {
        let heights = self.heights();
        let mut deep: Vec<(u32, ResourceIx)> = self
            .facts
            .tops
            .iter()
            .map(|&top| (heights[top.at()], top))
            .filter(|(height, _)| *height > 0 && height % PIECE == 0)
            .collect();
        deep.sort_unstable();
        deep.into_iter().map(|(_, top)| top).collect()
    }

    /// How long the longest chain is that each resource follows. A circle is cut where it closes.
    fn heights(&self) -> Vec<u32> {
        let mut follows: Vec<Vec<ResourceIx>> = vec![Vec::new(); self.facts.resources.len()];
        for of in &self.constraints.colocations {
            let (dependent, primary) = (self.facts.top(of.dependent), self.facts.top(of.primary));
            if dependent != primary {
                follows[dependent.at()].push(primary);
            }
        }
        let mut heights = vec![0; self.facts.resources.len()];
        let mut seen = vec![false; self.facts.resources.len()];
        let mut way: Vec<(ResourceIx, usize)> = Vec::new();
        for &top in &self.facts.tops {
            if std::mem::replace(&mut seen[top.at()], true) {
                continue;
            }
            way.push((top, 0));
            while let Some((here, next)) = way.last_mut() {
                let here = *here;
                if let Some(&primary) = follows[here.at()].get(*next) {
                    *next += 1;
                    if !std::mem::replace(&mut seen[primary.at()], true) {
                        way.push((primary, 0));
                    }
                    continue;
                }
                let longest = follows[here.at()].iter().map(|primary| heights[primary.at()] + 1).max();
                heights[here.at()] = longest.unwrap_or(0);
                way.pop();
            }
        }
        heights
    }

    /// By priority, then as written. Where capacity counts, among equals those first whose wishes are strongest.
    fn sequence(&mut self) -> Vec<ResourceIx> {
        let mut tops = self.facts.tops.clone();
        tops.sort_by_key(|&top| (self.facts[top].removed, Reverse(self.facts[top].meta.priority)));
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

    /// What nodes are worth for a resource and for those that it follows. A group wishes what its members wish: to stay
    /// where they are, and not to be where one of them cannot run.
    fn own_and_followed_wishes(&mut self, resource: ResourceIx) -> Vec<i32> {
        let mut row = self.row(resource).to_vec();
        if self.facts[resource].is_group() {
            for &member in &self.facts[resource].children {
                for (at, worth) in row.iter_mut().enumerate().filter(|(_, worth)| **worth != ABSENT) {
                    let score = self.cell(member, NodeIx::new(at));
                    let wish = if score != ABSENT && self.usable(NodeIx::new(at)) { score } else { NEVER };
                    *worth = add(*worth, wish);
                }
            }
        }
        let manner = Manner { end: End::Dependent, only_for: false, keep_some: false };
        self.voices = self.voices_for_one();
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
