//! Whose votes count, and how that changes while the cluster runs.
//!
//! It is part of the durable content: what a node comes back with is what its last quorate view had, never a count of
//! its own. A change (another cluster file, last-man-standing, a node that is taken back) is proposed by one ordered
//! message and from there on needs the old electorate **and** the new one; it is settled at the place in the order at
//! which enough members have said that they stored it ([`membership::Roll`]).

use super::{Cib, Context, Generation, News, NodeState, Refused, apply::quorate};
use crate::control::Refusal;
use config::{Config, NodeId};
use membership::{Electorate, Quorum, Roll, Seen, View, quorum};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the arbiter said about a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Number of the view that it is about.
    pub view: u64,
    /// Whether that view has its votes.
    pub granted: bool,
}

/// Quorum was forced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// Number of the view in which it was.
    pub view: u64,
    /// The members of that view: those who go on.
    pub nodes: BTreeSet<NodeId>,
    /// Nodes with votes that were given up.
    pub given_up: BTreeSet<NodeId>,
    /// Of them, those that the operator swears to be off. The rest must be fenced before anything starts.
    pub vouched: BTreeSet<NodeId>,
    /// On which node the operator was.
    pub by: NodeId,
    /// Wall clock there, milliseconds since 1970.
    pub wall_ms: u64,
}

/// A place at which the history of a cluster may have parted, because quorum was forced there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fork {
    /// Number of the view in which it was forced.
    pub view: u64,
    /// On which node.
    pub by: NodeId,
    /// The version that was known of then. Who has a later one without knowing of this fork went on beside those that
    /// forced it, or further than they knew.
    pub after: Generation,
}

/// Forks remembered. Nobody who was away for so many can have gone on beside them.
const FORKS: usize = 32;

impl Cib {
    /// Whose votes count.
    #[must_use]
    pub fn roll(&self) -> Roll {
        self.durable.roll.clone().unwrap_or_else(|| Roll::new(Electorate::of(&self.config)))
    }

    /// Puts a roll in force; what the cluster file says is not written down again.
    pub(super) fn set_roll(&mut self, roll: Roll) {
        let plain = roll.pending.is_none() && roll.settled == Electorate::of(&self.config);
        self.durable.roll = (!plain).then_some(roll);
    }

    /// Whether this view may act, by what is known. `blank` members lost what they had stored.
    #[must_use]
    pub fn quorum(&self, view: &View, blank: &BTreeSet<NodeId>) -> Quorum {
        let grant = self.status.grant.filter(|grant| grant.view == view.ring.number);
        let external = grant.map(|grant| grant.granted);
        let seen = Seen { all: self.status.all_seen, blank: blank.clone(), external };
        quorum(view, &self.roll(), &self.config.quorum, &seen)
    }

    /// Whether a node is here and remembers what it stored.
    fn counts(&self, node: &NodeId) -> bool {
        self.online(node).is_some() && !self.status.blank.contains(node)
    }

    /// Whether the members of the view would be enough for an electorate, with the arbiter as it is.
    fn would_carry(&self, electorate: &Electorate, view: u64) -> bool {
        let granted = self.status.grant == Some(Grant { view, granted: true });
        electorate.tally(|node| self.counts(node), granted).carried()
    }

    /// What the arbiter said. What it granted it does not take back: a "no" that comes after it is of a member that has
    /// waited for the answer in vain.
    pub(super) fn granted(&mut self, grant: Grant, context: Context) -> Option<News> {
        let before = self.status.grant.filter(|before| before.view == context.view);
        if grant.view != context.view || before.is_some_and(|before| before.granted || before == grant) {
            return None;
        }
        self.status.grant = Some(grant);
        Some(News::Granted(grant.granted))
    }

    pub(super) fn count(
        &mut self,
        view: u64,
        nodes: &BTreeSet<NodeId>,
        context: Context,
    ) -> Result<Option<News>, Refused> {
        quorate(context, "who counts was not changed")?;
        let target = Electorate::of(&self.config).only(|node| nodes.contains(node));
        let mut roll = self.roll();
        if view != context.view || !self.would_carry(&target, view) || !roll.propose(target) {
            return Ok(None);
        }
        let nodes = roll.pending.as_ref().map(Electorate::nodes).unwrap_or_default();
        self.set_roll(roll);
        self.durable.generation = self.next_generation(context);
        Ok(Some(News::Counting(nodes)))
    }

