//! Colocations: names resolved, sets taken apart into pairs, those of groups and hosts added.

use super::{Colocation, Constraints, name};
use crate::facts::{Facts, resource::Kind};
use crate::index::ResourceIx;
use crate::role::Role;
use crate::situation::{self, ResourceSet};
use crate::word;
use config::Score;
use std::cmp::Ordering;

/// What a connection that may run on a remote node is worth to be where its container is: more than anything else,
/// but no must.
const NEAR_CONTAINER: i64 = 10_000;

/// Resolves every colocation of the configuration, and adds what groups, bundles and hosts imply.
pub fn resolve(facts: &Facts<'_>, constraints: &mut Constraints) {
    let mut found = Vec::new();
    let all = facts.situation.configuration.constraints.colocations.iter();
    for written in all.filter(|written| super::in_force(facts, written.lifetime.as_ref())) {
        if written.sets.is_empty() {
            pair(facts, written, &mut found);
        } else {
            sets(facts, written, &mut found);
        }
    }
    for resource in facts.all_resources() {
        implied(facts, resource, &mut found);
    }
    index(facts, found, constraints);
}

/// One end of a colocation.
#[derive(Clone, Copy)]
struct End {
    resource: ResourceIx,
    role: Option<Role>,
}

/// A set with its names resolved.
struct Part<'r> {
    set: &'r ResourceSet,
    members: Vec<End>,
    sequential: bool,
}

/// A colocation by role speaks of that role; `Started` speaks of all.
fn role(word: Option<&str>) -> Result<Option<Role>, ()> {
    match word.map(|word| Role::parse(word).ok_or(())).transpose()? {
        Some(Role::Started | Role::Unknown) => Ok(None),
        role => Ok(role),
    }
}

fn pair(facts: &Facts<'_>, written: &situation::Colocation, found: &mut Vec<Colocation>) {
    let (Ok(dependent_role), Ok(primary_role)) =
        (role(written.dependent_role.as_deref()), role(written.primary_role.as_deref()))
    else {
        return;
    };
    if name::is_several(facts, &written.dependent) && name::is_several(facts, &written.primary) {
        // Two templates or tags: the field reads nothing from such a constraint.
        return;
    }
    for dependent in name::resources(facts, &written.dependent) {
        for primary in name::resources(facts, &written.primary) {
            let dependent = End { resource: dependent, role: dependent_role };
            let primary = End { resource: primary, role: primary_role };
            push(facts, written, &written.id, written.score, dependent, primary, found);
        }
    }
}

fn push(
    facts: &Facts<'_>,
    written: &situation::Colocation,
    id: &str,
    score: Score,
    dependent: End,
    primary: End,
    found: &mut Vec<Colocation>,
) {
    if score == Score::ZERO || dependent.resource == primary.resource {
        return;
    }
    let influence = written.influence.as_deref().and_then(word::boolean);
    found.push(Colocation {
        id: id.to_string(),
        score,
        dependent: dependent.resource,
        dependent_role: dependent.role,
        primary: primary.resource,
        primary_role: primary.role,
        node_attribute: written.node_attribute.clone().filter(|attribute| attribute != "#uname"),
        influence: influence.unwrap_or(facts[dependent.resource].meta.critical),
        implied: false,
    });
}

/// Sets: each inside itself, and each with the one written after it.
fn sets(facts: &Facts<'_>, written: &situation::Colocation, found: &mut Vec<Colocation>) {
    let mut last: Option<Part<'_>> = None;
    for set in &written.sets {
        let Ok(role) = role(set.role.as_deref()) else { continue };
        let members = set.members.iter().flat_map(|member| name::resources(facts, member));
        let members = members.map(|resource| End { resource, role }).collect();
        let part = Part { set, members, sequential: set.sequential.unwrap_or(true) };
        inside(facts, written, &part, found);
        if let Some(last) = &last {
            between(facts, written, last, &part, found);
        }
        last = Some(part);
    }
}

/// Inside a sequential set each member follows the one before it; apart means apart from all before it.
fn inside(facts: &Facts<'_>, written: &situation::Colocation, part: &Part<'_>, found: &mut Vec<Colocation>) {
    if !part.sequential {
        return;
    }
    let score = part.set.score.unwrap_or(written.score);
    for (at, &member) in part.members.iter().enumerate() {
        let followed = if score > Score::ZERO { at.saturating_sub(1)..at } else { 0..at };
        for &earlier in &part.members[followed] {
            // In a listed set it is the earlier one that follows.
            let turned = part.set.listed && score > Score::ZERO;
            let (dependent, primary) = if turned { (earlier, member) } else { (member, earlier) };
            push(facts, written, &part.set.id, score, dependent, primary, found);
        }
    }
}

