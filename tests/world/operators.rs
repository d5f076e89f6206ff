//! The people at the cluster: they change the cluster file and the overrides, ask for status, and remember what they
//! were promised.

use crate::checks::{Verdict, Violation};
use crate::clock::{MS, SECOND};
use crate::cluster::{ClusterFile, MACHINES, RESOURCES};
use crate::event::Event;
use crate::machine::Machine;
use crate::mutation::Mutation;
use crate::roster::Roster;
use crate::trace::note;
use crate::world::World;
use config::{NodeId, NodeMode, ResourceId, TargetRole};
use crm::cib::OverrideEdit;
use crm::control::{Request, Response};
use crm::node::{ClientId, Input};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// Operators.
#[derive(Debug)]
pub(crate) struct Operators {
    rng: Rng,
    /// The file that was changed last, by anybody.
    pub(crate) file: ClusterFile,
    /// Which machines belong to the cluster.
    pub(crate) roster: Roster,
    /// How often they may still force quorum.
    pub(crate) forces: u32,
    /// How often they were told that they did.
    pub(crate) forced: u64,
    /// How often they moved the state of a machine away.
    pub(crate) parted: u64,
    markers: u64,
    clients: u64,
    waiting: BTreeMap<ClientId, Waiting>,
    /// Who was told that a change is done.
    told: BTreeSet<ClientId>,
}

/// A request without an answer.
#[derive(Clone, Debug)]
struct Waiting {
    at: usize,
    wish: Wish,
    /// Virtual time from which an answer is due within [`PATIENCE`].
    since: u64,
}

/// How long a daemon that is not stopped may take to answer anything but a wish to leave: it gives up itself after 10
/// s.
const PATIENCE: u64 = 15 * SECOND;

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// This version of the cluster file.
    File(u64),
    /// An edit of the overrides.
    Override,
    /// That those who are here count.
    Force,
    /// Something that is not durable.
    Other,
    /// That a node leaves; takes as long as its services take to stop.
    Leave,
    /// To know the situation.
    Look,
}

impl Operators {
    /// Operators who force quorum `forces` times at most; machines come and go where it `moves`.
    pub(crate) fn new(file: ClusterFile, moves: bool, forces: u32, rng: Rng) -> Operators {
        let roster = Roster::new(moves, file.clone());
        let (waiting, told) = (BTreeMap::new(), BTreeSet::new());
        Operators { rng, file, roster, forces, forced: 0, parted: 0, markers: 0, clients: 0, waiting, told }
    }

    /// The daemon they talked to is gone.
    pub(crate) fn hang_up(&mut self, at: usize) {
        for waiting in self.waiting.values().filter(|waiting| waiting.at == at) {
            if let Wish::File(marker) = waiting.wish {
                self.roster.unheard(marker);
            }
        }
        self.waiting.retain(|_, waiting| waiting.at != at);
    }

    /// A daemon was stopped for a while: its answers may be late.
    pub(crate) fn excuse(&mut self, at: usize, now: u64) {
        for waiting in self.waiting.values_mut().filter(|waiting| waiting.at == at) {
            waiting.since = now;
        }
    }

    /// Every request is answered within [`PATIENCE`].
    fn every_request_is_answered(&self, now: u64, machines: &[Machine]) -> Verdict {
        let late = self.waiting.iter().find(|(_, waiting)| {
            waiting.wish != Wish::Leave && now > waiting.since + PATIENCE && machines[waiting.at].paused.is_none()
        });
        match late {
            None => Ok(()),
            Some((client, waiting)) => Err(Violation::new(
                "every_request_is_answered",
                format!("{} keeps {client:?} waiting for {:?}", MACHINES[waiting.at], waiting.wish),
            )),
        }
    }

    /// Whether the answer to this request is still to come.
    pub(crate) fn waits(&self, client: ClientId) -> bool {
        self.waiting.contains_key(&client)
    }

    /// Whether this request was answered by a promise.
    pub(crate) fn kept(&self, client: ClientId) -> bool {
        self.told.contains(&client)
    }

    /// Changes that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.told.len() as u64
    }

    /// A marker never used before.
    pub(crate) fn marker(&mut self) -> u64 {
        self.markers += 1;
        self.markers
    }
}

/// The name of a machine as the cluster has it.
pub(crate) fn node(at: usize) -> NodeId {
    NodeId::new(MACHINES[at]).expect("the names of the world are names")
}

pub(crate) fn resource(number: usize) -> ResourceId {
    ResourceId::new(RESOURCES[number]).expect("the names of the world are names")
}

impl World {
    /// An operator comes by.
    pub(crate) fn operator_acts(&mut self) {
        if self.settling.is_some() {
            return;
        }
        // Sometimes several come at once.
        let alone = self.operators.rng.u32(0..4) > 0;
        let next =
            if alone { self.operators.rng.u64(200 * MS..5 * SECOND) } else { self.operators.rng.u64(0..15 * MS) };
        self.clock.after(next, Event::Operator);
        let at = self.operators.rng.usize(0..self.machines.len());
        let at = self.where_quorum_is_missing().unwrap_or(at);
        if self.machines[at].daemon.is_none() || self.machines[at].paused.is_some() {
            return;
        }
        let drawn = self.draw_force(at);
        let drawn = drawn.or_else(|| self.draw_move(at));
        let (wish, request) = drawn.unwrap_or_else(|| self.draw_wish());
        // It may have been switched off for that very wish.
        if self.machines[at].daemon.is_some() {
            self.ask(at, wish, request);
        }
    }

