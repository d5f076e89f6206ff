//! A transition carried out on paper: every action succeeds, and the histories say so afterwards.
//!
//! Actions are taken in their order. What a resource agent did becomes the newest entry of the resource's history on
//! its node; a fenced node is left without any history; forgetting and clearing do what they say. Ordering marks,
//! notifications and the stops that fencing implies leave no trace, and a node that was told to leave still stands
//! there, since leaving is its own decision.

use crate::facts::Facts;
use crate::index::{NodeIx, ResourceIx};
use crate::schedule::{ActionKind, Schedule, ScheduledAction};
use crate::situation::{
    AttributeSet, NodeStatus, OperationHistory, OperationStatus, ResourceHistory, Situation, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// When a node was last turned on by fencing, as an attribute of the node.
const UNFENCED: &str = "#node-unfenced";

/// The exit code with which an agent says that a service does not run.
const NOT_RUNNING: i32 = 7;

/// The situation after the transition.
#[must_use]
pub fn execute(facts: &Facts<'_>, schedule: &Schedule) -> Situation {
    let mut stage = Stage::new(facts);
    for at in in_order(&schedule.actions) {
        stage.carry_out(&schedule.actions[at]);
    }
    stage.situation
}

/// The places of actions, each behind those it waits for. Actions that wait for each other in a circle come last.
fn in_order(actions: &[ScheduledAction]) -> Vec<usize> {
    let places: BTreeMap<u32, usize> = actions.iter().enumerate().map(|(at, action)| (action.id, at)).collect();
    let mut waiting = vec![0_usize; actions.len()];
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); actions.len()];
    for (at, action) in actions.iter().enumerate() {
        for before in action.after.iter().filter_map(|id| places.get(id)) {
            waiting[at] += 1;
            behind[*before].push(at);
        }
    }
    let mut ready: BTreeSet<usize> = (0..actions.len()).filter(|at| waiting[*at] == 0).collect();
    let mut order = Vec::with_capacity(actions.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for &later in &behind[next] {
            waiting[later] -= 1;
            if waiting[later] == 0 {
                ready.insert(later);
            }
        }
    }
    order.extend((0..actions.len()).filter(|at| waiting[*at] > 0));
    order
}

/// Of several histories of one instance on one node, the one that says where it stands: something runs by it, then
/// the newest.
fn activity(history: &ResourceHistory) -> (bool, i64) {
    let last = history.operations.iter().filter(|it| it.call >= 0).max_by_key(|it| it.call);
    last.map_or((false, -1), |it| (it.name != "stop" && it.exit_code != NOT_RUNNING, it.call))
}

/// The situation while actions change it, and where things are in it.
struct Stage<'f, 'a> {
    facts: &'f Facts<'a>,
    situation: Situation,
    resources: BTreeMap<&'f str, ResourceIx>,
    nodes: BTreeMap<&'f str, NodeIx>,
    /// Places in the status by the name of the node.
    statuses: BTreeMap<String, usize>,
    /// Places in a node's histories by the name of the resource, for nodes that were touched.
    histories: BTreeMap<usize, BTreeMap<String, usize>>,
    call: i64,
}

impl<'f, 'a> Stage<'f, 'a> {
    fn new(facts: &'f Facts<'a>) -> Stage<'f, 'a> {
        let situation = facts.situation.clone();
        let by_id: BTreeMap<&str, NodeIx> = facts.all_nodes().map(|node| (facts[node].id.as_str(), node)).collect();
        let calls = situation.status.iter().flat_map(|node| &node.resources).flat_map(|history| &history.operations);
        let call = calls.map(|operation| operation.call).max().unwrap_or(0).max(0);
        let name = |status: &NodeStatus| match by_id.get(status.id.as_str()) {
            Some(&node) => facts[node].name.clone(),
            None if status.name.is_empty() => status.id.clone(),
            None => status.name.clone(),
        };
        Stage {
            facts,
            resources: facts.all_resources().map(|at| (facts[at].id.as_str(), at)).collect(),
            nodes: facts.all_nodes().map(|node| (facts[node].name.as_str(), node)).collect(),
            statuses: situation.status.iter().enumerate().map(|(at, status)| (name(status), at)).collect(),
            histories: BTreeMap::new(),
            call,
            situation,
        }
    }

