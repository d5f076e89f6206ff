//! Live migrations that two nodes recorded, in whatever state they were left.
//!
//! ```text
//! source:  migrate_to ok                         stop
//! target:                 migrate_from ok                -> complete: runs on the target
//!          migrate_to ok                                 -> partial: runs on both until it is finished or undone
//!          migrate_to ok  migrate_from ok                -> dangling: runs on the target, a stop is due on the source
//!          migrate_to ok  migrate_from failed            -> may run on both, failed
//!          migrate_to failed                             -> may run on both
//! ```
//!
//! Whatever happened on a node after the migration counts more than the migration.

use super::outcome::code;
use super::replay::Replay;
use super::{running, sequence};
use crate::facts::Facts;
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::{OperationHistory, OperationStatus, ResourceHistory};

/// `migrate_to` left the source in good order.
pub(super) fn migrate_to_succeeded<'a>(replay: &mut Replay<'_, 'a>, to: &'a OperationHistory) {
    let Some((source, target)) = ends(replay, to) else { return };
    let on_source = history_on(replay.facts, source, &replay.history.id);
    let on_target = history_on(replay.facts, target, &replay.history.id);
    let source_moved_on = changed_after(on_source, to, true);
    let from = on_target.and_then(|history| find_from(history, source));
    let target_moved_on = state_known_after(on_target, from.unwrap_or(to), from.is_some());
    if source_moved_on && target_moved_on {
        return;
    }
    let arrived = from.is_some_and(|from| from.status == OperationStatus::Done && from.exit_code == code::OK);
    if !target_moved_on && arrived {
        if !source_moved_on {
            replay.role = Role::Stopped;
            let node = replay.node;
            let dangling = &mut replay.facts.resources[replay.resource.at()].dangling_migrations;
            if !dangling.contains(&node) {
                dangling.push(node);
            }
        }
        return;
    }
    replay.role = Role::Started;
    let target_node = super::node_named(replay.facts, target);
    let target_online = target_node.filter(|&node| replay.facts[node].online);
    let active_there = target_online.filter(|_| !target_moved_on);
    let pending = from.is_none_or(|from| from.status == OperationStatus::Pending);
    if !pending {
        match active_there {
            Some(node) => running::add(replay.facts, replay.resource, node),
            None if !source_moved_on => torn(replay),
            None => {}
        }
        return;
    }
    if target_online.is_some() && unheard(on_target) {
        // Its history there was cleaned: a probe will tell.
        return;
    }
    match active_there {
        Some(node) => {
            let source_node = super::node_named(replay.facts, source).filter(|&node| replay.facts[node].online);
            if let Some(source_node) = source_node {
                replay.facts.resources[replay.resource.at()].partial_migration = Some((source_node, node));
            }
            running::add(replay.facts, replay.resource, node);
        }
        None if !source_moved_on => torn(replay),
        None => {}
    }
}

/// `migrate_to` failed on the source: the target may have it already.
pub(super) fn migrate_to_failed<'a>(replay: &mut Replay<'_, 'a>, to: &'a OperationHistory) {
    let Some((source, target)) = ends(replay, to) else { return };
    replay.role = Role::Started;
    let on_source = history_on(replay.facts, source, &replay.history.id);
    let on_target = history_on(replay.facts, target, &replay.history.id);
    let from = on_target.and_then(|history| find_from(history, source));
    if !state_known_after(on_target, from.unwrap_or(to), from.is_some()) {
        if let Some(node) = super::node_named(replay.facts, target).filter(|&node| replay.facts[node].online) {
            running::add(replay.facts, replay.resource, node);
        }
    } else if !changed_after(on_source, to, true) {
        let node = replay.node;
        let dangling = &mut replay.facts.resources[replay.resource.at()].dangling_migrations;
        if !dangling.contains(&node) {
            dangling.push(node);
        }
    }
}

