//! The hand-over at the beginning of a view, up to the moment at which all members hold the same CIB.
//!
//! Every member says hello. From the hellos alone all derive whose durable part wins, whose status wins and who is DC;
//! the winners send a snapshot if anybody has something else. The place in the agreed order at which the last of these
//! messages is delivered is the same for all: there the view begins to count. A member that does not do its part in
//! time is excluded by a message, whose place in the order is again the same for all.

use crate::cib::{Durable, Status};
use crate::message::Hello;
use config::NodeId;
use membership::{Incarnation, Versions, View};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A member that has not done its part after this long is excluded. Its ring answers, so this is a daemon that hangs.
pub(crate) const BOUND: Duration = Duration::from_secs(3);

/// A hand-over in progress.
#[derive(Debug)]
pub(crate) struct Syncing {
    /// The view.
    pub(crate) view: View,
    /// When those who are late are excluded.
    pub(crate) deadline: Instant,
    hellos: BTreeMap<NodeId, Hello>,
    snapshots: BTreeMap<NodeId, Parts>,
    excluded: BTreeSet<NodeId>,
    offered: bool,
}

/// The content of a snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    /// The durable part.
    pub(crate) durable: Option<Durable>,
    /// The status.
    pub(crate) status: Option<Status>,
}

/// Which parts a member has to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The durable part.
    pub(crate) durable: bool,
    /// The status.
    pub(crate) status: bool,
}

/// What the hellos say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Winners {
    durable: NodeId,
    status: NodeId,
    send_durable: bool,
    send_status: bool,
}

/// The outcome of a hand-over.
#[derive(Debug)]
pub(crate) struct Agreement {
    /// The view, without those excluded.
    pub(crate) view: View,
    /// The winner of the durable part, and that part if anybody needs it.
    pub(crate) durable: (NodeId, Option<Durable>),
    /// The status that wins, if anybody needs it.
    pub(crate) status: Option<Status>,
    /// The hellos of all members.
    pub(crate) hellos: BTreeMap<NodeId, Hello>,
    /// Two members hold different content under the winning version: only possible when both were set up apart.
    pub(crate) ambiguous: bool,
}

impl Syncing {
    /// Begins with this view.
    pub(crate) fn new(view: View, now: Instant) -> Syncing {
        Syncing {
            view,
            deadline: now + BOUND,
            hellos: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            excluded: BTreeSet::new(),
            offered: false,
        }
    }

    /// A member introduces itself. A second hello, or one of a member already excluded, changes nothing.
    pub(crate) fn hello(&mut self, from: &NodeId, hello: Hello) {
        if !self.excluded.contains(from) {
            self.hellos.entry(from.clone()).or_insert(hello);
        }
    }

    /// A member sends what it was to send. False when it is not what its hello promised; then it counts as not sent.
    pub(crate) fn snapshot(&mut self, from: &NodeId, parts: Parts) -> bool {
        let Some(hello) = self.hellos.get(from).filter(|_| !self.excluded.contains(from)) else { return false };
        let durable = parts
            .durable
            .as_ref()
            .is_none_or(|durable| durable.digest() == hello.durable && durable.generation == hello.generation);
        let status = parts.status.as_ref().is_none_or(|status| status.digest() == hello.status);
        if durable && status {
            let known = self.snapshots.entry(from.clone()).or_default();
            known.durable = parts.durable.or(known.durable.take());
            known.status = parts.status.or(known.status.take());
        }
        durable && status
    }

    /// Once all hellos are here: members whose history parted from that of the others are out. Returns them, once.
    pub(crate) fn part(&mut self) -> BTreeSet<NodeId> {
        if self.members().any(|(name, _)| !self.hellos.contains_key(name)) {
            return BTreeSet::new();
        }
        let out = super::fork::parted(self.heard());
        self.excluded.extend(out.iter().cloned());
        out
    }

    /// Somebody's bound has passed: of the nodes it names, those that have still not done their part are out. Returns
    /// them.
    pub(crate) fn exclude(&mut self, named: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let out: BTreeSet<NodeId> = self.late().intersection(named).cloned().collect();
        self.excluded.extend(out.iter().cloned());
        out
    }

    /// Members that keep the others waiting.
    pub(crate) fn late(&self) -> BTreeSet<NodeId> {
        let silent: BTreeSet<NodeId> =
            self.members().filter(|(name, _)| !self.hellos.contains_key(*name)).map(|(name, _)| name.clone()).collect();
        if !silent.is_empty() {
            return silent;
        }
        let Some(winners) = self.winners() else { return BTreeSet::new() };
        let mut late = BTreeSet::new();
        if winners.send_durable && self.sent(&winners.durable).is_none_or(|parts| parts.durable.is_none()) {
            late.insert(winners.durable.clone());
        }
        if winners.send_status && self.sent(&winners.status).is_none_or(|parts| parts.status.is_none()) {
            late.insert(winners.status.clone());
        }
        late
    }

