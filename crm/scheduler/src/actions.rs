//! What must be done: the difference between facts and wish.
//!
//! ```text
//! probes -> failure counts -> changed definitions -> roles (stop, start, promote, demote, migrate)
//!        -> recurring monitors
//!        -> fencing -> shutdowns
//! ```
//!
//! Each step asks for actions and says what the actions of one resource, and of one node, have to do with each other.
//! What different resources have to do with each other is told by [`crate::order`]. Actions that nothing needs are made
//! too, where an order may come to need them: something that stays where it is has a stop and a start that are not
//! needed, and an order can make a restart of them.

pub mod bundle;
pub mod changed;
pub mod failures;
pub mod fencing;
pub mod forget;
pub mod migrate;
pub mod own;
pub mod probe;
pub mod recurring;
pub mod remote;
pub mod role;
pub mod shutdown;
pub mod unfencing;

use crate::assign::{Assignment, Outlook};
use crate::constraint::Constraints;
use crate::facts::Facts;
use crate::facts::meta::Requires;
use crate::facts::operation::{self, OperationOptions};
use crate::facts::options::NoQuorumPolicy;
use crate::graph::{Carrier, Graph, Key, Task};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::reason::{Reason, Trouble};
use crate::role::Role;
use std::collections::{BTreeMap, BTreeSet};

/// The plan while it is made.
pub struct Plan<'p, 'a> {
    /// What is.
    pub facts: &'p Facts<'a>,
    /// What operators wish.
    pub constraints: &'p Constraints,
    /// What should be.
    pub assignment: &'p Assignment,
    /// What is to be done about it.
    pub graph: Graph,
    /// The fencing of each node that has one.
    pub fence: Vec<Option<ActionIx>>,
    /// The unfencing of each node that has one.
    pub unfence: Vec<Option<ActionIx>>,
    /// Resources whose definition changed in a way that needs a restart.
    pub restart: BTreeSet<ResourceIx>,
    /// Resources whose definition changed in a way that their agent can take over, and where they run.
    pub reload: BTreeMap<ResourceIx, NodeIx>,
    /// By resource: the options of calls that have been asked for, by name and interval.
    options: Vec<Vec<(&'static str, u64, OperationOptions)>>,
}

/// The actions that lead from the facts to the wish, with the relations that each resource's own actions have.
#[must_use]
pub fn plan(facts: &Facts<'_>, constraints: &Constraints, assignment: &Assignment) -> Graph {
    let mut plan = Plan {
        facts,
        constraints,
        assignment,
        graph: Graph::default(),
        fence: vec![None; facts.nodes.len()],
        unfence: vec![None; facts.nodes.len()],
        restart: BTreeSet::new(),
        reload: BTreeMap::new(),
        options: vec![Vec::new(); facts.resources.len()],
    };
    fencing::make(&mut plan);
    unfencing::make(&mut plan);
    for resource in facts.all_resources().filter(|&resource| facts[resource].is_primitive()) {
        own::relate(&mut plan, resource);
        changed::plan(&mut plan, resource);
    }
    probe::plan(&mut plan);
    for resource in facts.all_resources().filter(|&resource| facts[resource].is_primitive()) {
        role::plan(&mut plan, resource);
        changed::reload(&mut plan, resource);
        recurring::plan(&mut plan, resource);
    }
    unfencing::devices_changed(&mut plan);
    failures::plan(&mut plan);
    forget::plan(&mut plan);
    shutdown::plan(&mut plan);
    plan.graph
}

/// The last relations of this stage, which look at all actions there are, groups' and clones' too: what fencing implies
/// for stops and starts, and what travels through the connections of remote nodes. Called by [`crate::order`] when all
/// its own relations are made, before need travels along them.
pub fn finish(facts: &Facts<'_>, assignment: &Assignment, graph: &mut Graph) {
    fencing::relate(facts, assignment, graph);
    unfencing::relate(facts, graph);
    remote::relate(facts, assignment, graph);
    shutdown::relate(facts, assignment, graph);
}

impl Plan<'_, '_> {
    /// Asks for an action of a primitive on a node; made when it is not there yet.
    pub fn act(&mut self, resource: ResourceIx, task: Task, node: NodeIx, needed: bool) -> ActionIx {
        self.act_every(resource, task, node, 0, needed)
    }

    /// As [`Plan::act`], for what has an interval.
    pub fn act_every(
        &mut self,
        resource: ResourceIx,
        task: Task,
        node: NodeIx,
        interval_ms: u64,
        needed: bool,
    ) -> ActionIx {
        let key = Key { interval_ms, ..Key::on(resource, task, node) };
        let hands_off = !self.managed(resource) && changes(task);
        let needed = needed && !hands_off;
        if let Some(found) = self.graph.find(key) {
            self.graph[found].needed |= needed;
            return found;
        }
        let carrier = if task == Task::ClearFailures { Carrier::Cluster } else { Carrier::Agent };
        let action = self.graph.ensure(key, carrier, needed);
        if let Some(name) = word(task) {
            let options = self.options(resource, name, interval_ms);
            if matches!(task, Task::Start | Task::Promote) {
                self.graph[action].requires = options.requires;
            }
            self.graph[action].options = Some(options);
        }
        self.check_possible(action, resource, node);
        action
    }