    /// The pending electorate takes over, if the members that `stored` it are enough. Returns the nodes that count now.
    pub(crate) fn seal(&mut self, stored: impl Fn(&NodeId) -> bool, context: Context) -> Option<BTreeSet<NodeId>> {
        let members = self.status.nodes.keys().filter(|node| self.online(node).is_some()).cloned().collect();
        let mut roll = self.roll();
        if !context.quorate || !roll.seal(stored, &members) {
            return None;
        }
        let nodes = roll.settled.nodes();
        // A majority of all nodes counts again: what was forced is over.
        let all = Electorate::of(&self.config);
        if all.most(|node| nodes.contains(node) && self.online(node).is_some()) {
            self.durable.forced = None;
        }
        self.set_roll(roll);
        self.durable.generation = self.next_generation(context);
        Some(nodes)
    }

    /// Who should count, were it for the DC: with last-man-standing those that are here; otherwise nobody is dropped,
    /// and who is back is taken in again. `None` when that is so already. The flag: nobody would be dropped, so it need
    /// not wait.
    pub(crate) fn wanted_electorate(&self, view: u64) -> Option<(BTreeSet<NodeId>, bool)> {
        let roll = self.roll();
        if roll.pending.is_some() {
            return None;
        }
        let all = Electorate::of(&self.config);
        let counts = roll.settled.nodes();
        let here = |node: &NodeId| self.counts(node);
        let target = if self.config.quorum.last_man_standing {
            all.only(here)
        } else if all.most(here) {
            all
        } else {
            all.only(|node| here(node) || counts.contains(node))
        };
        let nodes = target.nodes();
        let grows = nodes.is_superset(&counts);
        (nodes != counts && self.would_carry(&target, view)).then_some((nodes, grows))
    }

    /// The roll that another cluster file leads to: its nodes are proposed, but for those that do not count any more
    /// now and are still away.
    ///
    /// # Errors
    /// When another change is under way, or when this part would lose quorum by it.
    pub(super) fn roll_for(&self, config: &Config) -> Result<Roll, Refused> {
        let refuse = |what: String, hint: &str| Err(Refused::new(Refusal::Invalid, what, Some(hint)));
        let mut roll = self.roll();
        let (old, new) = (Electorate::of(&self.config), Electorate::of(config));
        if old == new {
            return Ok(roll);
        }
        if roll.pending.is_some() {
            let what = "who counts in this cluster is being changed already";
            return refuse(what.to_owned(), "try again in a moment; see: paceline quorum status");
        }
        let dropped = |node: &NodeId| old.votes.contains_key(node) && !roll.settled.votes.contains_key(node);
        let target = new.only(|node| !dropped(node) || self.online(node).is_some());
        // An arbiter may change its mind with the next view: it is not relied upon. Who lost what it had stored is not
        // counted any more as soon as somebody is away, and who is added is away at first.
        let tally = target.tally(|node| self.counts(node), false);
        if !tally.carried() {
            let what = format!(
                "with this file the nodes that are online would have no quorum: {} of {} votes, {} needed",
                tally.votes, tally.expected, tally.needed
            );
            let blank: Vec<&str> = self.status.blank.iter().map(NodeId::as_str).collect();
            let hint = match blank.as_slice() {
                [] => "add fewer nodes at a time, or start the nodes that are missing first".to_owned(),
                names => format!(
                    "what {} had stored was lost, and it counts again once it has stored it anew: try again then",
                    names.join(" and ")
                ),
            };
            return refuse(what, &hint);
        }
        roll.propose(target);
        Ok(roll)
    }

    /// Whether the nodes that are not in this file any more can go: what is certainly off runs nothing.
    pub(super) fn may_remove_nodes(&self, config: &Config) -> Result<(), Refused> {
        for name in self.config.nodes.keys().filter(|name| !config.nodes.contains_key(*name)) {
            let state = self.status.nodes.get(name).map_or(NodeState::Unseen, |node| node.state);
            let (why, hint) = match state {
                NodeState::Offline => continue,
                NodeState::Online { .. } => ("it is online", format!("stop the daemon on {name} first")),
                NodeState::Lost { .. } | NodeState::Unseen => (
                    "nobody knows whether it is off, so it may still run something",
                    format!("if it is certainly off, say so first: paceline fencing confirm {name}"),
                ),
            };
            let what = format!("the node {name} cannot be removed from the file: {why}");
            return Err(Refused::new(Refusal::Invalid, what, Some(&hint)));
        }
        Ok(())
    }

