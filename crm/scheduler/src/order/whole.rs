//! The actions of groups, clones and bundles as a whole: pseudo actions before and after what their parts do.

use super::bundle;
use super::edge::Edges;
use crate::facts::Facts;
use crate::graph::{Carrier, Graph, Key, Task, Terms};
use crate::index::{ActionIx, ResourceIx};

/// What parts of a whole do together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// They start.
    Start,
    /// They stop.
    Stop,
    /// They are promoted.
    Promote,
    /// They are demoted.
    Demote,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 4] = [Verb::Start, Verb::Stop, Verb::Promote, Verb::Demote];

    /// The verb that a task is about.
    #[must_use]
    pub fn of(task: Task) -> Option<Verb> {
        match task {
            Task::Start | Task::Started => Some(Verb::Start),
            Task::Stop | Task::Stopped => Some(Verb::Stop),
            Task::Promote | Task::Promoted => Some(Verb::Promote),
            Task::Demote | Task::Demoted => Some(Verb::Demote),
            _ => None,
        }
    }

    /// The task of parts, and of the moment before the first of them.
    #[must_use]
    pub fn begin(self) -> Task {
        match self {
            Verb::Start => Task::Start,
            Verb::Stop => Task::Stop,
            Verb::Promote => Task::Promote,
            Verb::Demote => Task::Demote,
        }
    }

    /// The moment after the last.
    #[must_use]
    pub fn done(self) -> Task {
        match self {
            Verb::Start => Task::Started,
            Verb::Stop => Task::Stopped,
            Verb::Promote => Task::Promoted,
            Verb::Demote => Task::Demoted,
        }
    }

    /// Whether it makes more of a resource, not less.
    #[must_use]
    pub fn up(self) -> bool {
        matches!(self, Verb::Start | Verb::Promote)
    }

    fn at(self) -> usize {
        match self {
            Verb::Start => 0,
            Verb::Stop => 1,
            Verb::Promote => 2,
            Verb::Demote => 3,
        }
    }
}

/// The actions of one whole and verb.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    /// Before the first part.
    pub begin: ActionIx,
    /// After the last part.
    pub done: ActionIx,
    /// Hidden: what is asked of it is asked of every part. It knows nothing of its parts, so that one part's need or
    /// impossibility is not every part's.
    pub demand: ActionIx,
}

/// What a whole is, as far as its parts are concerned.
#[derive(Clone, Copy)]
struct Kind {
    /// One part is enough for it to be possible.
    any: bool,
    /// It is a bundle.
    bundle: bool,
}

/// The whole actions, by resource.
#[derive(Debug)]
pub struct Wholes {
    by_resource: Vec<[Option<Whole>; 4]>,
}

impl Wholes {
    /// The actions of `resource` for `verb`; `None` for primitives, and for promotion where there is none.
    #[must_use]
    pub fn of(&self, resource: ResourceIx, verb: Verb) -> Option<Whole> {
        self.by_resource[resource.at()][verb.at()]
    }

    /// The start of what runs inside a bundle.
    #[must_use]
    pub fn inside(&self, facts: &Facts<'_>, bundle: ResourceIx) -> Option<Whole> {
        let inside = facts[bundle].children.iter().copied().find(|&child| facts[child].is_clone())?;
        self.of(inside, Verb::Start)
    }

    /// Makes them.
    #[must_use]
    pub fn make(facts: &Facts<'_>, graph: &mut Graph) -> Wholes {
        let mut by_resource = vec![[None; 4]; facts.resources.len()];
        for resource in facts.all_resources() {
            if facts[resource].is_primitive() {
                continue;
            }
            for verb in Verb::ALL {
                let promotion = matches!(verb, Verb::Promote | Verb::Demote);
                if promotion && !promotable(facts, resource) {
                    continue;
                }
                let begin = graph.ensure(Key::whole(resource, verb.begin()), Carrier::Nobody, false);
                let done = graph.ensure(Key::whole(resource, verb.done()), Carrier::Nobody, false);
                let demand = graph.hidden();
                by_resource[resource.at()][verb.at()] = Some(Whole { begin, done, demand });
            }
        }
        Wholes { by_resource }
    }

