//! The only ways in which a CIB changes.

use crate::cib::{Attribute, Forced, Generation, Grant, Revocation};
use config::{NodeId, NodeMode, Overrides, ResourceId, TargetRole, Ticket};
use fencing::Attempt;
use membership::Incarnation;
use resource_agents::Report;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One change, as it travels on the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Replace the cluster file. Durable.
    Configure {
        /// Only if the durable part still has this version; `None` for whatever it is.
        base: Option<Generation>,
        /// The new file, checked by the sender and again by every member.
        text: String,
    },
    /// Change the overrides. Durable.
    Override(OverrideEdit),
    /// Note something about a node or the cluster. Durable when it is noted for good.
    Note {
        /// What.
        attribute: Attribute,
        /// In which life of the node it was said, where it is noted for a life; of another life it is refused.
        life: Option<Incarnation>,
    },
    /// An operation ended.
    Record {
        /// Where.
        node: NodeId,
        /// In which life of the node; a result of an earlier life is ignored.
        incarnation: Incarnation,
        /// What came of it.
        report: Report,
        /// Wall clock of the reporter, milliseconds since 1970.
        wall_ms: u64,
    },
    /// Forget failures (and the failed records) of a resource, on one node or everywhere; a probe follows.
    Cleanup {
        /// Which resource; `None` for all.
        resource: Option<ResourceId>,
        /// Where; `None` for everywhere.
        node: Option<NodeId>,
    },
    /// Stop and start a resource once.
    Restart(ResourceId),
    /// A node must be cut off. Ignored when a request for the same life of the node is open or it was confirmed.
    RequestFencing {
        /// Number of the view in whose plan it was; in a later one the node may be back, and the plan of that view says
        /// whether it has to go.
        view: u64,
        /// Who.
        target: NodeId,
        /// Which life; `None` for a node never seen.
        incarnation: Option<Incarnation>,
        /// Why, in a sentence.
        reason: String,
        /// Wall clock of the sender, milliseconds since 1970.
        wall_ms: u64,
    },
    /// A fencing attempt ended.
    FencingAttempted {
        /// What came of it.
        attempt: Attempt,
        /// Wall clock of the sender, milliseconds since 1970.
        wall_ms: u64,
    },
    /// An operator swears that a node is off (`paceline fencing confirm`).
    ConfirmFenced {
        /// Who.
        target: NodeId,
        /// Wall clock of the sender, milliseconds since 1970.
        wall_ms: u64,
    },
    /// A node wants to leave in order: move its resources away.
    Leaving {
        /// Who.
        node: NodeId,
    },
    /// Failures of a resource on a node do not count any more: they expired, or its definition changed.
    ClearFailures {
        /// Where.
        node: NodeId,
        /// Which resource.
        resource: ResourceId,
        /// The number of the last call that the sender knew of: what failed later counts.
        known: u64,
    },
    /// All that is known of a resource on a node is to be forgotten: it is not configured any more.
    Forget {
        /// Where.
        node: NodeId,
        /// Which resource.
        resource: ResourceId,
        /// The number of the last call that the sender knew of: what was done later stays known.
        known: u64,
    },
    /// The arbiter said whether this view may count its votes.
    Granted(Grant),
    /// The DC proposes that from now on the votes of these nodes count. Durable.
    Count {
        /// Number of the view it was proposed in; elsewhere it means nothing.
        view: u64,
        /// Who.
        nodes: BTreeSet<NodeId>,
    },
    /// An operator forces quorum: the members of this view are from now on the ones that count. Durable.
    ForceQuorum(Forced),
    /// A certificate is not accepted any more. Durable.
    Revoke(Revocation),
}

