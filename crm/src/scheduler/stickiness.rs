//! Scores for staying: what runs somewhere would rather not be interrupted.

use super::facts::Facts;
use super::score::Scores;

/// Adds them. A resource that runs in two places has no place to stay.
pub(super) fn add(facts: &Facts<'_>, scores: &mut Scores) {
    for (r, resource) in facts.resources.iter().enumerate() {
        let mut occupied = facts.occupied(r);
        if let (Some(n), None) = (occupied.next(), occupied.next()) {
            scores.add(r, n, resource.config.meta.stickiness, "stickiness".to_owned());
        }
    }
}
