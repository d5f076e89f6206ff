//! Bundles: the containers like instances of a clone, then what belongs to each, then what runs inside.

use super::draft::Draft;
use super::ledger::Cause;
use super::score::{ABSENT, MANDATORY, NEVER};
use crate::constraint::Colocation;
use crate::facts::bundle::Replica;
use crate::facts::resource::Kind;
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;

impl Draft<'_, '_> {
    fn replicas(&self, bundle: ResourceIx) -> Vec<Replica> {
        match &self.facts[bundle].kind {
            Kind::Bundle(replicas) => replicas.clone(),
            Kind::Primitive | Kind::Group | Kind::Clone => Vec::new(),
        }
    }

    /// Chooses nodes for everything that a bundle is made of.
    pub fn assign_bundle(&mut self, bundle: ResourceIx, prefer: Option<NodeIx>, settle: bool) {
        if !self.open[bundle.at()] || self.choosing[bundle.at()] {
            return;
        }
        self.choosing[bundle.at()] = true;
        let replicas = self.replicas(bundle);
        let mut containers: Vec<ResourceIx> = replicas.iter().map(|replica| replica.container).collect();
        self.sort_instances(&mut containers);
        let most = i64::try_from(replicas.len()).unwrap_or(i64::MAX);
        self.assign_instances(bundle, &containers, most, self.facts[bundle].meta.clone_node_max);
        for replica in &replicas {
            self.assign_replica(replica, prefer, settle);
        }
        if let Some(inside) = self.inside(bundle) {
            for node in (0..self.width).map(NodeIx::new) {
                if self.cell(inside, node) != ABSENT {
                    let ours = replicas.iter().any(|replica| replica.node == Some(node));
                    self.row_mut(inside)[node.at()] = if ours { 0 } else { NEVER };
                }
            }
            self.assign(inside, prefer, settle);
        }
        self.choosing[bundle.at()] = false;
        self.open[bundle.at()] = false;
    }

    /// The clone of the primitive that runs inside.
    fn inside(&self, bundle: ResourceIx) -> Option<ResourceIx> {
        self.facts[bundle].children.iter().copied().find(|&child| self.facts[child].is_clone())
    }

    /// The address, the connection, and the instance inside, which runs on the node inside or nowhere.
    fn assign_replica(&mut self, replica: &Replica, prefer: Option<NodeIx>, settle: bool) {
        if let Some(address) = replica.address {
            self.assign(address, prefer, settle);
        }
        if let Some(connection) = replica.connection {
            self.stay_with_carrier(replica.container, connection);
            self.assign(connection, prefer, settle);
        }
        let (Some(child), Some(inside)) = (replica.child, replica.node) else { return };
        for node in (0..self.width).map(NodeIx::new) {
            if self.cell(child, node) == ABSENT {
                continue;
            }
            if node != inside {
                self.row_mut(child)[node.at()] = NEVER;
            } else if !self.has_failed_too_often(child, node) {
                self.row_mut(child)[node.at()] = MANDATORY;
            }
        }
        self.note(|| Cause::Home);
        let Some(clone) = self.facts[child].parent else { return };
        let before = std::mem::replace(&mut self.choosing[clone.at()], true);
        self.assign(child, Some(inside), settle);
        self.choosing[clone.at()] = before;
    }

    /// A container on a remote node is reached through that node's connection only, so its own connection has to be
    /// made from the same place.
    fn stay_with_carrier(&mut self, container: ResourceIx, connection: ResourceIx) {
        let carrier = self.node[container.at()].and_then(|host| self.facts[host].connection);
        let Some(place) = carrier.and_then(|carrier| self.node[carrier.at()]) else { return };
        for node in (0..self.width).map(NodeIx::new) {
            if node != place && self.cell(connection, node) != ABSENT {
                self.row_mut(connection)[node.at()] = NEVER;
            }
        }
        self.note(|| Cause::Container);
    }

    /// Lets `dependent` follow a bundle: where its containers are.
    pub fn follow_bundle(&mut self, dependent: ResourceIx, bundle: ResourceIx, of: &Colocation) {
        if self.open[bundle.at()] {
            return;
        }
        if self.facts[of.dependent].is_collective() {
            match self.counterpart(dependent, bundle, None, false) {
                Some(container) => self.follow_with(dependent, container, of),
                None if of.score.is_mandatory() => self.settle(dependent, None, true, true),
                None => {}
            }
            return;
        }
        let mut hosts = Vec::new();
        for replica in self.replicas(bundle) {
            if !of.score.is_mandatory() {
                self.follow(dependent, replica.container, of);
                continue;
            }
            let promoted = replica.child.is_some_and(|child| self.next[child.at()] == Role::Promoted);
            if of.primary_role == Some(Role::Promoted) && !promoted {
                continue;
            }
            if !self.blocked(replica.container) {
                hosts.extend(self.node[replica.container.at()].map(|node| (node, 0)));
            }
        }
        if of.score.is_mandatory() {
            self.keep_only(dependent, bundle, of, &hosts);
        }
    }
}
