//! Carries out fencing on one node. A pure machine: which attempt is mine follows from the open requests, the
//! candidates and the attempts made so far, which are the same on every member, so exactly one node acts.
//!
//! ```text
//!            not mine                       every device confirmed, or one failed
//!   Watching <------> Pausing ---> Trying ----------------------------------------> Told
//!      ^                                                                              |
//!      '------------------------- the request shows a higher number ------------------'
//! ```
//!
//! A request that disappears, an attempt that becomes another node's, or the loss of quorum kills what runs. A level of
//! several devices reboots by switching all of them off, which is the confirmation, and then all on again: a device
//! that does not switch on is a notice ([`Fencer::take_notices`]), not a failure, and nobody waits for it.
//!
//! **Invariant: no device is asked to give power to a node that is to be cut off.** A new request for a node, whoever
//! carries it out, takes back what an old one still wants to switch on, and waits until a device that is being asked to
//! has answered; a node without quorum, which hears of no request, switches nothing on at all. Else a node that all
//! devices have confirmed could have had its power back from the first meanwhile.

mod errand;
#[cfg(test)]
mod tests;

use crate::agent::{self, Command};
use crate::level::assignment;
use crate::request::{Attempt, Request, RequestId};
use config::{Config, Device, DeviceId, FencingAction, NodeId};
use errand::{Errand, Step};
use resource_agents::{Exit, Finished, Job, JobId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long after its timeout an agent may still answer before it is given up.
const GRACE: Duration = Duration::from_secs(3);

/// Most notices kept for [`Fencer::take_notices`].
const NOTICES: usize = 64;

/// An event for the fencer.
#[derive(Clone, Debug)]
pub enum Input {
    /// The configuration changed.
    Configured(Arc<Config>),
    /// The open requests and who may carry them out (members of the view, the DC first); sent whenever either changes.
    /// An empty list of candidates (no quorum) means: do nothing, kill what runs.
    Situation {
        /// Requests without a verdict.
        open: Vec<Request>,
        /// Members, DC first.
        candidates: Vec<NodeId>,
    },
    /// A job ended.
    JobDone {
        /// Which.
        job: JobId,
        /// How.
        finished: Finished,
    },
    /// A deadline passed.
    Wake,
}

/// What the fencer wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Run this; answer with [`Input::JobDone`].
    Start {
        /// Names it.
        id: JobId,
        /// What to run.
        job: Job,
    },
    /// Kill a job; it still answers.
    Kill(JobId),
    /// Tell the cluster how an attempt went. The same attempt is told again after a change of members, in case the
    /// first telling was lost with the old view.
    Attempted(Attempt),
}

/// What the fencer knows of its own machine.
#[derive(Clone, Debug)]
pub struct FencerOptions {
    /// This node.
    pub me: NodeId,
    /// Directories with fence-agents (default `/usr/sbin`).
    pub agent_directories: Vec<PathBuf>,
}

/// The machine.
#[derive(Debug)]
pub struct Fencer {
    options: FencerOptions,
    config: Option<Arc<Config>>,
    candidates: Vec<NodeId>,
    cases: BTreeMap<RequestId, Case>,
    /// Targets that get their power back, by the request that took it.
    restoring: BTreeMap<RequestId, Errand>,
    notices: Vec<String>,
    last_job: u64,
}

/// One open request as this node sees it.
#[derive(Debug)]
struct Case {
    request: Request,
    /// When this node saw that the request is at its present attempt.
    since: Instant,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The present attempt is another node's.
    Watching,
    /// It is ours, after a pause.
    Pausing {
        /// The end of the pause.
        until: Instant,
    },
    /// It is ours and under way.
    Trying {
        number: u32,
        started: Instant,
        /// What the last device's success leads to.
        then_on: bool,
        errand: Errand,
    },
    /// It was ours; the cluster has been told.
    Told(Attempt),
}

