//! Colocations while nodes are chosen: which ones speak of a resource, and what one means for its dependent once the
//! primary's node is known.

use super::draft::Draft;
use super::score::{ABSENT, MANDATORY, NEVER, add, give};
use crate::constraint::{Colocation, colocation};
use crate::facts::resource::Kind;
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;

/// What makes two nodes "together".
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spot<'s> {
    /// It is this node.
    Node(NodeIx),
    /// It has this value.
    Value(Option<&'s str>),
}

/// What a colocation decides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Affects {
    /// Nothing, now.
    Nothing,
    /// Where the dependent goes.
    Place,
    /// Which role the dependent gets.
    Role,
}

/// Which end of its colocations a resource is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one that follows.
    Dependent,
    /// The one that is followed.
    Primary,
}

impl<'d> Draft<'d, '_> {
    /// A colocation.
    pub fn colocation(&self, at: u32) -> &'d Colocation {
        &self.constraints.colocations[at as usize]
    }

    /// The colocations of which `resource` is one end, most important first: its own, and those of what it is part of
    /// as far as they concern it.
    pub fn colocations(&self, resource: ResourceIx, end: End) -> Vec<u32> {
        let mut list = Vec::new();
        self.gather(resource, resource, end, &mut list);
        list
    }

    /// Adds what the colocations of `here` mean for `origin`, which is `here` or something inside or beside it.
    fn gather(&self, here: ResourceIx, origin: ResourceIx, end: End, list: &mut Vec<u32>) {
        match &self.facts[here].kind {
            Kind::Primitive if here == origin => {
                self.gather_own(here, end, list);
                self.gather_parents(here, origin, end, list);
            }
            Kind::Primitive => self.gather_written(here, end, list),
            Kind::Group => self.gather_group(here, origin, end, list),
            Kind::Clone => {
                self.gather_own(here, end, list);
                self.gather_parents(here, origin, end, list);
            }
            Kind::Bundle(replicas) => {
                let container = replicas.iter().any(|replica| replica.container == origin);
                let promoting = self.children[here.at()].iter().any(|&part| {
                    let inside = part == origin || self.facts[origin].parent == Some(part);
                    inside && self.roles_begun[part.at()]
                });
                if here == origin || container || promoting {
                    self.gather_own(here, end, list);
                }
            }
        }
    }

    /// With a group's first member the whole group goes, and after its last member the whole group stands; so those
    /// two speak for the group, and for what was said of the others. When an earlier member is not managed and so leads
    /// nobody, a later one has to follow the group's own musts by itself.
    fn gather_group(&self, group: ResourceIx, origin: ResourceIx, end: End, list: &mut Vec<u32>) {
        let members = &self.facts[group].children;
        let speaker = match end {
            End::Dependent => members.first(),
            End::Primary => members.last(),
        };
        if origin == group || Some(&origin) == speaker {
            self.gather_own(group, end, list);
            self.gather_parents(group, origin, end, list);
            if self.together(group) {
                for &member in members.iter().filter(|&&member| member != origin) {
                    self.gather(member, origin, end, list);
                }
            }
            return;
        }
        let earlier = members.iter().take_while(|&&member| member != origin);
        if end == End::Dependent && earlier.into_iter().any(|&member| !self.managed[member.at()]) {
            for &at in &self.constraints.colocations_of_dependent[group.at()] {
                if self.colocation(at).score.is_mandatory() {
                    self.insert(at, end, list);
                }
            }
        }
    }

    fn gather_parents(&self, here: ResourceIx, origin: ResourceIx, end: End, list: &mut Vec<u32>) {
        if let Some(parent) = self.facts[here].parent {
            self.gather(parent, origin, end, list);
        }
    }

    fn own(&self, resource: ResourceIx, end: End) -> &'d [u32] {
        match end {
            End::Dependent => &self.constraints.colocations_of_dependent[resource.at()],
            End::Primary => &self.constraints.colocations_of_primary[resource.at()],
        }
    }

    fn gather_own(&self, resource: ResourceIx, end: End, list: &mut Vec<u32>) {
        let own = self.own(resource, end);
        if list.is_empty() {
            list.extend_from_slice(own);
        } else {
            own.iter().for_each(|&at| self.insert(at, end, list));
        }
    }

    /// Those that an operator wrote.
    fn gather_written(&self, resource: ResourceIx, end: End, list: &mut Vec<u32>) {
        for &at in self.own(resource, end) {
            if !self.colocation(at).implied {
                self.insert(at, end, list);
            }
        }
    }

    fn insert(&self, at: u32, end: End, list: &mut Vec<u32>) {
        colocation::insert(self.facts, &self.constraints.colocations, list, at, |c| match end {
            End::Dependent => c.primary,
            End::Primary => c.dependent,
        });
    }

    /// Whether the dependent's wishes are weighed in when the primary's node is chosen. A connection may be anywhere,
    /// so it does not move its container about.
    pub fn has_influence(&self, colocation: &Colocation) -> bool {
        let primary = colocation.primary;
        if colocation::travels(self.facts, colocation.dependent)
            && !self.facts[primary].failed
            && self.on(primary).len() == 1
        {
            return false;
        }
        colocation.influence || self.on(primary).is_empty()
    }

    /// What makes `node` the same as others for this colocation, on behalf of `resource`. What goes with a bundle goes
    /// to the hosts of its containers, never onto the nodes inside.
    fn spot(&self, node: NodeIx, attribute: Option<&str>, resource: ResourceIx) -> Spot<'d> {
        let mut node = node;
        if let Some(host) = self.facts[node].container() {
            let inside = self.facts[node].bundle && self.facts.top(resource) == self.facts.top(host);
            if (inside || self.facts[resource].meta.attribute_target_host)
                && let Some(below) = self.place(host)
            {
                node = below;
            }
        }
        match attribute {
            None => Spot::Node(node),
            Some(name) => Spot::Value(self.facts[node].attributes.get(name).map(String::as_str)),
        }
    }

    /// Whether two nodes are together for a colocation, the one as a node of `resource`, the other as one of `beside`.
    pub fn same_spot(
        &self,
        colocation: &Colocation,
        (node, resource): (NodeIx, ResourceIx),
        (other, beside): (NodeIx, ResourceIx),
    ) -> bool {
        let attribute = colocation.node_attribute.as_deref();
        self.spot(node, attribute, resource) == self.spot(other, attribute, beside)
    }

    /// What a colocation decides at this moment about `dependent` (an end of it, or an instance or member of one). With
    /// `preview`, as if the primary had its node and the dependent had none.
    pub fn affects(&self, dependent: ResourceIx, primary: ResourceIx, of: &Colocation, preview: bool) -> Affects {
        if !preview && self.open[primary.at()] {
            return Affects::Nothing;
        }
        let instance = self.role_bearer(dependent);
        let promotable = self.facts[instance].parent.is_some_and(|parent| self.is_promotable_clone(parent));
        if of.dependent_role >= Some(Role::Unpromoted) && promotable && !self.open[instance.at()] {
            return Affects::Role;
        }
        if !preview && !self.open[dependent.at()] {
            return Affects::Nothing;
        }
        let differs = |wanted: Option<Role>, is: Role| wanted.is_some_and(|wanted| wanted != is);
        if differs(of.dependent_role, self.next[instance.at()])
            || differs(of.primary_role, self.next[self.role_bearer(primary).at()])
        {
            return Affects::Nothing;
        }
        Affects::Place
    }

    /// Whether a resource is a clone whose instances may be promoted.
    pub fn is_promotable_clone(&self, resource: ResourceIx) -> bool {
        self.facts[resource].is_clone() && self.facts[resource].promotable()
    }

    /// Whose role counts: of a member of a group that is an instance of a clone, the group's; of a container, that of
    /// what runs inside.
    pub fn role_bearer(&self, resource: ResourceIx) -> ResourceIx {
        let Some(parent) = self.facts[resource].parent else { return resource };
        match &self.facts[parent].kind {
            Kind::Group if self.facts[parent].parent.is_some() => parent,
            Kind::Bundle(replicas) => {
                let replica = replicas.iter().find(|replica| replica.container == resource);
                replica.and_then(|replica| replica.child).unwrap_or(resource)
            }
            _ => resource,
        }
    }

    /// Lets a colocation weigh on `dependent`, which has no node yet, where the primitive `primary` has one or will
    /// have none.
    pub fn follow_primitive(&mut self, dependent: ResourceIx, primary: ResourceIx, of: &Colocation) {
        match self.affects(dependent, primary, of, false) {
            Affects::Nothing => {}
            Affects::Role => self.weigh_role(dependent, primary, of),
            Affects::Place => self.weigh_place(dependent, primary, of),
        }
    }

    fn weigh_place(&mut self, dependent: ResourceIx, primary: ResourceIx, of: &Colocation) {
        let score = of.score.value();
        let target = self.node[primary.at()];
        if target.is_none() && score < 0 {
            return;
        }
        let mut row = self.row(dependent).to_vec();
        for node in (0..self.width).map(NodeIx::new) {
            let cell = &mut row[node.at()];
            match target {
                _ if *cell == ABSENT => {}
                None => give(cell, -score),
                Some(target) if self.same_spot(of, (node, dependent), (target, primary)) => {
                    if score < MANDATORY {
                        give(cell, score);
                    }
                }
                Some(_) if score >= MANDATORY => *cell = NEVER,
                Some(_) => {}
            }
        }
        if score <= NEVER || score >= MANDATORY || self.any_usable(&row) {
            self.row_mut(dependent).copy_from_slice(&row);
        }
    }

    /// The dependent has a node already: the colocation speaks of its promotion there.
    fn weigh_role(&mut self, dependent: ResourceIx, primary: ResourceIx, of: &Colocation) {
        let must = of.score.is_mandatory() && of.dependent_role == Some(Role::Promoted);
        let bearer = self.role_bearer(dependent);
        let Some(node) = self.place(dependent) else { return };
        let Some(target) = self.place(primary) else {
            if must {
                self.priority[bearer.at()] = NEVER;
            }
            return;
        };
        if !self.same_spot(of, (node, dependent), (target, primary)) {
            if must {
                self.priority[bearer.at()] = NEVER;
            }
            return;
        }
        if of.primary_role.is_some_and(|role| role != self.next[self.role_bearer(primary).at()]) {
            return;
        }
        let mut score = of.score.value();
        if of.dependent_role == Some(Role::Unpromoted) {
            score = -score;
        }
        self.priority[bearer.at()] = add(score, self.priority[bearer.at()]);
    }

    /// Leaves `dependent` only the nodes that are together with one of `hosts`, and adds what those are worth.
    pub fn keep_only(&mut self, dependent: ResourceIx, primary: ResourceIx, of: &Colocation, hosts: &[(NodeIx, i32)]) {
        for node in (0..self.width).map(NodeIx::new) {
            let cell = self.cell(dependent, node);
            if cell != ABSENT {
                let host = hosts.iter().find(|(host, _)| self.same_spot(of, (node, dependent), (*host, primary)));
                self.row_mut(dependent)[node.at()] = host.map_or(NEVER, |&(_, worth)| add(cell, worth));
            }
        }
    }

    /// Lets a colocation weigh on `dependent`, whatever kind of thing its primary is.
    pub fn follow(&mut self, dependent: ResourceIx, primary: ResourceIx, of: &Colocation) {
        match &self.facts[primary].kind {
            Kind::Primitive => self.follow_primitive(dependent, primary, of),
            Kind::Group => self.follow_group(dependent, primary, of),
            Kind::Clone => self.follow_clone(dependent, primary, of),
            Kind::Bundle(_) => self.follow_bundle(dependent, primary, of),
        }
    }

    /// The same for a dependent of any kind: with a group, its first member leads the others.
    pub fn follow_with(&mut self, dependent: ResourceIx, primary: ResourceIx, of: &Colocation) {
        if !self.facts[dependent].is_group() {
            self.follow(dependent, primary, of);
            return;
        }
        let members = self.facts[dependent].children.clone();
        if self.together(dependent) {
            if let Some(&first) = members.first() {
                self.follow(first, primary, of);
            }
        } else if !of.score.is_mandatory() {
            for member in members {
                self.follow(member, primary, of);
            }
        }
    }
}