/// `migrate_from` failed on the target: the source may still have it. Where the source has forgotten all about it, it
/// is asked first.
pub(super) fn migrate_from_failed<'a>(replay: &mut Replay<'_, 'a>, from: &'a OperationHistory) {
    let Some((source, target)) = ends(replay, from) else { return };
    replay.role = Role::Started;
    let on_source = history_on(replay.facts, source, &replay.history.id);
    let to = on_source.and_then(|history| find_to(history, target));
    if unheard(on_source) || state_known_after(on_source, to.unwrap_or(from), to.is_some()) {
        return;
    }
    if let Some(node) = super::node_named(replay.facts, source).filter(|&node| replay.facts[node].online) {
        let resource = &mut replay.facts.resources[replay.resource.at()];
        resource.failed = true;
        resource.recover.get_or_insert(Reason::MigrationInterrupted);
        running::add(replay.facts, replay.resource, node);
    }
}

/// The other end was lost: it must be restarted, and cannot be moved alive.
fn torn(replay: &mut Replay<'_, '_>) {
    let resource = &mut replay.facts.resources[replay.resource.at()];
    resource.failed = true;
    resource.recover.get_or_insert(Reason::MigrationInterrupted);
    resource.meta.allow_migrate = false;
    resource.must_stop_on.push((replay.node, Reason::MigrationInterrupted));
}

/// Source and target; `None` where the record names none, or another node than the one that it is of.
fn ends<'a>(replay: &Replay<'_, 'a>, op: &'a OperationHistory) -> Option<(&'a str, &'a str)> {
    let source = op.migrate_source.as_deref()?;
    let target = op.migrate_target.as_deref()?;
    let own = if op.name == "migrate_to" { source } else { target };
    replay.facts[replay.node].name.eq_ignore_ascii_case(own).then_some((source, target))
}

/// The history of the resource named `id` on the node named `node`.
fn history_on<'a>(facts: &Facts<'a>, node: &str, id: &str) -> Option<&'a ResourceHistory> {
    let status = facts.situation.status.iter().find(|status| status.name.eq_ignore_ascii_case(node))?;
    status.resources.iter().map(AsRef::as_ref).find(|history| history.id == id)
}

fn find_from<'a>(history: &'a ResourceHistory, source: &str) -> Option<&'a OperationHistory> {
    let matches = |op: &&OperationHistory| op.name == "migrate_from" && op.migrate_source.as_deref() == Some(source);
    history.operations.iter().find(matches)
}

fn find_to<'a>(history: &'a ResourceHistory, target: &str) -> Option<&'a OperationHistory> {
    let matches = |op: &&OperationHistory| op.name == "migrate_to" && op.migrate_target.as_deref() == Some(target);
    history.operations.iter().find(matches)
}

/// Whether a node never answered anything about a resource: all was forgotten, or what was asked for is under way.
fn unheard(history: Option<&ResourceHistory>) -> bool {
    history.is_none_or(|history| history.operations.iter().all(|op| op.status == OperationStatus::Pending))
}

/// Whether anything but a monitor happened later than `than`.
fn changed_after(history: Option<&ResourceHistory>, than: &OperationHistory, same_node: bool) -> bool {
    let changes = |op: &&OperationHistory| matches!(&*op.name, "start" | "stop" | "migrate_to" | "migrate_from");
    history.is_some_and(|history| history.operations.iter().filter(changes).any(|op| later(op, than, same_node)))
}

/// Whether its state there was changed, or found to be stopped, later than `than`.
fn state_known_after(history: Option<&ResourceHistory>, than: &OperationHistory, same_node: bool) -> bool {
    let stopped = |op: &&OperationHistory| op.name == "monitor" && op.exit_code == code::NOT_RUNNING;
    changed_after(history, than, same_node)
        || history.is_some_and(|history| history.operations.iter().filter(stopped).any(|op| later(op, than, same_node)))
}

fn later(op: &OperationHistory, than: &OperationHistory, same_node: bool) -> bool {
    sequence::earlier(than, op, same_node) == Some(true)
}
