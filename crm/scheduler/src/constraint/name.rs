//! What a name in a constraint stands for.

use crate::facts::{Facts, Named};
use crate::index::ResourceIx;

/// The resources that `name` stands for; an unknown name stands for none. What is written inside an anonymous clone
/// has no instance of its own to speak of, so its name stands for the clone.
#[must_use]
pub fn resources(facts: &Facts<'_>, name: &str) -> Vec<ResourceIx> {
    match facts.names.get(name) {
        Some(Named::Resource(resource)) => vec![constrained(facts, name, *resource)],
        Some(Named::Several(several)) => {
            several.iter().map(|&member| constrained(facts, &facts[member].base, member)).collect()
        }
        None => Vec::new(),
    }
}

/// Whether `name` is that of a tag or template.
#[must_use]
pub fn is_several(facts: &Facts<'_>, name: &str) -> bool {
    matches!(facts.names.get(name), Some(Named::Several(_)))
}

fn constrained(facts: &Facts<'_>, name: &str, resource: ResourceIx) -> ResourceIx {
    if facts[resource].id == name { resource } else { below_bundle(facts, resource) }
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
