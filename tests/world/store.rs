//! A database of which every machine has a copy and one is written to: a promotable clone, run by an agent of its own.
//! What runs everywhere proves nothing by running twice; that two are promoted at once would be the loss of data.

use crate::checks::{Verdict, Violation};
use crate::cluster::MACHINES;
use crate::mutation::Mutation;
use crate::services::{Fate, Manners, look, work};
use crate::trace::note;
use crate::world::World;
use fastrand::Rng;
use resource_agents::{Exit, Job};
use std::time::Duration;

/// The last part of the agent's name.
const AGENT: &str = "Store";

/// As the cluster file has it: the clone, and where it is rather promoted.
pub(crate) fn text(members: impl Iterator<Item = usize>, prefer: Option<usize>) -> String {
    let mut text = "[resources.store]\nagent = \"ocf:world:Store\"\noperations = [\n\
                    { name = \"monitor\", interval = \"2s\", role = \"promoted\" },\n\
                    { name = \"monitor\", interval = \"3s\", role = \"unpromoted\" },\n]\n\
                    [clones.stores]\nresource = \"store\"\npromotable = true\nnotify = true\n"
        .to_owned();
    // Without a wish for it nothing is promoted.
    let place = |node: &str, score: u32| {
        format!("[[location]]\nresource = \"stores\"\nrole = \"promoted\"\nnode = \"{node}\"\nscore = {score}\n")
    };
    for number in members {
        let score = if prefer == Some(number) { 50 } else { 10 };
        text.push_str(&place(MACHINES[number], score));
    }
    text
}

/// What the copy of one machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Replica {
    /// Not running.
    #[default]
    Down,
    /// It follows.
    Follows,
    /// It is written to.
    Leads,
}

/// What its agent is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreVerb {
    Start,
    Stop,
    Promote,
    Demote,
    Monitor,
    Notify,
}

impl StoreVerb {
    /// Reads a job; `None` when it is not about the store.
    pub(crate) fn of(job: &Job) -> Option<StoreVerb> {
        if job.program.file_name()?.to_str()? != AGENT {
            return None;
        }
        Some(match job.args.last()?.as_str() {
            "start" => StoreVerb::Start,
            "stop" => StoreVerb::Stop,
            "promote" => StoreVerb::Promote,
            "demote" => StoreVerb::Demote,
            "monitor" => StoreVerb::Monitor,
            "notify" => StoreVerb::Notify,
            _ => return None,
        })
    }

    /// Draws what comes of a call.
    pub(crate) fn fate(self, rng: &mut Rng, manners: Manners, timeout: Duration) -> Fate {
        match self {
            StoreVerb::Start | StoreVerb::Promote => work(rng, manners, manners.start_fails, timeout),
            StoreVerb::Stop | StoreVerb::Demote => work(rng, manners, manners.stop_fails, timeout),
            StoreVerb::Monitor | StoreVerb::Notify => look(rng, manners, timeout),
        }
    }
}

impl World {
    /// A promotion is about to be tried on `at`: nobody else may lead as far as anybody can know, and the view must be
    /// quorate.
    pub(crate) fn judge_promotion(&mut self, at: usize) {
        let verdict = self.checks.no_promotion_beside_another(at);
        self.broken(verdict);
        let view = self.machines[at].daemon.as_ref().and_then(|daemon| daemon.view.as_ref());
        if !self.checks.quorate(view) {
            let text = format!("{} promotes in a view without quorum: {view:?}", MACHINES[at]);
            self.broken(Err(Violation::new("minority_changes_nothing", text)));
        }
        self.checks.leads(at);
        if self.mutation == Some(Mutation::PromotesTwice) {
            let verdict = self.checks.no_promotion_beside_another((at + 1) % self.machines.len());
            self.broken(verdict);
        }
    }

    /// What the agent was asked to do happens.
    pub(crate) fn store_acts(&mut self, at: usize, verb: StoreVerb) {
        let lies = self.mutation == Some(Mutation::DemoteLies) && verb == StoreVerb::Demote;
        let machine = &mut self.machines[at];
        if !machine.power || lies {
            return;
        }
        machine.store = match (verb, machine.store) {
            (StoreVerb::Start, Replica::Down) | (StoreVerb::Demote, Replica::Leads) => Replica::Follows,
            (StoreVerb::Promote, Replica::Follows) => Replica::Leads,
            (StoreVerb::Stop, _) => Replica::Down,
            (_, copy) => copy,
        };
        note!(self, Some(at), "STORE {:?}", self.machines[at].store);
        self.moved = true;
    }

    /// What the agent says of a call that went well.
    pub(crate) fn store_answers(&mut self, at: usize, verb: StoreVerb) -> Exit {
        let copy = self.machines[at].store;
        match verb {
            StoreVerb::Monitor => {
                if copy != Replica::Leads {
                    self.checks.follows(at);
                }
                Exit::Code(match copy {
                    Replica::Down => 7,
                    Replica::Follows => 0,
                    Replica::Leads => 8,
                })
            }
            StoreVerb::Stop | StoreVerb::Demote => {
                self.checks.follows(at);
                Exit::Code(0)
            }
            // It cannot lead where it was not started.
            StoreVerb::Promote if copy == Replica::Down => Exit::Code(1),
            _ => Exit::Code(0),
        }
    }

    /// The copy of a machine dies.
    pub(crate) fn store_dies(&mut self, at: usize) {
        if self.machines[at].store != Replica::Down {
            note!(self, Some(at), "STORE dies");
            self.machines[at].store = Replica::Down;
            self.moved = true;
        }
    }

    /// What is not well with it when the faults are over.
    pub(crate) fn store_misses(&self) -> Vec<String> {
        let leading = self.machines.iter().filter(|machine| machine.store == Replica::Leads).count();
        let down = self.operators.file.members().filter(|at| self.machines[*at].store == Replica::Down);
        let mut missing: Vec<String> = down.map(|at| format!("{} has no store", MACHINES[at])).collect();
        if leading != 1 {
            missing.push(format!("{leading} copies of the store lead"));
        }
        missing
    }
}

/// No two machines with power have a copy that is written to.
pub(crate) fn one_copy_leads(copies: impl Iterator<Item = Replica>) -> Verdict {
    let leading: Vec<&str> =
        copies.enumerate().filter(|(_, copy)| *copy == Replica::Leads).map(|(at, _)| MACHINES[at]).collect();
    match leading.as_slice() {
        [] | [_] => Ok(()),
        several => Err(Violation::new("one_copy_leads", format!("the store is promoted on {}", several.join(" and ")))),
    }
}
