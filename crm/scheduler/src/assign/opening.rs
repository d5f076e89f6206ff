//! What the nodes are worth for each resource before any is placed: lists, locations, health, stickiness, failures.

use super::draft::Draft;
use super::ledger::Cause;
use super::score::{ABSENT, MANDATORY, NEVER, give};
use crate::constraint::{Location, name};
use crate::facts::bundle::Replica;
use crate::facts::failure;
use crate::facts::resource::Kind;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::situation::Discovery;
use config::Score;
use std::collections::BTreeSet;

impl Draft<'_, '_> {
    /// Everything that is known before any node is chosen.
    pub fn open(&mut self) {
        self.list_nodes();
        self.note(|| Cause::Listed);
        self.list_homes();
        self.note(|| Cause::Home);
        self.heed_hosts();
        self.heed_bans();
        self.heed_health();
        for (at, location) in self.constraints.locations.iter().enumerate() {
            self.locate(location.resource, location, Weight::Full);
            self.note(|| Cause::Location(at));
        }
        self.heed_tickets();
        for resource in self.facts.all_resources() {
            if self.facts[resource].is_primitive() {
                self.keep_unmanaged(resource);
                self.stick(resource);
                self.heed_lock(resource);
            }
        }
        self.heed_failures();
        self.close_unopened();
        self.note(|| Cause::NotOpened);
    }

    /// In a symmetric cluster every node is on every list, except the nodes inside bundles, which belong to what runs
    /// inside.
    fn list_nodes(&mut self) {
        let written = &self.facts.situation.configuration.nodes;
        let nodes: Vec<(NodeIx, i32)> = self
            .facts
            .all_nodes()
            .filter(|&node| !self.facts[node].bundle && !self.left_over(node))
            .map(|node| (node, written.iter().find(|written| written.name == self.facts[node].name)))
            .map(|(node, written)| (node, written.map_or(0, |written| written.score.value())))
            .collect();
        for resource in self.facts.all_resources() {
            // A connection has to be made from somewhere.
            if self.facts.options.symmetric || self.facts[resource].connects.is_some() {
                for &(node, score) in &nodes {
                    self.row_mut(resource)[node.at()] = score;
                }
            }
        }
    }

    fn list_homes(&mut self) {
        for bundle in self.facts.all_resources() {
            let Kind::Bundle(replicas) = &self.facts[bundle].kind else { continue };
            for replica in replicas {
                self.forbid_written(replica);
                if let (Some(child), Some(node)) = (replica.child, replica.node) {
                    self.list_inside(child, node);
                }
            }
        }
    }

    /// A node inside a bundle that somebody wrote among the nodes is on the lists of what is written before the bundle;
    /// forbidden, since it belongs to what runs inside.
    fn forbid_written(&mut self, replica: &Replica) {
        let (Some(node), Some(connection)) = (replica.node, replica.connection) else { return };
        let name = &self.facts[node].name;
        let written = self.facts.situation.configuration.nodes.iter().any(|it| it.name == *name);
        if written && self.facts.options.symmetric {
            for earlier in (0..connection.at()).map(ResourceIx::new) {
                self.row_mut(earlier)[node.at()] = NEVER;
            }
        }
    }

    /// A remote node that is known from the status only: its connection is not configured any more.
    fn left_over(&self, node: NodeIx) -> bool {
        let here = &self.facts[node];
        let connected = here.connection.map(|connection| &self.facts[connection]);
        match connected {
            Some(connection) => connection.removed || connection.connects != Some(node),
            None => here.is_remote() && !self.facts.situation.configuration.nodes.iter().any(|it| it.name == here.name),
        }
    }

    /// What runs inside a container has its own node only, and a reason to be there.
    fn list_inside(&mut self, child: ResourceIx, node: NodeIx) {
        const AT_HOME: i32 = 500;
        self.row_mut(child).fill(ABSENT);
        self.row_mut(child)[node.at()] = AT_HOME;
        if let Some(clone) = self.facts[child].parent {
            self.row_mut(clone)[node.at()] = NEVER;
        }
    }

