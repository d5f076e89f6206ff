//! The assignment while it is made.

use super::influence;
use super::ledger::Ledger;
use super::score::{ABSENT, NEVER, give, inward, outward};
use super::utilization::Capacities;
use super::{Assignment, Outlook, ScoreStep};
use crate::constraint::Constraints;
use crate::constraint::colocation;
use crate::facts::Facts;
use crate::facts::meta::Requires;
use crate::facts::options::NoQuorumPolicy;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use std::collections::BTreeMap;

/// The assignment while it is made. Vectors are by [`ResourceIx`] unless they say otherwise.
pub struct Draft<'d, 'a> {
    /// What is.
    pub facts: &'d Facts<'a>,
    /// What operators wish.
    pub constraints: &'d Constraints,
    /// How many nodes there are.
    pub width: usize,
    /// What each node is worth for each resource: one row of `width` cells per resource.
    pub cells: Vec<i32>,
    /// Looks only at nodes that a constraint opens to it.
    pub exclusive: Vec<bool>,
    /// Nodes opened in that way, one row per resource; empty when no constraint does that.
    pub opened: Vec<bool>,
    /// Its node was not chosen yet.
    pub open: Vec<bool>,
    /// Its node is being chosen.
    pub choosing: Vec<bool>,
    /// Its wishes are being merged into somebody else's.
    pub merging: Vec<bool>,
    /// No node lives inside a resource: there are neither guests nor nodes in bundles.
    pub nothing_inside: bool,
    /// Rows that nobody works in.
    pub spare: Vec<Vec<i32>>,
    /// Over how many others the wishes come that are being merged.
    pub merge_depth: u32,
    /// How many more that are farther away are heard for the decision at hand.
    pub voices: u32,
    /// How many more of them in the whole schedule.
    pub voices_left: u32,
    /// The node chosen.
    pub node: Vec<Option<NodeIx>>,
    /// What it was worth when it was chosen.
    pub worth: Vec<i32>,
    /// What it does now.
    pub now: Vec<Role>,
    /// What it is to do; `Unknown`: whatever its node allows.
    pub next: Vec<Role>,
    /// Its priority; of an instance of a promotable clone while roles are chosen: its promotion score.
    pub priority: Vec<i32>,
    /// The order in which instances are promoted.
    pub rank: Vec<i32>,
    /// Promotion scores were weighed in where the instances go, by clone.
    pub promotion_weighed: Vec<bool>,
    /// The choice of roles has begun, by clone.
    pub roles_begun: Vec<bool>,
    /// Whether it may be touched.
    pub managed: Vec<bool>,
    /// A lost ticket leaves it as it is, and why.
    pub frozen: Vec<Option<Reason>>,
    /// Members, instances or parts, in the order in which they are looked at.
    pub children: Vec<Vec<ResourceIx>>,
    /// Of clones and bundles being assigned: how many instances each node has, by node.
    pub counts: BTreeMap<ResourceIx, Vec<u32>>,
    /// How each node will stand, by node.
    pub outlook: Vec<Outlook>,
    /// Whether it can be used for resources, by node; see [`Draft::look_again`].
    pub ready: Vec<bool>,
    /// How many primitives were given to each node, by node.
    pub load: Vec<u32>,
    /// Capacity that is left, by node.
    pub capacities: Capacities,
    /// Place of each node in the order of names, by node.
    pub name_order: Vec<u32>,
    /// Nodes to be fenced because of a decision made here.
    pub fence: Vec<(NodeIx, Reason)>,
    /// Scores at each decision.
    pub steps: Vec<ScoreStep>,
    /// Why each is where it is.
    pub because: Vec<Vec<Reason>>,
    /// Location constraints about the upper role, by their places.
    pub promoted_locations: Vec<usize>,
    /// Promotion priority at the end.
    pub promotion: Vec<Option<i32>>,
    /// Who spoke for or against which node, when somebody asks.
    pub ledger: Option<Box<Ledger>>,
}

