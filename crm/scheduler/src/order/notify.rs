//! Notifications: instances of a clone are told before and after something happens to some of them.
//!
//! ```text
//! pre -> (told: pre) -> confirmed-pre -> begin -> ... -> done -> post -> (told: post) -> confirmed-post
//!     -> what depends on it
//! ```
//!
//! Told are those that run at that moment: demotions come first, then stops, starts, promotions.

use super::edge::{Edge, Edges};
use super::whole::{Verb, Whole, Wholes};
use crate::assign::Assignment;
use crate::facts::{Facts, operation};
use crate::graph::{Carrier, Graph, Key, NotifyAbout, NotifyKind, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::transition::shown;

/// The pseudo actions around one step of a clone.
#[derive(Clone, Copy)]
struct Around {
    before: ActionIx,
    before_done: ActionIx,
    after: ActionIx,
    after_done: ActionIx,
}

/// Adds the notifications of every clone that wants them.
pub fn add(facts: &Facts<'_>, assignment: &Assignment, graph: &mut Graph, wholes: &Wholes, edges: &mut Edges) {
    let mut replaced: Vec<(ActionIx, ActionIx)> = Vec::new();
    for clone in facts.all_resources().filter(|&resource| facts[resource].is_clone() && facts[resource].meta.notify) {
        let mut telling = Telling { facts, assignment, graph, edges };
        let mut steps: Vec<(Whole, Around)> = Vec::new();
        for verb in [Verb::Demote, Verb::Stop, Verb::Start, Verb::Promote] {
            if let Some(whole) = wholes.of(clone, verb).filter(|whole| shown(&telling.graph[whole.begin])) {
                steps.push((whole, telling.around(clone, whole, verb)));
            }
        }
        for (at, (whole, around)) in steps.iter().enumerate() {
            for (_, later) in &steps[at + 1..] {
                telling.edges.add(around.after_done, later.before, Terms::ORDERED);
            }
            replaced.push((whole.done, around.after_done));
        }
        for primitive in facts.primitives(clone) {
            telling.monitors(primitive, &steps);
        }
    }
    let mut later: Vec<Option<ActionIx>> = vec![None; graph.actions.len()];
    for &(done, confirmed) in &replaced {
        later[done.at()] = Some(confirmed);
    }
    let confirmed: Vec<Edge> = edges
        .list
        .iter()
        .filter(|edge| edge.terms.has(Terms::ORDERED) && graph[edge.then].key.notify.is_none())
        .filter_map(|edge| Some(Edge { first: later[edge.first.at()]?, then: edge.then, terms: Terms::ORDERED }))
        .collect();
    edges.list.extend(confirmed);
}

/// Notifications while they are made.
struct Telling<'t, 'a> {
    facts: &'t Facts<'a>,
    assignment: &'t Assignment,
    graph: &'t mut Graph,
    edges: &'t mut Edges,
}

impl Telling<'_, '_> {
    /// The pseudo actions around one step, and who is told.
    fn around(&mut self, clone: ResourceIx, whole: Whole, verb: Verb) -> Around {
        let about = about(verb);
        let mut pseudo = |kind| {
            let key = Key { notify: Some((kind, about)), ..Key::whole(clone, Task::Notified) };
            self.graph.ensure(key, Carrier::Nobody, true)
        };
        let around = Around {
            before: pseudo(NotifyKind::Before),
            before_done: pseudo(NotifyKind::BeforeDone),
            after: pseudo(NotifyKind::After),
            after_done: pseudo(NotifyKind::AfterDone),
        };
        for (first, then) in [
            (around.before, around.before_done),
            (around.before_done, whole.begin),
            (around.before_done, around.after),
            (whole.done, around.after),
            (around.after, around.after_done),
        ] {
            self.edges.add(first, then, Terms::ORDERED);
        }
        let primitives = self.facts.primitives(clone);
        let happens = |primitive: &ResourceIx| {
            let blocked_too = !verb.up();
            let counts = |action| shown(&self.graph[action]) || (blocked_too && self.graph[action].needed);
            self.graph.tasks(*primitive, verb.begin()).any(counts)
        };
        let somebody = primitives.iter().any(happens);
        if verb == Verb::Stop && somebody {
            self.after_fencing(clone, &primitives);
        }
        for primitive in primitives.into_iter().filter(|_| somebody) {
            let (before, after) = self.running(primitive, verb);
            for node in before {
                self.tell(primitive, node, (NotifyKind::Before, about), around.before, around.before_done);
            }
            for node in after {
                self.tell(primitive, node, (NotifyKind::After, about), around.after, around.after_done);
            }
        }
        around
    }

    /// Where fencing stopped an instance, others are told when that is done: also those that have to stop because of
    /// something else, and hear nothing of what comes after that. Nothing is watched before they were.
    fn after_fencing(&mut self, clone: ResourceIx, primitives: &[ResourceIx]) {
        let mut fences: Vec<ActionIx> = Vec::new();
        for &primitive in primitives {
            let implied = |&stop: &ActionIx| self.graph[stop].carrier == Carrier::Nobody && shown(&self.graph[stop]);
            let stops: Vec<ActionIx> = self.graph.tasks(primitive, Task::Stop).filter(implied).collect();
            let nodes = stops.into_iter().filter_map(|stop| self.graph[stop].key.node);
            fences.extend(nodes.filter_map(|node| self.graph.find(Key::node(Task::Fence, node))));
        }
        if fences.is_empty() {
            return;
        }
        let mut all_told: Vec<ActionIx> = Vec::new();
        for &primitive in primitives {
            let (before, stays) = self.running(primitive, Verb::Stop);
            for node in before {
                if !stays.contains(&node) && !self.stops_for_others(clone, primitive, node) {
                    continue;
                }
                let told = self.told(primitive, node, (NotifyKind::After, NotifyAbout::Stop));
                fences.iter().for_each(|&fence| self.edges.add(fence, told, Terms::ORDERED));
                all_told.push(told);
            }
        }
        let monitors: Vec<ActionIx> = primitives.iter().flat_map(|&primitive| self.recurring(primitive)).collect();
        for monitor in monitors {
            all_told.iter().for_each(|&told| self.edges.add(told, monitor, Terms::ORDERED));
        }
    }

    /// Whether an instance stops, and not because it failed or has to be elsewhere itself.
    fn stops_for_others(&self, clone: ResourceIx, primitive: ResourceIx, node: NodeIx) -> bool {
        let stop = self.graph.find(Key::on(primitive, Task::Stop, node)).map(|stop| &self.graph[stop]);
        stop.is_some_and(|stop| {
            let changed = stop.because.contains(&Reason::ParametersChanged) && !self.facts[clone].promotable();
            shown(stop) && (stop.needed_by.is_some() || changed)
        })
    }

    /// Where an instance runs just before, and just after, a step.
    fn running(&self, primitive: ResourceIx, verb: Verb) -> (Vec<NodeIx>, Vec<NodeIx>) {
        if !self.assignment.managed[primitive.at()] || self.facts[primitive].blocked.is_some() {
            return (Vec::new(), Vec::new());
        }
        let happens = |task, node| {
            self.graph.find(Key::on(primitive, task, node)).is_some_and(|action| shown(&self.graph[action]))
        };
        let now: Vec<NodeIx> = self.facts[primitive].on.iter().copied().filter(|&node| self.reachable(node)).collect();
        let stays: Vec<NodeIx> = now.iter().copied().filter(|&node| !happens(Task::Stop, node)).collect();
        let mut finally = stays.clone();
        if let Some(node) = self.assignment.node[primitive.at()]
            && happens(Task::Start, node)
            && !finally.contains(&node)
        {
            finally.push(node);
        }
        match verb {
            Verb::Demote => (now.clone(), now),
            Verb::Stop => (now, stays),
            Verb::Start => (stays, finally),
            Verb::Promote => (finally.clone(), finally),
        }
    }

    /// Whether somebody on a node can be told anything.
    fn reachable(&self, node: NodeIx) -> bool {
        let fenced = self.graph.find(Key::node(Task::Fence, node)).is_some_and(|fence| self.graph[fence].needed);
        let here = &self.facts[node];
        here.online && !here.pending && !here.unclean && !fenced
    }

    fn tell(
        &mut self,
        primitive: ResourceIx,
        node: NodeIx,
        notify: (NotifyKind, NotifyAbout),
        after: ActionIx,
        before: ActionIx,
    ) {
        let told = self.told(primitive, node, notify);
        self.edges.add(after, told, Terms::ORDERED);
        self.edges.add(told, before, Terms::ORDERED);
    }

    /// The call that tells one instance.
    fn told(&mut self, primitive: ResourceIx, node: NodeIx, notify: (NotifyKind, NotifyAbout)) -> ActionIx {
        let key = Key { notify: Some(notify), ..Key::on(primitive, Task::Notify, node) };
        let told = self.graph.ensure(key, Carrier::Agent, true);
        if self.graph[told].options.is_none() {
            self.graph[told].options = Some(operation::options(self.facts, primitive, "notify", 0));
        }
        told
    }

    /// The recurring monitors of a primitive.
    fn recurring(&self, primitive: ResourceIx) -> Vec<ActionIx> {
        let watches = |at: &ActionIx| self.graph[*at].key.task == Task::Monitor && self.graph[*at].key.interval_ms > 0;
        self.graph.of(primitive).iter().copied().filter(watches).collect()
    }

    /// Recurring monitors begin when everybody was told.
    fn monitors(&mut self, primitive: ResourceIx, steps: &[(Whole, Around)]) {
        let monitors = self.recurring(primitive);
        for (_, around) in steps {
            for &monitor in &monitors {
                self.edges.add(around.after_done, monitor, Terms::ORDERED);
            }
        }
    }
}

fn about(verb: Verb) -> NotifyAbout {
    match verb {
        Verb::Start => NotifyAbout::Start,
        Verb::Stop => NotifyAbout::Stop,
        Verb::Promote => NotifyAbout::Promote,
        Verb::Demote => NotifyAbout::Demote,
    }
}
