//! Where a resource runs, and what happens when that is more than one node.

use crate::facts::Facts;
use crate::facts::meta::{MultipleActive, Requires};
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;

/// Notes that `resource` runs on `node`, and with it whatever it is part of.
pub(super) fn add(facts: &mut Facts<'_>, resource: ResourceIx, node: NodeIx) {
    if facts[resource].on.contains(&node) {
        return;
    }
    facts.resources[resource.at()].on.push(node);
    if facts[resource].is_primitive() {
        facts.nodes[node.at()].running.push(resource);
        if facts[node].maintenance {
            facts.resources[resource.at()].managed = false;
            facts.resources[resource.at()].meta.unmanaged_reason.get_or_insert("its node is in maintenance");
        }
    }
    if !facts[resource].managed {
        let mut at = resource;
        while let Some(parent) = facts[at].parent {
            at = parent;
            if !facts[at].on.contains(&node) && facts[node].online {
                facts.resources[at.at()].on.push(node);
            }
        }
        return;
    }
    if facts[resource].is_primitive() && active_too_often(facts, resource) {
        too_many(facts, resource);
    }
    if let Some(parent) = facts[resource].parent {
        add(facts, parent, node);
    }
}

/// Whether `resource` is active where it should not be, besides where it should. A migration under way does not count.
/// Nor does a node that is down, for a resource that may start without it being fenced.
fn active_too_often(facts: &Facts<'_>, resource: ResourceIx) -> bool {
    let it = &facts[resource];
    if let Some((source, target)) = it.partial_migration
        && it.on.len() == 2
        && it.on.contains(&source)
        && it.on.contains(&target)
    {
        return false;
    }
    counted(facts, resource).count() > 1
}

/// On which nodes `resource` is active, without those that do not count.
pub(crate) fn counted(facts: &Facts<'_>, resource: ResourceIx) -> impl Iterator<Item = NodeIx> {
    let it = &facts[resource];
    let needs_fencing = it.meta.requires >= Requires::Fencing;
    let counts = move |node: &NodeIx| needs_fencing || (facts[*node].online && !facts[*node].unclean);
    it.on.iter().copied().filter(counts)
}

fn too_many(facts: &mut Facts<'_>, resource: ResourceIx) {
    match facts[resource].meta.multiple_active {
        MultipleActive::StopStart | MultipleActive::StopUnexpected => {}
        MultipleActive::StopOnly => {
            for node in facts.all_nodes() {
                facts.resources[resource.at()].bans.push((node, Reason::SeveralActive));
            }
        }
        MultipleActive::Block => {
            block(facts, resource, Reason::SeveralActive);
            // A group or bundle that says so too is left alone as a whole.
            let parent = facts[resource].parent;
            let whole = parent.filter(|&parent| {
                let parent = &facts[parent];
                (parent.is_group() || parent.is_bundle()) && parent.meta.multiple_active == MultipleActive::Block
            });
            for child in whole.map(|parent| facts[parent].children.clone()).unwrap_or_default() {
                block(facts, child, Reason::SeveralActive);
            }
        }
    }
}

/// Nothing is done with it any more.
pub(super) fn block(facts: &mut Facts<'_>, resource: ResourceIx, because: Reason) {
    let it = &mut facts.resources[resource.at()];
    it.managed = false;
    it.blocked.get_or_insert(because);
}