    fn draw_wish(&mut self) -> (Wish, Request) {
        let machines = self.machines.len();
        let rng = &mut self.operators.rng;
        let (some, one) = (rng.usize(0..RESOURCES.len()), rng.usize(0..machines));
        match rng.u32(0..20) {
            0..=7 => {
                self.operators.markers += 1;
                let marker = self.operators.markers;
                self.operators.file = self.operators.file.changed(marker, &mut self.operators.rng);
                (Wish::File(marker), self.apply_file())
            }
            8..=9 => {
                let mode = if rng.bool() { Some(NodeMode::Standby) } else { None };
                (Wish::Override, Request::Override { edit: OverrideEdit::Node { node: node(one), mode } })
            }
            10..=11 => {
                let role = if rng.bool() { Some(TargetRole::Stopped) } else { None };
                (
                    Wish::Override,
                    Request::Override { edit: OverrideEdit::TargetRole { resource: resource(some), role } },
                )
            }
            12..=14 => {
                let to = if rng.u32(0..3) > 0 { Some(node(one)) } else { None };
                (Wish::Override, Request::Override { edit: OverrideEdit::Move { resource: resource(some), to } })
            }
            15..=16 => (Wish::Other, Request::Cleanup { resource: None, node: None }),
            17 => (Wish::Other, Request::Restart { resource: resource(some) }),
            18 => (Wish::Leave, Request::Shutdown),
            _ => self.confirm_by_hand(one),
        }
    }

    /// An operator only swears that a machine is off after having looked, and having pulled the plug.
    fn confirm_by_hand(&mut self, one: usize) -> (Wish, Request) {
        if self.machines[one].power {
            return (Wish::Other, Request::Plan { text: self.operators.file.text() });
        }
        self.checks.confirmed_off(one);
        (Wish::Other, Request::ConfirmFenced { node: node(one) })
    }

    /// Asks the node of a machine; it must have a daemon that is not stopped.
    pub(crate) fn ask(&mut self, at: usize, wish: Wish, request: Request) -> ClientId {
        self.operators.clients += 1;
        let client = ClientId(self.operators.clients);
        if wish != Wish::Look {
            note!(self, Some(at), "operator {client:?} wants {wish:?}: {}", brief(&request));
        }
        let since = self.clock.now();
        self.operators.waiting.insert(client, Waiting { at, wish, since });
        self.step_node(at, Input::Request { client, request });
        client
    }

    /// A node answers.
    pub(crate) fn answered(&mut self, at: usize, client: ClientId, response: Response) {
        let Some(Waiting { wish, .. }) = self.operators.waiting.remove(&client) else { return };
        if wish != Wish::Look {
            note!(self, Some(at), "operator {client:?} hears {}", brief(&response));
        }
        if let Wish::File(marker) = wish {
            self.file_answered(marker, &response);
        }
        match (wish, response) {
            (Wish::File(marker), Response::Done { generation, .. }) => {
                self.promised(at, client, generation, Some(marker))
            }
            (Wish::Override, Response::Done { generation, .. }) => self.promised(at, client, generation, None),
            (Wish::Force, Response::Done { generation, .. }) => {
                self.operators.forced += 1;
                self.promised(at, client, generation, None);
            }
            (Wish::Look, Response::Summary(mut summary)) => {
                if self.mutation == Some(Mutation::ClaimsDc) && at == 1 {
                    summary.dc = Some(node(at));
                }
                if let Some(dc) = &summary.dc {
                    let verdict = self.checks.one_dc_per_view(at, &summary.view, dc.as_str());
                    self.broken(verdict);
                }
                if let Some(daemon) = &mut self.machines[at].daemon {
                    daemon.summary = Some(summary);
                }
            }
            _ => {}
        }
    }

    fn promised(&mut self, at: usize, client: ClientId, generation: crm::cib::Generation, change: Option<u64>) {
        let Some(daemon) = &self.machines[at].daemon else { return };
        // With two nodes each may go on alone: what replaces the overlap of quorums there is fencing, which other
        // rules watch.
        if self.machines.len() > 2 {
            let present = &daemon.node.cib().durable;
            let verdict = self.checks.histories.acknowledged_change_is_never_lost(at, present, generation, change);
            self.broken(verdict);
        }
        self.operators.told.insert(client);
    }

    /// Everybody is asked for status.
    pub(crate) fn look(&mut self) {
        self.clock.after(if self.settling.is_some() { 250 * MS } else { 700 * MS }, Event::Look);
        for at in 0..self.machines.len() {
            if self.machines[at].daemon.is_some() && self.machines[at].paused.is_none() {
                self.ask(at, Wish::Look, Request::Status);
            }
        }
        let verdict = self.operators.every_request_is_answered(self.clock.now(), &self.machines);
        self.broken(verdict);
        self.settle_further();
    }
}

/// The beginning of what something looks like.
fn brief(value: &impl std::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    if text.len() > 160 {
        let end = (0..=160).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
