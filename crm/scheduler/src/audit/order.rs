//! Orders between resources are kept, those of constraints and those of groups.

use super::case::{Case, Step, Verb};
use super::graph::Before;
use super::scope::Scope;
use super::violation::{Rule, Violation};
use crate::role::Role;
use crate::rule::{self, RuleContext};
use crate::schedule::ActionKind;
use crate::situation::{Order, OrderKind, ResourceSet};

pub(super) fn check(case: &Case<'_>, scope: &Scope<'_>, before: &mut Before<'_>, found: &mut Vec<Violation>) {
    let mut pairs = Pairs { case, scope, before, found };
    pairs.groups();
    let context = RuleContext { now_ms: case.situation.now_ms, ..RuleContext::default() };
    for order in &case.situation.configuration.constraints.orders {
        if order.lifetime.as_ref().is_none_or(|rule| rule::holds(rule, &context)) {
            pairs.constraint(order);
        }
    }
}

/// One side of an order: what is done, with these primitives.
#[derive(Clone, Copy)]
struct Side<'s> {
    verb: Verb,
    primitives: &'s [usize],
}

/// Which steps of two sides belong to each other.
#[derive(Clone, Copy)]
enum Same {
    /// All.
    Any,
    /// Those on one node.
    Node,
    /// Those of one instance of a group.
    Instance,
}

impl Same {
    fn pairs(self, case: &Case<'_>, first: &Step, then: &Step) -> bool {
        let number = |step: &Step| {
            let name = case.action(step).resource.as_deref();
            name.and_then(|name| name.rsplit_once(':')).map(|(_, number)| number)
        };
        match self {
            Same::Any => true,
            Same::Node => first.node == then.node,
            Same::Instance => number(first) == number(then),
        }
    }
}

struct Pairs<'p, 'c, 'g, 'a> {
    case: &'c Case<'a>,
    scope: &'c Scope<'a>,
    before: &'p mut Before<'g>,
    found: &'p mut Vec<Violation>,
}

impl Pairs<'_, '_, '_, '_> {
    /// Members of a group start in their order and stop in the reverse.
    fn groups(&mut self) {
        let primitives = &self.case.subjects.primitives;
        for (at, pair) in primitives.windows(2).enumerate() {
            let (Some((group, _)), Some((next, _))) = (pair[0].group, pair[1].group) else { continue };
            if !std::ptr::eq(group, next) || !pair[0].wish.ordered() {
                continue;
            }
            let (first, then) = ([at], [at + 1]);
            let side = |verb, primitives| Side { verb, primitives };
            let same = if pair[0].clone.is_some() { Same::Instance } else { Same::Any };
            self.both(&group.id, side(Verb::Start, &first), side(Verb::Start, &then), same);
            self.both(&group.id, side(Verb::Stop, &then), side(Verb::Stop, &first), same);
        }
    }

    fn constraint(&mut self, order: &Order) {
        if !order.sets.is_empty() {
            self.sets(order);
            return;
        }
        let first_verb = verb(order.first_action.as_deref()).unwrap_or(Verb::Start);
        let then_verb = verb(order.then_action.as_deref()).unwrap_or(first_verb);
        let first = Side { verb: first_verb, primitives: self.scope.primitives(&order.first) };
        let then = Side { verb: then_verb, primitives: self.scope.primitives(&order.then) };
        self.one(order, first, then);
        if order.kind == OrderKind::Mandatory && order.require_all != Some(false) {
            self.needed(order, first, then);
        }
    }

    /// Two sides and, where the order is symmetrical, their reverse.
    fn one(&mut self, order: &Order, first: Side<'_>, then: Side<'_>) {
        // Where a part is enough, which part came first cannot be seen from here.
        let half = order.kind != OrderKind::Mandatory && !(self.whole(first) && self.whole(then));
        if order.require_all == Some(false) || half || self.partial(first) || self.by_replica(first, then) {
            return;
        }
        if order.kind == OrderKind::Serialize {
            self.apart(&order.id, first, then);
            return;
        }
        let same = if self.interleaved(first, then) { Same::Node } else { Same::Any };
        self.both(&order.id, first, then, same);
        // Optional orders of bundles count on the way up alone.
        let one_way = order.kind == OrderKind::Optional && (self.bundled(first) || self.bundled(then));
        if order.symmetrical != Some(false)
            && !one_way
            && let (Some(first_down), Some(then_down)) = (reverse(first.verb), reverse(then.verb))
        {
            let first = Side { verb: first_down, ..first };
            let then = Side { verb: then_down, ..then };
            self.both(&order.id, then, first, same);
        }
    }

