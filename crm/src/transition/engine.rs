//! Walks one graph: in parallel where the order allows it, within limits, until it is done or something happens that it
//! did not foresee. Then it gives no more orders; what is in flight stays visible in the CIB, and the next plan is made
//! from there.
//!
//! The engine only counts what the agreed order has delivered. An order that was sent but not delivered yet is in no
//! CIB; while there is one, no new plan may be made, or it could contradict an order that is still to come.

use crate::cib::{Change, Cib, News};
use crate::schedule::{ActionId, ActionKind, Graph};
use config::{NodeId, OperationName, ResourceId};
use membership::Incarnation;
use resource_agents::{Operation, OrderId, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Orders that one node works on at once, so that none of them waits long at its executor.
const PER_NODE: usize = 16;

/// What the engine wants said to the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Have a node call an agent, with the fingerprint of what it is called with.
    Order(OrderId, Operation, String),
    /// Say that failures of a resource on a node do not count any more.
    ClearFailures(NodeId, ResourceId),
    /// Say that all that is known of a resource on a node is to be forgotten.
    Forget(NodeId, ResourceId),
    /// End a monitor.
    Cancel(NodeId, ResourceId, Duration),
    /// Ask for a node to be cut off.
    Fence(NodeId, Option<Incarnation>, String),
}

/// What a piece of news means for the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Foreseen: the walk goes on.
    Foreseen,
    /// Not foreseen; why, in a few words.
    Unforeseen(String),
}

/// Where an action stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for others, or for room.
    Waiting,
    /// Ordered.
    Begun,
    /// Ended as expected.
    Done,
}

/// The walker.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    graph: Graph,
    stages: Vec<Stage>,
    orders: BTreeMap<OrderId, (ActionId, Outcome)>,
    /// Orders and ends of monitors that were said and not delivered yet. Outlives a dropped graph.
    orders_said: BTreeSet<OrderId>,
    cancels_said: BTreeSet<(NodeId, ResourceId, Duration)>,
}

impl Engine {
    /// Begins to walk a new graph; the one before is dropped.
    pub(crate) fn begin(&mut self, graph: Graph) {
        self.stages = vec![Stage::Waiting; graph.actions.len()];
        self.graph = graph;
        self.orders.clear();
    }

    /// Gives up the graph.
    pub(crate) fn drop_graph(&mut self) {
        self.begin(Graph::default());
    }

    /// Something was said that was not delivered yet.
    pub(crate) fn is_speaking(&self) -> bool {
        !self.orders_said.is_empty() || !self.cancels_said.is_empty()
    }

    /// A graph is being walked, and an action of it is not done.
    pub(crate) fn is_busy(&self) -> bool {
        self.stages.iter().any(|stage| *stage != Stage::Done)
    }

    /// There is a graph, and it was walked to its end.
    pub(crate) fn is_done(&self) -> bool {
        !self.stages.is_empty() && !self.is_busy()
    }

    /// The graph at hand.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Begins every action that may begin now. `next` gives order numbers.
    pub(crate) fn walk(&mut self, cib: &Cib, next: &mut impl FnMut() -> OrderId) -> Vec<Command> {
        let limit = match cib.config.properties.batch_limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let mut commands = Vec::new();
        // A fencing that turns out to be over already may free the next action, so pass until nothing moves.
        while let Some(action) = self.ready(limit) {
            self.start(action, cib, next, &mut commands);
        }
        commands
    }

