//! Order constraints: names resolved, sets taken apart into pairs, reverses added.

use super::{Constraints, Gathering, Order, Symmetry, name};
use crate::facts::Facts;
use crate::graph::Task;
use crate::index::ResourceIx;
use crate::situation::{self, OrderKind, ResourceSet};

/// Resolves every order of the configuration.
pub fn resolve(facts: &Facts<'_>, constraints: &mut Constraints) {
    let all = facts.situation.configuration.constraints.orders.iter();
    for written in all.filter(|written| super::in_force(facts, written.lifetime.as_ref())) {
        let mut one = Resolver { facts, written, symmetrical: symmetrical(written), constraints };
        if written.sets.is_empty() {
            one.pair();
        } else {
            one.sets();
        }
    }
}

/// Serialized actions have no order that could be reversed.
fn symmetrical(written: &situation::Order) -> bool {
    written.symmetrical.unwrap_or(written.kind != OrderKind::Serialize) && written.kind != OrderKind::Serialize
}

/// The task that a constraint's action names.
fn task(word: Option<&str>, otherwise: Task) -> Task {
    match word.map(str::to_ascii_lowercase).as_deref() {
        Some("start") => Task::Start,
        Some("stop") => Task::Stop,
        Some("promote") => Task::Promote,
        Some("demote") => Task::Demote,
        _ => otherwise,
    }
}

/// What undoes a task.
#[must_use]
pub fn reverse(task: Task) -> Task {
    match task {
        Task::Start => Task::Stop,
        Task::Stop => Task::Start,
        Task::Promote => Task::Demote,
        Task::Demote => Task::Promote,
        other => other,
    }
}

/// The resources that names in a constraint stand for; unknown names stand for none.
fn named<'n>(facts: &Facts<'_>, names: impl IntoIterator<Item = &'n String>) -> Vec<ResourceIx> {
    names.into_iter().flat_map(|written| name::resources(facts, written)).collect()
}

/// One constraint being resolved.
struct Resolver<'r, 'a> {
    facts: &'r Facts<'a>,
    written: &'r situation::Order,
    symmetrical: bool,
    constraints: &'r mut Constraints,
}

/// One set: members, their action, and how strict the order inside is.
struct Part<'r> {
    set: &'r ResourceSet,
    members: Vec<ResourceIx>,
    task: Task,
    sequential: bool,
    all: bool,
    kind: OrderKind,
}

impl Resolver<'_, '_> {
    /// Two resources; a tag or template stands for an unordered set.
    fn pair(&mut self) {
        let first_task = task(self.written.first_action.as_deref(), Task::Start);
        let then_task = task(self.written.then_action.as_deref(), first_task);
        let firsts = named(self.facts, [&self.written.first]);
        let thens = named(self.facts, [&self.written.then]);
        let some = self.written.require_all == Some(false);
        if some && firsts.len() > 1 {
            self.gather(self.written.id.clone(), (&firsts, first_task), (&thens, then_task), thens.len());
            return;
        }
        for &first in &firsts {
            for &then in &thens {
                let enough = self.enough(first, first_task);
                self.add(self.written.kind, (first, first_task), (then, then_task), enough);
            }
        }
    }

    /// How many instances of a clone are enough before what depends on it.
    fn enough(&self, first: ResourceIx, first_task: Task) -> Option<u32> {
        if !self.facts[first].is_collective() || !matches!(first_task, Task::Start | Task::Promote) {
            return None;
        }
        let least = u32::try_from(self.facts[first].meta.clone_min).unwrap_or(0);
        if least > 0 {
            return Some(least);
        }
        (self.written.require_all == Some(false)).then_some(1)
    }

    /// Pairs inside sets and between neighbouring ones.
    fn sets(&mut self) {
        let whole = task(self.written.first_action.as_deref(), Task::Start);
        let written = self.written;
        let parts: Vec<Part<'_>> = written
            .sets
            .iter()
            .map(|set| Part {
                set,
                members: named(self.facts, &set.members),
                task: task(set.action.as_deref(), whole),
                sequential: set.sequential.unwrap_or(true),
                all: set.require_all.unwrap_or(true),
                kind: set.kind.unwrap_or(written.kind),
            })
            .filter(|part| !part.members.is_empty())
            .collect();
        for part in &parts {
            if part.sequential {
                for neighbours in part.members.windows(2) {
                    self.add(part.kind, (neighbours[0], part.task), (neighbours[1], part.task), None);
                }
            }
        }
        for neighbours in parts.windows(2) {
            self.between(&neighbours[0], &neighbours[1]);
        }
    }

    /// The order of two sets: of all members, or of the ends where their own order says the rest.
    fn between(&mut self, first: &Part<'_>, then: &Part<'_>) {
        if !first.all {
            let undone_last = if then.sequential { 1 } else { then.members.len() };
            let id = first.set.id.clone();
            self.gather(id, (&first.members, first.task), (&then.members, then.task), undone_last);
            return;
        }
        let last = first.members.len() - 1;
        let firsts = if first.sequential { &first.members[last..] } else { &first.members[..] };
        let thens = if then.sequential { &then.members[..1] } else { &then.members[..] };
        for &one in firsts {
            for &other in thens {
                self.add(self.written.kind, (one, first.task), (other, then.task), None);
            }
        }
    }

    /// A set of which one member is enough.
    fn gather(&mut self, id: String, first: (&[ResourceIx], Task), then: (&[ResourceIx], Task), undone_last: usize) {
        let ((firsts, first_task), (thens, then_task)) = (first, then);
        self.constraints.gatherings.push(Gathering {
            id,
            kind: self.written.kind,
            symmetry: if self.symmetrical { Symmetry::Symmetric } else { Symmetry::Asymmetric },
            firsts: firsts.to_vec(),
            first_task,
            thens: thens.to_vec(),
            undone_last: thens[..undone_last.min(thens.len())].to_vec(),
            then_task,
            enough: 1,
        });
    }

    /// One pair and its reverse.
    fn add(&mut self, kind: OrderKind, first: (ResourceIx, Task), then: (ResourceIx, Task), enough: Option<u32>) {
        if first.0 == then.0 {
            return;
        }
        let id = &self.written.id;
        let symmetry = if self.symmetrical { Symmetry::Symmetric } else { Symmetry::Asymmetric };
        self.constraints.orders.push(order(id, kind, symmetry, first, then, enough));
        if self.symmetrical {
            let (first, then) = ((then.0, reverse(then.1)), (first.0, reverse(first.1)));
            self.constraints.orders.push(order(id, kind, Symmetry::Inverse, first, then, enough));
        }
    }
}

fn order(
    id: &str,
    kind: OrderKind,
    symmetry: Symmetry,
    first: (ResourceIx, Task),
    then: (ResourceIx, Task),
    enough: Option<u32>,
) -> Order {
    Order {
        id: id.to_owned(),
        kind,
        symmetry,
        first: first.0,
        first_task: first.1,
        then: then.0,
        then_task: then.1,
        enough,
    }
}
