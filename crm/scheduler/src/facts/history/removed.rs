//! Resources that are not configured any more, and are only known because they left a history.

use super::owner::Owners;
use crate::facts::Facts;
use crate::facts::meta::{self, Nature, is_connection};
use crate::facts::resource::{Kind, Resource};
use crate::index::ResourceIx;
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::ResourceHistory;
use std::collections::BTreeMap;

/// One more instance of an anonymous clone, for a history that no configured instance can take; returns its member
/// called `base`. `None` when the clone has no instance to make it after.
pub(super) fn instance(
    facts: &mut Facts<'_>,
    owners: &mut Owners,
    clone: ResourceIx,
    base: &str,
) -> Option<ResourceIx> {
    let pattern = facts[clone].children.first().copied()?;
    let number = u32::try_from(facts[clone].children.len()).unwrap_or(u32::MAX);
    let made = copy(facts, owners, pattern, clone, number);
    facts.resources[clone.at()].children.push(made);
    facts.primitives(made).into_iter().find(|&member| facts[member].base == base)
}

fn copy(
    facts: &mut Facts<'_>,
    owners: &mut Owners,
    pattern: ResourceIx,
    parent: ResourceIx,
    number: u32,
) -> ResourceIx {
    let mut resource = fresh(&facts[pattern]);
    resource.managed = resource.meta.unmanaged_reason.is_none() && facts[parent].managed;
    resource.parent = Some(parent);
    resource.instance = Some(number);
    resource.id = format!("{}:{number}", resource.base);
    resource.removed = true;
    let children = std::mem::take(&mut resource.children);
    let made = ResourceIx::new(facts.resources.len());
    facts.resources.push(resource);
    let children = children.into_iter().map(|child| copy(facts, owners, child, made, number)).collect();
    facts.resources[made.at()].children = children;
    owners.note(facts, made);
    made
}

/// A copy that nothing is known of yet.
fn fresh<'a>(resource: &Resource<'a>) -> Resource<'a> {
    Resource {
        role: Role::Unknown,
        on: Vec::new(),
        known_on: Vec::new(),
        history: Vec::new(),
        blocked: None,
        failed: false,
        recover: false,
        failure_ignored: false,
        must_stop_on: Vec::new(),
        forget: Vec::new(),
        lock_since: None,
        expired_monitors: Vec::new(),
        stop_reason: None,
        demote_for_failure: false,
        start_pending: false,
        pending: None,
        partial_migration: None,
        dangling_migrations: Vec::new(),
        bans: Vec::new(),
        lock: None,
        roles_on: Vec::new(),
        next_role: None,
        ..resource.clone()
    }
}

/// A primitive that was removed, with the agent that its history names.
pub(super) fn primitive<'a>(facts: &mut Facts<'a>, history: &'a ResourceHistory) -> ResourceIx {
    let made = ResourceIx::new(facts.resources.len());
    let mut resource = blank(facts, history);
    if facts.options.stop_removed_resources {
        resource.next_role = Some((Role::Stopped, Reason::Said("it is not configured any more".to_string())));
    } else {
        resource.managed = false;
        resource.meta.unmanaged_reason = Some("removed resources are left alone");
    }
    if let Some(container) = &history.container {
        resource.container = facts.all_resources().find(|&at| facts[at].is_primitive() && facts[at].id == *container);
    }
    if is_connection(&history.agent) {
        resource.connects = facts.all_nodes().find(|&node| facts[node].name == history.id && facts[node].is_remote());
    }
    if let Some(node) = resource.connects {
        facts.nodes[node.at()].connection.get_or_insert(made);
    }
    if let Some(container) = resource.container {
        facts.resources[container.at()].contents.push(made);
    }
    facts.resources.push(resource);
    facts.tops.push(made);
    made
}

fn blank<'a>(facts: &Facts<'a>, history: &ResourceHistory) -> Resource<'a> {
    let (text, agent) = (BTreeMap::new(), Some(&history.agent));
    let nature = Nature { agent, group: false, clone: false, parent: None, nodes: facts.nodes.len() };
    let mut meta = meta::read(&text, nature, &facts.options);
    meta.requires = meta::requires(&text, agent, &facts.options, false);
    let mut resource = Resource::blank(history.id.clone(), Kind::Primitive, meta);
    resource.managed = resource.meta.unmanaged_reason.is_none();
    resource.agent = Some(history.agent.clone());
    resource.fence_device = history.agent.is_fencing();
    resource.removed = true;
    resource
}