impl<'d, 'a> Draft<'d, 'a> {
    /// Nothing decided, every node as good as every other, or, in an asymmetric cluster, none on any list.
    pub fn new(facts: &'d Facts<'a>, constraints: &'d Constraints) -> Self {
        let count = facts.resources.len();
        let width = facts.nodes.len();
        let mut by_name: Vec<usize> = (0..width).collect();
        by_name.sort_by(|&one, &other| facts.nodes[one].name.cmp(&facts.nodes[other].name));
        let mut name_order = vec![0; width];
        for (place, &node) in by_name.iter().enumerate() {
            name_order[node] = u32::try_from(place).unwrap_or(u32::MAX);
        }
        let outlook = facts.nodes.iter().map(|node| Outlook {
            online: node.online,
            shutdown: node.shutdown,
            unclean: node.unclean,
        });
        let mut draft = Draft {
            facts,
            constraints,
            width,
            cells: vec![ABSENT; count * width],
            exclusive: vec![false; count],
            opened: Vec::new(),
            open: vec![true; count],
            choosing: vec![false; count],
            merging: vec![false; count],
            nothing_inside: facts.nodes.iter().all(|node| node.container().is_none()),
            spare: Vec::new(),
            merge_depth: 0,
            voices: 0,
            voices_left: influence::ALL_VOICES,
            node: vec![None; count],
            worth: vec![0; count],
            now: facts.resources.iter().map(|resource| resource.role).collect(),
            next: facts.resources.iter().map(|r| r.next_role.as_ref().map_or(Role::Unknown, |next| next.0)).collect(),
            priority: facts.resources.iter().map(|r| inward(r.meta.priority)).collect(),
            rank: vec![0; count],
            promotion_weighed: vec![false; count],
            roles_begun: vec![false; count],
            managed: facts.resources.iter().map(|resource| resource.managed).collect(),
            frozen: vec![None; count],
            children: facts.resources.iter().map(|resource| resource.children.clone()).collect(),
            counts: BTreeMap::new(),
            outlook: outlook.collect(),
            ready: vec![false; width],
            load: vec![0; width],
            capacities: Capacities::new(facts),
            name_order,
            fence: Vec::new(),
            steps: Vec::new(),
            because: vec![Vec::new(); count],
            promoted_locations: (0..constraints.locations.len())
                .filter(|&at| constraints.locations[at].role == Some(Role::Promoted))
                .collect(),
            promotion: vec![None; count],
            ledger: None,
        };
        facts.all_nodes().for_each(|node| draft.look_again(node));
        draft
    }

    /// What the nodes are worth for a resource.
    pub fn row(&self, resource: ResourceIx) -> &[i32] {
        &self.cells[resource.at() * self.width..(resource.at() + 1) * self.width]
    }

    /// The same, to be changed.
    pub fn row_mut(&mut self, resource: ResourceIx) -> &mut [i32] {
        &mut self.cells[resource.at() * self.width..(resource.at() + 1) * self.width]
    }

    /// What one node is worth for a resource.
    pub fn cell(&self, resource: ResourceIx, node: NodeIx) -> i32 {
        self.cells[resource.at() * self.width + node.at()]
    }

    /// Gives a node a score, for a resource and everything below it.
    pub fn give(&mut self, resource: ResourceIx, node: NodeIx, score: i32) {
        for child in self.facts[resource].children.clone() {
            self.give(child, node, score);
        }
        give(&mut self.cells[resource.at() * self.width + node.at()], score);
    }

    /// Forbids every node to a resource and everything below it.
    pub fn ban_everywhere(&mut self, resource: ResourceIx) {
        for child in self.facts[resource].children.clone() {
            self.ban_everywhere(child);
        }
        self.row_mut(resource).fill(NEVER);
    }

    /// Whether a node can be used for resources, whatever it is worth.
    pub fn usable(&self, node: NodeIx) -> bool {
        self.ready[node.at()]
    }

    /// Decides again whether a node can be used, after its outlook changed.
    pub fn look_again(&mut self, node: NodeIx) {
        let here = &self.facts[node];
        let outlook = self.outlook[node.at()];
        self.ready[node.at()] = outlook.online
            && !outlook.shutdown
            && !outlook.unclean
            && !here.standby
            && !here.standby_on_fail
            && !here.pending
            && !here.maintenance;
    }

    /// The same; of a guest node its host must be placed, too.
    pub fn usable_with_host(&self, node: NodeIx) -> bool {
        self.usable(node) && self.facts[node].container().is_none_or(|host| self.place(host).is_some())
    }

    /// Whether some node is usable and not forbidden in a row of scores.
    pub fn any_usable(&self, row: &[i32]) -> bool {
        row.iter().zip(&self.ready).any(|(&score, &ready)| score >= 0 && ready)
    }

    /// The node that a resource will be on: its own, or that of its first member that has one.
    pub fn place(&self, resource: ResourceIx) -> Option<NodeIx> {
        if self.facts[resource].is_primitive() {
            return self.node[resource.at()];
        }
        self.children[resource.at()].iter().find_map(|&child| self.place(child))
    }

    /// The same, with what the node was worth.
    pub fn place_and_worth(&self, resource: ResourceIx) -> Option<(NodeIx, i32)> {
        if self.facts[resource].is_primitive() {
            return self.node[resource.at()].map(|node| (node, self.worth[resource.at()]));
        }
        self.children[resource.at()].iter().find_map(|&child| self.place_and_worth(child))
    }

