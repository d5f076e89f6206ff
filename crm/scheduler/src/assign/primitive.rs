//! One primitive: everything that speaks for or against a node, and the choice.

use super::ScoreStep;
use super::colocation::End;
use super::draft::Draft;
use super::ledger::Cause;
use super::score::{ABSENT, NEVER, outward};
use crate::constraint::Colocation;
use crate::facts::options::NoQuorumPolicy;
use crate::facts::resource::Kind;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;

impl Draft<'_, '_> {
    /// Chooses the node of a resource of any kind, and returns it where there is one. With `settle` a failure to find
    /// one is final; without, the caller may try again.
    pub fn assign(&mut self, resource: ResourceIx, prefer: Option<NodeIx>, settle: bool) -> Option<NodeIx> {
        match self.facts[resource].kind {
            Kind::Primitive => self.assign_primitive(resource, prefer, settle),
            Kind::Group => self.assign_group(resource, prefer, settle),
            Kind::Clone => {
                self.assign_clone(resource, prefer, settle);
                None
            }
            Kind::Bundle(_) => {
                self.assign_bundle(resource, prefer, settle);
                None
            }
        }
    }

    fn assign_primitive(&mut self, resource: ResourceIx, prefer: Option<NodeIx>, settle: bool) -> Option<NodeIx> {
        if let Some(parent) = self.facts[resource].parent
            && !self.choosing[parent.at()]
        {
            self.assign(parent, prefer, settle);
        }
        if !self.open[resource.at()] {
            return self.node[resource.at()];
        }
        if self.choosing[resource.at()] {
            return None;
        }
        self.choosing[resource.at()] = true;
        self.weigh_colocations(resource);
        self.heed_role(resource);
        self.record(resource);
        if !self.facts.options.fencing_possible && self.facts.options.fencing_enabled {
            self.managed[resource.at()] = false;
        }
        if !self.managed[resource.at()] {
            self.next[resource.at()] = match self.now[resource.at()] {
                // That it was started and not promoted yet does not say that it may not be.
                Role::Unpromoted if self.was_started(resource) => Role::Started,
                role => role,
            };
            let current = self.current(resource);
            self.settle(resource, current, true, settle);
        } else if self.facts.options.stop_all {
            self.say(resource, Reason::StopAll);
            self.settle(resource, None, true, settle);
        } else {
            self.choose(resource, prefer, settle);
        }
        self.choosing[resource.at()] = false;
        self.connection_placed(resource);
        self.node[resource.at()]
    }

    /// Whether the last change of its role on record is a start.
    fn was_started(&self, resource: ResourceIx) -> bool {
        let operations = self.facts[resource].history.iter().flat_map(|(_, history)| &history.operations);
        let changes = operations.filter(|operation| ["start", "demote", "stop"].contains(&operation.name.as_str()));
        changes.max_by_key(|operation| operation.call).is_some_and(|last| last.name == "start" && last.exit_code == 0)
    }

    /// Musts first, so that as many as possible are met; then wishes.
    fn weigh_colocations(&mut self, resource: ResourceIx) {
        let followed = self.colocations(resource, End::Dependent);
        let following = self.colocations(resource, End::Primary);
        let mut voices = self.voices_for_one();
        for must in [true, false] {
            let of_kind = |of: &Colocation| (of.score.is_mandatory() || of.score.is_never()) == must;
            for &at in &followed {
                let of = self.colocation(at);
                if of_kind(of) {
                    self.follow_primary(resource, at);
                }
            }
            self.voices = voices;
            for &at in &following {
                let of = self.colocation(at);
                if of_kind(of) {
                    self.weigh_dependent(of, resource);
                    self.note(|| Cause::Influence(at));
                }
            }
            voices = self.voices;
        }
    }

    /// Has the primary placed first, then follows it. A wish, or what matters only for a promoted dependent, is taken
    /// back when it leaves no node.
    fn follow_primary(&mut self, resource: ResourceIx, at: u32) {
        let of = self.colocation(at);
        let yields = of.dependent_role >= Some(Role::Promoted) || (of.score.value() < 0 && !of.score.is_never());
        self.assign(of.primary, None, true);
        let before = yields.then(|| self.row(resource).to_vec());
        self.follow(resource, of.primary, of);
        if let Some(before) = before
            && !self.any_usable(self.row(resource))
        {
            self.row_mut(resource).copy_from_slice(&before);
        }
        let place = self.place(of.primary);
        if place.is_none() && of.score.is_mandatory() {
            let primary = self.facts[of.primary].id.clone();
            self.say(resource, Reason::PrimaryNowhere { primary, constraint: of.id.clone() });
        }
        self.note(|| Cause::Follows(at, place));
    }

