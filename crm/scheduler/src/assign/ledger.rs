//! Who spoke for or against which node: every change of a score, kept only when somebody asks why.

use super::draft::Draft;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;

/// What changed a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// In a symmetric cluster every node is allowed; what it is worth by itself.
    Listed,
    /// The node inside its own container.
    Home,
    /// Connections, fence devices and hosts of guests run on members of the cluster only.
    MembersOnly,
    /// It lives in another resource, which is somewhere else.
    LivesElsewhere,
    /// A location constraint, by its place in [`crate::constraint::Constraints::locations`].
    Location(usize),
    /// The node's health.
    Health,
    /// It likes to stay.
    Stickiness,
    /// It is not managed, and stays.
    Unmanaged,
    /// It failed there too often: how often, and how often it may.
    Failures(i64, i64),
    /// What a history says.
    Ban(Reason),
    /// Locked to a node that comes back.
    Lock(NodeIx),
    /// A ticket, by its place in [`crate::constraint::Constraints::tickets`].
    Ticket(usize),
    /// It looks only at nodes that a constraint opens to it.
    NotOpened,
    /// It is to be stopped.
    TargetRole,
    /// It is not configured any more.
    Removed,
    /// It follows (or avoids) another, by the place of the colocation; where that one is.
    Follows(u32, Option<NodeIx>),
    /// The wishes of what follows it, by the place of the colocation.
    Influence(u32),
    /// The node's promotion score.
    PromotionScore,
    /// Something that the node has too little of: what, how much is needed, how much is left.
    Capacity(String, i64, i64),
    /// An instance cannot go where its clone cannot, where the node is not usable, or has enough instances.
    NoRoom,
    /// There are enough instances already.
    EnoughInstances,
    /// Its container is on this node.
    Container,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose score.
    pub resource: ResourceIx,
    /// For which node.
    pub node: NodeIx,
    /// Before; [`super::score::ABSENT`] when it was not on the list.
    pub before: i32,
    /// After.
    pub after: i32,
    /// By what.
    pub cause: Cause,
}

/// The changes of the scores of some resources.
#[derive(Debug, Default)]
pub struct Ledger {
    watched: Vec<ResourceIx>,
    seen: Vec<Vec<i32>>,
    entries: Vec<Entry>,
}

impl Ledger {
    /// All changes, in their order.
    pub fn entries(self) -> Vec<Entry> {
        self.entries
    }
}

impl Draft<'_, '_> {
    /// Keeps a ledger from now on.
    pub fn watch(&mut self, watched: Vec<ResourceIx>) {
        let seen = watched.iter().map(|&resource| self.row(resource).to_vec()).collect();
        self.ledger = Some(Box::new(Ledger { watched, seen, entries: Vec::new() }));
    }

    /// Writes down what changed since the last note.
    pub fn note(&mut self, cause: impl FnOnce() -> Cause) {
        let Some(mut ledger) = self.ledger.take() else { return };
        let cause = cause();
        let Ledger { watched, seen, entries } = &mut *ledger;
        for (&resource, seen) in watched.iter().zip(seen) {
            for (node, (before, &after)) in seen.iter_mut().zip(self.row(resource)).enumerate() {
                if *before != after {
                    let node = NodeIx::new(node);
                    entries.push(Entry { resource, node, before: *before, after, cause: cause.clone() });
                    *before = after;
                }
            }
        }
        self.ledger = Some(ledger);
    }

    /// A place in the ledger to which [`Draft::take_back`] returns.
    pub fn mark(&self) -> usize {
        self.ledger.as_ref().map_or(0, |ledger| ledger.entries.len())
    }

    /// Forgets what was written since `mark`; the scores have been restored by then.
    pub fn take_back(&mut self, mark: usize) {
        let Some(mut ledger) = self.ledger.take() else { return };
        ledger.entries.truncate(mark);
        for at in 0..ledger.watched.len() {
            ledger.seen[at] = self.row(ledger.watched[at]).to_vec();
        }
        self.ledger = Some(ledger);
    }
}