impl Fencer {
    /// A fencer with nothing to do.
    #[must_use]
    pub fn new(options: FencerOptions) -> Fencer {
        Fencer {
            options,
            config: None,
            candidates: Vec::new(),
            cases: BTreeMap::new(),
            restoring: BTreeMap::new(),
            notices: Vec::new(),
            last_job: 0,
        }
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Configured(config) => self.config = Some(config),
            Input::Situation { open, candidates } => self.situation(now, open, candidates, &mut out),
            Input::JobDone { job, finished } => self.job_done(now, job, &finished, &mut out),
            Input::Wake => {}
        }
        self.give_up_overdue(now, &mut out);
        let ids: Vec<RequestId> = self.cases.keys().copied().collect();
        for id in ids {
            self.follow_assignment(now, id, &mut out);
        }
        self.ask_devices(now, &mut out);
        out
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let (busy, lit) = (self.busy(), self.lit());
        let pauses = self.cases.values().filter_map(|case| match case.phase {
            Phase::Pausing { until } => Some(until),
            Phase::Watching | Phase::Trying { .. } | Phase::Told(_) => None,
        });
        let steps = self.errands().filter_map(|errand| match errand.step {
            Step::Waiting { until } => {
                (!lit.contains(&errand.target) && !busy.contains(&errand.device().name)).then_some(until)
            }
            Step::Asking { deadline, .. } => Some(deadline),
        });
        pauses.chain(steps).min()
    }

    /// What an operator should read although no attempt failed, since the last call; at most a few dozen sentences.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn errands(&self) -> impl Iterator<Item = &Errand> {
        let trying = self.cases.values().filter_map(|case| match &case.phase {
            Phase::Trying { errand, .. } => Some(errand),
            Phase::Watching | Phase::Pausing { .. } | Phase::Told(_) => None,
        });
        trying.chain(self.restoring.values())
    }

    /// The devices whose agent runs here: a device is asked one thing at a time.
    fn busy(&self) -> BTreeSet<DeviceId> {
        self.errands().filter(|errand| errand.job().is_some()).map(|errand| errand.device().name.clone()).collect()
    }

    /// The nodes that a device is being asked to give power to.
    fn lit(&self) -> BTreeSet<NodeId> {
        let asking = self.restoring.values().filter(|errand| errand.job().is_some());
        asking.map(|errand| errand.target.clone()).collect()
    }

    /// Switches nothing on any more: others may be cutting the same nodes off, unheard by this one.
    fn leave_dark(&mut self, out: &mut Vec<Output>) {
        let wanted = self.restoring.values().filter(|errand| !errand.revoked);
        for target in wanted.map(|errand| errand.target.clone()).collect::<BTreeSet<NodeId>>() {
            self.notice(format!(
                "node {target} was cut off, and this node has lost its quorum before all devices had switched it on again"
            ));
            self.revoke(&target, None, out);
        }
    }

    fn notice(&mut self, text: String) {
        if self.notices.len() < NOTICES {
            self.notices.push(text);
        }
    }

    /// Takes back what would give power to `target`, but for the sake of `request` itself.
    fn revoke(&mut self, target: &NodeId, request: Option<RequestId>, out: &mut Vec<Output>) {
        self.restoring.retain(|id, errand| {
            if errand.target != *target || Some(*id) == request {
                return true;
            }
            let job = errand.job();
            out.extend(job.filter(|_| !errand.revoked).map(Output::Kill));
            errand.revoked = true;
            job.is_some()
        });
    }

    fn situation(&mut self, now: Instant, open: Vec<Request>, candidates: Vec<NodeId>, out: &mut Vec<Output>) {
        let regrouped = self.candidates != candidates;
        self.candidates = candidates;
        if self.candidates.is_empty() {
            self.leave_dark(out);
        }
        let mut before = std::mem::take(&mut self.cases);
        for request in open {
            self.revoke(&request.target, Some(request.id), out);
            let case = match before.remove(&request.id) {
                Some(case) if case.request.failed_attempts == request.failed_attempts => Case { request, ..case },
                Some(case) => Case { request, since: now, phase: case.phase },
                None => Case { request, since: now, phase: Phase::Watching },
            };
            if let Phase::Told(attempt) = &case.phase
                && regrouped
                && !self.candidates.is_empty()
                && attempt.number == case.request.failed_attempts
            {
                out.push(Output::Attempted(attempt.clone()));
            }
            self.cases.insert(case.request.id, case);
        }
        for (id, gone) in before {
            self.abandon(now, id, gone.phase, out);
        }
    }

    /// Ends what runs for a request that is over. Devices of a reboot that are off already are switched on again.
    fn abandon(&mut self, now: Instant, id: RequestId, phase: Phase, out: &mut Vec<Output>) {
        let Phase::Trying { then_on, errand, .. } = phase else { return };
        out.extend(errand.job().map(Output::Kill));
        // Without quorum a request that is not seen any more may well be open.
        if then_on
            && !self.candidates.is_empty()
            && let Some(on) = Errand::begin(now, errand.target.clone(), Command::On, errand.asked())
        {
            self.restoring.insert(id, on);
        }
    }

    /// Brings a case in line with whose turn it is, and begins an attempt whose time has come.
    fn follow_assignment(&mut self, now: Instant, id: RequestId, out: &mut Vec<Output>) {
        let Some(config) = self.config.clone() else { return };
        let case = self.cases.get_mut(&id).expect("the caller took the name from there");
        let (target, number) = (case.request.target.clone(), case.request.failed_attempts);
        let assigned = assignment(&config, &self.candidates, &target, number).filter(|a| *a.by == self.options.me);
        let stale = match &case.phase {
            Phase::Watching | Phase::Pausing { .. } => false,
            Phase::Trying { number: current, .. } => assigned.is_none() || *current != number,
            Phase::Told(attempt) => attempt.number != number,
        };
        if stale && let Phase::Trying { errand, .. } = &case.phase {
            out.extend(errand.job().map(Output::Kill));
        }
        if stale || matches!(case.phase, Phase::Watching | Phase::Pausing { .. }) {
            case.phase = match &assigned {
                Some(assigned) => Phase::Pausing { until: case.since + assigned.pause },
                None => Phase::Watching,
            };
        }
        if let Some(assigned) = assigned
            && matches!(case.phase, Phase::Pausing { until } if until <= now)
        {
            let devices = assigned.level.map(|level| level.devices.clone()).unwrap_or_default();
            self.begin(now, id, &config, &devices, out);
        }
    }

    fn begin(&mut self, now: Instant, id: RequestId, config: &Config, names: &[DeviceId], out: &mut Vec<Output>) {
        let case = self.cases.get_mut(&id).expect("the caller took the name from there");
        let (target, number) = (case.request.target.clone(), case.request.failed_attempts);
        let devices: Vec<Device> = names.iter().filter_map(|name| config.devices.get(name).cloned()).collect();
        let then_on = case.request.action == FencingAction::Reboot && devices.len() > 1;
        let command = match case.request.action {
            FencingAction::Reboot if !then_on => Command::Reboot,
            FencingAction::Reboot | FencingAction::Off => Command::Off,
        };
        if devices.len() == names.len()
            && let Some(errand) = Errand::begin(now, target.clone(), command, devices)
        {
            case.phase = Phase::Trying { number, started: now, then_on, errand };
            self.revoke(&target, None, out);
            return;
        }
        let why = format!(
            "no fence device covers node {target}; add one or confirm by hand: paceline fencing confirm {target}"
        );
        self.tell(id, names.to_vec(), Err(why), Duration::ZERO, out);
    }

    fn tell(
        &mut self,
        id: RequestId,
        devices: Vec<DeviceId>,
        result: Result<(), String>,
        elapsed: Duration,
        out: &mut Vec<Output>,
    ) {
        let case = self.cases.get_mut(&id).expect("only open requests are tried");
        let number = case.request.failed_attempts;
        let attempt = Attempt { request: id, number, by: self.options.me.clone(), devices, result, elapsed };
        case.phase = Phase::Told(attempt.clone());
        out.push(Output::Attempted(attempt));
    }

    /// Starts the agent of every errand whose device is free and whose delay is over.
    fn ask_devices(&mut self, now: Instant, out: &mut Vec<Output>) {
        let (mut busy, lit) = (self.busy(), self.lit());
        let mut refusals = Vec::new();
        let trying = self.cases.iter_mut().filter_map(|(id, case)| match &mut case.phase {
            Phase::Trying { errand, .. } => Some((Owner::Case(*id), errand)),
            Phase::Watching | Phase::Pausing { .. } | Phase::Told(_) => None,
        });
        let restoring = self.restoring.iter_mut().map(|(id, errand)| (Owner::Restoring(*id), errand));
        for (owner, errand) in trying.chain(restoring) {
            if !matches!(errand.step, Step::Waiting { until } if until <= now) || lit.contains(&errand.target) {
                continue;
            }
            let device = errand.device();
            match agent::job(device, &errand.target, errand.command, &self.options.agent_directories) {
                Ok(_) if busy.contains(&device.name) => {}
                Ok(job) => {
                    busy.insert(device.name.clone());
                    self.last_job += 1;
                    let id = JobId(self.last_job);
                    errand.step = Step::Asking { job: id, deadline: now + device.timeout + GRACE };
                    out.push(Output::Start { id, job });
                }
                Err(why) => refusals.push((owner, why)),
            }
        }
        for (owner, why) in refusals {
            self.answered(now, owner, Err(why), out);
        }
    }

    fn job_done(&mut self, now: Instant, job: JobId, finished: &Finished, out: &mut Vec<Output>) {
        // A job that was killed or given up still answers; nobody owns it any more.
        let Some((owner, errand)) = self.owned().find(|(_, errand)| errand.job() == Some(job)) else { return };
        let result = agent::verdict(errand.device(), errand.command, finished, &self.options.agent_directories);
        self.answered(now, owner, result, out);
    }

    fn owned(&self) -> impl Iterator<Item = (Owner, &Errand)> {
        let trying = self.cases.iter().filter_map(|(id, case)| match &case.phase {
            Phase::Trying { errand, .. } => Some((Owner::Case(*id), errand)),
            Phase::Watching | Phase::Pausing { .. } | Phase::Told(_) => None,
        });
        trying.chain(self.restoring.iter().map(|(id, errand)| (Owner::Restoring(*id), errand)))
    }

    fn give_up_overdue(&mut self, now: Instant, out: &mut Vec<Output>) {
        let overdue: Vec<(JobId, Duration)> = self
            .errands()
            .filter_map(|errand| match errand.step {
                Step::Asking { job, deadline } if deadline <= now => Some((job, errand.device().timeout + GRACE)),
                Step::Asking { .. } | Step::Waiting { .. } => None,
            })
            .collect();
        for (job, elapsed) in overdue {
            out.push(Output::Kill(job));
            let finished = Finished { exit: Exit::TimedOut, stdout: String::new(), stderr: String::new(), elapsed };
            self.job_done(now, job, &finished, out);
        }
    }

    /// The device at hand has confirmed or failed.
    fn answered(&mut self, now: Instant, owner: Owner, result: Result<(), String>, out: &mut Vec<Output>) {
        match owner {
            Owner::Case(id) => self.tried(now, id, result, out),
            Owner::Restoring(id) => {
                let errand = self.restoring.get_mut(&id).expect("the owner was found there");
                let (target, revoked) = (errand.target.clone(), errand.revoked);
                if !errand.advance(now) {
                    self.restoring.remove(&id);
                }
                if let Err(why) = result
                    && !revoked
                {
                    self.notice(format!("node {target} was cut off, but a device did not switch it on again: {why}"));
                }
            }
        }
        self.ask_devices(now, out);
    }

    fn tried(&mut self, now: Instant, id: RequestId, result: Result<(), String>, out: &mut Vec<Output>) {
        let case = self.cases.get_mut(&id).expect("the owner was found there");
        let Phase::Trying { started, then_on, errand, .. } = &mut case.phase else { return };
        if result.is_ok() && errand.advance(now) {
            return;
        }
        let elapsed = now.saturating_duration_since(*started);
        let names = errand.names();
        if result.is_ok() && *then_on {
            let on = Errand::begin(now, errand.target.clone(), Command::On, std::mem::take(&mut errand.devices));
            self.restoring.extend(on.map(|on| (id, on)));
        }
        self.tell(id, names, result, elapsed, out);
    }
}

/// Whose errand it is.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Case(RequestId),
    Restoring(RequestId),
}
