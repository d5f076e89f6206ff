//! What cannot be begun now although it is part of the plan. What comes after it cannot either.
//!
//! - An order about the same resource is not answered yet. Its end makes a new plan.
//! - Nodes never seen are still waited for (`dc-deadtime`): they are not cut off, and nothing is brought up that may
//!   run there.
//! - Without quorum nothing is brought up, also where the peer would recover what it keeps running.
//! - The daemon does not know how to do it.
//! - It would take down something healthy that cannot be brought up again now.

use super::{Situation, orders};
use crate::cib::NodeState;
use crate::schedule::ActionKind;
use ::scheduler::cut::with_consequences;
use ::scheduler::facts::Facts;
use ::scheduler::schedule as answer;
use config::{NodeId, OperationName, ResourceId};
use std::collections::{BTreeMap, BTreeSet};

/// What is held back.
pub(super) struct Held {
    /// By place in the answer.
    pub(super) actions: BTreeSet<usize>,
    /// Why, in words, once each.
    pub(super) words: Vec<String>,
}

pub(super) fn held(
    situation: &Situation<'_>,
    facts: &Facts<'_>,
    schedule: &answer::Schedule,
    kinds: &[Result<ActionKind, String>],
) -> Held {
    let flight = in_flight(situation, kinds);
    let mut actions = BTreeSet::new();
    let mut words = BTreeSet::new();
    for (at, kind) in kinds.iter().enumerate() {
        let why = match kind {
            Err(why) => Some(why.clone()),
            Ok(kind) => waits(situation, kind).or_else(|| {
                let touches = !matches!(kind, ActionKind::Mark { .. } | ActionKind::Fence { .. });
                let resource = schedule.actions[at].resource.as_deref().filter(|_| touches && !flight.is_empty())?;
                flight.get(&orders::written(resource)?).cloned()
            }),
        };
        if let Some(why) = why {
            actions.insert(at);
            words.insert(why);
        }
    }
    with_consequences(facts, &schedule.actions, &mut actions);
    Held { actions, words: words.into_iter().collect() }
}

/// Resources about which an order was given and not answered, with what it is. A node that is cut off owes no answers.
fn in_flight(situation: &Situation<'_>, kinds: &[Result<ActionKind, String>]) -> BTreeMap<ResourceId, String> {
    let fenced: BTreeSet<&NodeId> = kinds
        .iter()
        .filter_map(|kind| match kind {
            Ok(ActionKind::Fence { node, .. }) => Some(node),
            _ => None,
        })
        .collect();
    let mut flight = BTreeMap::new();
    for (node, status) in &situation.cib.status.nodes {
        let answers = situation.members.contains(node) && situation.cib.online(node).is_some();
        if !answers || fenced.contains(node) {
            continue;
        }
        for (id, history) in &status.resources {
            if let (Some(pending), Some(name)) = (history.pending.values().next(), orders::written(id.as_str())) {
                let what = pending.key.name.as_str();
                flight.entry(name).or_insert_with(|| format!("{what} of {id} on {node} is not answered yet"));
            }
        }
    }
    flight
}

/// What must wait for quorum, or while nodes never seen may still appear.
fn waits(situation: &Situation<'_>, kind: &ActionKind) -> Option<String> {
    let brings_up = match kind {
        ActionKind::Perform { operation, .. } => {
            operation.name.brings_up() || matches!(operation.name, OperationName::Promote | OperationName::MigrateTo)
        }
        _ => false,
    };
    if brings_up && !situation.quorum.quorate {
        return Some("there is no quorum: nothing is started".to_owned());
    }
    if !situation.waiting_for_nodes {
        return None;
    }
    let unseen = situation.cib.status.nodes.iter().filter(|(_, status)| status.state == NodeState::Unseen);
    let unseen: Vec<&str> = unseen.map(|(node, _)| node.as_str()).collect();
    let waits = match kind {
        ActionKind::Fence { node, .. } => unseen.contains(&node.as_str()),
        _ => brings_up,
    };
    waits.then(|| format!("{} may still appear", unseen.join(" and ")))
}
