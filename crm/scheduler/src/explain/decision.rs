//! Why this node of several, in a sentence.

use super::View;
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use config::Score;

impl View<'_, '_> {
    /// What becomes of a primitive, and why there.
    pub(super) fn decision(&self, resource: ResourceIx) -> String {
        let here = &self.facts[resource];
        let on = &here.on;
        let untouched = !self.assignment.managed[resource.at()]
            || here.blocked.is_some()
            || self.assignment.frozen[resource.at()].is_some();
        if untouched && !on.is_empty() {
            return format!("stays as it is on {}", self.names(on));
        }
        let Some(node) = self.assignment.node(resource) else {
            let reachable: Vec<NodeIx> = on.iter().copied().filter(|&node| !self.facts[node].unclean).collect();
            return match (on.is_empty(), reachable.is_empty()) {
                (true, _) => "runs nowhere".to_string(),
                (false, true) => format!("is started nowhere else; it was last known on {}", self.names(on)),
                (false, false) => format!("stops on {}", self.names(&reachable)),
            };
        };
        let (name, role) = (self.name(node), self.promotion(resource));
        let others: Vec<NodeIx> = on.iter().copied().filter(|&other| other != node).collect();
        let what = match (on.contains(&node), others.is_empty()) {
            (true, true) => format!("stays on {name}"),
            (true, false) => format!("stays on {name}, and stops on {}", self.names(&others)),
            (false, true) => format!("starts on {name}"),
            (false, false) => format!("moves from {} to {name}", self.names(&others)),
        };
        format!("{what}{role}: {}", self.comparison(resource, node))
    }

    fn names(&self, nodes: &[NodeIx]) -> String {
        nodes.iter().map(|&node| self.name(node)).collect::<Vec<_>>().join(" and ")
    }

    /// Whether it is to be promoted, and how much that is wanted.
    fn promotion(&self, resource: ResourceIx) -> String {
        let Some(score) = self.promotion_score(resource) else { return String::new() };
        match self.assignment.role(resource) {
            Role::Promoted => format!(", promoted there (promotion score {score})"),
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
                format!("its score is {} there, and {next} on {}", self.worth(score), self.name(other))
            }
            Some((other, next)) if next == score && score >= 0 => {
                let habit = self.facts[resource].on.contains(&node);
                let why = if habit { "it runs there" } else { "less was placed there, or its name comes first" };
                format!("its score is {} there as on {}, and {why}", self.worth(score), self.name(other))
            }
            Some((_, next)) if next >= 0 => "this place was its share of its clone's instances".to_string(),
            Some(_) | None => "the only node left for it".to_string(),
        }
    }

    fn worth(&self, score: i32) -> String {
        crate::assign::score::outward(score).to_string()
    }
}
