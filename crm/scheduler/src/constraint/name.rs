//! What a name in a constraint stands for.

use crate::facts::{Facts, Named};
use crate::index::ResourceIx;

/// The resources that `name` stands for; an unknown name stands for none.
#[must_use]
pub fn resources(facts: &Facts<'_>, name: &str) -> Vec<ResourceIx> {
    match facts.names.get(name) {
        Some(Named::Resource(resource)) => constrained(facts, name, *resource).into_iter().collect(),
        Some(Named::Several(several)) => several.iter().filter_map(|&member| stands_for(facts, member)).collect(),
        None => Vec::new(),
    }
}

/// What a member of a tag or template is, as far as constraints are concerned.
fn stands_for(facts: &Facts<'_>, member: ResourceIx) -> Option<ResourceIx> {
    let top = below_bundle(facts, member);
    if facts[top].is_clone() { Some(top) } else { constrained(facts, &facts[member].base, member) }
}

/// Whether `name` is that of a tag or template.
#[must_use]
pub fn is_several(facts: &Facts<'_>, name: &str) -> bool {
    matches!(facts.names.get(name), Some(Named::Several(_)))
}

/// What is written inside an anonymous clone has no instance of its own to speak of. Its name stands for the clone when
/// a history was recorded under it, and for nothing otherwise; where a tag or template named it, for the clone.
fn constrained(facts: &Facts<'_>, name: &str, resource: ResourceIx) -> Option<ResourceIx> {
    if facts[resource].id == name {
        return Some(resource);
    }
    let top = below_bundle(facts, resource);
    let recorded = |at: ResourceIx| facts[at].history.iter().any(|(_, history)| history.id == name);
    facts.primitives(top).into_iter().any(recorded).then_some(top)
}

/// The outermost resource that `resource` is part of, short of a bundle.
#[must_use]
pub fn below_bundle(facts: &Facts<'_>, resource: ResourceIx) -> ResourceIx {
    let mut top = resource;
    while let Some(parent) = facts[top].parent.filter(|&parent| !facts[parent].is_bundle()) {
        top = parent;
    }
    top
}
