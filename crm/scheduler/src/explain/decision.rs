//! Why this node of several, in a sentence.

use super::View;
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use config::Score;

impl View<'_, '_> {
    /// Where a primitive should be, and why there.
    pub(super) fn decision(&self, resource: ResourceIx) -> String {
        let here = &self.facts[resource];
        let Some(node) = self.assignment.node(resource) else {
            return if here.on.is_empty() { "it should run nowhere".to_string() } else { "it should stop".to_string() };
        };
        let name = self.name(node);
        let role = self.promotion(resource);
        if !self.assignment.managed[resource.at()] {
            return format!("it stays on {name}, since it is left alone");
        }
        let verb = if here.on.contains(&node) { "stay" } else { "run" };
        format!("it should {verb} on {name}{role}: {}", self.comparison(resource, node))
    }

    /// Whether it is to be promoted, and how much that is wanted.
    fn promotion(&self, resource: ResourceIx) -> String {
        let Some(score) = self.promotion_score(resource) else { return String::new() };
        match self.assignment.role(resource) {
            Role::Promoted => format!(" and be promoted (promotion score {score})"),
            _ if score == Score::new(-1) => {
                ", not promoted (neither its agent nor a constraint asks for it)".to_string()
            }
            _ => format!(", not promoted (promotion score {score})"),
        }
    }

    /// The promotion score of an instance, or of the instance that it is a member of.
    pub(super) fn promotion_score(&self, resource: ResourceIx) -> Option<Score> {
        let own = self.assignment.promotion[resource.at()];
        own.or_else(|| self.facts[resource].parent.and_then(|parent| self.promotion_score(parent)))
    }

    /// The chosen node beside the next best.
    fn comparison(&self, resource: ResourceIx, node: NodeIx) -> String {
        let score = self.score(resource, node).unwrap_or(0);
        let others = self.sorted(resource).into_iter().filter(|&other| other != node && self.unusable(other).is_none());
        let rival =
            others.filter_map(|other| Some((other, self.score(resource, other)?))).max_by_key(|&(_, score)| score);
        match rival {
            Some((other, next)) if next >= 0 && next < score => {
                format!("it is worth more ({}) than {} ({next})", self.worth(score), self.name(other))
            }
            Some((other, next)) if next == score && score >= 0 => {
                let habit = self.facts[resource].on.contains(&node);
                let why = if habit { "it runs there" } else { "less was placed there, or its name comes first" };
                format!("it is worth as much as {} ({}), and {why}", self.name(other), self.worth(score))
            }
            Some((_, next)) if next >= 0 => "it was set aside for it when its instances were shared out".to_string(),
            Some(_) | None => "it is the only node that is left".to_string(),
        }
    }

    fn worth(&self, score: i32) -> String {
        crate::assign::score::outward(score).to_string()
    }
}
