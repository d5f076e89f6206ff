//! What the beginning of a view does to the CIB: a newer one is adopted, every node brings its own histories, and those
//! who are missing are lost.

use super::{Activity, Cib, Durable, Generation, NodeState, NodeStatus, Status};
use config::{NodeId, Problem};
use membership::{Incarnation, RingId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a view's beginning changed for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is a member that was none before (or in an earlier life).
    Joined(NodeId),
    /// It dropped out and may still run something.
    Lost(NodeId),
    /// It left in order.
    Left(NodeId),
    /// It dropped out, and only votes: nothing has to be fenced.
    Away(NodeId),
    /// It came back before it was cut off; the request is closed.
    NoLongerFenced(NodeId),
}

impl Cib {
    /// Takes over another member's durable part.
    ///
    /// # Errors
    /// The problems of its cluster file, if this version does not accept it; nothing is changed then.
    pub(crate) fn adopt_durable(&mut self, durable: Durable) -> Result<(), Vec<Problem>> {
        if durable.text != self.durable.text {
            let parsed = config::parse(&durable.text);
            let Some(config) = parsed.config else { return Err(parsed.problems) };
            self.config = Arc::new(config);
        }
        self.durable = durable;
        Ok(())
    }

    /// Takes over another member's status.
    pub(crate) fn adopt_status(&mut self, status: Status) {
        self.status = status;
    }

    /// Begins a view with these members, each with the node status it brought along.
    pub(crate) fn begin_view(
        &mut self,
        members: &BTreeMap<NodeId, Incarnation>,
        own: &BTreeMap<NodeId, NodeStatus>,
    ) -> Vec<Turn> {
        self.match_nodes();
        let mut turns = Vec::new();
        let names: Vec<NodeId> = self.status.nodes.keys().cloned().collect();
        for name in names {
            match members.get(&name) {
                Some(incarnation) => self.welcome(&name, *incarnation, own.get(&name), &mut turns),
                None => self.miss(&name, &mut turns),
            }
        }
        // Members that come from another part of the cluster bring records numbered there. What happens from now on
        // must come later than all of them.
        let histories = self.status.nodes.values().flat_map(|node| node.resources.values());
        let last = histories.flat_map(|history| &history.records).map(|record| record.call).max();
        self.status.calls = self.status.calls.max(last.unwrap_or(0));
        let all = self.config.nodes.keys().all(|node| members.contains_key(node));
        self.status.all_seen |= all;
        turns
    }

    /// Stamps the content with a quorate view, which is what makes it win over every older version.
    pub(crate) fn stamp(&mut self, ring: &RingId) {
        self.durable.generation = Generation { view: ring.number, index: 0 };
    }

    fn welcome(&mut self, name: &NodeId, life: Incarnation, own: Option<&NodeStatus>, turns: &mut Vec<Turn>) {
        let node = self.status.nodes.get_mut(name).expect("taken from its keys");
        let now = NodeState::Online { incarnation: life };
        let stayed = node.state == now;
        node.state = now;
        node.leaving = own.is_some_and(|own| own.leaving);
        node.attributes = own.map(|own| own.attributes.clone()).unwrap_or_default();
        node.resources = own.map(|own| own.resources.clone()).unwrap_or_default();
        if stayed {
            return;
        }
        turns.push(Turn::Joined(name.clone()));
        let before = self.status.fencing.open.len();
        self.status.fencing.open.retain(|_, request| request.target != *name);
        if self.status.fencing.open.len() != before {
            turns.push(Turn::NoLongerFenced(name.clone()));
        }
    }

    fn miss(&mut self, name: &NodeId, turns: &mut Vec<Turn>) {
        let clean = self.is_empty(name);
        // What was ordered before the node only voted may still run there.
        let known = self.status.nodes.get(name).map(|node| &node.resources);
        let idle = |history: &super::History| history.activity() == Activity::Inactive && history.pending.is_empty();
        let idle = known.into_iter().flatten().all(|(_, history)| idle(history));
        let only_votes = self.only_votes(name) && idle;
        let node = self.status.nodes.get_mut(name).expect("taken from its keys");
        let NodeState::Online { incarnation } = node.state else { return };
        if only_votes && !node.leaving {
            node.go_offline();
            turns.push(Turn::Away(name.clone()));
        } else if node.leaving && clean {
            if idle {
                node.go_offline();
            } else {
                // What is not managed was left running there. It may not run elsewhere until somebody makes sure.
                node.state = NodeState::Lost { incarnation };
                node.attributes.clear();
            }
            self.status.fencing.open.retain(|_, request| request.target != *name);
            turns.push(Turn::Left(name.clone()));
        } else {
            node.leaving = false;
            node.state = NodeState::Lost { incarnation };
            node.attributes.clear();
            turns.push(Turn::Lost(name.clone()));
        }
    }

    /// Whether a node runs nothing that the cluster would have to stop, for certain: everything was probed, nothing is
    /// in flight. What is not managed may stay behind.
    #[must_use]
    pub(crate) fn is_empty(&self, name: &NodeId) -> bool {
        let Some(node) = self.status.nodes.get(name) else { return true };
        if node.resources.values().any(|history| !history.pending.is_empty()) {
            return false;
        }
        let mut managed = self.config.resources.keys().filter(|resource| self.is_managed(name, resource));
        managed.all(|resource| {
            // Instances of a unique clone have a history each.
            let known: Vec<Activity> = node
                .resources
                .iter()
                .filter(|(id, _)| id.base() == resource.as_str())
                .map(|(_, history)| history.activity())
                .collect();
            let asked = !known.is_empty() || !self.is_looked_for(resource, name);
            asked && known.iter().all(|activity| *activity == Activity::Inactive)
        })
    }
}

impl NodeStatus {
    /// Known to run nothing: what it once did is of no interest any more.
    pub(super) fn go_offline(&mut self) {
        *self = NodeStatus { state: NodeState::Offline, ..NodeStatus::default() };
    }
}