    fn carry_out(&mut self, action: &ScheduledAction) {
        let Some(node) = action.node.as_deref() else { return };
        let status = self.status(node);
        match (action.kind, action.operation.as_str()) {
            (ActionKind::Fence, "on") => self.unfence(status),
            (ActionKind::Fence, _) => self.fence(status),
            // A guest is fenced by what its host goes through.
            (ActionKind::Pseudo, "reboot" | "off") if action.resource.is_none() => self.empty(status),
            (ActionKind::Pseudo, _) | (ActionKind::Rsc, "notify") => {}
            (ActionKind::Rsc | ActionKind::Crm, operation) => {
                if let Some(resource) = action.resource.as_deref().filter(|_| action.notify.is_none()) {
                    self.resource_action(status, resource, operation, action);
                }
            }
        }
    }

    fn resource_action(&mut self, status: usize, resource: &str, operation: &str, action: &ScheduledAction) {
        let found = self.resources.get(resource).copied();
        let name = self.recorded_as(resource, found, action);
        match operation {
            "clear_failcount" => {
                self.clear_failures(status, &name);
                if let Some(at) = found {
                    self.clear_failures(status, &self.facts[at].base);
                }
            }
            "lrm_delete" | "delete" => self.forget(status, &name),
            "cancel" => {
                let history = self.history(status, found, &name);
                history.operations.retain(|it| it.name != "monitor" || it.interval_ms != action.interval_ms);
            }
            _ => self.record(status, found, &name, operation, action),
        }
    }

    /// The name that a resource has in the histories of an action's node: the one it has there already, since older
    /// ones may have the number of an instance.
    fn recorded_as(&self, resource: &str, found: Option<ResourceIx>, action: &ScheduledAction) -> String {
        let Some(it) = found.map(|at| &self.facts[at]) else { return resource.to_string() };
        let node = action.node.as_deref().and_then(|name| self.nodes.get(name));
        let known = it.history.iter().filter(|(on, _)| Some(on) == node).max_by_key(|(_, history)| activity(history));
        known.map_or_else(|| it.base.clone(), |(_, history)| history.id.clone())
    }

    /// Makes an operation the newest entry of a history.
    fn record(
        &mut self,
        status: usize,
        found: Option<ResourceIx>,
        name: &str,
        operation: &str,
        action: &ScheduledAction,
    ) {
        self.call += 1;
        let call = self.call;
        let now = self.situation.now_ms.div_euclid(1000);
        let id = match action.interval_ms {
            0 => format!("{name}_last_0"),
            interval => format!("{name}_{operation}_{interval}"),
        };
        let feature_set = Some(self.situation.configuration.feature_set.clone()).filter(|it| !it.is_empty());
        let (migrate_source, migrate_target) = action.migration.clone().unzip();
        let node = action.node.clone();
        let history = self.history(status, found, name);
        if operation == "start" {
            history.restart = None;
        }
        history.operations.retain(|it| {
            // a stop ends monitors; what failed before it stays known until somebody clears it
            let failure = it.is_last_failure();
            let over = operation == "stop" && it.interval_ms > 0 && !failure;
            // of single calls the last one counts, also where older versions kept one of each kind
            let older = action.interval_ms == 0 && it.interval_ms == 0 && !failure && !it.name.starts_with("migrate_");
            it.id != id && it.status != OperationStatus::Pending && !over && !older
        });
        history.operations.push(OperationHistory {
            id,
            key: format!("{name}_{operation}_{}", action.interval_ms),
            name: operation.to_string(),
            interval_ms: action.interval_ms,
            call,
            exit_code: action.target_rc,
            status: OperationStatus::Done,
            expected_exit_code: action.target_rc,
            transition_key: format!("{}:0:{}:simulated", action.id, action.target_rc),
            last_run: Some(now),
            last_change: Some(now),
            exec_ms: Some(0),
            migrate_source,
            migrate_target,
            on_node: node,
            feature_set,
            ..OperationHistory::default()
        });
        if matches!(operation, "start" | "migrate_from") {
            self.connect(found);
        }
    }

