//! The assignment in names, for those who do not have the facts.

use super::Assignment;
use crate::facts::Facts;
use crate::index::{NodeIx, ResourceIx};
use crate::schedule::{Placement, ScoreLine};
use config::Score;
use std::sync::Arc;

impl Assignment {
    /// Every score at every decision, each once.
    #[must_use]
    pub fn score_lines(&self, facts: &Facts<'_>) -> Vec<ScoreLine> {
        let mut steps: Vec<(bool, ResourceIx, NodeIx, Score)> = self
            .steps
            .iter()
            .filter_map(|step| Some((step.promotion, step.resource, step.node?, step.score)))
            .collect();
        steps.sort_unstable();
        steps.dedup();
        // Many lines share few names.
        let nodes: Vec<Arc<str>> = facts.nodes.iter().map(|node| Arc::from(node.name.as_str())).collect();
        let mut last: Option<(ResourceIx, Arc<str>)> = None;
        let mut name = |resource: ResourceIx| match &last {
            Some((same, name)) if *same == resource => name.clone(),
            _ => last.insert((resource, Arc::from(facts[resource].id.as_str()))).1.clone(),
        };
        steps
            .into_iter()
            .map(|(promotion, resource, node, score)| ScoreLine {
                promotion,
                resource: name(resource),
                node: nodes[node.at()].clone(),
                score,
            })
            .collect()
    }

    /// Where every primitive and instance should be.
    #[must_use]
    pub fn placements(&self, facts: &Facts<'_>) -> Vec<Placement> {
        let primitives = facts.all_resources().filter(|&resource| facts[resource].is_primitive());
        primitives
            .map(|resource| Placement {
                resource: facts[resource].id.clone(),
                node: self.node(resource).map(|node| facts[node].name.clone()),
                role: self.role(resource),
                because: self.because[resource.at()].iter().map(ToString::to_string).collect(),
            })
            .collect()
    }
}
