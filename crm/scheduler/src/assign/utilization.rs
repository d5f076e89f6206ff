//! Capacity: what nodes have left, what resources that go together need.

use super::colocation::{Affects, End};
use super::draft::Draft;
use super::ledger::Cause;
use super::score::NEVER;
use crate::facts::Facts;
use crate::facts::options::PlacementStrategy;
use crate::facts::resource::Kind;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// No more than these are counted together: whoever has more does not choose nodes by what is left there.
const COMPANIONS: usize = 1000;

/// What is left on each node, by name of the capacity.
pub struct Capacities {
    counts: bool,
    left: Vec<BTreeMap<String, i64>>,
}

impl Capacities {
    /// Everything is free. With the default placement nobody looks.
    pub fn new(facts: &Facts<'_>) -> Self {
        let counts = facts.options.placement_strategy != PlacementStrategy::Default;
        let left = if counts { facts.nodes.iter().map(|node| node.utilization.clone()).collect() } else { Vec::new() };
        Capacities { counts, left }
    }

    /// Takes what a primitive needs.
    pub fn take(&mut self, facts: &Facts<'_>, node: NodeIx, resource: ResourceIx) {
        self.change(facts, node, resource, -1);
    }

    /// Gives it back.
    pub fn give_back(&mut self, facts: &Facts<'_>, node: NodeIx, resource: ResourceIx) {
        self.change(facts, node, resource, 1);
    }

    fn change(&mut self, facts: &Facts<'_>, node: NodeIx, resource: ResourceIx, sign: i64) {
        if !self.counts {
            return;
        }
        for (name, need) in &facts[resource].utilization {
            if let Some(left) = self.left[node.at()].get_mut(name) {
                *left = left.saturating_add(need.saturating_mul(sign));
            }
        }
    }

    /// `Less` when `one` has more left in more capacities than `other`.
    pub fn compare(&self, one: NodeIx, other: NodeIx) -> Ordering {
        let (one, other) = (&self.left[one.at()], &self.left[other.at()]);
        let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let left = |of: &BTreeMap<String, i64>, name| of.get(name).copied().unwrap_or(0);
        let balance: i64 = names.into_iter().map(|name| left(other, name).cmp(&left(one, name)) as i64).sum();
        balance.cmp(&0)
    }

    /// The first thing that a node has too little of: name, need, what is left.
    pub fn lack<'n>(&self, node: NodeIx, need: &'n BTreeMap<String, i64>) -> Option<(&'n str, i64, i64)> {
        need.iter().find_map(|(name, &need)| {
            let left = self.left[node.at()].get(name).copied().unwrap_or(0);
            (need > left).then_some((name.as_str(), need, left))
        })
    }
}

impl Draft<'_, '_> {
    /// Forbids nodes that have too little for a resource and everything that must go with it; when no node has enough
    /// for all, those that have too little for the resource alone, and then returns the node with most left.
    pub fn respect_capacity(&mut self, resource: ResourceIx) -> Option<NodeIx> {
        if self.facts.options.placement_strategy == PlacementStrategy::Default {
            return None;
        }
        let mut companions = BTreeSet::new();
        self.companions(resource, resource, &mut companions);
        let mut together = BTreeMap::new();
        let mut counted = BTreeSet::new();
        for &companion in &companions {
            if self.open[companion.at()] {
                self.add_need(companion, &companions, &mut counted, &mut together);
            }
        }
        let nodes: Vec<NodeIx> = (0..self.width)
            .map(NodeIx::new)
            .filter(|&node| self.cell(resource, node) >= 0 && self.usable(node))
            .collect();
        let enough = nodes.iter().any(|&node| self.capacities.lack(node, &together).is_none());
        let alone = self.facts[resource].utilization.clone();
        let need = if enough { &together } else { &alone };
        let freest = nodes
            .iter()
            .copied()
            .reduce(|best, node| if self.capacities.compare(node, best).is_lt() { node } else { best });
        for node in nodes {
            if let Some((name, need, left)) = self.capacities.lack(node, need) {
                let node_name = self.facts[node].name.clone();
                let reason = Reason::Capacity { node: node_name, of: name.to_string(), left, need };
                let cause = Cause::Capacity(name.to_string(), need, left);
                self.row_mut(resource)[node.at()] = NEVER;
                self.note(|| cause);
                self.say(resource, reason);
            }
        }
        freest.filter(|_| !enough)
    }

    /// Adds everything that must be on the node of `resource`, directly or through others.
    fn companions(&self, resource: ResourceIx, origin: ResourceIx, list: &mut BTreeSet<ResourceIx>) {
        if list.len() >= COMPANIONS || !list.insert(resource) {
            return;
        }
        let here = &self.facts[resource];
        if here.is_group() {
            let cloned = here.parent.is_some();
            if self.together(resource) || cloned {
                for &member in &here.children {
                    self.companions(member, origin, list);
                }
                return;
            }
        }
        for end in [End::Dependent, End::Primary] {
            for at in self.colocations(resource, end) {
                let of = self.colocation(at);
                let (other, dependent, primary) = match end {
                    End::Dependent => (of.primary, resource, of.primary),
                    End::Primary => (of.dependent, of.dependent, resource),
                };
                let loose = end == End::Primary && here.is_clone() && !self.facts[other].is_clone();
                if other == origin || loose || !of.score.is_mandatory() {
                    continue;
                }
                if self.affects(dependent, primary, of, true) == Affects::Place {
                    self.companions(other, origin, list);
                }
            }
        }
    }

    /// Adds what a companion needs as long as it has no node.
    fn add_need(
        &self,
        resource: ResourceIx,
        companions: &BTreeSet<ResourceIx>,
        counted: &mut BTreeSet<ResourceIx>,
        need: &mut BTreeMap<String, i64>,
    ) {
        if !self.open[resource.at()] {
            return;
        }
        let here = &self.facts[resource];
        match &here.kind {
            Kind::Primitive => {
                if counted.insert(resource) {
                    for (name, amount) in &here.utilization {
                        let sum = need.entry(name.clone()).or_default();
                        *sum = sum.saturating_add(*amount);
                    }
                }
            }
            Kind::Group => {
                let cloned = here.parent.is_some();
                let members = if self.together(resource) || cloned {
                    &here.children[..]
                } else {
                    &here.children[..1.min(here.children.len())]
                };
                for &member in members.iter().filter(|member| !companions.contains(member)) {
                    self.add_need(member, companions, counted, need);
                }
            }
            Kind::Clone => {
                let listed = |at: &ResourceIx| {
                    companions.contains(at) || self.facts[*at].children.iter().any(|member| companions.contains(member))
                };
                if !here.children.iter().any(listed)
                    && let Some(&first) = self.children[resource.at()].first()
                {
                    self.add_need(first, companions, counted, need);
                }
            }
            Kind::Bundle(replicas) => {
                if let Some(replica) = replicas.first() {
                    self.add_need(replica.container, companions, counted, need);
                }
            }
        }
    }
}