    /// The first action that waits for nothing but us.
    fn ready(&self, limit: usize) -> Option<usize> {
        let begun = self.stages.iter().filter(|stage| **stage == Stage::Begun).count();
        if begun >= limit {
            return None;
        }
        let mut load: BTreeMap<&NodeId, usize> = BTreeMap::new();
        for (action, _) in self.graph.actions.iter().zip(&self.stages).filter(|(_, stage)| **stage == Stage::Begun) {
            if let ActionKind::Perform { node, .. } = &action.kind {
                *load.entry(node).or_default() += 1;
            }
        }
        let done = |id: &ActionId| self.stages.get(id.0 as usize).is_none_or(|stage| *stage == Stage::Done);
        let room = |kind: &ActionKind| match kind {
            ActionKind::Perform { node, .. } => load.get(node).is_none_or(|load| *load < PER_NODE),
            ActionKind::CancelMonitor { .. }
            | ActionKind::Fence { .. }
            | ActionKind::ClearFailures { .. }
            | ActionKind::Forget { .. }
            | ActionKind::Mark { .. } => true,
        };
        let mut actions = self.graph.actions.iter().enumerate();
        let found = actions.find(|(place, action)| {
            self.stages[*place] == Stage::Waiting && action.after.iter().all(done) && room(&action.kind)
        });
        found.map(|(place, _)| place)
    }

    fn start(&mut self, place: usize, cib: &Cib, next: &mut impl FnMut() -> OrderId, commands: &mut Vec<Command>) {
        self.stages[place] = Stage::Begun;
        let action = &self.graph.actions[place];
        match &action.kind {
            ActionKind::Perform { operation, fingerprint, .. } => {
                let id = next();
                self.orders.insert(id, (action.id, operation.expect));
                self.orders_said.insert(id);
                let operation = as_started(operation, cib);
                commands.push(Command::Order(id, operation, fingerprint.clone()));
            }
            ActionKind::ClearFailures { node, resource } => {
                let history = cib.history(node, resource);
                if history.is_none_or(|history| history.failures.is_empty() && history.last_failure.is_none()) {
                    self.stages[place] = Stage::Done;
                } else {
                    commands.push(Command::ClearFailures(node.clone(), resource.clone()));
                }
            }
            ActionKind::Forget { node, resource } => {
                if cib.history(node, resource).is_none() {
                    self.stages[place] = Stage::Done;
                } else {
                    commands.push(Command::Forget(node.clone(), resource.clone()));
                }
            }
            ActionKind::Mark { .. } => self.stages[place] = Stage::Done,
            ActionKind::CancelMonitor { node, resource, interval } => {
                self.cancels_said.insert((node.clone(), resource.clone(), *interval));
                commands.push(Command::Cancel(node.clone(), resource.clone(), *interval));
            }
            ActionKind::Fence { node, incarnation, reason } => {
                let open = cib.status.fencing.open.values().any(|request| request.target == *node);
                let offline = cib.status.nodes.get(node).map(|node| node.state) == Some(crate::cib::NodeState::Offline);
                if offline {
                    self.stages[place] = Stage::Done;
                } else if !open {
                    commands.push(Command::Fence(node.clone(), *incarnation, reason.clone()));
                }
            }
        }
    }

    /// An order was delivered, and taken or not.
    pub(crate) fn ordered(&mut self, id: OrderId, taken: &Result<(), String>) -> Progress {
        self.orders_said.remove(&id);
        match taken {
            Err(why) if self.orders.contains_key(&id) => Progress::Unforeseen(format!("an order was not taken: {why}")),
            Ok(()) | Err(_) => Progress::Foreseen,
        }
    }

    /// The end of a monitor was delivered.
    pub(crate) fn cancelled(&mut self, node: &NodeId, resource: &ResourceId, interval: Duration) {
        self.cancels_said.remove(&(node.clone(), resource.clone(), interval));
        let this = ActionKind::CancelMonitor { node: node.clone(), resource: resource.clone(), interval };
        self.finish(|kind| *kind == this);
    }

