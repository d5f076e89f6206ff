//! What if nodes died now: for every node, or every few of them, what would stop, move, not fit, or be disturbed
//! although its own node is well.
//!
//! The situation is first brought to rest on paper, so that what is told follows from the loss and not from what was to
//! be done anyway. Then each set of nodes is lost, the cluster's answer is carried out, and before and after are
//! compared.

#[cfg(test)]
mod tests;

use crate::execute::execute;
use crate::facts;
use crate::injection::Injection;
use crate::outcome::{Outcome, ResourceOutcome};
use crate::role::Role;
use crate::schedule::{ActionKind, Schedule};
use crate::situation::{NodeKind, Situation};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Transitions until a situation counts as being at rest, at most.
const ROUNDS: usize = 5;

/// What the loss of some nodes would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The nodes that die together.
    pub nodes: Vec<String>,
    /// Whether the others may go on.
    pub quorate: bool,
    /// What happens, resource by resource.
    pub effects: Vec<Effect>,
}

/// What a loss does to one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The resource; instances of anonymous clones without their numbers.
    pub resource: String,
    /// What happens.
    pub kind: EffectKind,
    /// Why, when the scheduler said so.
    pub because: Vec<String>,
}

/// What happens to a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// It runs nowhere any more.
    Stops {
        /// Where it ran, or had its last instances.
        from: Vec<String>,
    },
    /// It ran promoted and is not promoted anywhere any more.
    NotPromoted {
        /// Where it was promoted.
        from: Vec<String>,
    },
    /// Its node is well, and it is stopped and started, or moved, all the same.
    Disturbed {
        /// Where it ran.
        on: String,
        /// Where it runs afterwards.
        to: String,
    },
    /// It moves from the lost node.
    Moves {
        /// From the lost node.
        from: String,
        /// To this one.
        to: String,
    },
    /// Another instance is promoted.
    Promotes {
        /// The new one's node.
        on: String,
    },
    /// It goes on with fewer instances.
    Fewer {
        /// Instances before.
        before: usize,
        /// Instances afterwards.
        after: usize,
    },
}

impl EffectKind {
    /// Whether a service is gone, and not just somewhere else.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        matches!(self, EffectKind::Stops { .. } | EffectKind::NotPromoted { .. })
    }
}

/// The situation after everything that is to be done now is done; `None` when it does not come to rest.
#[must_use]
pub fn at_rest(situation: &Situation) -> Option<Situation> {
    let mut now = situation.clone();
    for _ in 0..ROUNDS {
        let facts = facts::read(&now);
        let schedule = crate::plan(&facts);
        if schedule.is_idle() {
            return Some(now);
        }
        let later = execute(&facts, &schedule);
        now = later;
    }
    None
}

/// Every loss of `size` members at once, for a situation at rest. `votes` says how many votes a node has.
#[must_use]
pub fn losses(rest: &Situation, size: usize, votes: &dyn Fn(&str) -> u32) -> Vec<Loss> {
    let before = Outcome::of(&facts::read(rest));
    let online: Vec<&str> = before
        .nodes
        .iter()
        .filter(|node| node.online && node.kind == "member")
        .map(|node| node.name.as_str())
        .collect();
    let all: u32 = rest
        .configuration
        .nodes
        .iter()
        .filter(|node| node.kind == NodeKind::Member)
        .map(|node| votes(&node.name))
        .sum();
    sets_of(&online, size)
        .into_iter()
        .map(|lost| {
            let left: u32 = online.iter().filter(|node| !lost.contains(node)).map(|node| votes(node)).sum();
            // two nodes go on by fencing each other, as two-node mode has it
            let quorate = rest.quorate && (left * 2 > all || (all == 2 && left == 1));
            loss(rest, &before, &lost, quorate)
        })
        .collect()
}

/// Every choice of `size` out of `nodes`, in order.
fn sets_of<'n>(nodes: &[&'n str], size: usize) -> Vec<Vec<&'n str>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut sets = Vec::new();
    for (at, &first) in nodes.iter().enumerate() {
        for mut rest in sets_of(&nodes[at + 1..], size - 1) {
            rest.insert(0, first);
            sets.push(rest);
        }
    }
    sets
}

fn loss(rest: &Situation, before: &Outcome, lost: &[&str], quorate: bool) -> Loss {
    let mut situation = rest.clone();
    for node in lost {
        // the node is one of the situation's own
        let _ = Injection::NodeFail((*node).to_owned()).apply(&mut situation);
    }
    situation.quorate = quorate;
    let facts = facts::read(&situation);
    let schedule = crate::plan(&facts);
    let settled = at_rest(&situation).unwrap_or_else(|| execute(&facts, &schedule));
    let after = Outcome::of(&facts::read(&settled));
    let effects = compare(before, &after, lost, &schedule);
    Loss { nodes: lost.iter().map(|node| (*node).to_owned()).collect(), quorate, effects }
}

