//! Which of two nodes is better for a resource.

use super::draft::Draft;
use super::score::{ABSENT, NEVER};
use crate::facts::options::PlacementStrategy;
use crate::index::NodeIx;
use std::cmp::Ordering;

impl Draft<'_, '_> {
    /// `Less` when `one` is better: by score, then by free capacity where that is asked for, then by how little was
    /// given to it so far, then where the resource runs, then by name.
    pub fn rank_nodes(&self, row: &[i32], one: NodeIx, other: NodeIx, current: Option<NodeIx>) -> Ordering {
        let worth = |node: NodeIx| if self.usable(node) { row[node.at()] } else { NEVER };
        let by_name = || self.name_order[one.at()].cmp(&self.name_order[other.at()]);
        let by_score = worth(other).cmp(&worth(one));
        if by_score.is_ne() || self.facts.options.placement_strategy == PlacementStrategy::Minimal {
            return by_score.then_with(by_name);
        }
        if self.facts.options.placement_strategy == PlacementStrategy::Balanced {
            let by_capacity = self.capacities.compare(one, other);
            if by_capacity.is_ne() {
                return by_capacity;
            }
        }
        let by_load = self.load[one.at()].cmp(&self.load[other.at()]);
        let by_habit = || (current == Some(other)).cmp(&(current == Some(one)));
        by_load.then_with(by_habit).then_with(by_name)
    }

    /// The best node of a row.
    pub fn best_node(&self, row: &[i32], current: Option<NodeIx>) -> Option<NodeIx> {
        let listed = (0..self.width).filter(|&node| row[node] != ABSENT).map(NodeIx::new);
        listed.min_by(|&one, &other| self.rank_nodes(row, one, other, current))
    }

    /// The nodes of a row, best first.
    pub fn sorted_nodes(&self, row: &[i32], current: Option<NodeIx>) -> Vec<NodeIx> {
        let mut nodes: Vec<NodeIx> = (0..self.width).filter(|&node| row[node] != ABSENT).map(NodeIx::new).collect();
        nodes.sort_by(|&one, &other| self.rank_nodes(row, one, other, current));
        nodes
    }
}
