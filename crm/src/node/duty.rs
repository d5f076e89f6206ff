//! What only the DC does: has a plan made whenever the state moved in a way that the last one did not foresee, walks
//! it, and answers for nodes that do not.

use super::counting::Counting;
use super::plan::unsynced;
use super::{Moment, Node, words};
use crate::cib::{Change, Refused};
use crate::control::Refusal;
use crate::event::EventKind;
use crate::schedule::{Graph, Schedule};
use crate::scheduler::{Situation, explain, schedule};
use crate::transition::{Command, Engine, Overdue};
use config::{NodeId, ResourceId};
use membership::Quorum;
use resource_agents::OrderId;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A plan that the audit refused is made anew after this long: what it stumbled over may depend on the time.
const AGAIN_AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// Plans made in one step of the node. More would mean that plans end without doing anything.
const MOST_PLANS: u32 = 16;

/// The state of a DC. Begins anew with every view.
#[derive(Debug)]
pub(super) struct Duty {
    /// Walks the plan.
    pub(super) engine: Engine,
    overdue: Overdue,
    /// A new plan is due; why.
    stale: Option<String>,
    /// The last graph that ended without news: planned again at once it would lead nowhere again.
    spent: Option<Graph>,
    /// Nothing is left to do, and this was said.
    idle: bool,
    /// When time alone can change the plan: a failure expires, or the wait for nodes never seen ends.
    recheck: Option<Instant>,
    pub(super) counting: Counting,
    pub(super) view: u64,
    orders: u32,
}

impl Duty {
    /// The duty of a view that begins.
    pub(super) fn new(view: u64, now: Instant) -> Duty {
        Duty {
            engine: Engine::default(),
            overdue: Overdue::default(),
            stale: Some("new view".to_owned()),
            spent: None,
            idle: false,
            recheck: None,
            counting: Counting::new(now),
            view,
            orders: 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.overdue.deadline(), self.recheck, self.counting.deadline()].into_iter().flatten().min()
    }

    /// The plan does not hold any more. Returns what to tell, if there was one under way.
    pub(super) fn drop_graph(&mut self, why: &str, refused: bool) -> Option<String> {
        self.stale = Some(why.to_owned());
        let busy = self.engine.is_busy();
        let graph = self.engine.graph().clone();
        self.engine.drop_graph();
        self.spent = refused.then_some(graph);
        busy.then(|| format!("the transition was dropped: {why}"))
    }

    fn next_order(view: u64, orders: &mut u32) -> OrderId {
        *orders += 1;
        OrderId(view << 32 | u64::from(*orders))
    }
}

