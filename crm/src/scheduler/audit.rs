//! An independent look at an answer of the scheduler: is it safe to carry out?
//!
//! Nothing here is shared with the stages that made the answer. What the CIB says is read again, more simply and more
//! fearfully; the answer itself is judged by its graph.

mod reading;
mod rules;

use super::Situation;
use crate::schedule::{Action, ActionId, ActionKind, Schedule};
use config::{NodeId, OperationName, ResourceId};
use reading::Doubt;
use std::collections::{BTreeMap, BTreeSet};

/// Every reason not to use `schedule` in `situation`; none when it is safe.
#[must_use]
pub fn audit(situation: &Situation<'_>, schedule: &Schedule) -> Vec<String> {
    let mut violations = shape(schedule);
    if !violations.is_empty() {
        return violations; // the rest reads the graph by its ids
    }
    let case = Case::new(*situation, schedule);
    case.acyclic(&mut violations);
    if !violations.is_empty() {
        return violations;
    }
    case.quorum(&mut violations);
    case.fencing(&mut violations);
    case.orders(&mut violations);
    case.starts(&mut violations);
    rules::check(&case, &mut violations);
    violations
}

/// Ids are places, and what an action waits for exists.
fn shape(schedule: &Schedule) -> Vec<String> {
    let count = schedule.graph.actions.len();
    let mut violations = Vec::new();
    for (at, action) in schedule.graph.actions.iter().enumerate() {
        if usize::try_from(action.id.0) != Ok(at) {
            violations.push(format!("action {at} calls itself {}", action.id.0));
        }
        for id in action.after.iter().filter(|id| usize::try_from(id.0).map_or(true, |id| id >= count || id == at)) {
            violations.push(format!("action {at} waits for {}", id.0));
        }
    }
    violations
}

/// Everything that has ended before `action` begins.
fn before(schedule: &Schedule, action: &Action) -> Vec<bool> {
    let mut found = vec![false; schedule.graph.actions.len()];
    let mut stack: Vec<ActionId> = action.after.clone();
    while let Some(id) = stack.pop() {
        let at = id.0 as usize;
        if !std::mem::replace(&mut found[at], true) {
            stack.extend(&schedule.graph.actions[at].after);
        }
    }
    found
}

/// An answer with its actions found by what they do.
struct Case<'a> {
    situation: Situation<'a>,
    schedule: &'a Schedule,
    starts: BTreeMap<&'a ResourceId, Vec<Start<'a>>>,
    stops: BTreeMap<(&'a ResourceId, &'a NodeId), ActionId>,
    stopped: BTreeSet<&'a ResourceId>,
    probes: BTreeMap<(&'a ResourceId, &'a NodeId), ActionId>,
    fences: BTreeMap<&'a NodeId, ActionId>,
    nodes: BTreeSet<&'a NodeId>,
    in_flight: BTreeSet<&'a ResourceId>,
}

/// One start.
struct Start<'a> {
    action: &'a Action,
    /// By place in the graph: whether it has ended before this start begins.
    before: Vec<bool>,
}

impl Start<'_> {
    fn follows(&self, id: ActionId) -> bool {
        self.before[id.0 as usize]
    }
}