    /// What this node has to send now; asked after every message, answered once.
    pub(crate) fn offer(&mut self, me: &NodeId) -> Option<Offer> {
        if self.offered || self.members().any(|(name, _)| !self.hellos.contains_key(name)) {
            return None;
        }
        let winners = self.winners()?;
        let offer = Offer {
            durable: winners.send_durable && winners.durable == *me,
            status: winners.send_status && winners.status == *me,
        };
        // Who wins may still change by an exclusion, so a member that need not send now is asked again.
        self.offered = offer != Offer::default();
        self.offered.then_some(offer)
    }

    /// The outcome, as soon as nobody is late.
    pub(crate) fn agreement(&mut self) -> Option<Agreement> {
        if !self.late().is_empty() {
            return None;
        }
        let winners = self.winners()?;
        let members: BTreeMap<NodeId, Incarnation> = self.members().map(|(name, life)| (name.clone(), *life)).collect();
        let hellos: BTreeMap<NodeId, Hello> =
            std::mem::take(&mut self.hellos).into_iter().filter(|(name, _)| members.contains_key(name)).collect();
        let best = &hellos[&winners.durable];
        let (generation, digest) = (best.generation, best.durable);
        let ambiguous = hellos.values().any(|hello| hello.generation == generation && hello.durable != digest);
        let durable = winners.send_durable.then(|| self.snapshots.get_mut(&winners.durable)?.durable.take()).flatten();
        let status = winners.send_status.then(|| self.snapshots.get_mut(&winners.status)?.status.take()).flatten();
        let view = View { ring: self.view.ring.clone(), members, came_along: self.view.came_along.clone() };
        Some(Agreement { view, durable: (winners.durable, durable), status, hellos, ambiguous })
    }

    fn members(&self) -> impl Iterator<Item = (&NodeId, &Incarnation)> {
        self.view.members.iter().filter(|(name, _)| !self.excluded.contains(*name))
    }

    fn sent(&self, node: &NodeId) -> Option<&Parts> {
        self.snapshots.get(node)
    }

    /// The hellos of members that are not excluded.
    fn heard(&self) -> impl Iterator<Item = (&NodeId, &Hello)> {
        self.hellos.iter().filter(|(name, _)| !self.excluded.contains(*name))
    }

    /// Needs the hellos of all. In a tie the lowest name wins: `heard` goes through names in reverse and `max_by` takes
    /// the last of equals.
    fn winners(&self) -> Option<Winners> {
        let mut heard: Vec<(&NodeId, &Hello)> = self.heard().collect();
        heard.reverse();
        let (durable, best) = heard.iter().max_by_key(|(_, hello)| hello.generation)?;
        let (status, newest) = heard.iter().max_by_key(|(_, hello)| hello.standing)?;
        Some(Winners {
            durable: (*durable).clone(),
            status: (*status).clone(),
            send_durable: heard.iter().any(|(_, hello)| hello.durable != best.durable),
            send_status: heard.iter().any(|(_, hello)| hello.status != newest.status),
        })
    }
}

/// The version that a view speaks: the highest that all its members know. Whoever has none in common with this node is
/// left out; it is not heard here.
pub(crate) fn spoken(hellos: &BTreeMap<NodeId, Hello>, own: Versions) -> Option<u8> {
    hellos.values().filter_map(|hello| hello.versions.meet(own)).min()
}

/// The DC: oldest protocol first (a newer member can still work for an older DC), then one that runs something before
/// one that only votes, then who has been here longest, then name.
pub(crate) fn dc(hellos: &BTreeMap<NodeId, Hello>, only_votes: impl Fn(&NodeId) -> bool) -> NodeId {
    let rank =
        |name: &NodeId, hello: &Hello| (hello.versions.newest, only_votes(name), hello.since.unwrap_or(u64::MAX));
    let first = hellos.iter().min_by_key(|(name, hello)| (rank(name, hello), (*name).clone()));
    first.map(|(name, _)| name.clone()).expect("a view that agreed has members")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cib::{Generation, NodeStatus};
    use crate::message::Standing;
    use membership::RingId;

    fn member(name: &str, oldest: u8, newest: u8) -> (NodeId, Hello) {
        let node = NodeId::new(name).unwrap();
        let hello = Hello {
            ring: RingId { number: 1, representative: node.clone() },
            versions: Versions { oldest, newest },
            generation: Generation::default(),
            durable: 0,
            status: 0,
            standing: Standing::default(),
            since: None,
            own: NodeStatus::default(),
            forks: Vec::new(),
            votes: 1,
            roll: membership::Roll::new(membership::Electorate::default()),
        };
        (node, hello)
    }

    #[test]
    fn a_mixed_view_speaks_what_its_oldest_member_knows() {
        let own = Versions { oldest: 3, newest: 5 };
        let same = BTreeMap::from([member("alpha", 3, 5), member("beta", 3, 5)]);
        assert_eq!(spoken(&same, own), Some(5));
        let mixed = BTreeMap::from([member("alpha", 3, 5), member("beta", 2, 4), member("gamma", 4, 9)]);
        assert_eq!(spoken(&mixed, own), Some(4));
        assert_eq!(dc(&mixed, |_| false).as_str(), "beta", "whoever knows least leads: the others can follow it");
    }
}
