//! The second half of every world: the faults are over, everything that can be is on, and within [`BOUND`] all must be
//! well: one view of all machines, every service running exactly once, nothing left to do, no fencing open, and changes
//! of the configuration are acknowledged.

use crate::checks::Violation;
use crate::clock::SECOND;
use crate::cluster::{MACHINES, RESOURCE_COUNT, RESOURCES};
use crate::event::Event;
use crate::operators::{Wish, node, resource};
use crate::trace::note;
use crate::world::World;
use crm::cib::OverrideEdit;
use crm::control::Request;
use crm::node::ClientId;
use std::collections::VecDeque;

/// How long settling may take: a minute, and the longest chain of timeouts that the last fault can leave behind (a
/// hanging start or stop, a hanging fence device, a reboot).
pub(crate) const BOUND: u64 = 60 * SECOND + (20 + 5 + 7) * SECOND;

/// How long all must stay well in the end.
const CALM: u64 = 5 * SECOND;

/// After so long operators ask for everything again while something is not well.
const ASK_AGAIN: u64 = 10 * SECOND;

/// What is still to be done by operators, and since when the world is settling.
#[derive(Debug)]
pub(crate) struct Settling {
    since: u64,
    wishes: VecDeque<(Wish, Request)>,
    asked: Option<ClientId>,
    last_change: bool,
    /// Since when all is well with the last change in force.
    calm: Option<u64>,
    /// When operators last began to ask for everything.
    asked_all: u64,
}

impl World {
    /// The faults are over.
    pub(crate) fn settle(&mut self) {
        note!(self, None, "FAULTS are over");
        self.end_of_faults();
        self.sort_out();
        let wishes = self.wishes();
        let since = self.clock.now();
        self.settling = Some(Settling { since, wishes, asked: None, last_change: false, calm: None, asked_all: since });
        self.all_on();
    }

    /// What operators want in the end: everything started, no override, failures forgotten.
    fn wishes(&mut self) -> VecDeque<(Wish, Request)> {
        let mut wishes = VecDeque::from(self.farewells());
        wishes.push_back(self.everything_started());
        for machine in self.operators.file.members() {
            let edit = OverrideEdit::Node { node: node(machine), mode: None };
            wishes.push_back((Wish::Override, Request::Override { edit }));
        }
        for number in 0..RESOURCE_COUNT {
            let edit = OverrideEdit::TargetRole { resource: resource(number), role: None };
            wishes.push_back((Wish::Override, Request::Override { edit }));
        }
        wishes.push_back((Wish::Other, Request::Cleanup { resource: None, node: None }));
        wishes
    }

    fn everything_started(&mut self) -> (Wish, Request) {
        let marker = self.operators.marker();
        self.operators.file = self.operators.file.all_started(marker);
        (Wish::File(marker), self.apply_file())
    }

    /// Whatever is off and not about to be switched on is switched on; daemons that do not run are started.
    fn all_on(&mut self) {
        let here: Vec<usize> = self.here().collect();
        for at in here {
            let machine = &mut self.machines[at];
            let boots = machine.boots;
            if !machine.power {
                machine.mains_out = false;
                let delay = self.rng.u64(SECOND..4 * SECOND);
                self.clock.after(delay, Event::PowerOn { at, boots });
            } else if machine.daemon.is_none() {
                let delay = self.rng.u64(SECOND / 2..2 * SECOND);
                self.clock.after(delay, Event::DaemonStarts { at, boots });
            }
        }
    }

