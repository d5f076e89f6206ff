//! Promotion: which instances of a promotable clone get the upper role.

use super::ScoreStep;
use super::colocation::End;
use super::draft::Draft;
use super::influence::Manner;
use super::ledger::Cause;
use super::score::{ABSENT, MANDATORY, NEVER, add, give, outward};
use crate::constraint::Colocation;
use crate::facts::options::NoQuorumPolicy;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use crate::word;
use std::cmp::Ordering;
use std::collections::BTreeMap;

impl Draft<'_, '_> {
    /// Lets the promotion scores that nodes have for instances weigh in where the instances go.
    pub fn weigh_promotion(&mut self, clone: ResourceIx) {
        if std::mem::replace(&mut self.promotion_weighed[clone.at()], true) {
            return;
        }
        for instance in self.children[clone.at()].clone() {
            let names: Vec<String> =
                self.facts.primitives(instance).into_iter().flat_map(|part| self.promotion_names(part)).collect();
            for node in (0..self.width).map(NodeIx::new) {
                if self.cell(instance, node) == ABSENT || !self.usable(node) || !self.has_one(node, &names) {
                    continue;
                }
                let score = self.promotion_score(instance, node).unwrap_or(0);
                if score > 0 {
                    let cell = &mut self.row_mut(instance)[node.at()];
                    *cell = add(*cell, score);
                }
                if score > self.priority[instance.at()] {
                    self.priority[instance.at()] = score;
                }
            }
        }
        self.note(|| Cause::PromotionScore);
    }

    /// The attributes that may hold the promotion score of a primitive: under the name that its history has, and
    /// without a number.
    fn promotion_names(&self, primitive: ResourceIx) -> [String; 2] {
        let here = &self.facts[primitive];
        let recorded = here.history.last().map_or(here.id.as_str(), |(_, history)| history.id.as_str());
        [recorded, here.base.as_str()].map(|name| format!("master-{name}"))
    }

    /// Whether a node, or a host that speaks for it, has one of some attributes.
    fn has_one(&self, node: NodeIx, names: &[String]) -> bool {
        self.facts[node].is_guest() || names.iter().any(|name| self.facts[node].attributes.contains_key(name))
    }

    /// The promotion score that a node has for an instance: of a group the sum of its members'. `None` when none is
    /// set. A score for an anonymous instance counts for the one that is there.
    fn promotion_score(&self, instance: ResourceIx, node: NodeIx) -> Option<i32> {
        let here = &self.facts[instance];
        if !here.is_primitive() {
            return here.children.iter().filter_map(|&child| self.promotion_score(child, node)).reduce(add);
        }
        if self.cell(instance, node) < 0 {
            return None;
        }
        if !self.score_applies(instance, node) {
            return None;
        }
        let attributes = self.attributes_for(instance, node)?;
        let text = self.promotion_names(instance).into_iter().find_map(|name| attributes.get(&name))?;
        Some(word::score(text).map_or(0, |score| score.value()))
    }

    /// The attributes of a node, or of its host where the resource asks for those and there is one.
    fn attributes_for(&self, resource: ResourceIx, node: NodeIx) -> Option<&BTreeMap<String, String>> {
        let host = self.facts[node].container().filter(|_| self.facts[resource].meta.attribute_target_host);
        let Some(host) = host else { return Some(&self.facts[node].attributes) };
        let below = if self.open[resource.at()] { self.current(host) } else { self.place(host) };
        Some(&self.facts[below?].attributes)
    }

    fn score_applies(&self, instance: ResourceIx, node: NodeIx) -> bool {
        let here = &self.facts[instance];
        if !here.unique {
            if here.on.contains(&node) {
                return true;
            }
            let twins: Vec<ResourceIx> = self.twins(instance);
            let none_there = !twins.iter().any(|&twin| self.facts[twin].on.contains(&node));
            if none_there && twins.iter().any(|&twin| self.facts[twin].known_on.contains(&node)) {
                return true;
            }
        }
        (here.on.is_empty() && here.known_on.is_empty()) || here.known_on.contains(&node) || here.on.contains(&node)
    }

    /// All instances of the same primitive.
    fn twins(&self, instance: ResourceIx) -> Vec<ResourceIx> {
        let Some(clone) = self.facts.clone_of(instance) else { return vec![instance] };
        let base = &self.facts[instance].base;
        self.facts.primitives(clone).into_iter().filter(|&twin| self.facts[twin].base == *base).collect()
    }