    /// Whether the nodes that are only to vote from now on certainly run nothing: nothing is looked for there any more.
    pub(super) fn may_change_roles(&self, config: &Config) -> Result<(), Refused> {
        let becomes =
            |name: &&NodeId| config.nodes.get(*name).is_some_and(config::Node::only_votes) && !self.only_votes(name);
        for name in self.config.nodes.keys().filter(becomes) {
            let state = self.status.nodes.get(name).map_or(NodeState::Unseen, |node| node.state);
            let known = self.status.nodes.get(name).map(|node| &node.resources);
            let busy = known
                .into_iter()
                .flatten()
                .find(|(_, history)| history.activity() != super::Activity::Inactive || !history.pending.is_empty());
            let (why, hint) = match (state, busy) {
                (NodeState::Offline, _) => continue,
                (NodeState::Online { .. }, None) if self.is_empty(name) => continue,
                (NodeState::Online { .. }, None) => (
                    "it was not asked yet what it runs".to_owned(),
                    "try again in a moment; see: paceline status".to_owned(),
                ),
                (NodeState::Online { .. }, Some((resource, _))) => {
                    (format!("it may run {resource}"), format!("first run: paceline node standby {name}"))
                }
                (NodeState::Lost { .. } | NodeState::Unseen, _) => (
                    "nobody knows whether it is off, so it may still run something".to_owned(),
                    format!("if it is certainly off, say so first: paceline fencing confirm {name}"),
                ),
            };
            let what = format!("{name} cannot become a node that only votes: {why}");
            return Err(Refused::new(Refusal::Invalid, what, Some(&hint)));
        }
        Ok(())
    }

    pub(super) fn force_quorum(&mut self, forced: &Forced, context: Context) -> Result<Option<News>, Refused> {
        self.may_force(forced, context)?;
        for node in &forced.vouched {
            self.vouch(node, forced.wall_ms);
        }
        // Whom an arbiter or fencing would let go on is not asked any more.
        let left = Electorate::of(&self.config).only(|node| forced.nodes.contains(node));
        self.set_roll(Roll::new(Electorate { two_node: false, external: 0, ..left }));
        self.durable.forced = Some(forced.clone());
        let after = self.durable.generation;
        self.durable.forks.push(Fork { view: forced.view, by: forced.by.clone(), after });
        let excess = self.durable.forks.len().saturating_sub(FORKS);
        self.durable.forks.drain(..excess);
        self.durable.generation = self.next_generation(context);
        Ok(Some(News::Forced(forced.clone())))
    }

    /// Whether quorum may be forced in this way.
    pub(crate) fn may_force(&self, forced: &Forced, context: Context) -> Result<(), Refused> {
        let refuse = |what: String, hint: Option<&str>| Err(Refused::new(Refusal::Invalid, what, hint));
        if context.quorate {
            return refuse("quorum was not forced: this partition is quorate".to_owned(), None);
        }
        let here = |node: &NodeId| self.online(node).is_some();
        if forced.view != context.view
            || !self.config.nodes.keys().all(|node| here(node) == forced.nodes.contains(node))
        {
            let what = "quorum was not forced: the members have changed meanwhile".to_owned();
            return Err(Refused::new(
                Refusal::Conflict,
                what,
                Some("look at paceline quorum status, then decide again"),
            ));
        }
        let given_up = self.given_up();
        if forced.given_up != given_up {
            return refuse("quorum was not forced: other nodes than those named would be given up".to_owned(), None);
        }
        if Electorate::of(&self.config).only(here).votes.is_empty() {
            return refuse("quorum was not forced: no member of this view has a vote".to_owned(), None);
        }
        if let Some(node) = given_up.iter().find(|node| !self.is_off_or_will_be(node, forced)) {
            let what = format!(
                "quorum was not forced: {node} would not be fenced (see fencing-enabled and startup-fencing), so nothing \
                 would make sure that it is off"
            );
            return refuse(what, Some("make sure yourself, then: paceline quorum force --yes-the-others-are-off"));
        }
        Ok(())
    }

    fn is_off_or_will_be(&self, node: &NodeId, forced: &Forced) -> bool {
        let properties = &self.config.properties;
        let fenced = match self.status.nodes.get(node).map_or(NodeState::Unseen, |status| status.state) {
            NodeState::Offline => true,
            NodeState::Unseen => properties.fencing_enabled && properties.startup_fencing,
            NodeState::Online { .. } | NodeState::Lost { .. } => properties.fencing_enabled,
        };
        fenced || forced.vouched.contains(node) || self.only_votes(node)
    }

    /// Whether a node runs nothing and only votes.
    #[must_use]
    pub fn only_votes(&self, node: &NodeId) -> bool {
        self.config.nodes.get(node).is_some_and(config::Node::only_votes)
    }

    /// Nodes that are not here and of which nobody knows that they are off. What only votes runs nothing.
    #[must_use]
    pub fn in_doubt(&self) -> Vec<NodeId> {
        let nodes = self.status.nodes.iter().filter(|(name, _)| !self.only_votes(name));
        let doubtful = nodes.filter(|(_, node)| matches!(node.state, NodeState::Unseen | NodeState::Lost { .. }));
        doubtful.map(|(name, _)| name.clone()).collect()
    }

    /// Nodes that would be given up if quorum were forced now.
    #[must_use]
    pub fn given_up(&self) -> BTreeSet<NodeId> {
        self.config.nodes.keys().filter(|node| self.online(node).is_none()).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
