//! What must be together, or apart, is when everything has been carried out.

use super::case::{Case, Step, Verb};
use super::scope::Scope;
use super::violation::{Rule, Violation};
use crate::role::Role;
use crate::rule::{self, RuleContext};
use crate::schedule::ActionKind;
use crate::situation::Colocation;

pub(super) fn check(case: &Case<'_>, scope: &Scope<'_>, found: &mut Vec<Violation>) {
    groups(case, found);
    let context = RuleContext { now_ms: case.situation.now_ms, ..RuleContext::default() };
    for it in &case.situation.configuration.constraints.colocations {
        let counts = it.lifetime.as_ref().is_none_or(|rule| rule::holds(rule, &context));
        if counts && it.sets.is_empty() && (it.score.is_mandatory() || it.score.is_never()) {
            pair(case, scope, it, found);
        }
    }
}

/// A member of a group comes up beside the member before it.
fn groups(case: &Case<'_>, found: &mut Vec<Violation>) {
    for (subject, it) in case.subjects.all.iter().enumerate() {
        let primitive = &case.subjects.primitives[it.primitive];
        let Some((group, place)) = primitive.group.filter(|(_, place)| *place > 0) else { continue };
        if !primitive.wish.collocated() {
            continue;
        }
        let previous = &case.subjects.primitives[it.primitive - 1];
        let name = match it.name.strip_prefix(primitive.id) {
            Some(number) => format!("{}{number}", previous.id),
            None => continue,
        };
        debug_assert!(place > 0, "the first member follows nobody");
        let Some(beside) = case.subjects.find(&name) else { continue };
        for up in comes(case, subject, Role::Started) {
            let there = case.after[beside].iter().any(|(node, _)| *node == up.node);
            if !there && !case.may_stay(beside, Some(up.node)) {
                let says = format!("comes up without {name}, which is before it in group {}", group.id);
                found.push(case.broken(Rule::Together, up, says));
            }
        }
    }
}

/// Steps with which a subject comes to a node, in a role: a live migration brings it, too.
fn comes<'c>(case: &'c Case<'_>, subject: usize, role: Role) -> impl Iterator<Item = &'c Step> {
    let verbs: &[Verb] = if role == Role::Promoted { &[Verb::Promote] } else { &[Verb::Start, Verb::MigrateFrom] };
    let steps = verbs.iter().flat_map(move |&verb| case.planned(subject, verb));
    // What is promoted as soon as it is started is nothing else.
    let promoted = move |step: &&Step| {
        let mut after = case.after[subject].iter();
        role == Role::Unpromoted && after.any(|(node, is)| *node == step.node && *is == Role::Promoted)
    };
    steps.filter(|step| step.kind == ActionKind::Rsc).filter(move |step| !promoted(step))
}

/// The role that a constraint speaks of; `Started` for any.
fn role(word: Option<&str>) -> Role {
    let parsed = word.and_then(Role::parse);
    parsed.filter(|role| matches!(role, Role::Promoted | Role::Unpromoted)).unwrap_or(Role::Started)
}

fn pair(case: &Case<'_>, scope: &Scope<'_>, it: &Colocation, found: &mut Vec<Violation>) {
    let of_bundle = |at: &usize| case.subjects.primitives[*at].bundle.is_some();
    let (dependents, primaries) = (scope.primitives(&it.dependent), scope.primitives(&it.primary));
    // Which container of a bundle another resource is beside is a matter of hosts and guests; the stages settle it.
    if primaries.is_empty() || dependents.iter().chain(primaries).any(of_bundle) {
        return;
    }
    let (dependent_role, primary_role) = (role(it.dependent_role.as_deref()), role(it.primary_role.as_deref()));
    // Beside a promoted instance of what cannot be promoted is nowhere, and nobody can have meant that.
    let promotable = |primitives: &[usize]| {
        let subjects = primitives.iter().flat_map(|&at| &case.subjects_of[at]);
        subjects.into_iter().any(|&subject| case.promotable(subject))
    };
    if primary_role == Role::Promoted && !promotable(primaries) {
        return;
    }
    let attribute = it.node_attribute.as_deref().filter(|name| *name != "#uname");
    let place = |node: usize| match attribute {
        None => Some(case.nodes[node].name.to_owned()),
        Some(name) => case.nodes[node].attributes(case.situation).get(name).cloned(),
    };
    let subjects = |primitives: &[usize]| -> Vec<usize> {
        primitives.iter().flat_map(|&at| &case.subjects_of[at]).copied().collect()
    };
    let there = |subject: usize, role: Role, with: usize| {
        let mut after = case.after[subject].iter().filter(|(_, is)| role == Role::Started || role == *is);
        after.any(|(node, _)| *node == with || attribute.is_some() && place(*node) == place(with))
    };
    // Whether a primary is known somewhere, and cannot be stopped near a node.
    let stays = |subject: usize, with: usize| {
        let near = |node: usize| node != with && attribute.is_some() && place(node) == place(with);
        let mut known = case.known[subject].iter().peekable();
        known.peek().is_some()
            && (case.stuck(subject, with) || known.any(|it| near(it.node) && case.stuck(subject, it.node)))
    };
    let primaries = subjects(primaries);
    let dependents = subjects(dependents);
    for &dependent in &dependents {
        for up in comes(case, dependent, dependent_role) {
            // What cannot be stopped is there for those who need it, and keeps nobody away.
            let with = primaries.iter().any(|&primary| match there(primary, primary_role, up.node) {
                true => it.score.is_mandatory() || !case.stuck(primary, up.node),
                false => it.score.is_mandatory() && stays(primary, up.node),
            });
            let why = if it.score.is_mandatory() && !with {
                format!("comes up without {} beside it (colocation {})", it.primary, it.id)
            } else if it.score.is_never() && with {
                format!("comes up beside {} (colocation {})", it.primary, it.id)
            } else {
                continue;
            };
            found.push(case.broken(Rule::Together, up, why));
        }
    }
    if it.score.is_never() {
        for &primary in &primaries {
            for up in comes(case, primary, primary_role).filter(|up| !case.stuck(primary, up.node)) {
                // Dependents that stay because they cannot be stopped, or may not be, keep nobody away.
                let follows =
                    |dependent: usize| there(dependent, dependent_role, up.node) && !case.stuck(dependent, up.node);
                if dependents.iter().any(|&dependent| follows(dependent)) {
                    let says = format!("comes up beside {} (colocation {})", it.dependent, it.id);
                    found.push(case.broken(Rule::Together, up, says));
                }
            }
        }
    }
}
