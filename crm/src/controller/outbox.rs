//! Changes of this node that were not seen applied yet. They are sent once in each view, in order, until a view applies
//! them: a view that breaks may have swallowed them.

use crate::cib::Change;
use std::collections::VecDeque;

/// Changes kept. An executor whose results cannot be told for this long is of no use to anybody.
const MOST: usize = 10_000;

/// The outbox.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    last: u64,
}

/// One change on its way.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its number in this life of the node.
    pub(crate) counter: u64,
    /// What.
    pub(crate) change: Change,
    /// In how many views it was sent.
    pub(crate) sent: u32,
}

impl Outbox {
    /// Takes a change in, and gives it the next number.
    ///
    /// # Panics
    /// When [`MOST`] changes wait: for a member, stopping is the safe failure.
    pub(crate) fn push(&mut self, change: Change) -> u64 {
        assert!(self.entries.len() < MOST, "{MOST} changes wait to be ordered: this node cannot reach its cluster");
        self.last += 1;
        self.entries.push_back(Entry { counter: self.last, change, sent: 0 });
        self.last
    }

    /// Whether there is no room for a request that can be refused.
    pub(crate) fn is_crowded(&self) -> bool {
        self.entries.len() >= MOST / 2
    }

    /// Nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A view was synchronised, in whose CIB the changes up to `applied` are contained: what is left must be sent
    /// again. Returns the ones that need not be.
    pub(crate) fn resume(&mut self, applied: u64) -> Vec<Entry> {
        self.drop_through(applied)
    }

    /// This change was applied. Returns it.
    pub(crate) fn applied(&mut self, counter: u64) -> Option<Entry> {
        self.drop_through(counter).pop()
    }

    fn drop_through(&mut self, counter: u64) -> Vec<Entry> {
        let until = self.entries.partition_point(|entry| entry.counter <= counter);
        self.entries.drain(..until).collect()
    }

    /// Everything that waits, to be sent in a new view.
    pub(crate) fn send_all(&mut self) -> impl Iterator<Item = &Entry> {
        self.entries.iter_mut().map(|entry| {
            entry.sent += 1;
            &*entry
        })
    }

    /// The youngest change, to be sent in the view at hand.
    pub(crate) fn send_newest(&mut self) -> Option<&Entry> {
        let entry = self.entries.back_mut()?;
        entry.sent += 1;
        Some(entry)
    }
}
