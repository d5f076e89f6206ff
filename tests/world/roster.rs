//! Machines come and go while the cluster runs: operators add one, and start it when they hear that its file is done;
//! they take one out of the file that is off, and carry it away.

use crate::clock::{MS, SECOND};
use crate::cluster::{ClusterFile, MACHINES};
use crate::event::Event;
use crate::mutation::Mutation;
use crate::operators::{Wish, node};
use crate::trace::note;
use crate::world::World;
use crm::cib::Generation;
use crm::control::{Refusal, Request, Response};
use std::collections::BTreeMap;

/// Fewest machines that operators leave in the file.
const FEWEST: usize = 3;

/// What operators know of the cluster file.
#[derive(Debug)]
pub(crate) struct Roster {
    /// Machines come and go in this world.
    pub(crate) moves: bool,
    /// The file that was done last, and its version.
    settled: (Generation, ClusterFile),
    /// What was asked for, by its marker.
    asked: BTreeMap<u64, ClusterFile>,
    /// Somebody was never told what became of a move: it is asked for until it is done.
    doubt: bool,
    /// Machines that came or went.
    pub(crate) moved: u64,
}

impl Roster {
    pub(crate) fn new(moves: bool, file: ClusterFile) -> Roster {
        Roster { moves, settled: (Generation::default(), file), asked: BTreeMap::new(), doubt: false, moved: 0 }
    }

    /// Whether a machine is in the file that is in force and in the one that is asked for.
    pub(crate) fn certain(&self, machine: usize, file: &ClusterFile) -> bool {
        self.settled.1.members[machine] && file.members[machine]
    }

    /// Nobody will hear what became of this file.
    pub(crate) fn unheard(&mut self, marker: u64) {
        self.doubt |= self.asked.get(&marker).is_some_and(|file| file.members != self.settled.1.members);
    }

    /// The text of the file that operators know to be in force.
    pub(crate) fn text(&self) -> String {
        self.settled.1.text()
    }
}

impl World {
    /// An operator wants a machine to belong to the cluster that does not, or the other way round; one at a time.
    pub(crate) fn draw_move(&mut self, at: usize) -> Option<(Wish, Request)> {
        let file = &self.operators.file;
        if !self.operators.roster.moves
            || self.rng.u32(0..3) > 0
            || file.members != self.operators.roster.settled.1.members
        {
            return None;
        }
        let few = file.members().count() <= FEWEST;
        let movable = |at: &usize| if file.members[*at] { !few && !self.machines[*at].power } else { true };
        let movable: Vec<usize> = (0..self.machines.len()).filter(movable).collect();
        if movable.is_empty() {
            return None;
        }
        let machine = movable[self.rng.usize(0..movable.len())];
        let belongs = !self.operators.file.members[machine];
        if !belongs {
            self.checks.confirmed_off(machine);
            self.ask(at, Wish::Other, Request::ConfirmFenced { node: node(machine) });
        }
        let marker = self.operators.marker();
        self.operators.file = self.operators.file.with_member(marker, machine, belongs);
        note!(self, None, "ROSTER {} is to {}", MACHINES[machine], if belongs { "come" } else { "go" });
        if belongs && self.mutation == Some(Mutation::StartsEarly) {
            self.install(machine, self.operators.file.text());
            let other = (machine + 1) % self.machines.len();
            let life = self.machines[other].daemon.as_ref().map_or(0, |daemon| daemon.life);
            let ambush = crate::faults::Ambush::Crash;
            self.clock.after(self.rng.u64(5 * MS..25 * MS), Event::Ambush { at: other, life, ambush });
        }
        Some((Wish::File(marker), self.apply_file()))
    }

    /// The present file is to be applied.
    pub(crate) fn apply_file(&mut self) -> Request {
        let file = self.operators.file.clone();
        self.operators.roster.asked.insert(file.marker, file.clone());
        Request::Apply { text: file.text(), base: None }
    }

    /// What became of a file.
    pub(crate) fn file_answered(&mut self, marker: u64, response: &Response) {
        let Some(file) = self.operators.roster.asked.get(&marker).cloned() else { return };
        match response {
            Response::Done { generation, .. } if *generation >= self.operators.roster.settled.0 => {
                self.operators.roster.doubt = false;
                let before = std::mem::replace(&mut self.operators.roster.settled, (*generation, file)).1.members;
                let now = self.operators.roster.settled.1.members;
                for machine in 0..self.machines.len() {
                    if now[machine] && (!before[machine] || self.machines[machine].file.is_none()) {
                        self.operators.roster.moved += 1;
                        self.install(machine, self.operators.roster.text());
                    } else if before[machine] && !now[machine] {
                        self.operators.roster.moved += 1;
                        self.carry_away(machine);
                    }
                }
            }
            Response::Refused { kind: Refusal::Unknown, .. } => self.operators.roster.unheard(marker),
            Response::Refused { .. } | Response::Invalid { .. } => self.file_refused(file),
            _ => {}
        }
    }

    /// Nothing came of a file. If nobody knows of it otherwise, the move that was in it is given up; else what is to go
    /// has to be off for it.
    fn file_refused(&mut self, file: ClusterFile) {
        if self.settling.is_some() || self.operators.file.members != file.members {
            return;
        }
        let settled = self.operators.roster.settled.1.members;
        if !self.operators.roster.doubt {
            self.operators.file.members = settled;
            return;
        }
        for machine in (0..self.machines.len()).filter(|machine| settled[*machine] && !file.members[*machine]) {
            self.mains_fail(machine);
        }
    }

    /// A machine is put up, with this cluster file and nothing else on its disk.
    fn install(&mut self, machine: usize, file: String) {
        note!(self, Some(machine), "ROSTER put up");
        self.power_off(machine);
        let to = &mut self.machines[machine];
        to.disk.replace();
        to.file = Some(file);
        to.mains_out = false;
        let boots = to.boots;
        let soon = self.rng.u64(50 * MS..3 * SECOND);
        self.clock.after(soon, Event::PowerOn { at: machine, boots });
    }

    /// A machine does not belong to the cluster any more. Sometimes somebody switches it on once more all the same.
    pub(crate) fn carry_away(&mut self, machine: usize) {
        note!(self, Some(machine), "ROSTER carried away");
        self.power_off(machine);
        if self.settling.is_none() && self.rng.u32(0..3) == 0 {
            let boots = self.machines[machine].boots;
            self.clock.after(self.rng.u64(SECOND..8 * SECOND), Event::PowerOn { at: machine, boots });
            return;
        }
        self.machines[machine].file = None;
    }

    /// The faults are over: who does not belong to the cluster goes, and whose file is not done is not waited for.
    pub(crate) fn sort_out(&mut self) {
        for machine in 0..self.machines.len() {
            if !self.operators.file.members[machine] && self.machines[machine].file.is_some() {
                self.carry_away(machine);
                self.checks.confirmed_off(machine);
            }
        }
    }

    /// Operators swear that machines that are to go are off: they were carried away.
    pub(crate) fn farewells(&self) -> Vec<(Wish, Request)> {
        let gone = (0..self.machines.len()).filter(|machine| !self.operators.file.members[*machine]);
        gone.map(|machine| (Wish::Other, Request::ConfirmFenced { node: node(machine) })).collect()
    }

    /// Machines that belong to the cluster and were put up.
    pub(crate) fn here(&self) -> impl Iterator<Item = usize> {
        self.operators.file.members().filter(|machine| self.machines[*machine].file.is_some())
    }
}