    /// Relates wholes with their parts.
    pub fn relate(&self, facts: &Facts<'_>, graph: &mut Graph, edges: &mut Edges) {
        for resource in facts.all_resources() {
            for verb in Verb::ALL {
                let Some(whole) = self.of(resource, verb) else { continue };
                edges.add(whole.begin, whole.done, Terms::ORDERED);
                let of = Kind { any: facts[resource].is_collective(), bundle: facts[resource].is_bundle() };
                let any = of.any;
                if any {
                    graph[whole.begin].enough = 1;
                    graph[whole.done].enough = 1;
                }
                if of.bundle && wished(facts, graph, resource, verb) {
                    graph[whole.begin].needed = true;
                }
                let mut missing = false;
                let parts = if facts[resource].is_bundle() {
                    bundle::parts(facts, resource)
                } else {
                    facts[resource].children.clone()
                };
                for child in parts {
                    missing |= self.relate_part(graph, edges, whole, child, verb, of) == 0;
                }
                if missing && !any && verb.up() {
                    graph[whole.done].possible = false;
                }
                edges.add(whole.demand, whole.begin, Terms::THEN_WANTS_POSSIBLE);
                edges.add(whole.demand, whole.done, Terms::THEN_WANTS_POSSIBLE);
            }
        }
    }

    /// Relates a whole with one part. A group begins as soon as one member has something to do, and is done only when
    /// all have done it; of a clone one instance is enough for both. Answers how many actions the part has.
    fn relate_part(
        &self,
        graph: &Graph,
        edges: &mut Edges,
        whole: Whole,
        part: ResourceIx,
        verb: Verb,
        of: Kind,
    ) -> usize {
        let any = of.any;
        let bundle = of.bundle;
        let count = if any { Terms::ENOUGH } else { Terms::THEN_WANTS_POSSIBLE };
        let up = Terms::FIRST_NEEDS_THEN | count;
        let down = Terms::FIRST_NEEDS_THEN | Terms::THEN_WANTS_POSSIBLE;
        let mut part_of = |begin: ActionIx, done: ActionIx, demand: ActionIx, opens: bool| {
            edges.add(whole.begin, begin, Terms::ORDERED);
            let opening = if opens { up } else { count };
            edges.add(begin, whole.begin, if any { opening } else { opening.without(count) });
            edges.add(done, whole.done, up | Terms::ORDERED);
            edges.add(whole.demand, demand, down);
        };
        if let Some(inner) = self.of(part, verb) {
            // What is done again inside a bundle begins nothing for the bundle as long as its container stays.
            let promotion = matches!(verb, Verb::Promote | Verb::Demote);
            part_of(inner.begin, inner.done, inner.demand, promotion || !bundle);
            return 1;
        }
        let actions: Vec<ActionIx> = graph.tasks(part, verb.begin()).collect();
        for &action in &actions {
            part_of(action, action, action, true);
        }
        if let Some(resource) = graph[whole.done].key.resource {
            edges.probes(graph, (part, verb.begin()), resource, &[whole.done], Terms::ORDERED);
        }
        actions.len()
    }
}

/// Whether something of what runs inside a bundle is to do something from the outset.
fn wished(facts: &Facts<'_>, graph: &Graph, bundle: ResourceIx, verb: Verb) -> bool {
    let mut children = bundle::replicas(facts, bundle).iter().filter_map(|replica| replica.child);
    children.any(|child| graph.tasks(child, verb.begin()).any(|action| graph[action].needed))
}

/// Whether what `resource` is made of can be promoted.
fn promotable(facts: &Facts<'_>, resource: ResourceIx) -> bool {
    let mut at = Some(resource);
    while let Some(here) = at {
        if facts[here].promotable() {
            return true;
        }
        at = facts[here].parent;
    }
    facts[resource].is_bundle() && facts[resource].children.iter().any(|&child| facts[child].promotable())
}
