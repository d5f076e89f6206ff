//! Leaving in order: the cluster stops what runs here, then the ring says goodbye. Bounded: a node that cannot be
//! emptied leaves anyway, loudly, and its peers will cut it off.

use super::{ClientId, Effect, Moment, Node};
use crate::cib::{Activity, Change};
use crate::control::Response;
use crate::event::EventKind;
use config::OperationName;
use std::time::{Duration, Instant};

/// Longest wait for what runs here to stop while nothing is under way here, whatever its stop timeouts.
const LONGEST: Duration = Duration::from_secs(600);

/// What is granted on top of the stop timeouts.
const GRACE: Duration = Duration::from_secs(30);

/// Longest wait for the ring to say goodbye.
const GOODBYE: Duration = Duration::from_secs(10);

/// How far this node is with leaving.
#[derive(Debug, Default)]
pub(super) enum Leave {
    /// It stays.
    #[default]
    No,
    /// Its resources are being stopped.
    Emptying {
        /// Then it leaves anyway.
        deadline: Instant,
        /// Who wants to know.
        clients: Vec<ClientId>,
    },
    /// The ring says goodbye.
    Goodbye {
        /// Then it ends anyway.
        deadline: Instant,
        /// Who wants to know.
        clients: Vec<ClientId>,
        /// Why it ends.
        reason: String,
    },
}

impl Leave {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Leave::No => None,
            Leave::Emptying { deadline, .. } | Leave::Goodbye { deadline, .. } => Some(*deadline),
        }
    }

    /// Whether this node is on its way out.
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(self, Leave::No)
    }

    pub(super) fn notify(&mut self, client: ClientId) {
        match self {
            Leave::No => {}
            Leave::Emptying { clients, .. } | Leave::Goodbye { clients, .. } => clients.push(client),
        }
    }
}

impl Node {
    /// Begins to leave, unless it is under way.
    pub(super) fn begin_leaving(&mut self, now: Moment) {
        if self.leave.is_under_way() {
            return;
        }
        self.moved = true;
        self.leave = Leave::Emptying { deadline: now.at + self.time_to_empty(), clients: Vec::new() };
        if self.view().is_some() {
            self.controller.submit(Change::Leaving { node: self.me.clone() });
        }
    }

    /// The stop timeouts of all that runs here, as if stopped one after the other: for stops that wait for each other,
    /// here or on other nodes. Time in which something is under way here does not count.
    fn time_to_empty(&self) -> Duration {
        let cib = self.cib();
        let resources = cib.status.nodes.get(&self.me).map(|node| &node.resources);
        let running = resources.into_iter().flatten().filter(|(_, history)| history.activity() != Activity::Inactive);
        let stops = running.filter_map(|(name, _)| {
            let resource = cib.config.resources.get(name.base())?;
            let stop = resource.operations.iter().find(|operation| operation.name == OperationName::Stop);
            Some(stop.map_or(resource.timeout, |stop| stop.timeout))
        });
        (stops.sum::<Duration>() + GRACE).min(LONGEST)
    }

    /// Says goodbye as soon as nothing is left here, or when the time is up.
    pub(super) fn go_on_leaving(&mut self, now: Moment) {
        match &mut self.leave {
            Leave::No => {}
            Leave::Emptying { deadline, clients } => {
                let cib = self.controller.cib();
                let apart = self.controller.view().is_none();
                let announced = cib.status.nodes.get(&self.me).is_some_and(|node| node.leaving);
                let empty = self.controller.synced().is_some() && announced && cib.is_empty(&self.me);
                // Every order has a timeout, so this ends; what the timeout is only the DC knows for certain.
                let mut histories = cib.status.nodes.get(&self.me).into_iter().flat_map(|node| node.resources.values());
                if self.controller.synced().is_some() && histories.any(|history| !history.pending.is_empty()) {
                    *deadline = (*deadline).max(now.at + GRACE);
                }
                let late = *deadline <= now.at;
                if !(apart || empty || late) {
                    return;
                }
                let clients = std::mem::take(clients);
                let behind: Vec<String> = crate::summary::active_here(cib, &self.me);
                let reason = match (late && !empty && !apart, behind.is_empty()) {
                    (true, _) => "left although not everything could be stopped in time".to_owned(),
                    (false, true) => "left in order".to_owned(),
                    (false, false) => format!("left in order; not managed and still running: {}", behind.join(", ")),
                };
                let loud = late || !behind.is_empty();
                self.leave = Leave::Goodbye { deadline: now.at + GOODBYE, clients, reason: reason.clone() };
                if loud {
                    self.event(now, EventKind::Alert, Some(self.me.to_string()), format!("{}: {reason}", self.me));
                }
                self.effects.push(Effect::Leave);
            }
            Leave::Goodbye { deadline, .. } => {
                if *deadline <= now.at {
                    self.on_left();
                }
            }
        }
    }

    /// The ring has left.
    pub(super) fn on_left(&mut self) {
        let generation = self.generation();
        let orderly = self.leave.is_under_way();
        let (clients, reason) = match std::mem::take(&mut self.leave) {
            Leave::Goodbye { clients, reason, .. } => (clients, reason),
            Leave::Emptying { clients, .. } => (clients, "the ring left".to_owned()),
            Leave::No => (Vec::new(), "the ring left".to_owned()),
        };
        for client in clients {
            self.effects.push(Effect::Reply { client, response: Response::Done { generation, changed: true } });
        }
        self.effects.push(Effect::Stop { reason, orderly });
        self.stopped = true;
    }
}
