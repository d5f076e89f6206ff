//! The orders that are over: an order that arrives twice is answered again, not carried out again.

use crate::operation::{OrderId, Report};
use std::collections::{BTreeMap, VecDeque};

/// How many orders are remembered. A repeat comes within one view change of the first, so hundreds would do.
const REMEMBERED: usize = 1024;

/// A bounded memory, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// `None`: ended without an answer (a recurring monitor that was ended before its first result).
    reports: BTreeMap<OrderId, Option<Report>>,
    age: VecDeque<OrderId>,
}

impl Answered {
    /// The order, if it is over, with its answer.
    pub(super) fn get(&self, order: OrderId) -> Option<&Option<Report>> {
        self.reports.get(&order)
    }

    /// An order is over. `None` (nobody asked) is no news.
    pub(super) fn remember(&mut self, order: Option<OrderId>, report: Option<Report>) {
        let Some(order) = order else { return };
        if self.reports.insert(order, report).is_none() {
            self.age.push_back(order);
        }
        if self.age.len() > REMEMBERED {
            let oldest = self.age.pop_front().expect("it holds more than one");
            self.reports.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_has_an_end() {
        let mut answered = Answered::default();
        for number in 0..3000 {
            answered.remember(Some(OrderId(number)), None);
            answered.remember(Some(OrderId(number)), None);
        }
        assert_eq!(answered.reports.len(), REMEMBERED);
        assert_eq!(answered.age.len(), REMEMBERED);
        assert!(answered.get(OrderId(1000)).is_none());
        assert!(answered.get(OrderId(2999)).is_some());
    }
}
