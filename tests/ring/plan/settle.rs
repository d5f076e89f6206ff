//! The faults stop: there must be one view of all nodes in bounded time, every message must come back to its sender,
//! and then nothing may change any more.

use super::Plan;
use crate::checks::Violation;
use crate::network::CALM;
use crate::programs::Programs;
use crate::world::{MS, World};

/// The longest that it may take until all nodes are in one view, in microseconds, once the last fault is over.
///
/// A token timeout until those are noticed that nobody hears any more, one until a ring in the making is given up that
/// has lost a member, two in which somebody who did not agree is not asked again; then a merge, which is messages
/// alone, as many as there are nodes. The last two token timeouts are for a merge that is disturbed by what was still
/// on its way.
fn bound(token: u64, nodes: usize) -> u64 {
    6 * token + 10 * MS * nodes as u64
}

impl Plan {
    pub(super) fn settle(&mut self) -> Result<(), Violation> {
        let (token, count) = (self.token, self.world.hosts.len());
        self.world.line("the faults stop");
        self.world.network.heal();
        self.world.network.weather = CALM;
        for at in 0..count {
            self.world.slow(at, 0);
            self.world.fill(at, false);
        }
        for at in 0..count {
            if self.world.hosts[at].ring.is_none() {
                self.world.start(at)?;
            }
        }
        let awake = self.world.hosts.iter().map(|host| host.frozen).max().unwrap_or(0);
        self.world.run(awake.saturating_sub(self.world.now))?;
        let allowed = bound(token, count);
        let took = self.wait("comes_together", allowed, |plan| plan.world.one_view())?;
        self.settled = took as f64 / allowed as f64;
        for at in 0..count {
            self.world.multicast(at, 50)?;
        }
        self.wait("messages_come_back", 2 * token + allowed, |plan| plan.world.outstanding() == 0)?;
        for at in 0..count {
            self.world.program_acts(at, Programs::all_read)?;
        }
        self.wait("groups_settle", 2 * token + allowed, |plan| {
            plan.world.programs.as_ref().is_none_or(|programs| programs.settled().is_ok())
        })?;
        self.world.programs.as_ref().map_or(Ok(()), Programs::compare)?;
        // They were in one view all along, it may be, while a silence from before ripened into the loss of somebody.
        // Now that all have heard each other none is left.
        self.wait("comes_together", allowed, |plan| plan.world.one_view())?;
        let views = self.world.checks.views;
        self.world.run(3 * token)?;
        if self.world.checks.views != views {
            return Err(Violation { rule: "stays_together", text: "views change although nothing happens".to_owned() });
        }
        Ok(())
    }

    /// Waits until `done`, and tells how long it took.
    fn wait(&mut self, rule: &'static str, limit: u64, done: impl Fn(&Plan) -> bool) -> Result<u64, Violation> {
        let (began, pace) = (self.world.now, self.token / 100);
        while self.world.now < began + limit {
            if done(self) {
                return Ok(self.world.now - began);
            }
            self.world.run(pace)?;
        }
        let World { hosts, checks, .. } = &self.world;
        let state = |at: &usize| {
            let host = &hosts[*at];
            let view = checks.view(&host.life()).map(|view| view.ring.to_string());
            let status = host.ring.as_ref().map(membership::Ring::status);
            let outstanding = checks.outstanding(&host.life());
            format!("{}: {:?} in {view:?}, {outstanding} of its messages not back", host.name, status.map(|s| s.phase))
        };
        let states: Vec<String> = self.world.running().iter().map(state).collect();
        let programs = self.world.programs.as_ref().and_then(|programs| programs.settled().err());
        let programs = programs.unwrap_or_default();
        Err(Violation { rule, text: format!("not within {} ms: {} {programs}", limit / MS, states.join("; ")) })
    }
}
