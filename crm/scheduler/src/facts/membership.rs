//! Whether a member is there: what its last report says about the ring, its resource manager and its joining.

use super::node::Node;
use super::options::{ClusterOptions, NoQuorumPolicy};
use crate::reason::Reason;
use crate::situation::NodeStatus;
use crate::word;

/// Reads how a member stands from its report. Its attributes must have been read.
pub(crate) fn settle(node: &mut Node, status: &NodeStatus, options: &ClusterOptions, now_ms: i64) {
    node.unclean = false;
    node.unseen = false;
    node.shutdown = node.asks_for_shutdown();
    node.expected_up = !node.shutdown && status.expected.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("member"));
    if options.fencing_enabled {
        settle_with_fencing(node, status, options, now_ms);
    } else {
        settle_without_fencing(node, status);
    }
    if node.online && !options.quorate && options.no_quorum_policy == NoQuorumPolicy::Fence {
        node.must_be_fenced("the partition has no quorum");
    }
}

/// Without fencing a member that is gone is believed to be gone; one whose manager alone is gone is not.
fn settle_without_fencing(node: &mut Node, status: &NodeStatus) {
    let peer = status.peer.unwrap_or(false);
    if !status.member.unwrap_or(false) {
        node.online = false;
    } else if peer {
        node.online = joined(status);
    } else if node.expected_up {
        node.must_be_fenced("its resource manager is gone unexpectedly");
    }
}

fn settle_with_fencing(node: &mut Node, status: &NodeStatus, options: &ClusterOptions, now_ms: i64) {
    let join = status.join.as_deref().unwrap_or_default();
    let is = |word: &str| join.eq_ignore_ascii_case(word);
    let member = status.member.unwrap_or(false);
    let peer = status.peer.unwrap_or(false);
    let terminate = terminate_wanted(node);
    let expected_down = status.expected.as_deref().is_none_or(|it| it.eq_ignore_ascii_case("down"));
    node.online = member;
    if node.shutdown {
        // A node that leaves in order is there until its manager has gone.
        node.online = peer;
    } else if status.member.is_none() {
        node.must_be_fenced("it has not been seen by the cluster");
    } else if is("banned") {
        node.must_be_fenced("it was refused membership");
    } else if pending_too_long(status, options, now_ms) {
        node.must_be_fenced("it did not join in time");
    } else if !terminate && expected_down {
        let joining = member || peer;
        node.pending |= joining;
        node.standby |= joining;
    } else if terminate && is("down") && !member && !peer {
        node.online = false;
    } else if !member {
        node.must_be_fenced("it is no longer part of the cluster");
    } else if !peer {
        node.must_be_fenced("its resource manager is no longer available");
    } else if terminate {
        node.must_be_fenced("its termination was requested");
    } else if is("pending") || is("down") {
        node.pending = true;
        node.standby = true;
    } else if !is("member") {
        node.must_be_fenced("it is in an unknown state");
    }
}

/// In the ring since long, and its resource manager has not come.
fn pending_too_long(status: &NodeStatus, options: &ClusterOptions, now_ms: i64) -> bool {
    let Some(since) = status.member_since else { return false };
    options.node_pending_timeout_ms > 0
        && !status.peer.unwrap_or(false)
        && now_ms.saturating_sub(since.saturating_mul(1000)) >= options.node_pending_timeout_ms
}

/// Whether its resource manager has joined.
fn joined(status: &NodeStatus) -> bool {
    status.join.as_deref().is_some_and(|join| join.eq_ignore_ascii_case("member"))
}

/// Whether somebody asked, with the attribute `terminate`, for the node to be fenced: yes, or a moment.
fn terminate_wanted(node: &Node) -> bool {
    node.attributes.get("terminate").is_some_and(|value| {
        word::boolean(value).unwrap_or_else(|| value.starts_with(|first: char| first.is_ascii_digit()))
    })
}

impl Node {
    /// Whether its attribute `shutdown` says that it wants to leave.
    pub(crate) fn asks_for_shutdown(&self) -> bool {
        self.attributes.get("shutdown").is_some_and(|value| !value.is_empty() && value != "0")
    }

    /// Says that it is unclean, and why.
    pub(crate) fn must_be_fenced(&mut self, because: &str) {
        self.unclean = true;
        self.fence.push(Reason::NodeUnclean { node: self.name.clone(), because: because.to_string() });
    }
}