impl<'a> Case<'a> {
    fn new(situation: Situation<'a>, schedule: &'a Schedule) -> Case<'a> {
        let mut case = Case {
            situation,
            schedule,
            starts: BTreeMap::new(),
            stops: BTreeMap::new(),
            stopped: BTreeSet::new(),
            probes: BTreeMap::new(),
            fences: BTreeMap::new(),
            nodes: reading::nodes(&situation),
            in_flight: BTreeSet::new(),
        };
        for action in &schedule.graph.actions {
            match &action.kind {
                ActionKind::Fence { node, .. } => {
                    case.fences.insert(node, action.id);
                }
                ActionKind::Perform { node, operation, .. } => match (operation.name, operation.interval) {
                    (OperationName::Start, _) => {
                        let start = Start { action, before: before(schedule, action) };
                        case.starts.entry(&operation.resource).or_default().push(start);
                    }
                    (OperationName::Stop, _) => {
                        case.stops.insert((&operation.resource, node), action.id);
                        case.stopped.insert(&operation.resource);
                    }
                    (OperationName::Monitor, None) => {
                        case.probes.insert((&operation.resource, node), action.id);
                    }
                    _ => {}
                },
                ActionKind::CancelMonitor { .. } => {}
            }
        }
        // A node that is cut off owes no answers.
        case.in_flight = reading::in_flight(&situation, |node| case.fences.contains_key(node));
        case
    }

    /// Every action can begin some time.
    fn acyclic(&self, violations: &mut Vec<String>) {
        let actions = &self.schedule.graph.actions;
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); actions.len()];
        let mut waits: Vec<usize> = actions.iter().map(|action| action.after.len()).collect();
        for (at, action) in actions.iter().enumerate() {
            for id in &action.after {
                after[id.0 as usize].push(at);
            }
        }
        let mut ready: Vec<usize> = (0..actions.len()).filter(|at| waits[*at] == 0).collect();
        let mut done = 0;
        while let Some(at) = ready.pop() {
            done += 1;
            for later in &after[at] {
                waits[*later] -= 1;
                if waits[*later] == 0 {
                    ready.push(*later);
                }
            }
        }
        if done < actions.len() {
            violations.push(format!("{} actions wait for each other", actions.len() - done));
        }
    }

    /// Without quorum nothing is started and nobody is cut off.
    fn quorum(&self, violations: &mut Vec<String>) {
        if self.situation.quorum.quorate {
            return;
        }
        violations.extend(self.fences.keys().map(|node| format!("fences {node} without quorum")));
        violations.extend(self.starts.keys().map(|resource| format!("starts {resource} without quorum")));
    }

    /// Only nodes that are not trusted are cut off, in the life that is not trusted.
    fn fencing(&self, violations: &mut Vec<String>) {
        for action in &self.schedule.graph.actions {
            let ActionKind::Fence { node, incarnation, .. } = &action.kind else { continue };
            if !self.situation.cib.config.properties.fencing_enabled {
                violations.push(format!("fences {node} although fencing is disabled"));
            }
            if let Err(problem) = reading::may_fence(&self.situation, node, *incarnation) {
                violations.push(format!("fences {node}, {problem}"));
            }
        }
    }

    /// Orders go to members that stay, about resources that are at rest and may be touched.
    fn orders(&self, violations: &mut Vec<String>) {
        for action in &self.schedule.graph.actions {
            let (node, resource, name) = match &action.kind {
                ActionKind::Perform { node, operation, .. } => (node, &operation.resource, operation.name),
                ActionKind::CancelMonitor { node, resource, .. } => (node, resource, OperationName::Monitor),
                ActionKind::Fence { .. } => continue,
            };
            if !reading::online(&self.situation, node) || self.fences.contains_key(node) {
                violations.push(format!("orders {} of {resource} on {node}, which is not to be asked", name.as_str()));
            }
            if self.in_flight.contains(resource) {
                violations.push(format!("orders {} of {resource}, which has an order in flight", name.as_str()));
            }
            if name != OperationName::Monitor && reading::hands_off(&self.situation, resource) {
                violations.push(format!("orders {} of {resource}, which is not managed", name.as_str()));
            }
        }
    }

    /// Never two at once: whatever may run is stopped, asked or cut off before a start.
    fn starts(&self, violations: &mut Vec<String>) {
        for (resource, starts) in &self.starts {
            if starts.len() > 1 {
                violations.push(format!("starts {resource} {} times", starts.len()));
            }
            for start in starts {
                self.start(resource, start, violations);
            }
        }
    }

    fn start(&self, resource: &ResourceId, start: &Start<'_>, violations: &mut Vec<String>) {
        let ActionKind::Perform { node, .. } = &start.action.kind else { return };
        if let Some(problem) = reading::unusable(&self.situation, node) {
            violations.push(format!("starts {resource} on {node}, which {problem}"));
        }
        if self.schedule.placement.get(resource).and_then(Option::as_ref) != Some(node) {
            violations.push(format!("starts {resource} on {node}, which is not its place"));
        }
        let ended = |id: Option<&ActionId>| id.is_some_and(|id| start.follows(*id));
        for other in self.nodes.iter().copied() {
            let key = (resource, other);
            let answer = match reading::doubt(&self.situation, resource, other) {
                Doubt::None => continue,
                _ if ended(self.fences.get(other)) => continue,
                Doubt::Runs if ended(self.stops.get(&key)) => continue,
                Doubt::NotAsked if ended(self.probes.get(&key)) => continue,
                Doubt::Runs => "may run there and is not stopped",
                Doubt::NotAsked => "was not asked for there",
                Doubt::Unseen => "may run there and nobody cut the node off",
            };
            violations.push(format!("starts {resource} on {node} without care for {other}: it {answer}"));
        }
    }
}
