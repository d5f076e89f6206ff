//! What waits for one resource: orders in the order of arrival, and its recurring monitors.

use crate::job::JobId;
use crate::operation::{Operation, OrderId};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Most orders that wait for one resource. A DC has one or two under way; more is a fault of its own.
const MOST_WAITING: usize = 16;

/// Most recurring monitors of one resource.
const MOST_MONITORS: usize = 16;

/// One resource.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The job under way; nothing else of this resource starts meanwhile.
    pub(super) running: Option<JobId>,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) monitors: BTreeMap<Duration, Monitor>,
}

/// An order that has not started.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) order: OrderId,
    pub(super) operation: Operation,
    since: Instant,
}

/// A recurring monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    pub(super) operation: Operation,
    /// The order that its next result answers.
    pub(super) order: Option<OrderId>,
    /// What was told last.
    pub(super) last: Option<crate::Outcome>,
    /// When it runs next; `None` while it runs.
    pub(super) due: Option<Instant>,
}

/// What a queue could start. The least is started first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    /// Its first order.
    Order { since: Instant },
    /// A recurring monitor whose next result answers an order.
    Asked { since: Instant, interval: Duration },
    /// A recurring monitor.
    Monitor { due: Instant, interval: Duration },
}

/// What adding a recurring monitor led to.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// Orders that it replaced before they were answered.
    pub(super) superseded: Option<OrderId>,
    /// The monitor under way has another definition: its result is not wanted.
    pub(super) drop_running: bool,
    /// There are too many; the operation comes back.
    pub(super) refused: Option<Operation>,
}

impl Queue {
    /// Adds an order; gives it back when too many wait already.
    pub(super) fn push(&mut self, now: Instant, order: OrderId, operation: Operation) -> Option<Operation> {
        if self.waiting.len() >= MOST_WAITING {
            return Some(operation);
        }
        self.waiting.push_back(Waiting { order, operation, since: now });
        None
    }

    /// Adds a recurring monitor, due at once, in the place of one with the same interval. When that one is under way
    /// and asks the same question, its result answers the new order.
    pub(super) fn add_monitor(
        &mut self,
        now: Instant,
        order: OrderId,
        interval: Duration,
        operation: Operation,
    ) -> Added {
        if self.monitors.len() >= MOST_MONITORS && !self.monitors.contains_key(&interval) {
            return Added { refused: Some(operation), ..Added::default() };
        }
        let mut monitor = Monitor { operation, order: Some(order), last: None, due: Some(now) };
        let mut added = Added::default();
        if let Some(old) = self.monitors.remove(&interval) {
            added.superseded = old.order;
            if old.due.is_none() {
                if old.operation == monitor.operation {
                    monitor.due = None;
                } else {
                    added.drop_running = true;
                }
            }
        }
        self.monitors.insert(interval, monitor);
        added
    }

    /// What it would start now.
    pub(super) fn next(&self, now: Instant) -> Option<Next> {
        if self.running.is_some() {
            return None;
        }
        if let Some(first) = self.waiting.front() {
            return Some(Next::Order { since: first.since });
        }
        let due = self.monitors.iter().filter_map(|(interval, monitor)| {
            let (due, interval) = (monitor.due.filter(|due| *due <= now)?, *interval);
            let asked = monitor.order.is_some();
            Some(if asked { Next::Asked { since: due, interval } } else { Next::Monitor { due, interval } })
        });
        due.min()
    }

    /// When it could start something, if nothing else happens.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.running.is_some() {
            return None;
        }
        let first = self.waiting.front().map(|first| first.since);
        first.or_else(|| self.monitors.values().filter_map(|monitor| monitor.due).min())
    }

    /// The orders that wait here or on the next result of a recurring monitor.
    pub(super) fn orders(&self) -> impl Iterator<Item = OrderId> {
        let monitors = self.monitors.values().filter_map(|monitor| monitor.order);
        self.waiting.iter().map(|waiting| waiting.order).chain(monitors)
    }

    /// Whether there is nothing left to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty() && self.monitors.is_empty()
    }
}