impl Node {
    /// Looks at this CIB in the present view. Refused before a view is synchronised.
    pub(super) fn situation<T>(
        &self,
        now: Moment,
        cib: &crate::cib::Cib,
        look: impl FnOnce(&Situation<'_>) -> T,
    ) -> Result<T, Refused> {
        let synced = self.controller.synced().ok_or_else(|| unsynced(&self.controller.awaited()))?;
        let members: BTreeSet<NodeId> = synced.view.members.keys().cloned().collect();
        let quorum: &Quorum = &synced.quorum;
        let waiting_for_nodes = self.waiting_until(now).is_some();
        let dc = Some(&synced.dc);
        let wall_ms = now.wall_ms;
        Ok(look(&Situation { cib, members: &members, dc, quorum, wall_ms, waiting_for_nodes }))
    }

    /// What the scheduler would do with this CIB in the present view. Refused before a view is synchronised, and when
    /// the answer is not safe.
    pub(super) fn scheduled(&self, now: Moment, cib: &crate::cib::Cib) -> Result<Schedule, Refused> {
        self.situation(now, cib, |situation| {
            schedule(situation).map_err(|bug| {
                Refused::new(Refusal::Unavailable, bug.to_string(), Some("please report it, with the cluster file"))
            })
        })?
    }

    /// As [`Node::scheduled`], with the reasons why resources are not where they could be.
    pub(super) fn explained(&self, now: Moment, cib: &crate::cib::Cib) -> Result<Schedule, Refused> {
        let mut schedule = self.scheduled(now, cib)?;
        let nowhere = schedule.placement.iter().filter(|(_, places)| places.is_empty());
        let nowhere: Vec<ResourceId> = nowhere.map(|(name, _)| name.clone()).collect();
        let reasons = self.situation(now, cib, |situation| explain(situation, &nowhere))?;
        for (resource, why) in reasons {
            schedule.reasons.insert(resource, vec![why]);
        }
        Ok(schedule)
    }

    /// Until when the cluster, having just started, waits for nodes not yet seen.
    pub(super) fn waiting_until(&self, now: Moment) -> Option<Instant> {
        let cib = self.cib();
        let mut unseen = cib.status.nodes.iter().filter(|(_, node)| node.state == crate::cib::NodeState::Unseen);
        if unseen.all(|(name, _)| cib.only_votes(name)) {
            return None;
        }
        let until = self.first_quorate.unwrap_or(now.at) + cib.config.properties.dc_deadtime;
        (until > now.at).then_some(until)
    }

    /// Plans and walks, if this node is DC.
    pub(super) fn direct(&mut self, now: Moment) {
        let Some(duty) = &mut self.duty else { return };
        duty.overdue.follow(self.controller.cib(), now.at);
        for change in duty.overdue.expire(self.controller.cib(), now.at, now.wall_ms) {
            self.controller.submit(change);
        }
        self.tend_electorate(now);
        if self.quorum().is_none_or(Quorum::undecided) {
            // With the arbiter's word it may be that nothing has to be stopped.
            return;
        }
        let Some(duty) = &mut self.duty else { return };
        if duty.recheck.is_some_and(|recheck| recheck <= now.at) {
            duty.recheck = None;
            duty.spent = None;
            duty.stale.get_or_insert_with(|| "time passed".to_owned());
        }
        for _ in 0..MOST_PLANS {
            let Some(duty) = &mut self.duty else { return };
            if duty.engine.is_done() {
                duty.spent = Some(duty.engine.graph().clone());
                duty.engine.drop_graph();
                duty.stale = Some("the transition ended".to_owned());
            }
            // What was said and not delivered is in no CIB yet; a plan that does not know it could contradict it.
            if duty.stale.is_some() && !duty.engine.is_speaking() {
                self.plan(now);
            }
            self.walk(now);
            if !self.duty.as_ref().is_some_and(|duty| duty.engine.is_done()) {
                return;
            }
        }
        self.event(now, EventKind::Alert, None, "plans end without any effect; waiting for news".to_owned());
    }

    fn plan(&mut self, now: Moment) {
        let schedule = match self.scheduled(now, self.cib()) {
            Ok(schedule) => schedule,
            Err(refused) => {
                // Nothing is done until something else changes, be it the time; status says it too.
                if let Some(duty) = &mut self.duty {
                    duty.stale = None;
                    duty.idle = false;
                    duty.recheck = Some(now.at + AGAIN_AFTER_REFUSAL);
                }
                return self.event(now, EventKind::Alert, None, refused.message);
            }
        };
        if !schedule.refused.is_empty() {
            self.event(now, EventKind::Alert, None, left_out(&schedule.refused));
        }
        let recheck = self.next_recheck(now, &schedule);
        let quiet = self.is_quiet(now);
        let Some(duty) = &mut self.duty else { return };
        let why = duty.stale.take().unwrap_or_default();
        duty.recheck = recheck;
        if schedule.graph.is_empty() {
            duty.engine.drop_graph();
            if quiet && !std::mem::replace(&mut duty.idle, quiet) {
                self.event(now, EventKind::Idle, None, "nothing left to do".to_owned());
            }
            return;
        }
        duty.idle = false;
        if duty.spent.as_ref() == Some(&schedule.graph) {
            let text = format!("the same plan came out again ({why}); waiting for news before it is tried again");
            self.event(now, EventKind::Alert, None, text);
            return;
        }
        let text = format!("{} planned ({why})", words::count(schedule.graph.len(), "action"));
        duty.spent = None;
        duty.engine.begin(schedule.graph);
        self.event(now, EventKind::Plan, None, text);
    }

    fn walk(&mut self, now: Moment) {
        let Some(duty) = &mut self.duty else { return };
        if duty.stale.is_some() {
            return;
        }
        let (view, orders) = (duty.view, &mut duty.orders);
        let commands = duty.engine.walk(self.controller.cib(), &mut || Duty::next_order(view, orders));
        let known = self.controller.cib().status.calls;
        for command in commands {
            match command {
                Command::Order(id, operation, fingerprint) => self.controller.order(id, operation, fingerprint),
                Command::ClearFailures(node, resource) => {
                    self.controller.submit(Change::ClearFailures { node, resource, known });
                }
                Command::Forget(node, resource) => {
                    self.controller.submit(Change::Forget { node, resource, known });
                }
                Command::Cancel(node, resource, interval) => self.controller.cancel_monitor(node, resource, interval),
                Command::Fence(target, incarnation, reason) => {
                    let change = Change::RequestFencing { view, target, incarnation, reason, wall_ms: now.wall_ms };
                    self.controller.submit(change);
                }
            }
        }
    }

    /// Nothing is in flight, nobody is being cut off, nobody is waited for.
    pub(super) fn is_quiet(&self, now: Moment) -> bool {
        let cib = self.cib();
        let pending = cib.status.nodes.iter().filter(|(name, _)| cib.online(name).is_some());
        let mut histories = pending.flat_map(|(_, node)| node.resources.values());
        histories.all(|history| history.pending.is_empty())
            && cib.status.fencing.open.is_empty()
            && self.waiting_until(now).is_none()
    }

    /// The next moment at which time alone changes what should be done.
    fn next_recheck(&self, now: Moment, schedule: &Schedule) -> Option<Instant> {
        // A millisecond more than needed, so that the stamp has certainly passed.
        let left = schedule.recheck_wall_ms.map(|wall_ms| wall_ms.saturating_sub(now.wall_ms) + 1);
        let recheck = left.map(|left| now.at + Duration::from_millis(left));
        let refused = (!schedule.refused.is_empty()).then(|| now.at + AGAIN_AFTER_REFUSAL);
        recheck.into_iter().chain(self.waiting_until(now)).chain(refused).min()
    }
}

/// That a part of a plan is not carried out, and why.
pub(super) fn left_out(refused: &[String]) -> String {
    let rules = refused.join("; ");
    format!("a part of the plan is unsafe and was left out (a bug in paceline, please report it): {rules}")
}
