//! A clone has no more instances, and no more promoted ones, than it may have: neither when all is done nor on the way.

use super::case::{Case, Step, Verb};
use super::graph::Before;
use super::tree::{Primitive, Sort};
use super::violation::{Rule, Violation};
use crate::role::Role;
use crate::schedule::ActionKind;
use crate::situation::ResourceKind;
use crate::word;

pub(super) fn check(case: &Case<'_>, before: &mut Before<'_>, found: &mut Vec<Violation>) {
    for (primitive, subjects) in case.subjects.primitives.iter().zip(&case.subjects_of) {
        let limits = match primitive.sort {
            Sort::Alone => continue,
            Sort::Unique | Sort::Anonymous => {
                let Some(clone) = primitive.clone else { continue };
                let wish = case.subjects.reader().whole(clone);
                let all = Limit { all: wish.max(case.nodes.len()), one_node: wish.node_max() };
                let promoted = Limit { all: wish.promoted_max(), one_node: wish.promoted_node_max() };
                [(Verb::Start, all), (Verb::Promote, promoted)]
            }
            Sort::Replica => {
                let Some((replicas, promoted)) = replicas(primitive) else { continue };
                let one = |all| Limit { all, one_node: 1 };
                [(Verb::Start, one(replicas)), (Verb::Promote, one(promoted))]
            }
        };
        for (verb, limit) in limits {
            let family = Family { case, subjects, verb, limit };
            family.at_the_end(found);
            family.on_the_way(before, found);
        }
    }
}

/// How many replicas a bundle has, and how many promoted.
fn replicas(inside: &Primitive<'_>) -> Option<(i64, i64)> {
    let ResourceKind::Bundle(bundle) = &inside.bundle?.kind else { return None };
    let number = |text: &Option<String>| Some(word::leading_integer(text.as_deref()?)?.0);
    let promoted = number(&bundle.container.promoted_max);
    let asked = if inside.wish.promotable() { inside.wish.promoted_max() } else { 0 };
    Some((number(&bundle.container.replicas).or(promoted).unwrap_or(1), promoted.unwrap_or(asked)))
}

/// As many at most.
#[derive(Clone, Copy)]
struct Limit {
    all: i64,
    one_node: i64,
}

/// The instances of a primitive inside a clone, and the step that must not make too many of them.
struct Family<'c, 'a> {
    case: &'c Case<'a>,
    subjects: &'c [usize],
    verb: Verb,
    limit: Limit,
}

impl Family<'_, '_> {
    fn ups(&self) -> impl Iterator<Item = &Step> {
        let planned = self.subjects.iter().flat_map(|&subject| self.case.planned(subject, self.verb));
        planned.filter(|step| step.kind == ActionKind::Rsc)
    }

    /// Live migrations bring an instance to a node, too; they make no more of them in all.
    fn arrivals(&self) -> impl Iterator<Item = &Step> {
        let starts = self.verb == Verb::Start;
        let subjects = self.subjects.iter().filter(move |_| starts);
        subjects.flat_map(|&subject| self.case.planned(subject, Verb::MigrateFrom))
    }

    fn counts(&self, role: Role) -> bool {
        self.verb != Verb::Promote || role == Role::Promoted
    }

    fn what(&self) -> &'static str {
        if self.verb == Verb::Promote { "promoted instances" } else { "instances" }
    }

    /// What is too many already, and is not touched, is not the schedule's doing: only clones that get more are judged.
    fn at_the_end(&self, found: &mut Vec<Violation>) {
        let Some(first) = self.ups().chain(self.arrivals()).next() else { return };
        let after = self.subjects.iter().flat_map(|&subject| &self.case.after[subject]);
        let nodes: Vec<usize> = after.filter(|(_, role)| self.counts(*role)).map(|(node, _)| *node).collect();
        let count = |nodes: usize| i64::try_from(nodes).unwrap_or(i64::MAX);
        if count(nodes.len()) > self.limit.all {
            let says = format!("makes {} {}, and {} are allowed", nodes.len(), self.what(), self.limit.all);
            found.push(self.case.broken(Rule::Instances, first, says));
        }
        for up in self.ups().chain(self.arrivals()) {
            let here = nodes.iter().filter(|node| **node == up.node).count();
            if count(here) > self.limit.one_node {
                let (what, most) = (self.what(), self.limit.one_node);
                let says = format!("makes {here} {what} on this node, and {most} are allowed");
                found.push(self.case.broken(Rule::Instances, up, says));
            }
        }
    }

    /// Where there is no room for those that come beside those that go, the latter go first.
    fn on_the_way(&self, before: &mut Before<'_>, found: &mut Vec<Violation>) {
        let downs: Vec<&Step> = self.subjects.iter().flat_map(|&subject| self.leaving(subject)).collect();
        let active: usize = self.subjects.iter().map(|&subject| self.active(subject)).sum();
        let count = i64::try_from(active + self.ups().count()).unwrap_or(i64::MAX);
        if downs.is_empty() || count <= self.limit.all {
            return;
        }
        for up in self.ups() {
            // Only as many must go first as would be too many together with what is there.
            let gone = downs.iter().filter(|down| before.precedes(down.at, up.at)).count();
            let others = self.ups().filter(|other| other.at != up.at && !before.precedes(up.at, other.at)).count();
            let at_once = i64::try_from((active + others + 1).saturating_sub(gone)).unwrap_or(i64::MAX);
            if at_once > self.limit.all {
                let says =
                    format!("may make {at_once} {} for a while, and {} are allowed", self.what(), self.limit.all);
                found.push(self.case.broken(Rule::Instances, up, says));
            }
        }
    }

    /// Instances that count now. A start that was never answered is repeated, and makes no second one.
    fn active(&self, subject: usize) -> usize {
        let repeated = |node: usize| {
            let mut starts = self.case.planned(subject, Verb::Start);
            self.verb == Verb::Start && starts.any(|start| start.node == node)
        };
        let active = self.case.active(subject).filter(|it| it.counts() && self.counts(it.role));
        active.filter(|it| !(it.pending && repeated(it.node))).count()
    }

    /// Steps that end one of those.
    fn leaving(&self, subject: usize) -> impl Iterator<Item = &Step> {
        let down = if self.verb == Verb::Promote { Verb::Demote } else { Verb::Stop };
        let counted = move |step: &&Step| {
            self.case.active(step.subject).any(|it| it.counts() && it.node == step.node && self.counts(it.role))
        };
        self.case.planned(subject, down).filter(counted)
    }
}
