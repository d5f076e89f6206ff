//! How each node stands: whether it can be asked, whether it can be given work, whether it may run something unseen.

use crate::cib::{History, NodeState};
use crate::scheduler::Situation;
use config::{NodeId, NodeMode, ResourceId};
use membership::Incarnation;
use std::collections::{BTreeMap, BTreeSet};

/// One node.
pub(in crate::scheduler) struct NodeFacts<'a> {
    pub(in crate::scheduler) id: &'a NodeId,
    pub(in crate::scheduler) standing: Standing,
    /// Its life, when one is known.
    pub(in crate::scheduler) incarnation: Option<Incarnation>,
    /// Why nothing may be placed there ("alpha is in standby").
    pub(in crate::scheduler) unusable: Option<String>,
    pub(in crate::scheduler) maintenance: bool,
    pub(in crate::scheduler) leaving: bool,
    /// What was done with resources on it.
    pub(in crate::scheduler) histories: Option<&'a BTreeMap<ResourceId, History>>,
}

/// What may be on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scheduler) enum Standing {
    /// It is here and says what it runs.
    Here,
    /// It runs nothing of ours.
    Gone,
    /// It dropped out and may still run everything.
    Lost,
    /// It was never seen and may run everything.
    Unseen,
    /// As `Unseen` or in between two views; it is too early to cut it off.
    Awaited,
}

impl NodeFacts<'_> {
    pub(in crate::scheduler) fn here(&self) -> bool {
        self.standing == Standing::Here
    }

    /// It may run things that nobody can see.
    pub(in crate::scheduler) fn doubtful(&self) -> bool {
        matches!(self.standing, Standing::Lost | Standing::Unseen | Standing::Awaited)
    }
}

pub(super) fn read(situation: Situation<'_>) -> Vec<NodeFacts<'_>> {
    let config = &situation.cib.config;
    let status = &situation.cib.status;
    let names: BTreeSet<&NodeId> = config.nodes.keys().chain(status.nodes.keys()).collect();
    names.into_iter().map(|id| node(situation, id)).collect()
}

fn node<'a>(situation: Situation<'a>, id: &'a NodeId) -> NodeFacts<'a> {
    let cib = situation.cib;
    let configured = cib.config.nodes.get(id);
    let mode = cib.durable.overrides.nodes.get(id);
    let status = cib.status.nodes.get(id);
    let state = status.map_or(NodeState::Unseen, |status| status.state);
    let leaving = status.is_some_and(|status| status.leaving);
    let standing = standing(situation, id, state);
    let (standby, maintenance) = match mode {
        Some(NodeMode::Standby) => (true, false),
        Some(NodeMode::Maintenance) => (false, true),
        Some(NodeMode::Online) => (false, false),
        None => configured.map_or((false, false), |node| (node.standby, node.maintenance)),
    };
    let unusable = match standing {
        Standing::Gone => Some(format!("{id} is not here")),
        Standing::Lost => Some(format!("{id} was lost and is not confirmed off")),
        Standing::Unseen | Standing::Awaited => Some(format!("{id} was not seen yet")),
        Standing::Here if configured.is_none() => Some(format!("{id} is not in the cluster file")),
        Standing::Here if leaving => Some(format!("{id} is leaving")),
        Standing::Here if maintenance => Some(format!("{id} is in maintenance")),
        Standing::Here if standby => Some(format!("{id} is in standby")),
        Standing::Here => None,
    };
    let incarnation = match state {
        NodeState::Online { incarnation } | NodeState::Lost { incarnation } => Some(incarnation),
        NodeState::Unseen | NodeState::Offline => None,
    };
    let histories = status.map(|status| &status.resources);
    NodeFacts { id, standing, incarnation, unusable, maintenance, leaving, histories }
}

fn standing(situation: Situation<'_>, id: &NodeId, state: NodeState) -> Standing {
    let properties = &situation.cib.config.properties;
    let member = situation.members.contains(id);
    match state {
        NodeState::Online { .. } if member => Standing::Here,
        NodeState::Offline => Standing::Gone,
        // A member whose hello is not counted yet: neither usable nor a target.
        NodeState::Lost { .. } | NodeState::Unseen if member => Standing::Awaited,
        NodeState::Unseen if situation.waiting_for_nodes => Standing::Awaited,
        _ if !properties.fencing_enabled => Standing::Gone,
        NodeState::Unseen if !properties.startup_fencing => Standing::Gone,
        NodeState::Unseen => Standing::Unseen,
        NodeState::Online { .. } | NodeState::Lost { .. } => Standing::Lost,
    }
}