    /// The CIB changed.
    pub(crate) fn news(&mut self, news: &News) -> Progress {
        match news {
            News::Recorded { node, report } => {
                let what = || format!("{} {} on {node}: {}", report.name.as_str(), report.resource, report.outcome);
                match report.order.and_then(|order| self.orders.remove(&order)) {
                    Some((action, expected)) if report.outcome.meets(expected) => {
                        self.stages[action.0 as usize] = Stage::Done;
                        Progress::Foreseen
                    }
                    Some(_) | None => Progress::Unforeseen(what()),
                }
            }
            News::Fenced { entry, .. } => {
                let done = self.finish(|kind| matches!(kind, ActionKind::Fence { node, .. } if *node == entry.target));
                if done {
                    Progress::Foreseen
                } else {
                    Progress::Unforeseen(format!("{} is confirmed off", entry.target))
                }
            }
            News::FencingRequested(request) => {
                let target = &request.target;
                let mine = |kind: &ActionKind| matches!(kind, ActionKind::Fence { node, .. } if node == target);
                let planned = self.graph.actions.iter().any(|action| mine(&action.kind));
                if planned { Progress::Foreseen } else { Progress::Unforeseen(format!("{target} is to be fenced")) }
            }
            // Where quorum turns by it, a new plan is made for that reason.
            News::FencingFailed { .. } | News::Granted(_) | News::Counting(_) | News::Revoked(_) => Progress::Foreseen,
            News::Forced(_) => Progress::Unforeseen("quorum was forced".to_owned()),
            News::Configured => Progress::Unforeseen("the cluster file changed".to_owned()),
            News::Noted(attribute) => Progress::Unforeseen(attribute.to_string()),
            News::Overridden(edit) => Progress::Unforeseen(edit.to_string()),
            News::Cleaned { .. } => Progress::Unforeseen("failures were forgotten".to_owned()),
            News::Restart(resource) => Progress::Unforeseen(format!("{resource} is to be restarted")),
            News::Leaving(node) => Progress::Unforeseen(format!("{node} leaves")),
            News::FailuresCleared { resource, node } => {
                let this = ActionKind::ClearFailures { node: node.clone(), resource: resource.clone() };
                let planned = self.finish(|kind| *kind == this);
                foreseen(planned, || format!("failures of {resource} on {node} do not count any more"))
            }
            News::Forgotten { resource, node } => {
                let this = ActionKind::Forget { node: node.clone(), resource: resource.clone() };
                let planned = self.finish(|kind| *kind == this);
                foreseen(planned, || format!("{resource} on {node} is forgotten"))
            }
        }
    }

    /// A request for fencing came to nothing: the node is not in the state that was planned with.
    pub(crate) fn fencing_refused(&mut self, target: &NodeId, cib: &Cib) -> Progress {
        let open = cib.status.fencing.open.values().any(|request| request.target == *target);
        let waits = self.graph.actions.iter().zip(&self.stages).any(|(action, stage)| {
            *stage == Stage::Begun && matches!(&action.kind, ActionKind::Fence { node, .. } if node == target)
        });
        if waits && !open { Progress::Unforeseen(format!("{target} cannot be fenced now")) } else { Progress::Foreseen }
    }

    /// A change was delivered that changed nothing: what it was to bring about is so already.
    pub(crate) fn unchanged(&mut self, change: &Change) {
        let kind = match change {
            Change::ClearFailures { node, resource, .. } => {
                ActionKind::ClearFailures { node: node.clone(), resource: resource.clone() }
            }
            Change::Forget { node, resource, .. } => {
                ActionKind::Forget { node: node.clone(), resource: resource.clone() }
            }
            _ => return,
        };
        self.finish(|it| *it == kind);
    }

    fn finish(&mut self, matches: impl Fn(&ActionKind) -> bool) -> bool {
        let mut any = false;
        for (action, stage) in self.graph.actions.iter().zip(&mut self.stages) {
            if matches(&action.kind) {
                *stage = Stage::Done;
                any = true;
            }
        }
        any
    }
}

fn foreseen(yes: bool, otherwise: impl Fn() -> String) -> Progress {
    if yes { Progress::Foreseen } else { Progress::Unforeseen(otherwise()) }
}

/// A service is taken down with what it was brought up with, also when the cluster file says something else by now.
fn as_started(operation: &Operation, cib: &Cib) -> Operation {
    let mut operation = operation.clone();
    let down = [OperationName::Stop, OperationName::Demote, OperationName::MigrateTo];
    if down.contains(&operation.name)
        && let Some(started) =
            cib.history(&operation.node, &operation.resource).and_then(|history| history.started.clone())
    {
        operation.agent = started.agent;
        operation.params = started.params;
        operation.commands = started.commands;
    }
    operation
}
