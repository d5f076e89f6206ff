//! The order in which instances get their nodes: those first that have most to lose.

use super::colocation::End;
use super::draft::Draft;
use super::influence::Manner;
use super::score::{ABSENT, MANDATORY};
use crate::index::{NodeIx, ResourceIx};
use std::cmp::Ordering;

impl Draft<'_, '_> {
    /// Sorts the instances of one collective.
    pub fn sort_instances(&mut self, instances: &mut Vec<ResourceIx>) {
        let mut keyed: Vec<Standing> = instances.iter().map(|&instance| self.standing(instance)).collect();
        // A stable insertion by pairs: the comparison weighs colocations and needs the draft, so a key alone does not
        // do.
        let mut sorted: Vec<Standing> = Vec::with_capacity(keyed.len());
        for standing in keyed.drain(..) {
            let place = sorted.partition_point(|other| self.order(other, &standing).is_le());
            sorted.insert(place, standing);
        }
        instances.clear();
        instances.extend(sorted.into_iter().map(|standing| standing.instance));
    }

    /// Which of two instances gets its node first.
    pub fn compare_instances(&mut self, one: ResourceIx, other: ResourceIx) -> Ordering {
        let (one, other) = (self.standing(one), self.standing(other));
        self.order(&one, &other)
    }

    fn standing(&self, instance: ResourceIx) -> Standing {
        let active = self.on(instance).len();
        let current = self.current(instance);
        let list = self.list_of(instance);
        let allowed = current.is_none_or(|node| self.cell(list, node) >= 0);
        Standing {
            instance,
            active,
            allowed,
            current: current.filter(|_| allowed),
            priority: self.priority[instance.at()],
            failed: self.failed(instance),
        }
    }

    fn order(&mut self, one: &Standing, other: &Standing) -> Ordering {
        if one.active > 0 && other.active > 0 && one.active != other.active {
            return one.active.cmp(&other.active);
        }
        let first = other.allowed.cmp(&one.allowed).then(other.priority.cmp(&one.priority));
        if first.is_ne() {
            return first;
        }
        let (Some(here), Some(there)) = (one.current, other.current) else {
            return other.current.is_some().cmp(&one.current.is_some());
        };
        self.usable(there)
            .cmp(&self.usable(here))
            .then(one.failed.cmp(&other.failed))
            .then_with(|| self.by_colocation((one.instance, here), (other.instance, there)))
            .then_with(|| self.by_number(one.instance, other.instance))
    }

    /// By what the nodes are worth for the resources that the collective goes with.
    fn by_colocation(&mut self, one: (ResourceIx, NodeIx), other: (ResourceIx, NodeIx)) -> Ordering {
        let mut worth = |(instance, node): (ResourceIx, NodeIx)| {
            let row = self.parents_wishes(instance, one.1, other.1);
            row[node.at()]
        };
        let (here, there) = (worth(one), worth(other));
        there.cmp(&here)
    }

    fn parents_wishes(&mut self, instance: ResourceIx, one: NodeIx, other: NodeIx) -> Vec<i32> {
        let mut row = vec![ABSENT; self.width];
        row[one.at()] = 0;
        row[other.at()] = 0;
        let Some(parent) = self.facts[instance].parent else { return row };
        self.voices = self.voices_for_one();
        for end in [End::Dependent, End::Primary] {
            for at in self.colocations(parent, end) {
                let of = self.colocation(at);
                let factor = of.score.value() as f32 / MANDATORY as f32;
                let (source, only_for) = match end {
                    End::Dependent => (of.primary, false),
                    End::Primary if self.has_influence(of) => (of.dependent, true),
                    End::Primary => continue,
                };
                let manner = Manner { end: End::Primary, only_for, keep_some: false };
                self.merge_wishes(&mut row, source, instance, Some(of), factor, manner);
            }
        }
        row
    }

    /// By number; by name what has no number.
    pub fn by_number(&self, one: ResourceIx, other: ResourceIx) -> Ordering {
        let (one, other) = (&self.facts[one], &self.facts[other]);
        one.instance.cmp(&other.instance).then_with(|| one.id.cmp(&other.id))
    }
}

/// What the order of instances looks at.
struct Standing {
    instance: ResourceIx,
    /// On how many nodes it runs.
    active: usize,
    /// Whether its collective may have the node where it runs.
    allowed: bool,
    /// Where it runs, if that is allowed.
    current: Option<NodeIx>,
    priority: i32,
    failed: bool,
}
