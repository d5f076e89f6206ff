//! Resources that are not configured any more, and are only known because they left a history.

use super::owner::{Owners, without_number};
use crate::facts::node::NodeKind;
use crate::facts::{Facts, clone, failure, tree};
use crate::index::ResourceIx;
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::ResourceHistory;

/// One more instance of an anonymous clone, for a history that no configured instance can take; returns its member
/// called `base`.
pub(super) fn instance(
    facts: &mut Facts<'_>,
    owners: &mut Owners,
    clone: ResourceIx,
    base: &str,
) -> Option<ResourceIx> {
    let from = facts.resources.len();
    let made = clone::add_instance(facts, clone);
    for at in (from..facts.resources.len()).map(ResourceIx::new) {
        owners.note(facts, at);
        if facts[at].is_primitive() {
            let base = facts[at].base.clone();
            failure::read(facts, |name| if without_number(name) == base { vec![at] } else { Vec::new() });
        }
    }
    facts.primitives(made).into_iter().find(|&member| facts[member].base == base && facts[member].removed)
}

/// A primitive that was removed, with the agent that its history names.
pub(super) fn primitive(facts: &mut Facts<'_>, history: &ResourceHistory) -> ResourceIx {
    let container = history
        .container
        .as_deref()
        .and_then(|container| facts.all_resources().find(|&at| facts[at].is_primitive() && facts[at].id == container));
    let made = tree::add_removed(facts, history.id.clone(), history.agent.clone(), container);
    let stopped = facts.options.stop_removed_resources;
    let resource = &mut facts.resources[made.at()];
    if stopped {
        resource.next_role = Some((Role::Stopped, Reason::NotConfigured));
    } else {
        resource.managed = false;
        resource.meta.unmanaged_reason = Some("removed resources are left alone");
    }
    if let Some(container) = container {
        facts.resources[container.at()].contents.push(made);
    }
    adopt(facts, made);
    made
}

/// Histories come in any order: what lives in the host `made` may have been read before it.
fn adopt(facts: &mut Facts<'_>, made: ResourceIx) {
    let name = facts[made].id.clone();
    let lives_here = |at: &ResourceIx| {
        let here = &facts[*at];
        let recorded = || here.history.iter().any(|(_, history)| history.container.as_deref() == Some(name.as_str()));
        here.removed && here.container.is_none() && *at != made && recorded()
    };
    let inside: Vec<ResourceIx> = facts.all_resources().filter(lives_here).collect();
    for at in inside {
        facts.resources[at.at()].container = Some(made);
        facts.resources[made.at()].contents.push(at);
        if let Some(node) = facts[at].connects {
            let node = &mut facts.nodes[node.at()];
            node.kind = NodeKind::Guest { container: made };
            node.unclean = false;
        }
    }
}