    fn heed_role(&mut self, resource: ResourceIx) {
        let options = &self.facts.options;
        if self.next[resource.at()] == Role::Stopped {
            self.ban_everywhere(resource);
            self.note(|| Cause::TargetRole);
        } else if self.next[resource.at()] > self.now[resource.at()]
            && !options.quorate
            && options.no_quorum_policy == NoQuorumPolicy::Freeze
        {
            self.next[resource.at()] = self.now[resource.at()];
            self.say(resource, Reason::Frozen);
        }
    }

    /// Notes the scores of this moment.
    fn record(&mut self, resource: ResourceIx) {
        if self.facts[resource].removed {
            return;
        }
        for node in (0..self.width).map(NodeIx::new) {
            let score = self.cell(resource, node);
            if score != ABSENT {
                self.steps.push(ScoreStep { promotion: false, resource, node: Some(node), score: outward(score) });
            }
        }
    }

    /// Takes the best node: the preferred one if it is as good, else the one where the resource runs if that is as
    /// good.
    fn choose(&mut self, resource: ResourceIx, prefer: Option<NodeIx>, settle: bool) {
        let freest = self.respect_capacity(resource);
        let prefer = prefer.or(freest);
        let current = self.current(resource);
        let best = self.best_node(self.row(resource), current);
        let preferred = prefer.filter(|&node| {
            let score = self.cell(resource, node);
            score != ABSENT
                && score >= 0
                && self.usable(node)
                && best.is_none_or(|best| score >= self.cell(resource, best))
        });
        let chosen = preferred.or_else(|| best.map(|best| self.rather_stay(resource, best, current)));
        self.settle(resource, chosen, false, settle);
    }

    /// The node where a resource runs, if it is as good as the best. Instances of unique clones have been given the
    /// nodes where they run already, if that was right.
    fn rather_stay(&self, resource: ResourceIx, best: NodeIx, current: Option<NodeIx>) -> NodeIx {
        let unique = self.facts[resource].parent.is_some_and(|parent| self.facts[parent].is_clone())
            && self.facts[resource].unique;
        let worth = self.cell(resource, best);
        let Some(current) = current.filter(|_| !unique && worth > 0 && self.usable(best)) else { return best };
        if self.usable(current) && self.cell(resource, current) == worth { current } else { best }
    }

    /// Writes a choice down. Unless it is forced, a node that is forbidden or cannot be used is no choice; a guest's
    /// connection is expected to come up.
    pub fn settle(&mut self, resource: ResourceIx, choice: Option<NodeIx>, force: bool, settle: bool) {
        let mut choice = choice;
        if !self.facts[resource].is_primitive() {
            for child in self.facts[resource].children.clone() {
                self.settle(child, choice, force, settle);
            }
            return;
        }
        if !force && let Some(node) = choice {
            let forbidden = self.cell(resource, node) < 0;
            if forbidden || (!self.usable(node) && !self.facts[node].is_guest()) {
                choice = None;
            }
        }
        self.unsettle(resource);
        self.open[resource.at()] = false;
        let Some(node) = choice else {
            if settle {
                self.next[resource.at()] = Role::Stopped;
            }
            return;
        };
        self.node[resource.at()] = Some(node);
        let leaves = !self.outlook[node.at()].online || self.outlook[node.at()].shutdown;
        self.worth[resource.at()] = match force {
            false => self.cell(resource, node),
            true if leaves => NEVER,
            true => 0,
        };
        self.load[node.at()] += 1;
        self.capacities.take(self.facts, node, resource);
    }

    /// Takes a choice back.
    pub fn unsettle(&mut self, resource: ResourceIx) {
        self.open[resource.at()] = true;
        if let Some(node) = self.node[resource.at()].take() {
            self.load[node.at()] -= 1;
            self.capacities.give_back(self.facts, node, resource);
        }
        for child in self.facts[resource].children.clone() {
            self.unsettle(child);
        }
    }

    /// A remote node is usable when its connection will be up, and leaves when it will not.
    fn connection_placed(&mut self, connection: ResourceIx) {
        let Some(node) = self.facts[connection].connects else { return };
        let up = self.node[connection.at()].is_some() && self.next[connection.at()] != Role::Stopped;
        let unseen = self.facts[node].unseen;
        let outlook = &mut self.outlook[node.at()];
        if up {
            outlook.online = true;
            outlook.unclean &= !unseen;
        } else {
            outlook.shutdown = true;
        }
        self.look_again(node);
    }

    /// Notes a reason, once however often it is come across.
    pub fn say(&mut self, resource: ResourceIx, reason: Reason) {
        let said = &mut self.because[resource.at()];
        if !said.contains(&reason) {
            said.push(reason);
        }
    }
}