    /// The options of a call, which are the same on every node.
    fn options(&mut self, resource: ResourceIx, name: &'static str, interval_ms: u64) -> OperationOptions {
        let known = &mut self.options[resource.at()];
        if let Some((_, _, options)) = known.iter().find(|it| (it.0, it.1) == (name, interval_ms)) {
            return *options;
        }
        let options = operation::options(self.facts, resource, name, interval_ms);
        known.push((name, interval_ms, options));
        options
    }

    /// Whether the node, the quorum and the resource itself let it be done.
    fn check_possible(&mut self, action: ActionIx, resource: ResourceIx, node: NodeIx) {
        let task = self.graph[action].key.task;
        let facts = self.facts;
        let on = &facts[node];
        if let Some(because) = self.node_refuses(node) {
            self.graph.block(action, because);
        } else if let Some(because) = &facts[resource].blocked
            && changes(task)
        {
            self.graph.block(action, because.clone());
        } else if !self.managed(resource) && task == Task::Stop {
            self.graph.block(action, Reason::NotManaged(facts[resource].id.clone()));
        } else if self.graph[action].requires != Requires::Nothing
            && !facts.options.quorate
            && let Some(because) = self.quorum_refuses(resource, task == Task::Promote)
        {
            self.graph.block(action, because);
        } else if on.pending && !on.is_guest() {
            self.graph.block(action, Reason::Unusable { node: on.name.clone(), trouble: Trouble::Joining });
        }
    }

    /// Whether a resource may be touched.
    #[must_use]
    pub fn managed(&self, resource: ResourceIx) -> bool {
        self.assignment.managed.get(resource.at()).copied().unwrap_or(self.facts[resource].managed)
    }

    /// What a resource does now.
    #[must_use]
    pub fn role_now(&self, resource: ResourceIx) -> Role {
        self.assignment.role_now.get(resource.at()).copied().unwrap_or(self.facts[resource].role)
    }

    /// What a resource should do. Without quorum, and with the policy to demote, nothing is promoted.
    #[must_use]
    pub fn next_role(&self, resource: ResourceIx) -> Role {
        let options = &self.facts.options;
        match self.assignment.role(resource) {
            Role::Promoted if !options.quorate && options.no_quorum_policy == NoQuorumPolicy::Demote => {
                Role::Unpromoted
            }
            role => role,
        }
    }

    /// How a node will stand when connections are up as wished.
    #[must_use]
    pub fn outlook(&self, node: NodeIx) -> Outlook {
        let here = &self.facts[node];
        let now = Outlook { online: here.online, shutdown: here.shutdown, unclean: here.unclean };
        self.assignment.outlook.get(node.at()).copied().unwrap_or(now)
    }

    /// Why nothing can be done on a node.
    fn node_refuses(&self, node: NodeIx) -> Option<Reason> {
        let on = &self.facts[node];
        let outlook = self.outlook(node);
        let waits_for_host = on.is_guest() && !on.remote_needs_reset;
        if !outlook.online && !on.online && !waits_for_host {
            return Some(Reason::Unusable { node: on.name.clone(), trouble: Trouble::Offline });
        }
        if outlook.unclean && !waits_for_host {
            return Some(Reason::Unusable { node: on.name.clone(), trouble: Trouble::Unclean });
        }
        None
    }

    /// Why a start or promotion may not be done without quorum.
    fn quorum_refuses(&self, resource: ResourceIx, promotes: bool) -> Option<Reason> {
        let here = &self.facts[resource];
        match self.facts.options.no_quorum_policy {
            NoQuorumPolicy::Stop => Some(Reason::NoQuorum),
            NoQuorumPolicy::Demote if promotes || !here.promotable() || here.on.is_empty() => Some(Reason::NoQuorum),
            NoQuorumPolicy::Freeze if here.on.is_empty() || self.assignment.role(resource) > here.role => {
                Some(Reason::Frozen)
            }
            _ => None,
        }
    }
}

/// Whether a task changes the state of a resource, so that it is not done to resources that are left alone.
fn changes(task: Task) -> bool {
    matches!(
        task,
        Task::Start | Task::Stop | Task::Promote | Task::Demote | Task::MigrateTo | Task::MigrateFrom | Task::Reload
    )
}

/// The name that options of a task are configured under.
fn word(task: Task) -> Option<&'static str> {
    Some(match task {
        Task::Monitor | Task::Cancel => "monitor",
        Task::Start => "start",
        Task::Stop => "stop",
        Task::Promote => "promote",
        Task::Demote => "demote",
        Task::MigrateTo => "migrate_to",
        Task::MigrateFrom => "migrate_from",
        Task::Reload => "reload-agent",
        Task::Notify => "notify",
        Task::Forget => "delete",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