    /// Every node that a resource will be on, each once.
    pub fn places(&self, resource: ResourceIx) -> Vec<NodeIx> {
        let mut places = Vec::new();
        for primitive in self.facts.primitives(resource) {
            if let Some(node) = self.node[primitive.at()].filter(|node| !places.contains(node)) {
                places.push(node);
            }
        }
        places
    }

    /// Where a resource, or a part of it, runs now, each node once.
    pub fn on(&self, resource: ResourceIx) -> Vec<NodeIx> {
        let here = &self.facts[resource];
        if here.is_primitive() {
            return here.on.clone();
        }
        let mut on = Vec::new();
        for &child in &here.children {
            for node in self.on(child) {
                if !on.contains(&node) {
                    on.push(node);
                }
            }
        }
        on
    }

    /// The node that counts as where it runs now: where a migration comes from; else, unless fencing will make all
    /// others sure, the first that is well; else the first. Of a group whose members are apart, the first node counts,
    /// whichever member is there.
    pub fn current(&self, resource: ResourceIx) -> Option<NodeIx> {
        let here = &self.facts[resource];
        let mut on = self.on(resource);
        if here.is_group() {
            on.sort_unstable();
        }
        if let Some((source, _)) = here.partial_migration
            && on.contains(&source)
        {
            return Some(source);
        }
        if here.meta.requires < Requires::Fencing
            && let Some(&well) = on.iter().find(|&&node| self.facts[node].online && !self.facts[node].unclean)
        {
            return Some(well);
        }
        on.first().copied()
    }

    /// What a resource does now: the most that a part of it does.
    pub fn role_now(&self, resource: ResourceIx) -> Role {
        self.highest(resource, &self.now)
    }

    /// What a resource is to do: the most that a part of it is to do.
    pub fn role_next(&self, resource: ResourceIx) -> Role {
        self.highest(resource, &self.next)
    }

    fn highest(&self, resource: ResourceIx, roles: &[Role]) -> Role {
        if self.facts[resource].is_primitive() {
            return roles[resource.at()];
        }
        let children = &self.facts[resource].children;
        children.iter().map(|&child| self.highest(child, roles)).max().unwrap_or(Role::Unknown)
    }

    /// Whether a resource or a part of it may not be touched.
    pub fn blocked(&self, resource: ResourceIx) -> bool {
        self.facts[resource].blocked.is_some()
            || self.frozen[resource.at()].is_some()
            || self.facts[resource].children.iter().any(|&child| self.blocked(child))
    }

    /// Whether the members of a group have to be on one node.
    pub fn together(&self, group: ResourceIx) -> bool {
        colocation::together(self.facts, group)
    }

    /// What a resource looks to for its node list: its parent's list, or its own.
    pub fn list_of(&self, resource: ResourceIx) -> ResourceIx {
        self.facts[resource].parent.unwrap_or(resource)
    }

    /// The assignment as others read it.
    pub fn finish(self) -> Assignment {
        let resources: Vec<ResourceIx> = self.facts.all_resources().collect();
        let role = resources.iter().map(|&resource| self.final_role(resource)).collect();
        let scores = resources
            .iter()
            .map(|&resource| {
                let listed = self.facts.all_nodes().map(|node| (node, self.cell(resource, node)));
                listed.filter(|&(_, score)| score != ABSENT).map(|(node, score)| (node, outward(score))).collect()
            })
            .collect();
        Assignment {
            node: self.node,
            role,
            role_now: self.now,
            managed: self.managed,
            promotion: self.promotion.into_iter().map(|score| score.map(outward)).collect(),
            scores,
            because: self.because,
            frozen: self.frozen,
            outlook: self.outlook,
            fence: self.fence,
            steps: self.steps,
            ledger: self.ledger.map(|ledger| ledger.entries()).unwrap_or_default(),
        }
    }

    /// What nothing else was said about is started where it has a node. A partition without quorum that demotes
    /// keeps nothing promoted.
    fn final_role(&self, resource: ResourceIx) -> Role {
        let next = self.role_next(resource);
        if !self.facts[resource].is_primitive() {
            return next;
        }
        let placed = self.node[resource.at()].is_some();
        let options = &self.facts.options;
        if !options.quorate && options.no_quorum_policy == NoQuorumPolicy::Demote && next == Role::Promoted {
            return Role::Unpromoted;
        }
        match next {
            _ if !placed && self.managed[resource.at()] => Role::Stopped,
            Role::Unknown if placed => Role::Started,
            Role::Unknown => Role::Stopped,
            next => next,
        }
    }
}
