//! Clones: what is wished of the whole, then its instances.

use super::colocation::End;
use super::draft::Draft;
use super::ledger::Cause;
use super::score::{MANDATORY, NEVER};
use crate::constraint::Colocation;
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;

impl Draft<'_, '_> {
    /// Chooses nodes, and roles, for the instances of a clone.
    pub fn assign_clone(&mut self, clone: ResourceIx, prefer: Option<NodeIx>, settle: bool) {
        if !self.open[clone.at()] || self.choosing[clone.at()] {
            return;
        }
        self.choosing[clone.at()] = true;
        let promotable = self.is_promotable_clone(clone);
        if promotable {
            self.weigh_promotion(clone);
        }
        for at in self.colocations(clone, End::Dependent) {
            let of = self.colocation(at);
            self.assign(of.primary, prefer, settle);
        }
        self.voices = self.voices_for_one();
        for at in self.colocations(clone, End::Primary) {
            let of = self.colocation(at);
            self.weigh_dependent(of, clone);
            self.note(|| Cause::Influence(at));
        }
        let mut instances = self.children[clone.at()].clone();
        self.sort_instances(&mut instances);
        self.children[clone.at()].clone_from(&instances);
        let meta = &self.facts[clone].meta;
        self.assign_instances(clone, &instances, meta.clone_max, meta.clone_node_max);
        if promotable {
            self.choose_promoted(clone);
        }
        self.open[clone.at()] = false;
        self.choosing[clone.at()] = false;
    }

    /// Lets `dependent` follow a clone: the promoted instances, its own counterpart, every instance that a node has.
    pub fn follow_clone(&mut self, dependent: ResourceIx, clone: ResourceIx, of: &Colocation) {
        if self.open[clone.at()] {
            return;
        }
        if self.is_promotable_clone(clone) && of.primary_role.is_some() {
            if self.open[dependent.at()] {
                self.follow_promoted(dependent, clone, of);
            } else if of.dependent_role == Some(Role::Promoted) {
                self.promote_beside(dependent, clone, of);
            }
            return;
        }
        // To be apart from the counterpart alone would leave room beside the others.
        if self.interleaves(of) && !of.score.is_never() {
            match self.counterpart(dependent, clone, None, false) {
                Some(instance) => self.follow_with(dependent, instance, of),
                None if of.score.is_mandatory() => self.settle(dependent, None, true, true),
                None => {}
            }
            return;
        }
        let instances = self.children[clone.at()].clone();
        if of.score.value() >= MANDATORY {
            let placed = !self.open[dependent.at()] && of.dependent_role == Some(Role::Promoted);
            if placed && self.counterpart(dependent, clone, None, false).is_none() {
                let bearer = self.role_bearer(dependent);
                self.priority[bearer.at()] = NEVER;
            }
            let hosts: Vec<(NodeIx, i32)> = instances
                .iter()
                .filter(|&&instance| !self.blocked(instance))
                .filter_map(|&instance| self.place(instance))
                .map(|node| (node, 0))
                .collect();
            self.keep_only(dependent, clone, of, &hosts);
            return;
        }
        for instance in instances {
            self.follow(dependent, instance, of);
        }
    }

    /// Whether instances of the dependent look for their counterparts only.
    fn interleaves(&self, of: &Colocation) -> bool {
        let dependent = &self.facts[of.dependent];
        let per_node = |resource: ResourceIx| self.facts[resource].meta.clone_node_max;
        dependent.is_clone() && dependent.meta.interleave && per_node(of.dependent) == per_node(of.primary)
    }

    /// The instance of `collective` that is where `resource` is, or will be, or, when it has no node, on the best node
    /// that it may have.
    pub fn counterpart(
        &self,
        resource: ResourceIx,
        collective: ResourceIx,
        role: Option<Role>,
        now: bool,
    ) -> Option<ResourceIx> {
        let node = if now { self.current(resource) } else { self.place(resource) };
        if let Some(node) = node.map(|node| self.beneath(resource, collective, node)) {
            return self.instance_on(collective, node, role, now);
        }
        let nodes = self.sorted_nodes(self.row(resource), None);
        nodes.into_iter().find_map(|node| self.instance_on(collective, node, role, now))
    }

    /// Of something inside a bundle that looks for containers: the host of its own container.
    fn beneath(&self, resource: ResourceIx, collective: ResourceIx, node: NodeIx) -> NodeIx {
        let inside = self.facts[node].bundle && self.facts[self.facts.top(resource)].is_bundle();
        match self.facts[node].container() {
            Some(host) if inside && self.facts[collective].is_bundle() => self.place(host).unwrap_or(node),
            _ => node,
        }
    }

    fn instance_on(&self, collective: ResourceIx, node: NodeIx, role: Option<Role>, now: bool) -> Option<ResourceIx> {
        self.instances(collective).into_iter().find(|&instance| {
            let there = if now { self.on(instance).contains(&node) } else { self.place(instance) == Some(node) };
            let acts = if now { self.role_now(instance) } else { self.role_next(instance) };
            there && role.is_none_or(|role| role == acts) && !self.blocked(instance)
        })
    }

    /// The instances of a clone, or the containers of a bundle.
    pub fn instances(&self, collective: ResourceIx) -> Vec<ResourceIx> {
        match &self.facts[collective].kind {
            crate::facts::resource::Kind::Bundle(replicas) => {
                replicas.iter().map(|replica| replica.container).collect()
            }
            _ => self.children[collective.at()].clone(),
        }
    }
}