    /// Gives roles to the instances of a clone.
    pub fn choose_promoted(&mut self, clone: ResourceIx) {
        self.roles_begun[clone.at()] = true;
        for instance in self.children[clone.at()].clone() {
            self.rate(clone, instance);
        }
        self.sort_for_promotion(clone);
        self.counts.insert(clone, vec![0; self.width]);
        let instances = self.children[clone.at()].clone();
        let mut promoted = instances.iter().filter(|&&instance| self.stays_promoted(instance)).count() as i64;
        for instance in instances {
            let counted = i64::from(self.stays_promoted(instance));
            self.promotion[instance.at()] = Some(self.rank[instance.at()]);
            let score = outward(self.rank[instance.at()]);
            self.steps.push(ScoreStep { promotion: true, resource: instance, node: self.place(instance), score });
            if self.promote(clone, instance, promoted - counted) {
                promoted += 1 - counted;
            } else {
                self.leave_unpromoted(instance);
            }
        }
    }

    /// Whether something in an instance is promoted and may not be touched: whatever is decided about it, it stays so.
    fn stays_promoted(&self, instance: ResourceIx) -> bool {
        let stays = |part: &ResourceIx| !self.managed[part.at()] && self.now[part.at()] == Role::Promoted;
        self.facts.primitives(instance).iter().any(stays)
    }

    /// How much an instance should be promoted, for itself.
    fn rate(&mut self, clone: ResourceIx, instance: ResourceIx) {
        if self.role_now(instance) == Role::Started {
            for part in self.facts.primitives(instance) {
                if self.now[part.at()] == Role::Started {
                    self.now[part.at()] = Role::Unpromoted;
                }
            }
        }
        let places = self.places(instance);
        let Some(&node) = places.first() else { return };
        let next = self.role_next(instance);
        match next {
            Role::Started | Role::Unknown => {
                // Nobody is promoted who is spoken for neither by a score nor by a constraint.
                self.priority[instance.at()] = self.promotion_score(instance, node).unwrap_or(-1);
            }
            Role::Unpromoted | Role::Stopped => self.priority[instance.at()] = NEVER,
            Role::Promoted => {}
        }
        let about = [Some(instance), Some(clone), self.facts[clone].parent];
        for &at in &self.promoted_locations {
            let location = &self.constraints.locations[at];
            if about.contains(&Some(location.resource)) {
                for &(_, score) in location.nodes.iter().filter(|(at, _)| *at == node) {
                    self.priority[instance.at()] = add(self.priority[instance.at()], score.value());
                }
            }
        }
        for at in self.colocations(instance, End::Dependent) {
            let of = self.colocation(at);
            self.follow_with(instance, of.primary, of);
        }
        self.rank[instance.at()] = if next == Role::Promoted { MANDATORY } else { self.priority[instance.at()] };
    }

    /// Weighs in, per node, what others wish of the promoted instance, and sorts.
    fn sort_for_promotion(&mut self, clone: ResourceIx) {
        self.merging[clone.at()] = true;
        for instance in self.children[clone.at()].clone() {
            if let Some(node) = self.place(instance).filter(|_| self.rank[instance.at()] >= 0) {
                let rank = self.rank[instance.at()];
                give(&mut self.row_mut(clone)[node.at()], rank);
            }
        }
        let mut row = self.row(clone).to_vec();
        self.voices = self.voices_for_one();
        for at in self.colocations(clone, End::Primary) {
            let of = self.colocation(at);
            if of.primary_role == Some(Role::Promoted) && self.has_influence(of) {
                let factor = of.score.value() as f32 / MANDATORY as f32;
                let manner = Manner { end: End::Primary, only_for: true, keep_some: true };
                self.merge_wishes(&mut row, of.dependent, clone, Some(of), factor, manner);
            }
        }
        self.row_mut(clone).copy_from_slice(&row);
        self.need_tickets(clone);
        for instance in self.children[clone.at()].clone() {
            let place = self.place(instance);
            if !self.managed_all(instance) && self.role_next(instance) == Role::Promoted {
                self.rank[instance.at()] = MANDATORY;
            } else if let Some(node) = place.filter(|_| self.rank[instance.at()] >= 0) {
                self.rank[instance.at()] = self.cell(clone, node).max(NEVER);
            }
        }
        let mut sorted: Vec<ResourceIx> = Vec::new();
        for instance in self.children[clone.at()].clone() {
            let place = sorted.partition_point(|&other| self.by_promotion(other, instance).is_le());
            sorted.insert(place, instance);
        }
        self.children[clone.at()] = sorted;
        self.merging[clone.at()] = false;
    }