    /// Connections and fence devices run on members only; so do hosts of guest nodes, but not containers of bundles.
    /// What lives in a resource that is a node, runs on that node. What is not managed stays where it is, and nothing
    /// of this matters.
    fn heed_hosts(&mut self) {
        for resource in self.facts.all_resources() {
            let here = &self.facts[resource];
            if !here.managed {
                continue;
            }
            if here.connects.is_some() || here.fence_device {
                self.members_only(resource);
            }
            let Some(container) = here.container else { continue };
            if let Some(node) = here.connects {
                if !self.facts[node].bundle {
                    self.members_only(container);
                }
                continue;
            }
            let connected = |of: ResourceIx| self.facts[of].connects;
            let inside = connected(container)
                .or_else(|| self.facts[container].contents.iter().find_map(|&content| connected(content)));
            if let Some(node) = inside {
                for other in self.facts.all_nodes().filter(|&other| other != node) {
                    self.forbid_listed(resource, other);
                }
                self.note(|| Cause::LivesElsewhere);
            }
        }
    }

    fn members_only(&mut self, resource: ResourceIx) {
        let inside_bundle = self.facts[resource].connects.is_some_and(|node| self.facts[node].bundle);
        for node in self.facts.all_nodes() {
            let connected = self.facts[node].connection.is_some();
            if connected || (inside_bundle && self.facts[node].is_remote()) {
                self.forbid_listed(resource, node);
            }
        }
        self.note(|| Cause::MembersOnly);
    }

    fn forbid_listed(&mut self, resource: ResourceIx, node: NodeIx) {
        let cell = &mut self.row_mut(resource)[node.at()];
        if *cell != ABSENT {
            *cell = NEVER;
        }
    }

    /// What histories say: an agent that cannot run there, a failure whose answer is another node.
    fn heed_bans(&mut self) {
        for resource in self.facts.all_resources() {
            for (node, reason) in &self.facts[resource].bans {
                self.give(resource, *node, NEVER);
                self.note(|| Cause::Ban(reason.clone()));
                self.say(resource, reason.clone());
            }
            if self.facts[resource].removed && self.facts.options.stop_removed_resources {
                self.ban_everywhere(resource);
                self.note(|| Cause::Removed);
            }
        }
    }

    /// Health counts for everything; bad health not for what may run on nodes that are not well.
    fn heed_health(&mut self) {
        for node in self.facts.all_nodes() {
            let score = self.facts[node].health;
            if score == Score::ZERO {
                continue;
            }
            let location = Location {
                id: "node-health".to_string(),
                resource: ResourceIx(0),
                role: None,
                nodes: vec![(node, score)],
                discovery: Discovery::Always,
            };
            for &top in &self.facts.tops {
                if score > Score::ZERO || !self.facts[top].meta.allow_unhealthy_nodes {
                    self.locate(top, &location, Weight::Full);
                }
            }
            self.note(|| Cause::Health);
        }
    }

    /// Gives the nodes of a location constraint what they are worth, for a resource and what is inside it. The members
    /// of a group follow the first, which therefore speaks for all.
    fn locate(&mut self, resource: ResourceIx, location: &Location, weight: Weight) {
        let here = &self.facts[resource];
        if let Kind::Bundle(replicas) = &here.kind {
            self.locate_bundle(resource, location, replicas);
            return;
        }
        self.locate_one(resource, location, weight);
        let first_only = here.is_group() && self.together(resource);
        let stuck = first_only && here.children.first().is_some_and(|&first| self.held_on(first).is_some());
        for (at, &child) in here.children.iter().enumerate() {
            let follows = if stuck && self.managed[child.at()] { Weight::Bans } else { Weight::Listed };
            self.locate(child, location, if first_only && at > 0 { weight.min(follows) } else { weight });
        }
    }

    fn locate_bundle(&mut self, bundle: ResourceIx, location: &Location, replicas: &[Replica]) {
        self.locate_one(bundle, location, Weight::Full);
        for replica in replicas {
            self.locate(replica.container, location, Weight::Full);
            if let Some(address) = replica.address {
                self.locate(address, location, Weight::Full);
            }
        }
    }

    fn locate_one(&mut self, resource: ResourceIx, location: &Location, weight: Weight) {
        if location.role.is_some_and(|role| role != self.next[resource.at()]) {
            return;
        }
        let exclusive = location.discovery == Discovery::Exclusive;
        if exclusive {
            self.exclusive[resource.at()] = true;
            if self.opened.is_empty() {
                self.opened = vec![false; self.cells.len()];
            }
        }
        for &(node, score) in &location.nodes {
            let heard = weight == Weight::Full || (weight == Weight::Bans && score.is_never());
            let score = if heard { score.value() } else { 0 };
            give(&mut self.row_mut(resource)[node.at()], score);
            if exclusive {
                self.opened[resource.at() * self.width + node.at()] = true;
            }
        }
    }