/// One edit of the [`config::Overrides`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverrideEdit {
    /// `paceline node standby|online|maintenance`; `None` goes back to what the file says.
    Node {
        /// Which.
        node: NodeId,
        /// What.
        mode: Option<NodeMode>,
    },
    /// `paceline resource enable|disable`; `None` goes back to what the file says.
    TargetRole {
        /// Which.
        resource: ResourceId,
        /// What.
        role: Option<TargetRole>,
    },
    /// `paceline resource move`; `None` is `paceline resource clear`.
    Move {
        /// Which.
        resource: ResourceId,
        /// Where to.
        to: Option<NodeId>,
    },
    /// `paceline ticket grant|revoke|standby|activate`.
    Ticket {
        /// Which, as the cluster file names it.
        ticket: String,
        /// What.
        edit: TicketEdit,
        /// In which life of the cluster it is said; the node that is asked fills it in.
        #[serde(default)]
        life: u64,
    },
}

/// What becomes of a ticket at this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketEdit {
    /// It comes, unless it is here already.
    Grant,
    /// It goes.
    Revoke,
    /// It is set aside.
    Standby,
    /// It is used again.
    Activate,
}

impl TicketEdit {
    /// What the ticket is afterwards, in this life of the cluster; `None`: not here.
    fn after(self, before: Option<Ticket>, life: u64) -> Option<Ticket> {
        let before = before.filter(|ticket| ticket.life == life);
        match self {
            TicketEdit::Grant => before.or(Some(Ticket { standby: false, life })),
            TicketEdit::Revoke => None,
            TicketEdit::Standby => before.map(|ticket| Ticket { standby: true, ..ticket }),
            TicketEdit::Activate => before.map(|ticket| Ticket { standby: false, ..ticket }),
        }
    }
}

impl OverrideEdit {
    /// Carries the edit out. Whether anything is different afterwards.
    pub fn edit(&self, overrides: &mut Overrides) -> bool {
        fn set<K: Ord + Clone, V: PartialEq + Clone>(map: &mut BTreeMap<K, V>, key: &K, value: Option<&V>) -> bool {
            match value {
                Some(value) => map.insert(key.clone(), value.clone()).as_ref() != Some(value),
                None => map.remove(key).is_some(),
            }
        }
        match self {
            OverrideEdit::Node { node, mode } => set(&mut overrides.nodes, node, mode.as_ref()),
            OverrideEdit::TargetRole { resource, role } => set(&mut overrides.target_roles, resource, role.as_ref()),
            OverrideEdit::Move { resource, to } => set(&mut overrides.moves, resource, to.as_ref()),
            OverrideEdit::Ticket { ticket, edit, life } => {
                let after = edit.after(overrides.tickets.get(ticket).copied(), *life);
                set(&mut overrides.tickets, ticket, after.as_ref())
            }
        }
    }
}

impl fmt::Display for OverrideEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OverrideEdit::Node { node, mode: Some(NodeMode::Standby) } => write!(f, "{node} is in standby"),
            OverrideEdit::Node { node, mode: Some(NodeMode::Maintenance) } => write!(f, "{node} is in maintenance"),
            OverrideEdit::Node { node, mode: Some(NodeMode::Online) } => write!(f, "{node} is online"),
            OverrideEdit::Node { node, mode: None } => write!(f, "{node} is as the file says"),
            OverrideEdit::TargetRole { resource, role: Some(TargetRole::Started) } => {
                write!(f, "{resource} is enabled")
            }
            OverrideEdit::TargetRole { resource, role: Some(TargetRole::Stopped) } => {
                write!(f, "{resource} is disabled")
            }
            OverrideEdit::TargetRole { resource, role: None } => {
                write!(f, "{resource} is enabled or disabled as the file says")
            }
            OverrideEdit::Move { resource, to: Some(node) } => write!(f, "{resource} is moved to {node}"),
            OverrideEdit::Move { resource, to: None } => write!(f, "{resource} may run where the file says"),
            OverrideEdit::Ticket { ticket, edit: TicketEdit::Grant, .. } => write!(f, "this site has ticket {ticket}"),
            OverrideEdit::Ticket { ticket, edit: TicketEdit::Revoke, .. } => {
                write!(f, "this site does not have ticket {ticket} any more")
            }
            OverrideEdit::Ticket { ticket, edit: TicketEdit::Standby, .. } => write!(f, "ticket {ticket} is set aside"),
            OverrideEdit::Ticket { ticket, edit: TicketEdit::Activate, .. } => write!(f, "ticket {ticket} is used"),
        }
    }
}
