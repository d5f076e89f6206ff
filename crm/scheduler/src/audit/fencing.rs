//! Nodes are fenced only where that is enabled, allowed and called for.

use super::case::{Case, Fence};
use super::node::Reach;
use super::options::Policy;
use super::violation::{Rule, Violation};
use crate::situation::{LossPolicy, OperationStatus};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    for fence in case.fences.iter().filter(|fence| fence.real) {
        let node = &case.nodes[fence.node];
        if !case.options.fencing {
            found.push(case.fence_broken(Rule::Fencing, fence, "is ordered although fencing is disabled"));
        }
        let ours = node.status.is_some_and(|status| status.member == Some(true));
        let connection = node.reach == Reach::Connection;
        if !case.situation.quorate && case.options.policy != Policy::Ignore && !ours && !connection {
            found.push(case.fence_broken(Rule::Fencing, fence, "is ordered without quorum, and it is not one of ours"));
        }
        if !called_for(case, fence) {
            found.push(case.fence_broken(Rule::Fencing, fence, "is ordered although it is there and well"));
        }
    }
}

/// Whether something speaks for it. Whether it was enough is for the stages; a node about which nothing at all is wrong
/// is never fenced.
fn called_for(case: &Case<'_>, fence: &Fence) -> bool {
    let node = &case.nodes[fence.node];
    if node.reach == Reach::Member {
        return !(node.present || node.leaving)
            || node.terminate
            || suicidal(case)
            || failures(case, fence.node)
            || ticket_lost(case);
    }
    // A remote node: nobody knows anything of it, its connection is lost or failed, or something failed on it.
    let unheard = node.status.is_none() && case.options.startup_fencing;
    let connection = case.subjects.find(node.name);
    let lost = connection.is_none_or(|connection| {
        let known = &case.known[connection];
        known.is_empty() || known.iter().any(|it| it.failed || it.pending || !case.nodes[it.node].present)
    });
    unheard || lost || failures(case, fence.node) || node.terminate || ticket_lost(case)
}

/// A partition without quorum that is to end itself.
fn suicidal(case: &Case<'_>) -> bool {
    !case.situation.quorate && case.options.policy == Policy::Fence
}

/// Whether something failed, or hangs, on a node.
fn failures(case: &Case<'_>, node: usize) -> bool {
    let Some(status) = case.nodes[node].status else { return false };
    let operations = status.resources.iter().flat_map(|history| &history.operations);
    operations.into_iter().any(|it| {
        it.status != OperationStatus::Done && it.status != OperationStatus::Cancelled
            || (it.exit_code != it.expected_exit_code && it.expected_exit_code >= 0)
            || !matches!(it.exit_code, 0 | 7 | 8 | 190 | 191)
    })
}

/// Whether a ticket whose loss calls for fencing is not there.
fn ticket_lost(case: &Case<'_>) -> bool {
    let granted = |name: &str| case.situation.tickets.iter().any(|it| it.id == name && it.granted && !it.standby);
    let constraints = &case.situation.configuration.constraints.tickets;
    constraints.iter().any(|it| it.loss_policy == Some(LossPolicy::Fence) && !granted(&it.ticket))
}