    /// Members of a set one after the other, and whole sets one after the other.
    fn sets(&mut self, order: &Order) {
        let verb_of = |set: &ResourceSet| verb(set.action.as_deref()).unwrap_or(Verb::Start);
        let sequential = |set: &ResourceSet| set.sequential != Some(false);
        let plain = |set: &ResourceSet| set.require_all != Some(false);
        for set in order.sets.iter().filter(|set| sequential(set) && plain(set)) {
            for pair in set.members.windows(2) {
                let side = |name: &str| Side { verb: verb_of(set), primitives: self.scope.primitives(name) };
                let (first, then) = (side(&pair[0]), side(&pair[1]));
                self.one(order, first, then);
            }
        }
        for pair in order.sets.windows(2).filter(|pair| pair.iter().all(plain)) {
            let ends = |set: &ResourceSet, last: bool| -> Vec<String> {
                match (sequential(set), last) {
                    (false, _) => set.members.clone(),
                    (true, true) => set.members.last().cloned().into_iter().collect(),
                    (true, false) => set.members.first().cloned().into_iter().collect(),
                }
            };
            for first in ends(&pair[0], true) {
                for then in ends(&pair[1], false) {
                    let first = Side { verb: verb_of(&pair[0]), primitives: self.scope.primitives(&first) };
                    let then = Side { verb: verb_of(&pair[1]), primitives: self.scope.primitives(&then) };
                    self.one(order, first, then);
                }
            }
        }
    }

    /// Whether some instances of a clone are enough.
    fn partial(&self, side: Side<'_>) -> bool {
        side.primitives.iter().any(|&at| {
            let clone = self.case.subjects.primitives[at].clone;
            clone.is_some_and(|clone| self.case.subjects.reader().whole(clone).clone_min() > 0)
        })
    }

    /// Whether instances of the second wait for the instance beside them only.
    fn interleaved(&self, first: Side<'_>, then: Side<'_>) -> bool {
        let clone = |side: Side<'_>| side.primitives.first().and_then(|&at| self.case.subjects.primitives[at].clone);
        match (clone(first), clone(then)) {
            (Some(_), Some(then)) => self.case.subjects.reader().whole(then).interleave(),
            _ => false,
        }
    }

    /// The steps of a side. Addresses and connections of a bundle follow its containers.
    fn steps(&self, side: Side<'_>) -> Vec<Step> {
        let own = side.primitives.iter().filter(|at| !self.comes_with_bundle(**at));
        let subjects = own.flat_map(|&at| &self.case.subjects_of[at]);
        subjects.flat_map(|&subject| self.case.planned(subject, side.verb)).copied().collect()
    }

    /// Whether replicas of a bundle are followed by replicas, or instances, one by one: each by those on its own host,
    /// and hosts of replicas are not read here.
    fn by_replica(&self, first: Side<'_>, then: Side<'_>) -> bool {
        let primitive = |at: &usize| &self.case.subjects.primitives[*at];
        let filled = |at: &usize| primitive(at).bundle.is_some() && primitive(at).written.is_some();
        let several = |at: &usize| primitive(at).bundle.is_some() || primitive(at).clone.is_some();
        first.primitives.iter().any(filled) && then.primitives.iter().any(several)
    }

    /// Whether all of a group comes up, where it is to. What need not wait waits for the whole, and not where that does
    /// not come.
    fn whole(&self, side: Side<'_>) -> bool {
        side.verb != Verb::Start
            || side.primitives.iter().all(|&at| {
                let subjects = &self.case.subjects_of[at];
                self.case.subjects.primitives[at].group.is_none()
                    || subjects.iter().any(|&subject| !self.case.after[subject].is_empty())
            })
    }

    fn bundled(&self, side: Side<'_>) -> bool {
        side.primitives.iter().any(|&at| self.case.subjects.primitives[at].bundle.is_some())
    }

    /// Whether a primitive is neither a container nor what runs inside.
    fn comes_with_bundle(&self, at: usize) -> bool {
        let it = &self.case.subjects.primitives[at];
        it.bundle.is_some() && it.written.is_none() && !self.case.is_container(at)
    }

    /// Whether the end of `first` is something that others do not wait for.
    fn spared(&self, first: &Step) -> bool {
        let leaves = || {
            let mut sent = self.case.planned(first.subject, Verb::MigrateFrom);
            sent.any(|from| {
                self.case
                    .action(from)
                    .migration
                    .as_ref()
                    .is_some_and(|(source, _)| source == self.case.nodes[first.node].name)
            })
        };
        // With a live migration it does not end; with the host of a guest it does, whatever stands inside.
        first.verb == Verb::Stop && leaves()
            || first.kind == ActionKind::Pseudo && self.case.container[first.node].is_some()
    }

