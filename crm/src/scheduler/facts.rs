//! What runs where, what failed, what is in flight, and which nodes can be used: the CIB read once, by index.
//!
//! Later stages name a node or a primitive by its place in [`Facts::nodes`] and [`Facts::resources`].

mod history;
mod node;
mod resource;

pub(super) use history::State;
pub(super) use node::{NodeFacts, Standing};
pub(super) use resource::{Care, Orphan, Presence, ResourceFacts};

use super::Situation;
use config::ResourceId;
use std::collections::BTreeMap;

/// The facts.
pub(super) struct Facts<'a> {
    pub(super) situation: Situation<'a>,
    /// Every configured node, and every other that the status knows, by name.
    pub(super) nodes: Vec<NodeFacts<'a>>,
    /// Every configured primitive in the order of the file, members of a group at the place of the group.
    pub(super) resources: Vec<ResourceFacts<'a>>,
    /// The place of each primitive.
    pub(super) index: BTreeMap<&'a ResourceId, usize>,
    /// What runs and is no longer configured.
    pub(super) orphans: Vec<Orphan<'a>>,
    /// Wall clock of the next moment at which a failure is forgotten.
    pub(super) next_expiry: Option<u64>,
}

impl<'a> Facts<'a> {
    pub(super) fn read(situation: Situation<'a>) -> Facts<'a> {
        let nodes = node::read(situation);
        let (resources, next_expiry) = resource::read(situation, &nodes);
        let index = resources.iter().enumerate().map(|(at, resource)| (&resource.config.name, at)).collect();
        let orphans = resource::orphans(situation, &nodes, &index);
        Facts { situation, nodes, resources, index, orphans, next_expiry }
    }

    pub(super) fn quorate(&self) -> bool {
        self.situation.quorum.quorate
    }

    pub(super) fn properties(&self) -> &'a config::Properties {
        &self.situation.cib.config.properties
    }

    /// Without quorum, what runs is kept and nothing else is done.
    pub(super) fn frozen(&self) -> bool {
        !self.quorate() && self.properties().no_quorum_policy == config::NoQuorumPolicy::Freeze
    }

    /// Whether the last thing known of resource `r` on node `n`, which cannot be asked, is more than nothing.
    pub(super) fn ran(&self, r: usize, n: usize) -> bool {
        self.nodes[n].histories.is_some_and(|histories| histories.contains_key(&self.resources[r].config.name))
    }

    /// Where resource `r` runs, may run, or is being started, on nodes that can be talked to.
    pub(super) fn occupied(&self, r: usize) -> impl Iterator<Item = usize> + '_ {
        self.resources[r].on.iter().enumerate().filter(|(_, presence)| presence.occupied()).map(|(n, _)| n)
    }
}
