//! The answer, with the reasons in words.

use super::assign::Assignment;
use super::facts::{Care, Facts};
use super::fence::Fencing;
use super::order::Ordered;
use super::score::Scores;
use crate::schedule::Schedule;
use config::{ResourceId, Score};
use std::collections::BTreeMap;

pub(super) fn explain(
    facts: &Facts<'_>,
    fencing: &Fencing,
    scores: &Scores,
    assignment: &Assignment,
    ordered: Ordered,
) -> Schedule {
    let mut placement = BTreeMap::new();
    let mut reasons: BTreeMap<ResourceId, Vec<String>> = BTreeMap::new();
    for (r, resource) in facts.resources.iter().enumerate() {
        let name = resource.config.name.clone();
        placement.insert(name.clone(), assignment.node[r].map(|n| facts.nodes[n].id.clone()));
        reasons.insert(name, choice(facts, fencing, scores, assignment, r));
    }
    for orphan in &facts.orphans {
        let place = facts.nodes[orphan.node].id;
        let text = match &orphan.left {
            Some(why) => format!("it runs on {place}, is not in the cluster file, and is left alone: {why}"),
            None => format!("it runs on {place} and is not in the cluster file"),
        };
        reasons.entry(orphan.id.clone()).or_default().push(text);
    }
    for (resource, text) in ordered.held {
        reasons.entry(resource).or_default().push(text);
    }
    Schedule { placement, graph: ordered.graph, reasons, recheck_wall_ms: facts.next_expiry }
}

/// Why here, or why nowhere.
fn choice(facts: &Facts<'_>, fencing: &Fencing, scores: &Scores, assignment: &Assignment, r: usize) -> Vec<String> {
    let resource = &facts.resources[r];
    match &resource.care {
        Care::Unmanaged(why) => return vec![format!("left alone: {why}")],
        Care::Blocked(why) => return vec![format!("left alone: it is {why}")],
        Care::Managed => {}
    }
    if let Some(why) = &resource.unwanted {
        return vec![format!("not to run: {why}")];
    }
    if facts.frozen() {
        return vec!["there is no quorum: what runs is kept, nothing is started".to_owned()];
    }
    let mut lines = Vec::new();
    let row = &assignment.rows[r];
    match assignment.node[r] {
        Some(n) => lines.push(format!("{}: {}", facts.nodes[n].id, sum(scores, r, n, row[n]))),
        None => lines.push("no node may run it".to_owned()),
    }
    for (n, node) in facts.nodes.iter().enumerate().filter(|(n, _)| assignment.node[r] != Some(*n)) {
        match &fencing.unusable[n] {
            Some(why) => lines.push(format!("not {}: {why}", node.id)),
            None => lines.push(format!("not {}: {}", node.id, sum(scores, r, n, row[n]))),
        }
    }
    lines.extend(assignment.notes[r].iter().cloned());
    lines
}

/// "51 = stickiness 1, location in line 12 50".
fn sum(scores: &Scores, r: usize, n: usize, total: Score) -> String {
    let parts: Vec<String> = scores.contributions[r]
        .iter()
        .filter(|one| one.node == n)
        .map(|one| format!("{} {}", one.because, one.score))
        .collect();
    if parts.is_empty() { format!("score {total}") } else { format!("score {total} ({})", parts.join(", ")) }
}
