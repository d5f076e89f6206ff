//! Every order has a deadline. A node that does not answer in time, although its ring does, is answered for by the DC:
//! running out of time is an outcome, never a lost reply.

use crate::cib::{Change, Cib, Pending};
use config::{NodeId, ResourceId};
use resource_agents::{OrderId, Outcome, Report};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a node gets on top of an operation's timeout: for waiting its turn, for killing, for telling.
const GRACE: Duration = Duration::from_secs(10);

/// An order in flight. Its number is not enough: DCs of parts that meet again may have given the same numbers out.
type InFlight = (NodeId, ResourceId, OrderId);

/// When each order in flight is given up. Kept by the DC; a new DC begins to count anew.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    deadlines: BTreeMap<InFlight, Instant>,
}

impl Overdue {
    /// Takes note of what is in flight now.
    pub(crate) fn follow(&mut self, cib: &Cib, now: Instant) {
        let mut seen = BTreeMap::new();
        for (order, pending) in in_flight(cib) {
            let deadline = self.deadlines.get(&order).copied().unwrap_or(now + pending.timeout + GRACE);
            seen.insert(order, deadline);
        }
        self.deadlines = seen;
    }

    /// The next one to be given up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.values().min().copied()
    }

    /// Results for the orders that are given up now.
    pub(crate) fn expire(&mut self, cib: &Cib, now: Instant, wall_ms: u64) -> Vec<Change> {
        let deadlines = &mut self.deadlines;
        let late = in_flight(cib).filter(|(order, _)| deadlines.get(order).is_some_and(|end| *end <= now));
        let changes = late.filter_map(|((node, resource, order), pending)| {
            let incarnation = cib.online(&node)?;
            let reason = Some(format!("{node} did not answer"));
            Some(Change::Record {
                node,
                incarnation,
                report: Report {
                    order: Some(order),
                    resource,
                    name: pending.key.name,
                    interval: pending.key.interval,
                    outcome: Outcome::TimedOut,
                    expect: pending.expect,
                    reason,
                    elapsed: pending.timeout + GRACE,
                },
                wall_ms,
            })
        });
        let changes: Vec<Change> = changes.collect();
        // Given up once: until the result is delivered, wait another grace.
        for end in deadlines.values_mut().filter(|end| **end <= now) {
            *end = now + GRACE;
        }
        changes
    }
}

/// Orders that members have not answered.
fn in_flight(cib: &Cib) -> impl Iterator<Item = (InFlight, &Pending)> {
    let online = cib.status.nodes.iter().filter(|(name, _)| cib.online(name).is_some());
    online.flat_map(|(name, node)| {
        node.resources.iter().flat_map(move |(resource, history)| {
            history.pending.iter().map(move |(order, pending)| ((name.clone(), resource.clone(), *order), pending))
        })
    })
}

#[cfg(test)]
mod tests;
