//! How much may be on its way in one group: a window for each node that writes, opened by all nodes that read.
//!
//! Everything said in a group since the view began has a position, the sum of its sizes, the same on every node. Each
//! node with members tells now and then up to which position all of them have read. A node may have [`WINDOW`] bytes of
//! its own that somebody has not read; then its clients wait. So the queue of a member never holds more than a window
//! (and a message) for each node, however long its owner does not read.
//!
//! A view begins at position 0. Who still has unread messages of the last one says so, and the window is shut until it
//! tells that they are read: a member that never reads gathers nothing more, however often the view changes.

use config::NodeId;
use std::collections::{BTreeMap, VecDeque};

/// Bytes of one node in one group that need not have been read by all. One message may go beyond it.
pub(crate) const WINDOW: u64 = 256 * 1024;
/// After so many bytes that were read, the others are told.
pub(crate) const TELL: u64 = WINDOW / 4;
/// What a message costs beside its bytes.
const OVERHEAD: u64 = 256;

/// What a message of `len` bytes takes of the window.
pub(crate) fn cost(len: usize) -> u64 {
    OVERHEAD + len as u64
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// Position of the last message delivered.
    total: u64,
    /// Up to where the members of each node have read; `None` while they still read what came before this view.
    marks: BTreeMap<NodeId, Option<u64>>,
    /// What this node said and somebody has not read, oldest first.
    own: VecDeque<Own>,
    own_cost: u64,
    /// What this node told last.
    told: u64,
    /// It has told that it still reads what came before this view.
    behind: bool,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    cost: u64,
    /// Its position, once it has come back.
    at: Option<u64>,
}

impl Flow {
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Whether this node may say something.
    pub(crate) fn open(&self) -> bool {
        self.own_cost < WINDOW && self.marks.values().all(Option::is_some)
    }

    /// This node says something.
    pub(crate) fn said(&mut self, cost: u64) {
        self.own.push_back(Own { cost, at: None });
        self.own_cost += cost;
    }

    /// Something is delivered. Answers with its position.
    pub(crate) fn delivered(&mut self, cost: u64, own: bool) -> u64 {
        self.total += cost;
        let at = self.total;
        if own && let Some(first) = self.own.iter_mut().find(|own| own.at.is_none()) {
            first.at = Some(at);
        }
        self.settle();
        at
    }

    /// The first member of a node is here.
    pub(crate) fn came(&mut self, node: &NodeId, me: bool) {
        let total = self.total;
        if !self.marks.contains_key(node) && me {
            (self.told, self.behind) = (total, false);
        }
        self.marks.entry(node.clone()).or_insert(Some(total));
    }

    /// The last member of a node has gone.
    pub(crate) fn went(&mut self, node: &NodeId) {
        self.marks.remove(node);
        self.settle();
    }

    /// The members of a node have read up to `position`.
    pub(crate) fn read(&mut self, node: &NodeId, position: u64) {
        if let Some(mark) = self.marks.get_mut(node) {
            *mark = Some(mark.unwrap_or(0).max(position.min(self.total)));
        }
        self.settle();
    }

    /// A view begins, with members on these nodes, some of which still read what came before.
    pub(crate) fn begin(&mut self, nodes: impl Iterator<Item = (NodeId, bool)>, me: &NodeId) {
        self.total = 0;
        self.told = 0;
        self.marks = nodes.map(|(node, behind)| (node, (!behind).then_some(0))).collect();
        self.behind = self.marks.get(me).is_some_and(Option::is_none);
        // What was delivered is accounted for by those who are behind; the rest is said again.
        self.own.retain(|own| own.at.is_none());
        self.own_cost = self.own.iter().map(|own| own.cost).sum();
    }

    /// Whether the others should hear that this node's members have read up to `position`.
    pub(crate) fn worth_telling(&self, position: u64) -> bool {
        self.behind || position >= self.told + TELL
    }

    /// They hear it.
    pub(crate) fn tell(&mut self, position: u64) {
        (self.told, self.behind) = (position, false);
    }

    /// How far the members of each node are behind. What is less than they tell of is nothing.
    pub(crate) fn unread(&self) -> impl Iterator<Item = (NodeId, Option<u64>)> {
        let unread = |mark| Some(self.total - mark).filter(|bytes| *bytes >= TELL).unwrap_or(0);
        self.marks.iter().map(move |(node, mark)| (node.clone(), mark.map(unread)))
    }

    fn settle(&mut self) {
        let read = self.marks.values().copied().min().unwrap_or(Some(self.total));
        while let Some(first) = self.own.front()
            && first.at.is_some_and(|at| read.is_some_and(|read| at <= read))
        {
            self.own_cost -= first.cost;
            self.own.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    #[test]
    fn the_window_is_shut_by_the_slowest_and_opened_by_it() {
        let mut flow = Flow::default();
        flow.came(&node("a"), true);
        flow.came(&node("b"), false);
        while flow.open() {
            flow.said(1024);
        }
        assert_eq!(flow.own_cost, WINDOW);
        for _ in 0..256 {
            flow.delivered(1024, true);
        }
        flow.read(&node("a"), flow.total());
        assert!(!flow.open(), "b has read nothing");
        flow.read(&node("b"), 1023);
        assert!(!flow.open(), "not even the first one");
        flow.read(&node("b"), 1024);
        assert!(flow.open());
        flow.said(1024);
        assert!(!flow.open());
        flow.went(&node("b"));
        assert!(flow.open(), "nobody waits for who has gone");
    }

    #[test]
    fn a_view_opens_the_window_only_when_all_have_read_what_came_before() {
        let mut flow = Flow::default();
        flow.came(&node("a"), true);
        flow.said(100);
        flow.delivered(100, true);
        flow.begin([(node("a"), true), (node("b"), false)].into_iter(), &node("a"));
        assert!(!flow.open() && flow.worth_telling(0));
        flow.tell(0);
        flow.read(&node("a"), 0);
        assert!(flow.open() && !flow.worth_telling(TELL - 1) && flow.worth_telling(TELL));
        assert_eq!(flow.own_cost, 0);
    }

    #[test]
    fn nobody_can_have_read_more_than_there_is() {
        let mut flow = Flow::default();
        flow.came(&node("a"), true);
        flow.read(&node("a"), u64::MAX);
        assert_eq!(flow.unread().next(), Some((node("a"), Some(0))));
        flow.delivered(TELL, false);
        assert_eq!(flow.unread().next(), Some((node("a"), Some(TELL))));
    }
}