/// Where a resource runs, by node, with its role.
type Where<'o> = BTreeMap<&'o str, Role>;

fn compare(before: &Outcome, after: &Outcome, lost: &[&str], schedule: &Schedule) -> Vec<Effect> {
    let (was, is) = (by_name(before), by_name(after));
    let disturbed = disturbed(schedule);
    let nowhere = Where::new();
    let mut effects = Vec::new();
    for (name, was_on) in &was {
        let is_on = is.get(name).unwrap_or(&nowhere);
        for kind in changes(was_on, is_on, lost, |node| disturbed.contains(&(*name, node))) {
            effects.push(Effect { resource: (*name).to_owned(), because: because(schedule, name, &kind), kind });
        }
    }
    effects.sort_by(|one, other| (&one.kind, &one.resource).cmp(&(&other.kind, &other.resource)));
    effects
}

fn changes(was: &Where<'_>, is: &Where<'_>, lost: &[&str], disturbed: impl Fn(&str) -> bool) -> Vec<EffectKind> {
    let names = |on: &Where<'_>| on.keys().map(|node| (*node).to_owned()).collect::<Vec<_>>();
    if is.is_empty() {
        return vec![EffectKind::Stops { from: names(was) }];
    }
    let mut kinds = Vec::new();
    let promoted = |on: &Where<'_>| -> Vec<String> {
        on.iter().filter(|(_, role)| **role == Role::Promoted).map(|(node, _)| (*node).to_owned()).collect()
    };
    let (was_promoted, is_promoted) = (promoted(was), promoted(is));
    if !was_promoted.is_empty() && is_promoted.is_empty() {
        kinds.push(EffectKind::NotPromoted { from: was_promoted.clone() });
    }
    for node in is_promoted.into_iter().filter(|node| !was_promoted.contains(node)) {
        kinds.push(EffectKind::Promotes { on: node });
    }
    let mut fresh = is.keys().filter(|node| !was.contains_key(*node)).map(|node| (*node).to_owned());
    for node in was.keys() {
        let stays = is.contains_key(node);
        if lost.contains(node) {
            kinds.extend(fresh.next().map(|to| EffectKind::Moves { from: (*node).to_owned(), to }));
        } else if !stays {
            kinds.extend(fresh.next().map(|to| EffectKind::Disturbed { on: (*node).to_owned(), to }));
        } else if disturbed(node) {
            kinds.push(EffectKind::Disturbed { on: (*node).to_owned(), to: (*node).to_owned() });
        }
    }
    if is.len() < was.len() {
        kinds.push(EffectKind::Fewer { before: was.len(), after: is.len() });
    }
    kinds
}

/// What runs where, on nodes that can be reached: what a lost node may still run helps nobody.
fn by_name(outcome: &Outcome) -> BTreeMap<&str, Where<'_>> {
    let there: BTreeSet<&str> =
        outcome.nodes.iter().filter(|node| node.online).map(|node| node.name.as_str()).collect();
    let mut all: BTreeMap<&str, Where<'_>> = BTreeMap::new();
    for ResourceOutcome { resource, role, node } in &outcome.resources {
        if there.contains(node.as_str()) {
            let here = all.entry(base(resource)).or_default().entry(node).or_insert(*role);
            *here = (*here).max(*role);
        }
    }
    all
}

/// A name without the number of an instance.
fn base(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((base, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    }
}

/// Where agents are told to stop something.
fn disturbed(schedule: &Schedule) -> BTreeSet<(&str, &str)> {
    let stops = schedule.actions.iter().filter(|action| action.kind == ActionKind::Rsc && action.operation == "stop");
    stops.filter_map(|action| Some((base(action.resource.as_deref()?), action.node.as_deref()?))).collect()
}

fn because(schedule: &Schedule, resource: &str, kind: &EffectKind) -> Vec<String> {
    if !kind.is_grave() && !matches!(kind, EffectKind::Disturbed { .. }) {
        return Vec::new();
    }
    let mut words: Vec<String> = Vec::new();
    for placement in schedule.placements.iter().filter(|placement| base(&placement.resource) == resource) {
        for reason in &placement.because {
            if !words.contains(reason) {
                words.push(reason.clone());
            }
        }
    }
    if words.is_empty() {
        let causes = schedule.actions.iter().filter(|action| {
            action.operation == "stop"
                && action.resource.as_deref().map(base) == Some(resource)
                && !action.cause.is_empty()
        });
        words.extend(causes.map(|action| action.cause.clone()).take(1));
    }
    words
}
