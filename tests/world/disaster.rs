//! Operators force quorum where too few are left. Most have made sure that the others are off, and say so. Some have
//! not looked, and have the cluster fence the others: then two sides may act by the operator's word. What is promised
//! even so is checked: nothing runs twice, each history keeps what it acknowledged, and none replaces another one in
//! silence; when they meet, one side stops and says what to do, which is what operators then do.

use crate::cluster::MACHINES;
use crate::operators::Wish;
use crate::trace::note;
use crate::world::World;
use config::NodeId;
use crm::control::Request;
use std::collections::BTreeSet;

/// Most times at which quorum is forced in a world in which it is.
pub(crate) const MOST: u32 = 3;

impl World {
    /// An operator stands before a machine that is not allowed to act.
    pub(crate) fn draw_force(&mut self, at: usize) -> Option<(Wish, Request)> {
        if self.operators.forces == 0 || !self.lacks_quorum(at) || self.rng.bool() {
            return None;
        }
        let daemon = self.machines[at].daemon.as_ref()?;
        let given_up: BTreeSet<NodeId> = daemon.node.cib().given_up();
        self.operators.forces -= 1;
        let looks = self.rng.u32(0..3) > 0;
        note!(self, Some(at), "DISASTER without {given_up:?}, {}", if looks { "all off" } else { "nobody looked" });
        if looks {
            let off: Vec<usize> = (0..self.machines.len()).filter(|it| given_up.contains(MACHINES[*it])).collect();
            for machine in off {
                self.power_stays_off(machine);
                self.checks.confirmed_off(machine);
            }
        }
        Some((Wish::Force, Request::ForceQuorum { given_up, fence: !looks }))
    }

    /// Whether the machine belongs to the cluster, by all that operators know, and is not allowed to act. What they
    /// took out of the file is not fenced by the others, so nobody forces quorum there.
    fn lacks_quorum(&self, at: usize) -> bool {
        let quorum = self.machines[at].daemon.as_ref().and_then(|daemon| daemon.node.quorum());
        self.operators.roster.certain(at, &self.operators.file) && quorum.is_some_and(|quorum| !quorum.quorate)
    }

    /// In worlds of disasters operators often go where they can do something about it.
    pub(crate) fn where_quorum_is_missing(&mut self) -> Option<usize> {
        if self.operators.forces == 0 || self.rng.bool() {
            return None;
        }
        let lacking: Vec<usize> = (0..self.machines.len()).filter(|at| self.lacks_quorum(*at)).collect();
        (!lacking.is_empty()).then(|| lacking[self.rng.usize(0..lacking.len())])
    }

    /// The daemon of a machine said that it cannot join with the state it has, so an operator moves that away.
    pub(crate) fn moves_state_away(&mut self, at: usize) {
        note!(self, Some(at), "DISASTER its state is moved away");
        self.operators.parted += 1;
        let file = self.operators.roster.text();
        let machine = &mut self.machines[at];
        machine.disk.replace();
        machine.file = Some(file);
    }
}
