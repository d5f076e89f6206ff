//! Instances of clones beyond the configured ones: for histories that no instance has room for.

use super::Facts;
use super::resource::Kind;
use super::tree;
use crate::index::ResourceIx;
use crate::situation::{self, ResourceKind};

/// What instances of `clone` are made from: the primitive or group of a clone, the primitive of a bundle.
#[must_use]
pub(crate) fn body<'a>(facts: &Facts<'a>, clone: ResourceIx) -> Option<&'a situation::Resource> {
    let owner = facts[clone].written.or_else(|| facts[facts[clone].parent?].written)?;
    match &owner.kind {
        ResourceKind::Clone(body) => Some(body),
        ResourceKind::Bundle(parts) => parts.primitive.as_ref(),
        ResourceKind::Primitive(_) | ResourceKind::Group(_) => None,
    }
}

/// Adds one more instance of `clone` at the end of the arena, marked as removed: the whole subtree of a cloned group.
/// Answers `clone` itself when it has nothing to be made from.
pub(super) fn add_instance(facts: &mut Facts<'_>, clone: ResourceIx) -> ResourceIx {
    let Some(body) = body(facts, clone).filter(|_| matches!(facts[clone].kind, Kind::Clone)) else { return clone };
    let last = facts[clone].children.iter().filter_map(|&child| facts[child].instance).max();
    let number = last.map_or(0, |last| last.saturating_add(1));
    let from = facts.resources.len();
    let instance = tree::add_instance_of(facts, clone, body, number);
    for resource in &mut facts.resources[from..] {
        resource.removed = true;
    }
    tree::settle_requires(facts, from);
    instance
}