/// The members of the first of two sets follow those of the second. A sequential set is represented by one member:
/// the first one follows, the last one is followed.
fn between(
    facts: &Facts<'_>,
    written: &situation::Colocation,
    first: &Part<'_>,
    second: &Part<'_>,
    found: &mut Vec<Colocation>,
) {
    let dependents = if first.sequential { &first.members[..first.members.len().min(1)] } else { &first.members[..] };
    let primaries =
        if second.sequential { &second.members[second.members.len().saturating_sub(1)..] } else { &second.members[..] };
    for &dependent in dependents {
        for &primary in primaries {
            push(facts, written, &written.id, written.score, dependent, primary, found);
        }
    }
}

/// What the tree says by itself: members of a group follow each other, addresses and connections their container.
fn implied(facts: &Facts<'_>, resource: ResourceIx, found: &mut Vec<Colocation>) {
    let here = &facts[resource];
    let mut add = |id: &str, score, dependent: ResourceIx, primary, influence| {
        found.push(Colocation {
            id: id.to_string(),
            score,
            dependent,
            dependent_role: None,
            primary,
            primary_role: None,
            node_attribute: None,
            influence,
            implied: true,
        });
    };
    match &here.kind {
        Kind::Group if together(facts, resource) => {
            for pair in here.children.windows(2) {
                add(&here.id, Score::MANDATORY, pair[1], pair[0], facts[pair[1]].meta.critical);
            }
        }
        Kind::Bundle(replicas) => {
            for replica in replicas {
                if let Some(address) = replica.address {
                    add(&here.id, Score::MANDATORY, address, replica.container, true);
                }
            }
        }
        Kind::Group | Kind::Clone | Kind::Primitive => {}
    }
    let beside = here.container.filter(|&container| here.managed && lives_beside(facts, resource, container));
    if let Some(container) = beside {
        let score = if travels(facts, resource) { Score::new(NEAR_CONTAINER) } else { Score::MANDATORY };
        add(&facts[container].id, score, resource, container, true);
    }
}

/// Whether the members of a group have to be on the same node (nearly always; `collocated` says otherwise).
#[must_use]
pub fn together(facts: &Facts<'_>, group: ResourceIx) -> bool {
    let said = facts[group].meta_text.get("collocated").and_then(|text| word::boolean(text));
    said.unwrap_or(true)
}

/// Whether `resource` has to be where its container is. What runs on the node that the container is, is bound to that
/// node instead.
fn lives_beside(facts: &Facts<'_>, resource: ResourceIx, container: ResourceIx) -> bool {
    facts[resource].connects.is_some()
        || (facts[container].connects.is_none()
            && !facts[container].contents.iter().any(|&inside| facts[inside].connects.is_some()))
}

/// Whether a connection may be made from another node than its container's: those into bundles may.
#[must_use]
pub fn travels(facts: &Facts<'_>, resource: ResourceIx) -> bool {
    facts[resource].connects.is_some_and(|node| facts[node].bundle)
}

/// Lists by dependent, ordered by primary, and by primary, ordered by dependent.
fn index(facts: &Facts<'_>, found: Vec<Colocation>, constraints: &mut Constraints) {
    constraints.colocations_of_dependent = vec![Vec::new(); facts.resources.len()];
    constraints.colocations_of_primary = vec![Vec::new(); facts.resources.len()];
    for colocation in found {
        let at = u32::try_from(constraints.colocations.len()).expect("fewer constraints than memory has bytes");
        let (dependent, primary) = (colocation.dependent, colocation.primary);
        constraints.colocations.push(colocation);
        let all = &constraints.colocations;
        insert(facts, all, &mut constraints.colocations_of_dependent[dependent.at()], at, |c| c.primary);
        insert(facts, all, &mut constraints.colocations_of_primary[primary.at()], at, |c| c.dependent);
    }
}

/// Puts a colocation into a list in which more important others come first; before its equals.
pub fn insert(
    facts: &Facts<'_>,
    all: &[Colocation],
    list: &mut Vec<u32>,
    at: u32,
    other: impl Fn(&Colocation) -> ResourceIx,
) {
    let new = other(&all[at as usize]);
    let place = list.partition_point(|&old| importance(facts, other(&all[old as usize]), new) == Ordering::Less);
    list.insert(place, at);
}

/// Which of two resources is weighed in first: by priority, then what has instances, groups, primitives, then by name.
fn importance(facts: &Facts<'_>, one: ResourceIx, other: ResourceIx) -> Ordering {
    let kind = |resource: ResourceIx| match facts[resource].kind {
        Kind::Bundle(_) => 0,
        Kind::Clone if facts[resource].promotable() => 1,
        Kind::Clone => 2,
        Kind::Group => 3,
        Kind::Primitive => 4,
    };
    let (a, b) = (&facts[one], &facts[other]);
    b.meta.priority.cmp(&a.meta.priority).then(kind(one).cmp(&kind(other))).then_with(|| a.id.cmp(&b.id))
}