    fn by_promotion(&mut self, one: ResourceIx, other: ResourceIx) -> Ordering {
        let rank = self.rank[other.at()].cmp(&self.rank[one.at()]);
        let role = || self.role_now(other).cmp(&self.role_now(one));
        let first = rank.then_with(role);
        if first.is_ne() { first } else { self.compare_instances(one, other) }
    }

    fn managed_all(&self, resource: ResourceIx) -> bool {
        self.facts.primitives(resource).iter().all(|part| self.managed[part.at()])
    }

    /// Promotes an instance if that is possible, and says whether.
    fn promote(&mut self, clone: ResourceIx, instance: ResourceIx, promoted: i64) -> bool {
        let meta = &self.facts[clone].meta;
        let (most, per_node) = (meta.promoted_max, meta.promoted_node_max);
        let managed = self.managed[clone.at()];
        if self.rank[instance.at()] < 0 || (promoted >= most && managed) {
            return false;
        }
        let Some(node) = self.promotion_node(clone, instance, per_node) else { return false };
        let options = &self.facts.options;
        if self.role_now(instance) < Role::Promoted
            && !options.quorate
            && options.no_quorum_policy == NoQuorumPolicy::Freeze
        {
            self.say(instance, Reason::Frozen);
            return false;
        }
        if let Some(counts) = self.counts.get_mut(&clone) {
            counts[node.at()] += 1;
        }
        self.make_promoted(instance);
        true
    }

    fn promotion_node(&self, clone: ResourceIx, instance: ResourceIx, per_node: i64) -> Option<NodeIx> {
        for &child in &self.facts[instance].children {
            self.promotion_node(clone, child, per_node)?;
        }
        let node = self.place(instance)?;
        let managed = self.managed_all(instance);
        if managed {
            if self.priority[instance.at()] < 0 || !self.usable_with_host(node) {
                return None;
            }
        } else if self.role_now(instance) != Role::Promoted {
            return None;
        }
        if self.cell(clone, node) == ABSENT {
            return None;
        }
        let count = self.counts.get(&clone).map_or(0, |counts| counts[node.at()]);
        (i64::from(count) < per_node || !managed).then_some(node)
    }

    fn make_promoted(&mut self, instance: ResourceIx) {
        if self.next[instance.at()] == Role::Unknown {
            self.next[instance.at()] = Role::Promoted;
        }
        for child in self.facts[instance].children.clone() {
            self.make_promoted(child);
        }
    }

    fn leave_unpromoted(&mut self, instance: ResourceIx) {
        let stays = self.place(instance).is_some();
        self.next[instance.at()] = if stays { Role::Unpromoted } else { Role::Stopped };
        for child in self.facts[instance].children.clone() {
            self.leave_unpromoted(child);
        }
    }

    /// Lets something without a node follow the instances that have the role it asks for.
    pub fn follow_promoted(&mut self, dependent: ResourceIx, clone: ResourceIx, of: &Colocation) {
        let mut hosts = Vec::new();
        for instance in self.children[clone.at()].clone() {
            let Some((node, worth)) = self.place_and_worth(instance) else { continue };
            if Some(self.role_next(instance)) != of.primary_role {
                continue;
            }
            hosts.insert(0, (node, worth));
            if of.score.is_mandatory() {
                continue;
            }
            for at in (0..self.width).map(NodeIx::new) {
                if self.cell(dependent, at) != ABSENT && self.same_spot(of, (at, dependent), (node, clone)) {
                    give(&mut self.row_mut(dependent)[at.at()], of.score.value());
                }
            }
        }
        let both_promoted = of.dependent_role == Some(Role::Promoted) && of.primary_role == Some(Role::Promoted);
        if of.score.is_mandatory() && !both_promoted {
            self.keep_only(dependent, clone, of, &hosts);
        }
    }

    /// The dependent has a node: whether it is promoted depends on the role of the instance that is there.
    pub fn promote_beside(&mut self, dependent: ResourceIx, clone: ResourceIx, of: &Colocation) {
        let beside = self.counterpart(dependent, clone, of.primary_role, false);
        let bearer = self.role_bearer(dependent);
        let priority = &mut self.priority[bearer.at()];
        if beside.is_some() {
            *priority = add(*priority, of.score.value());
        } else if of.score.is_mandatory() {
            *priority = NEVER;
        }
    }
}
