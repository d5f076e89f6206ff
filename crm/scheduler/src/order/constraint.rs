//! Order constraints become edges: between wholes, or instance by instance where clones interleave.

use super::bundle;
use super::edge::{Edges, only};
use super::whole::{Verb, Whole, Wholes};
use crate::assign::Assignment;
use crate::constraint::order::reverse;
use crate::constraint::{Constraints, Gathering, Order, Symmetry};
use crate::facts::Facts;
use crate::graph::{Carrier, Graph, Key, Point, Relation, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::role::Role;
use crate::situation::OrderKind;
use std::collections::BTreeMap;

/// What is at hand when constraints become edges.
pub struct Relating<'r, 'a> {
    /// The facts.
    pub facts: &'r Facts<'a>,
    /// The wish.
    pub assignment: &'r Assignment,
    /// The actions of groups, clones and bundles.
    pub wholes: &'r Wholes,
    /// The actions.
    pub graph: &'r mut Graph,
    /// What is made.
    pub edges: &'r mut Edges,
}

/// One of several: an instance of a clone, or a replica of a bundle.
#[derive(Clone, Copy)]
struct Instance {
    /// What others wait for, and what is promoted: the instance; of a replica what runs inside.
    first: ResourceIx,
    /// What waits for others, and has a place: the instance; of a replica its container.
    place: ResourceIx,
}

/// Makes the edges of every order.
pub fn relate(constraints: &Constraints, relating: &mut Relating<'_, '_>) {
    for order in &constraints.orders {
        relating.order(order);
    }
    for gathering in &constraints.gatherings {
        relating.gathering(gathering);
    }
}

/// What an order means.
fn terms(order: &Order) -> Terms {
    match (order.kind, order.symmetry) {
        (OrderKind::Optional, _) if order.first_task == Task::Stop => Terms::ORDERED | Terms::UNLESS_MIGRATING,
        (OrderKind::Optional, _) => Terms::ORDERED,
        (OrderKind::Serialize, _) => Terms::ORDERED | Terms::NOT_TOGETHER,
        (OrderKind::Mandatory, Symmetry::Inverse) => Terms::undo(),
        (OrderKind::Mandatory, Symmetry::Asymmetric) => Terms::mandatory() | Terms::ASYMMETRIC,
        (OrderKind::Mandatory, Symmetry::Symmetric) => {
            let up = matches!(order.first_task, Task::Start | Task::Promote);
            if up { Terms::mandatory() } else { Terms::mandatory().without(Terms::THEN_WANTS_POSSIBLE) }
        }
    }
}

impl Relating<'_, '_> {
    /// One order of two resources.
    fn order(&mut self, order: &Order) {
        let terms = terms(order);
        let told = self.facts[order.first].is_bundle() && self.facts[order.first].meta.notify;
        if told && matches!(order.first_task, Task::Stop | Task::Demote) {
            return;
        }
        let (first, then) = ((order.first, order.first_task), (order.then, order.then_task));
        if let Some(enough) = order.enough {
            if order.symmetry == Symmetry::Inverse {
                self.connect(first, then, Terms::ORDERED);
            } else {
                self.enough_instances(order, enough);
            }
        } else if self.interleaves(order) {
            self.connect(first, then, Terms::ORDERED);
            self.interleave(order, terms);
        } else {
            self.one_to_one(first, then, terms);
        }
    }

    fn connect(&mut self, first: (ResourceIx, Task), then: (ResourceIx, Task), terms: Terms) {
        let here = &self.facts[first.0];
        if here.is_bundle() && here.meta.notify {
            self.begin_of_notified_bundle(first, then, terms);
            return;
        }
        self.edges.connect(self.graph, self.wholes, first, then, terms);
    }

    /// A bundle has no moment at which everybody inside was told, as its inner clone has; orders speak of the moment
    /// when it begins instead, and those of its end are not kept.
    fn begin_of_notified_bundle(&mut self, first: (ResourceIx, Task), then: (ResourceIx, Task), terms: Terms) {
        self.edges.connect(self.graph, self.wholes, first, then, terms.without(Terms::ORDERED));
        if let Some(whole) = Verb::of(first.1).and_then(|verb| self.wholes.of(first.0, verb)) {
            let begin = Point::Action(whole.begin);
            let then = Point::Task(then.0, then.1);
            let relation = Relation { first: begin, then, terms: only(terms, Terms::ORDERED), node: None };
            self.edges.resolve(self.graph, self.wholes, &[relation]);
        }
    }

    /// One relation of two resources, whatever they are.
    fn one_to_one(&mut self, first: (ResourceIx, Task), then: (ResourceIx, Task), terms: Terms) {
        let whole = terms;
        let terms = self.one_way(then, self.past_unmanaged(first.0, terms));
        if terms.has(Terms::ASYMMETRIC) && !self.facts[then.0].is_primitive() {
            // It holds for the parts that are not yet what the others are.
            self.connect(first, then, only(terms, Terms::ORDERED));
            for part in self.facts.primitives(then.0) {
                self.one_to_one(first, (part, then.1), whole.without(Terms::ORDERED));
            }
            return;
        }
        if terms.has(Terms::THEN_WANTS_POSSIBLE) {
            self.make_missing(first);
        }
        let (one, other) = (self.facts[first.0].is_collective(), self.facts[then.0].is_collective());
        if !one && !other {
            self.connect(first, then, terms);
            return;
        }
        let local = if other { Terms::NONE } else { only(terms, Terms::FIRST_NEEDS_THEN) };
        self.connect(first, then, terms.without(local | Terms::THEN_NEEDS_FIRST));
        if local != Terms::NONE {
            self.node_by_node(first, then, local);
        }
        if other && !one && terms.has(Terms::THEN_NEEDS_FIRST) {
            self.node_by_node(first, then, Terms::THEN_ENDS_MIGRATION);
        }
    }

    /// Of two resources one has instances: the other has to do with those that are on its node.
    fn node_by_node(&mut self, first: (ResourceIx, Task), then: (ResourceIx, Task), terms: Terms) {
        let mut of_node: BTreeMap<NodeIx, Vec<ActionIx>> = BTreeMap::new();
        for part in self.parts(first.0) {
            for (node, action) in self.at_nodes(part, first.1, |whole| whole.begin) {
                of_node.entry(node).or_default().push(action);
            }
        }
        for part in self.parts(then.0) {
            for (node, action) in self.at_nodes(part, then.1, |whole| whole.demand) {
                for &before in of_node.get(&node).map_or(&[][..], Vec::as_slice) {
                    self.edges.add(before, action, terms);
                }
            }
        }
    }

    /// What of a resource has a place: its instances, or itself.
    fn parts(&self, resource: ResourceIx) -> Vec<ResourceIx> {
        if self.facts[resource].is_collective() {
            self.instances(resource).into_iter().map(|instance| instance.place).collect()
        } else {
            vec![resource]
        }
    }

    /// The actions that stand for a primitive or group on each node.
    fn at_nodes(&self, resource: ResourceIx, task: Task, stands: fn(Whole) -> ActionIx) -> Vec<(NodeIx, ActionIx)> {
        let mut found = Vec::new();
        let whole = Verb::of(task).and_then(|verb| self.wholes.of(resource, verb));
        for primitive in self.facts.primitives(resource) {
            for action in self.graph.tasks(primitive, task) {
                if let Some(node) = self.graph[action].key.node {
                    found.push((node, whole.map_or(action, stands)));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What an operator keeps running does not hold up the stop of what it depends on; what cannot be stopped because
    /// its stop failed does.
    fn past_unmanaged(&self, first: ResourceIx, terms: Terms) -> Terms {
        let primitives = self.facts.primitives(first);
        let stuck = |&at: &ResourceIx| self.facts[at].failed || self.facts[at].blocked.is_some();
        let unmanaged = primitives.iter().any(|&at| !self.assignment.managed[at.at()]);
        if unmanaged && !primitives.iter().any(stuck) { terms.without(Terms::THEN_WANTS_DONE) } else { terms }
    }

    /// An asymmetric order says nothing of what already is as the second action would make it.
    fn one_way(&self, then: (ResourceIx, Task), terms: Terms) -> Terms {
        if !terms.has(Terms::ASYMMETRIC) {
            return terms;
        }
        let role = self.facts[then.0].role;
        let fulfilled = match then.1 {
            Task::Start => role.runs(),
            Task::Promote => role == Role::Promoted,
            Task::Stop => !role.runs(),
            Task::Demote => role != Role::Promoted,
            _ => false,
        };
        let terms = terms.without(Terms::FIRST_NEEDS_THEN);
        if fulfilled { terms } else { terms.without(Terms::ASYMMETRIC) }
    }

    /// A primitive that is not, and will not be, what something else waits for: the action is there, and impossible.
    pub fn make_missing(&mut self, first: (ResourceIx, Task)) {
        let (resource, task) = first;
        let here = &self.facts[resource];
        let up = matches!(task, Task::Start | Task::Promote);
        if !here.is_primitive() || !up || self.graph.tasks(resource, task).next().is_some() {
            return;
        }
        let stays = !here.managed
            && !here.failed
            && here.blocked.is_none()
            && here.role.runs()
            && (task == Task::Start || here.role == Role::Promoted)
            && !here.on.is_empty();
        if stays {
            return;
        }
        let missing = self.graph.ensure(Key::whole(resource, task), Carrier::Agent, false);
        self.graph[missing].possible = false;
        if task == Task::Start {
            let stops: Vec<ActionIx> = self.graph.tasks(resource, Task::Stop).collect();
            for stop in stops {
                self.edges.add(stop, missing, Terms::FIRST_NEEDS_THEN);
            }
        }
    }

    /// As [`Relating::make_missing`], for relations of different resources that stages before this one made.
    pub fn make_missing_of(&mut self, relations: &[Relation]) {
        for relation in relations {
            let Point::Task(first, task) = relation.first else { continue };
            let then = match relation.then {
                Point::Action(then) => self.graph[then].key.resource,
                Point::Task(then, _) => Some(then),
            };
            if relation.terms.has(Terms::THEN_WANTS_POSSIBLE) && then != Some(first) {
                self.make_missing((first, task));
            }
        }
    }

    /// Whether two clones are related instance by instance: the one that depends says so.
    fn interleaves(&self, order: &Order) -> bool {
        let dependent = match order.first_task {
            Task::Stop | Task::Demote => order.first,
            _ => order.then,
        };
        self.facts[order.first].is_collective()
            && self.facts[order.then].is_collective()
            && self.facts[dependent].meta.interleave
    }

    /// Each instance with the one on its node.
    fn interleave(&mut self, order: &Order, terms: Terms) {
        let down = matches!(order.first_task, Task::Stop | Task::Demote);
        let mut by_node: BTreeMap<NodeIx, ResourceIx> = BTreeMap::new();
        for instance in self.instances(order.first) {
            for node in self.nodes(instance.place, down) {
                by_node.entry(node).or_insert(instance.first);
            }
        }
        for instance in self.instances(order.then) {
            let nodes = self.nodes(instance.place, down);
            let Some(&node) = nodes.first() else { continue };
            let promotion = matches!(order.then_task, Task::Promote | Task::Demote);
            let then = if promotion { instance.first } else { instance.place };
            if let Some(&first) = by_node.get(&node) {
                self.one_to_one((first, order.first_task), (then, order.then_task), terms);
            } else if !down && terms.any(Terms::THEN_WANTS_POSSIBLE | Terms::FIRST_NEEDS_THEN) {
                self.never(then);
            }
        }
    }

    /// The instances of a clone, or the replicas of a bundle.
    fn instances(&self, resource: ResourceIx) -> Vec<Instance> {
        let replicas = bundle::replicas(self.facts, resource);
        if !self.facts[resource].is_bundle() {
            return self.facts[resource]
                .children
                .iter()
                .map(|&child| Instance { first: child, place: child })
                .collect();
        }
        replicas
            .iter()
            .map(|replica| Instance { first: replica.child.unwrap_or(replica.container), place: replica.container })
            .collect()
    }

    /// An instance without a partner cannot run.
    fn never(&mut self, instance: ResourceIx) {
        let never = self.graph.hidden();
        self.graph[never].possible = false;
        for verb in [Verb::Start, Verb::Promote] {
            if let Some(whole) = self.wholes.of(instance, verb) {
                self.edges.add(never, whole.demand, Terms::THEN_WANTS_POSSIBLE);
            } else {
                let actions: Vec<ActionIx> = self.graph.tasks(instance, verb.begin()).collect();
                for action in actions {
                    self.edges.add(never, action, Terms::THEN_WANTS_POSSIBLE);
                }
            }
        }
    }

    /// Where an instance is, or should be.
    fn nodes(&self, instance: ResourceIx, now: bool) -> Vec<NodeIx> {
        for primitive in self.facts.primitives(instance) {
            let nodes = if now {
                self.facts[primitive].on.clone()
            } else {
                self.assignment.node[primitive.at()].into_iter().collect()
            };
            if !nodes.is_empty() {
                return nodes;
            }
        }
        Vec::new()
    }

    /// Some instances of a clone are enough for what comes after it.
    fn enough_instances(&mut self, order: &Order, enough: u32) {
        let mark = self.graph.mark(format!("clone-one-or-more:{}", order.id));
        self.graph[mark].enough = enough;
        for instance in self.instances(order.first) {
            self.counts((instance.first, order.first_task), mark);
        }
        self.after(mark, (order.then, order.then_task), order.kind, order.symmetry);
    }

    /// One of what is enough.
    fn counts(&mut self, first: (ResourceIx, Task), mark: ActionIx) {
        self.make_missing(first);
        let terms = Terms::ORDERED | Terms::ENOUGH | Terms::FIRST_NEEDS_THEN;
        match Verb::of(first.1).and_then(|verb| self.wholes.of(first.0, verb)) {
            Some(whole) => self.edges.add(whole.done, mark, terms),
            None => {
                let actions: Vec<ActionIx> = self.graph.tasks(first.0, first.1).collect();
                for action in actions {
                    self.edges.add(action, mark, terms);
                }
            }
        }
    }

    /// What comes after enough of something.
    fn after(&mut self, mark: ActionIx, then: (ResourceIx, Task), kind: OrderKind, symmetry: Symmetry) {
        let mut terms = Terms::ORDERED;
        if kind == OrderKind::Mandatory {
            terms |= Terms::THEN_WANTS_POSSIBLE;
            if symmetry == Symmetry::Asymmetric {
                terms = self.one_way(then, terms | Terms::ASYMMETRIC);
            }
        }
        let relation = Relation { first: Point::Action(mark), then: Point::Task(then.0, then.1), terms, node: None };
        self.edges.resolve(self.graph, self.wholes, &[relation]);
    }

    /// A set of which some members are enough: none possible is not enough, however strict the order is.
    fn gathering(&mut self, gathering: &Gathering) {
        let mark = self.graph.mark(format!("one-or-more:{}", gathering.id));
        self.graph[mark].enough = gathering.enough;
        for &first in &gathering.firsts {
            self.counts((first, gathering.first_task), mark);
        }
        for &then in &gathering.thens {
            self.after(mark, (then, gathering.then_task), OrderKind::Mandatory, Symmetry::Symmetric);
        }
        let undone = if gathering.symmetry == Symmetry::Symmetric { &gathering.undone_last[..] } else { &[] };
        for &then in undone {
            for &first in &gathering.firsts {
                let first = (first, reverse(gathering.first_task));
                self.connect((then, reverse(gathering.then_task)), first, Terms::ORDERED);
            }
        }
    }
}