    /// Something that looks only at nodes opened to it runs on no other.
    fn close_unopened(&mut self) {
        for resource in self.facts.all_resources() {
            let top = name::below_bundle(self.facts, resource);
            if !self.exclusive[resource.at()] && !self.exclusive[top.at()] {
                continue;
            }
            for node in self.facts.all_nodes() {
                let opened = self.opened.get(resource.at() * self.width + node.at()).copied().unwrap_or(false);
                if !opened {
                    self.forbid_listed(resource, node);
                }
            }
        }
    }

    /// What is not managed stays where it runs, whatever speaks against that. What is left alone only because it runs
    /// too often has no such place.
    fn keep_unmanaged(&mut self, resource: ResourceIx) {
        let here = &self.facts[resource];
        if !here.managed && (here.meta.unmanaged_reason.is_some() || here.on.len() == 1) {
            for &node in &here.on {
                self.give(resource, node, MANDATORY);
            }
            self.note(|| Cause::Unmanaged);
        }
    }

    /// A resource likes to stay where it runs, if that is one node, and one that is allowed.
    fn stick(&mut self, resource: ResourceIx) {
        let here = &self.facts[resource];
        let stickiness = here.meta.stickiness.map_or(0, |score| score.value());
        if !self.managed[resource.at()] || stickiness < 1 {
            return;
        }
        let &[node] = &here.on[..] else { return };
        if self.facts.options.symmetric || self.cell(resource, node) != ABSENT {
            self.give(resource, node, stickiness);
            self.note(|| Cause::Stickiness);
        }
    }

    /// Too many failures forbid a node, for all instances of an anonymous clone at once.
    fn heed_failures(&mut self) {
        let counted: BTreeSet<(ResourceIx, NodeIx)> = self
            .facts
            .failures
            .counts
            .keys()
            .flat_map(|&(resource, node)| [Some(resource), self.facts[resource].container].map(|of| (of, node)))
            .filter_map(|(resource, node)| Some((resource?, node)))
            .collect();
        for (resource, node) in counted {
            let cleared = self.facts.failures.of(resource, node).is_some_and(|failures| failures.clear.is_some());
            if cleared || !self.has_failed_too_often(resource, node) {
                continue;
            }
            let top = name::below_bundle(self.facts, resource);
            let shared = self.facts[top].is_clone() && !self.facts[resource].unique;
            let banned = if shared { top } else { resource };
            let failures = failure::against(self.facts, resource, node);
            let node_name = self.facts[node].name.clone();
            self.say(resource, Reason::TooManyFailures { node: node_name, count: failures });
            self.give(banned, node, NEVER);
            let threshold = self.facts[resource].meta.migration_threshold.unwrap_or(i64::from(MANDATORY));
            self.note(|| Cause::Failures(failures, threshold));
        }
    }

    /// Whether failures there have reached the threshold.
    pub fn has_failed_too_often(&self, resource: ResourceIx, node: NodeIx) -> bool {
        let here = &self.facts[resource];
        let threshold = here.meta.migration_threshold.unwrap_or(i64::from(MANDATORY));
        if threshold == 0 || here.failure_ignored {
            return false;
        }
        let failures = failure::against(self.facts, resource, node);
        failures > 0 && failures >= threshold
    }

    /// A resource locked to a node that is down in order waits for it.
    fn heed_lock(&mut self, resource: ResourceIx) {
        let Some(lock) = self.facts[resource].lock else { return };
        for node in self.facts.all_nodes().filter(|&node| node != lock) {
            self.give(resource, node, NEVER);
        }
        self.note(|| Cause::Lock(lock));
        self.say(resource, Reason::Locked(self.facts[lock].name.clone()));
    }
}

/// How much of a location counts for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Its nodes are listed, without scores: another speaks for it.
    Listed,
    /// What forbids a node, too: the one that speaks for it cannot move, so nobody would heed the ban for it.
    Bans,
    /// All of it.
    Full,
}
