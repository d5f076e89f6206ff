//! How much each resource is wanted on each node, and by which rule: a table that the score stages add to.

use super::facts::Facts;
use config::Score;

/// One addend.
#[derive(Clone, Debug)]
pub(super) struct Contribution {
    pub(super) node: usize,
    pub(super) score: Score,
    /// "location (line 12)".
    pub(super) because: String,
}

/// The table.
pub(super) struct Scores {
    /// By resource and node.
    sums: Vec<Vec<Score>>,
    /// By resource.
    pub(super) contributions: Vec<Vec<Contribution>>,
}

impl Scores {
    pub(super) fn new(facts: &Facts<'_>) -> Scores {
        Scores {
            sums: vec![vec![Score::ZERO; facts.nodes.len()]; facts.resources.len()],
            contributions: vec![Vec::new(); facts.resources.len()],
        }
    }

    pub(super) fn add(&mut self, r: usize, node: usize, score: Score, because: String) {
        self.sums[r][node] += score;
        self.contributions[r].push(Contribution { node, score, because });
    }

    /// The sum for one resource on one node.
    pub(super) fn sum(&self, r: usize, node: usize) -> Score {
        self.sums[r][node]
    }

    /// The sums for one resource, by node.
    pub(super) fn row(&self, r: usize) -> &[Score] {
        &self.sums[r]
    }

    /// The first rule that forbids a node.
    pub(super) fn forbidden_by(&self, r: usize, node: usize) -> Option<&str> {
        let mut list = self.contributions[r].iter();
        list.find(|one| one.node == node && one.score.is_never()).map(|one| one.because.as_str())
    }
}
