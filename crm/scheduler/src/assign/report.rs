//! The assignment in names, for those who do not have the facts.

use super::{Assignment, ScoreStep};
use crate::facts::Facts;
use crate::schedule::{Placement, ScoreLine};

impl Assignment {
    /// Every score at every decision, each once.
    #[must_use]
    pub fn score_lines(&self, facts: &Facts<'_>) -> Vec<ScoreLine> {
        let mut steps: Vec<&ScoreStep> = self.steps.iter().filter(|step| step.node.is_some()).collect();
        steps.sort_by_key(|step| (step.promotion, step.resource, step.node, step.score));
        steps.dedup();
        let line = |step: &ScoreStep| {
            Some(ScoreLine {
                promotion: step.promotion,
                resource: facts[step.resource].id.clone(),
                node: facts[step.node?].name.clone(),
                score: step.score,
            })
        };
        steps.into_iter().filter_map(line).collect()
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