    /// What follows when the connection to a remote or guest node is up.
    fn connect(&mut self, resource: Option<ResourceIx>) {
        let facts = self.facts;
        let Some(node) = resource.and_then(|at| facts[at].connects) else { return };
        let status = self.status(&facts[node].name);
        let status = &mut self.situation.status[status];
        status.fenced = Some("0".to_string());
        status.member = Some(true);
    }

    fn fence(&mut self, status: usize) {
        self.empty(status);
        let now = self.situation.now_ms.div_euclid(1000);
        let status = &mut self.situation.status[status];
        status.member = Some(false);
        status.peer = Some(false);
        status.member_since = None;
        status.peer_since = None;
        status.join = Some("down".to_string());
        status.expected = Some("down".to_string());
        if status.remote {
            status.fenced = Some(now.to_string());
        }
    }

    fn unfence(&mut self, status: usize) {
        let now = self.situation.now_ms.div_euclid(1000);
        let sets = &mut self.situation.status[status].attributes;
        if sets.is_empty() {
            sets.push(AttributeSet::default());
        }
        for set in &mut *sets {
            set.values.retain(|value| value.name != UNFENCED);
        }
        sets[0].values.push(Value { name: UNFENCED.to_string(), value: Some(now.to_string()) });
    }

    /// Nothing of what ran on a node, or was known of it, is left.
    fn empty(&mut self, at: usize) {
        let status = &mut self.situation.status[at];
        status.attributes.clear();
        status.utilization.clear();
        status.resources.clear();
        self.histories.remove(&at);
    }

    fn forget(&mut self, status: usize, name: &str) {
        self.situation.status[status].resources.retain(|history| history.id != name);
        self.histories.remove(&status);
    }

    fn clear_failures(&mut self, at: usize, name: &str) {
        let status = &mut self.situation.status[at];
        for set in &mut status.attributes {
            set.values.retain(|value| {
                let of = ["fail-count-", "last-failure-"].iter().find_map(|prefix| value.name.strip_prefix(prefix));
                of.is_none_or(|of| of.split('#').next() != Some(name))
            });
        }
        let failure = format!("{name}_last_failure_0");
        for history in status.resources.iter_mut().filter(|history| history.id == name) {
            Arc::make_mut(history).operations.retain(|operation| operation.id != failure);
        }
    }

    /// The place of a node's status; one is made for a node that never reported anything.
    fn status(&mut self, name: &str) -> usize {
        if let Some(&at) = self.statuses.get(name) {
            return at;
        }
        let node = self.nodes.get(name).map(|&node| &self.facts[node]);
        let remote = node.is_some_and(crate::facts::node::Node::is_remote);
        let joined = (!remote).then(|| "member".to_string());
        let at = self.situation.status.len();
        self.situation.status.push(NodeStatus {
            id: node.map_or_else(|| name.to_string(), |node| node.id.clone()),
            name: name.to_string(),
            remote,
            member: Some(true),
            peer: (!remote).then_some(true),
            join: joined.clone(),
            expected: joined,
            ..NodeStatus::default()
        });
        self.statuses.insert(name.to_string(), at);
        at
    }

    /// The history of a resource on a node; an empty one is made where there is none.
    fn history(&mut self, status: usize, found: Option<ResourceIx>, name: &str) -> &mut ResourceHistory {
        let resources = &mut self.situation.status[status].resources;
        let places = self
            .histories
            .entry(status)
            .or_insert_with(|| resources.iter().enumerate().map(|(at, history)| (history.id.clone(), at)).collect());
        let at = *places.entry(name.to_string()).or_insert_with(|| {
            let resource = found.map(|at| &self.facts[at]);
            let connects = resource.is_some_and(|it| it.connects.is_some());
            let container = resource.and_then(|it| it.container).filter(|_| connects);
            resources.push(Arc::new(ResourceHistory {
                id: name.to_string(),
                agent: resource.and_then(|it| it.agent.clone()).unwrap_or_default(),
                container: container.map(|at| self.facts[at].id.clone()),
                ..ResourceHistory::default()
            }));
            resources.len() - 1
        });
        Arc::make_mut(&mut resources[at])
    }
}
