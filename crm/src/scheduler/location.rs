//! Scores from what is written about a resource and a node: location rules, moves, failures.

use super::expand::members;
use super::facts::Facts;
use super::score::Scores;
use config::{ResourceId, Score};
use std::collections::BTreeMap;

/// Adds them. A rule about a group counts once, for its first member; the others follow that one.
pub(super) fn add(facts: &Facts<'_>, scores: &mut Scores) {
    let nodes: BTreeMap<_, _> = facts.nodes.iter().enumerate().map(|(n, node)| (node.id, n)).collect();
    let mut allowed = vec![vec![facts.properties().symmetric_cluster; facts.nodes.len()]; facts.resources.len()];
    let mut wish = |scores: &mut Scores, resource: &ResourceId, n: usize, score: Score, because: String| {
        let members = members(facts, resource);
        if let Some(first) = members.first() {
            scores.add(*first, n, score, because);
        }
        for member in members {
            allowed[member][n] |= !score.is_never();
        }
    };
    for location in &facts.situation.cib.config.locations {
        if let Some(n) = nodes.get(&location.node) {
            let because = format!("location in line {}", location.place.line);
            wish(scores, &location.resource, *n, location.score, because);
        }
    }
    for (resource, node) in &facts.situation.cib.durable.overrides.moves {
        if let Some(n) = nodes.get(node) {
            wish(scores, resource, *n, Score::MANDATORY, format!("it was moved to {node}"));
        }
    }
    for (r, row) in allowed.iter().enumerate() {
        for n in row.iter().enumerate().filter(|(_, allowed)| !**allowed).map(|(n, _)| n) {
            scores.add(r, n, Score::NEVER, "no location allows it (symmetric-cluster = false)".to_owned());
        }
    }
    for r in 0..facts.resources.len() {
        failures(facts, r, scores);
    }
}

fn failures(facts: &Facts<'_>, r: usize, scores: &mut Scores) {
    for (n, presence) in facts.resources[r].on.iter().enumerate() {
        for ban in &presence.bans {
            let everywhere = if ban.everywhere { 0..facts.nodes.len() } else { n..n + 1 };
            for node in everywhere {
                scores.add(r, node, Score::NEVER, ban.text.clone());
            }
        }
    }
}