    /// Looks how far it is, and lets operators ask for what is next.
    pub(crate) fn settle_further(&mut self) {
        let Some(settling) = &self.settling else { return };
        if self.clock.now() > settling.since + BOUND {
            let text = format!("not well {} s after the last fault: {}", BOUND / SECOND, self.missing().join("; "));
            self.broken(Err(Violation::new("settles_in_time", text)));
            return;
        }
        self.all_on();
        if !self.together().is_empty() || self.still_waiting() {
            return;
        }
        let Some(settling) = &self.settling else { return };
        if let Some((wish, request)) = settling.wishes.front().cloned() {
            let here: Vec<usize> = self.here().collect();
            let at = here[self.rng.usize(0..here.len())];
            let client = self.ask(at, wish, request);
            if let Some(settling) = &mut self.settling {
                settling.asked = Some(client);
            }
        } else if self.missing().is_empty() {
            self.well();
        } else if let Some(settling) = &mut self.settling {
            settling.calm = None;
            // An agent that hung when the faults ended may fail long after failures were forgotten, and a change that
            // somebody asked for before may have been ordered later.
            let now = self.clock.now();
            if now > settling.asked_all + ASK_AGAIN {
                settling.asked_all = now;
                let again = self.wishes();
                self.settling.iter_mut().for_each(|settling| settling.wishes.extend(again.iter().cloned()));
            }
        }
    }

    /// All is well. One more change must go through, and leave all well for a while.
    fn well(&mut self) {
        let now = self.clock.now();
        let Some(settling) = &mut self.settling else { return };
        if settling.last_change {
            let since = *settling.calm.get_or_insert(now);
            if now >= since + CALM {
                self.settled_after = since - settling.since;
                self.done = true;
                note!(self, None, "SETTLED");
            }
            return;
        }
        settling.last_change = true;
        let wish = self.everything_started();
        self.settling.iter_mut().for_each(|settling| settling.wishes.push_back(wish.clone()));
    }

    /// Whether the present request is still without an answer. A refused one is asked again.
    fn still_waiting(&mut self) -> bool {
        let Some(settling) = &mut self.settling else { return false };
        let Some(client) = settling.asked else { return false };
        if self.operators.waits(client) {
            return true;
        }
        settling.asked = None;
        let durable = !matches!(settling.wishes.front(), Some((Wish::Other, _)));
        if self.operators.kept(client) || !durable {
            settling.wishes.pop_front();
        }
        false
    }

    /// What is missing for one view of all.
    fn together(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for at in self.here() {
            let (name, machine) = (MACHINES[at], &self.machines[at]);
            let Some(daemon) = &machine.daemon else {
                missing.push(format!("{name} is not running"));
                continue;
            };
            let members = daemon.view.as_ref().map_or(0, |view| view.members.len());
            if members != self.here().count() {
                missing.push(format!("{name} is in a view of {members} (ring: {:?})", daemon.ring.status().phase));
            } else if daemon.summary.as_ref().is_none_or(|summary| summary.dc.is_none()) {
                missing.push(format!("{name} knows no DC"));
            }
        }
        missing
    }

    /// Everything that is not well.
    fn missing(&self) -> Vec<String> {
        let mut missing = self.together();
        for (resource, name) in RESOURCES.iter().enumerate() {
            let running = self.machines.iter().filter(|machine| machine.running[resource]).count();
            if running != 1 {
                missing.push(format!("{name} runs {running} times"));
            }
        }
        missing.extend(self.store_misses());
        let absent = self.operators.file.members().filter(|at| self.machines[*at].file.is_none());
        missing.extend(absent.map(|at| format!("{} is not put up", MACHINES[at])));
        for at in self.here() {
            let Some(summary) = self.machines[at].daemon.as_ref().and_then(|daemon| daemon.summary.as_ref()) else {
                continue;
            };
            if summary.activity != "idle" {
                missing.push(format!("{} is busy: {}", MACHINES[at], summary.activity));
            }
            for fencing in &summary.fencing {
                missing.push(format!("{} wants {} fenced: {}", MACHINES[at], fencing.node, fencing.reason));
            }
        }
        if let Some(settling) = &self.settling
            && let Some(wish) = settling.wishes.front()
        {
            missing.push(format!("operators still want {:?} and {} more", wish.0, settling.wishes.len() - 1));
        }
        missing
    }
}