    /// Whether the first comes up on a node that the second brings up, so that it cannot come before it.
    fn carried(&self, first: &Step, then: &Step) -> bool {
        let connection = self.case.subjects.find(self.case.nodes[first.node].name);
        let up = first.verb == Verb::Start && then.verb == Verb::Start;
        up && [self.case.container[first.node], connection].contains(&Some(then.subject))
    }

    /// Whether the first is a member of an instance of a group that does not come up as a whole: others wait for those
    /// that do.
    fn incomplete(&self, first: &Step, then: &Step) -> bool {
        let own = |subject: usize| self.case.primitive(subject).group.map(|(group, _)| std::ptr::from_ref(group));
        let it = self.case.primitive(first.subject);
        let cloned = it.clone.is_some() && it.group.is_some() && own(first.subject) != own(then.subject);
        cloned && first.verb == Verb::Start && {
            let comes = |member: usize| self.case.after[member].iter().any(|(node, _)| *node == first.node);
            !self.case.grouped(first.subject).all(comes)
        }
    }

    /// When both happen, the first is over before the second begins.
    fn both(&mut self, id: &str, first: Side<'_>, then: Side<'_>, same: Same) {
        let firsts = self.steps(first);
        if firsts.is_empty() {
            return;
        }
        for then in self.steps(then) {
            for first in firsts.iter().filter(|first| same.pairs(self.case, first, &then)) {
                let concerns = first.subject != then.subject
                    && !self.spared(first)
                    && !self.carried(first, &then)
                    && !self.incomplete(first, &then);
                if concerns && !self.before.precedes(first.at, then.at) {
                    let action = self.case.action(first);
                    let resource = action.resource.as_deref().unwrap_or_default();
                    let says = format!("does not wait for the {} of {resource} (order {id})", action.operation);
                    self.found.push(self.case.broken(Rule::Order, &then, says));
                }
            }
        }
    }

    /// Never at the same time.
    fn apart(&mut self, id: &str, first: Side<'_>, then: Side<'_>) {
        let firsts = self.steps(first);
        for then in self.steps(then) {
            for first in &firsts {
                if first.at != then.at
                    && !self.before.precedes(first.at, then.at)
                    && !self.before.precedes(then.at, first.at)
                {
                    let resource = self.case.subjects.all[first.subject].name;
                    let says = format!("may come at the same time as that of {resource} (order {id})");
                    self.found.push(self.case.broken(Rule::Order, &then, says));
                }
            }
        }
    }

    /// What needs something that is not there, and will not be, does not come up.
    fn needed(&mut self, order: &Order, first: Side<'_>, then: Side<'_>) {
        let wanted = match first.verb {
            Verb::Start => Role::Started,
            Verb::Promote => Role::Promoted,
            _ => return,
        };
        if !matches!(then.verb, Verb::Start | Verb::Promote) || first.primitives.is_empty() {
            return;
        }
        let Some(up) = self.steps(then).into_iter().find(|step| step.kind == ActionKind::Rsc) else { return };
        let counts = |at: &&usize| {
            let it = &self.case.subjects.primitives[**at];
            it.bundle.is_none()
                || if wanted == Role::Promoted { it.written.is_some() } else { self.case.is_container(**at) }
        };
        let runs = |at: &usize| {
            let after = self.case.subjects_of[*at].iter().flat_map(|&subject| &self.case.after[subject]);
            let mut subjects = self.case.subjects_of[*at].iter();
            after.into_iter().any(|(_, role)| *role >= wanted)
                || subjects.any(|&subject| self.case.may_stay(subject, None))
        };
        // Of a bundle one replica is enough, as one instance of a clone is.
        let bundle = |at: &usize| self.case.subjects.primitives[*at].bundle.map(|bundle| bundle.id.as_str());
        let replica = |at: &usize| {
            let others = first.primitives.iter().filter(counts).filter(|other| bundle(other) == bundle(at));
            bundle(at).is_some() && others.into_iter().any(runs)
        };
        if !first.primitives.iter().filter(counts).all(|at| runs(at) || replica(at)) {
            let says = format!("comes up without {} (order {})", order.first, order.id);
            self.found.push(self.case.broken(Rule::Order, &up, says));
        }
    }
}

fn verb(word: Option<&str>) -> Option<Verb> {
    match word? {
        "start" => Some(Verb::Start),
        "stop" => Some(Verb::Stop),
        "promote" => Some(Verb::Promote),
        "demote" => Some(Verb::Demote),
        _ => None,
    }
}

fn reverse(verb: Verb) -> Option<Verb> {
    match verb {
        Verb::Start => Some(Verb::Stop),
        Verb::Promote => Some(Verb::Demote),
        Verb::Stop => Some(Verb::Start),
        Verb::Demote => Some(Verb::Promote),
        _ => None,
    }
}
