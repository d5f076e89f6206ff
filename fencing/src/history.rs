//! The fencings that are over, for `paceline fencing history`. Kept in the CIB, so that every member tells the same.

use crate::request::RequestId;
use config::{DeviceId, FencingAction, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// How many fencings are remembered.
pub const HISTORY_LIMIT: usize = 100;

/// One fencing that is over, or one failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The request it answered.
    pub request: RequestId,
    /// Who was cut off.
    pub target: NodeId,
    /// How.
    pub action: FencingAction,
    /// The node that did it; `None` when an operator confirmed it by hand.
    pub by: Option<NodeId>,
    /// The devices used.
    pub devices: Vec<DeviceId>,
    /// Whether it worked; else the device's words.
    pub result: Result<(), String>,
    /// Wall-clock time of the end, milliseconds since 1970.
    pub wall_ms: u64,
    /// How long the attempt took.
    pub elapsed: Duration,
    /// Why the node had to go.
    pub reason: String,
}

/// The last [`HISTORY_LIMIT`] entries, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    entries: VecDeque<HistoryEntry>,
}

impl History {
    /// Adds an entry; forgets the oldest when there are too many.
    pub fn push(&mut self, entry: HistoryEntry) {
        self.entries.push_back(entry);
        while self.entries.len() > HISTORY_LIMIT {
            self.entries.pop_front();
        }
    }

    /// All entries, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        self.entries.iter()
    }

    /// Forgets the entries of one node, or all (`paceline fencing history --clear`).
    pub fn clear(&mut self, target: Option<&NodeId>) {
        self.entries.retain(|entry| target.is_some_and(|target| entry.target != *target));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, target: &str) -> HistoryEntry {
        HistoryEntry {
            request: RequestId(number),
            target: NodeId::new(target).unwrap(),
            action: FencingAction::Reboot,
            by: None,
            devices: Vec::new(),
            result: Ok(()),
            wall_ms: number,
            elapsed: Duration::ZERO,
            reason: "lost".to_owned(),
        }
    }

    #[test]
    fn the_history_has_an_end() {
        let mut history = History::default();
        for number in 0..250 {
            history.push(entry(number, "alpha"));
        }
        let numbers: Vec<u64> = history.iter().map(|entry| entry.request.0).collect();
        assert_eq!(numbers, (150..250).collect::<Vec<u64>>());
    }

    #[test]
    fn one_node_can_be_forgotten() {
        let mut history = History::default();
        history.push(entry(1, "alpha"));
        history.push(entry(2, "beta"));
        history.clear(Some(&NodeId::new("alpha").unwrap()));
        assert_eq!(history.iter().count(), 1);
        history.clear(None);
        assert_eq!(history.iter().count(), 0);
    }
}
