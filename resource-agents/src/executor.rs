//! Runs the operations of one node: one queue per resource, recurring monitors, deadlines, cancel. A pure machine.
//!
//! ```text
//!  Perform --> Queue of the resource --(nothing of it runs)--> Start --> JobDone --> Report
//!                 |  orders first, in the order of arrival                    |
//!                 '- then, when a job slot is free, the recurring monitor <---' interval after its end
//!                    that is due longest (its first run is an order)
//! ```
//!
//! Two jobs of one resource never run at once. What changes the state of a resource on purpose (start, stop, promote,
//! demote, both halves of a migration) ends its recurring monitors; probes, notifications and reloads do not. Whichever
//! it is, a recurring monitor that is under way is killed so that the order does not wait for it, unless it has an
//! order of its own to answer; one that goes on runs again after the order. Every order is answered, except a recurring
//! monitor that was ended so, or by a cancel, before its first result.

mod answered;
mod queue;
#[cfg(test)]
mod tests;

use crate::call::{self, NoJob};
use crate::job::{Exit, Finished, Job, JobId};
use crate::operation::{Operation, OrderId, Report};
use crate::outcome::Outcome;
use answered::Answered;
use config::{OperationName, ResourceId};
use queue::{Next, Queue};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long after its timeout a job may still answer before it is given up.
const GRACE: Duration = Duration::from_secs(3);

/// How long a killed job may take to answer before it is given up.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// Jobs that orders may have on top of [`ExecutorOptions::parallel_jobs`]. The cluster counts the time of an order from
/// its delivery: one that had to wait for a slot would be taken for one that hangs, and a stop that hangs gets its node
/// fenced. So orders do not wait for monitors, nor for each other; this only bounds what a faulty DC could do.
const ORDERS_BESIDE: usize = 64;

/// An event for the executor.
#[derive(Clone, Debug)]
pub enum Input {
    /// Carry out an operation. A recurring monitor goes on until it is cancelled, or the next operation
    /// changes the state of its resource. The
    /// same order given again is answered again and not carried out again.
    Perform {
        /// Names it in the report.
        order: OrderId,
        /// What to do.
        operation: Operation,
    },
    /// Stop a recurring monitor; its result, if one is under way, is not reported.
    CancelMonitor {
        /// Of which resource.
        resource: ResourceId,
        /// With which interval.
        interval: Duration,
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

/// What the executor wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Run this; answer with [`Input::JobDone`], always, within the job's timeout plus a second.
    Start {
        /// Names it.
        id: JobId,
        /// What to run.
        job: Job,
    },
    /// Kill a job's process group; it still answers with [`Input::JobDone`].
    Kill(JobId),
    /// Tell the cluster.
    Report(Report),
}

/// Where agents are found on this node.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// `OCF_ROOT`; scripts are in `OCF_ROOT/resource.d/PROVIDER/TYPE` (default `/usr/lib/ocf`).
    pub ocf_root: std::path::PathBuf,
    /// Jobs running at once on this node from which on recurring monitors wait (peer: node-action-limit, 2 x cores).
    /// Orders never wait for these slots.
    pub parallel_jobs: usize,
}

/// The machine.
#[derive(Debug)]
pub struct Executor {
    options: ExecutorOptions,
    /// Only resources with something running, waiting or recurring.
    queues: BTreeMap<ResourceId, Queue>,
    running: BTreeMap<JobId, Running>,
    answered: Answered,
    last_job: u64,
}

/// A job under way.
#[derive(Debug)]
struct Running {
    operation: Operation,
    purpose: Purpose,
    /// When it is given up, should it never answer.
    deadline: Instant,
}

/// Who waits for a job.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// This order.
    Order(OrderId),
    /// The recurring monitor of the resource with this interval.
    Recurring(Duration),
    /// Nobody any more; it was killed.
    Nobody,
}

impl Executor {
    /// An executor with nothing to do.
    #[must_use]
    pub fn new(options: ExecutorOptions) -> Executor {
        Executor {
            options,
            queues: BTreeMap::new(),
            running: BTreeMap::new(),
            answered: Answered::default(),
            last_job: 0,
        }
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Perform { order, operation } => self.perform(now, order, operation, &mut out),
            Input::CancelMonitor { resource, interval } => {
                if let Some(queue) = self.queues.get_mut(&resource)
                    && let Some(monitor) = queue.monitors.remove(&interval)
                {
                    self.answered.remember(monitor.order, None);
                    self.drop_running_monitor(now, &resource, Some(interval), &mut out);
                }
            }
            Input::JobDone { job, finished } => {
                // A job that was given up may still answer; by then nobody asks.
                if let Some(running) = self.running.remove(&job) {
                    self.finished(now, running, &finished, &mut out);
                }
            }
            Input::Wake => {}
        }
        self.give_up_overdue(now, &mut out);
        self.launch(now, &mut out);
        self.queues.retain(|_, queue| !queue.is_idle());
        out
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let overdue = self.running.values().map(|running| running.deadline);
        let free = self.running.len() < self.slots();
        let due = self.queues.values().filter(|_| free).filter_map(Queue::next_due);
        overdue.chain(due).min()
    }

    /// The recurring monitors that are in force, by resource and interval.
    #[must_use]
    pub fn running_monitors(&self) -> Vec<(ResourceId, Duration)> {
        let each = self.queues.iter().flat_map(|(name, queue)| queue.monitors.keys().map(|i| (name.clone(), *i)));
        each.collect()
    }

    /// The orders that are not answered yet, in the order of their numbers.
    #[must_use]
    pub fn in_flight(&self) -> Vec<OrderId> {
        let running = self.running.values().filter_map(|running| match running.purpose {
            Purpose::Order(order) => Some(order),
            Purpose::Recurring(_) | Purpose::Nobody => None,
        });
        let mut orders: Vec<OrderId> = running.chain(self.queues.values().flat_map(Queue::orders)).collect();
        orders.sort_unstable();
        orders
    }

    fn slots(&self) -> usize {
        self.options.parallel_jobs.max(1)
    }

    fn perform(&mut self, now: Instant, order: OrderId, operation: Operation, out: &mut Vec<Output>) {
        if let Some(answer) = self.answered.get(order) {
            out.extend(answer.clone().map(Output::Report));
            return;
        }
        if self.in_flight().contains(&order) {
            return;
        }
        let resource = operation.resource.clone();
        if operation.name.ends_monitors() {
            self.end_monitors(now, &resource, out);
        }
        let queue = self.queues.entry(resource.clone()).or_default();
        let refused = match operation.interval.filter(|i| operation.name == OperationName::Monitor && !i.is_zero()) {
            None => {
                let refused = queue.push(now, order, operation);
                self.interrupt_monitor(now, &resource, out);
                refused
            }
            Some(interval) => {
                let added = queue.add_monitor(now, order, interval, operation);
                self.answered.remember(added.superseded, None);
                if added.drop_running {
                    self.drop_running_monitor(now, &resource, Some(interval), out);
                }
                added.refused
            }
        };
        if let Some(operation) = refused {
            let reason = format!("{resource} has too many operations waiting on this node");
            self.answer(Some(order), &operation, (Outcome::Error, Some(reason)), Duration::ZERO, out);
        }
    }

    /// Ends all recurring monitors of a resource: it is about to change its state, on purpose.
    fn end_monitors(&mut self, now: Instant, resource: &ResourceId, out: &mut Vec<Output>) {
        if let Some(queue) = self.queues.get_mut(resource) {
            for monitor in std::mem::take(&mut queue.monitors).into_values() {
                self.answered.remember(monitor.order, None);
            }
            self.drop_running_monitor(now, resource, None, out);
        }
    }

    /// Kills the recurring monitor (of any interval, if none is given) that is under way; nobody waits for its result.
    fn drop_running_monitor(
        &mut self,
        now: Instant,
        resource: &ResourceId,
        interval: Option<Duration>,
        out: &mut Vec<Output>,
    ) {
        let Some(id) = self.queues.get(resource).and_then(|queue| queue.running) else { return };
        let running = self.running.get_mut(&id).expect("a queue names a running job only while it runs");
        if let Purpose::Recurring(found) = running.purpose
            && interval.is_none_or(|wanted| wanted == found)
        {
            running.purpose = Purpose::Nobody;
            running.deadline = now + KILL_GRACE;
            out.push(Output::Kill(id));
        }
    }

    /// Kills a recurring monitor that is under way and has no order to answer: nobody waits for its result, and an
    /// order that waited for it would be late. It is due again at once.
    fn interrupt_monitor(&mut self, now: Instant, resource: &ResourceId, out: &mut Vec<Output>) {
        let Some(queue) = self.queues.get_mut(resource) else { return };
        let Some(running) = queue.running.and_then(|id| self.running.get(&id)) else { return };
        let Purpose::Recurring(interval) = running.purpose else { return };
        if let Some(monitor) = queue.monitors.get_mut(&interval).filter(|monitor| monitor.order.is_none()) {
            monitor.due = Some(now);
            self.drop_running_monitor(now, resource, Some(interval), out);
        }
    }

    fn give_up_overdue(&mut self, now: Instant, out: &mut Vec<Output>) {
        let overdue: Vec<JobId> =
            self.running.iter().filter(|(_, running)| running.deadline <= now).map(|(id, _)| *id).collect();
        for id in overdue {
            let running = self.running.remove(&id).expect("it was found there just now");
            out.push(Output::Kill(id));
            let elapsed = running.operation.timeout + GRACE;
            let finished = Finished { exit: Exit::TimedOut, stdout: String::new(), stderr: String::new(), elapsed };
            self.finished(now, running, &finished, out);
        }
    }

    /// A job of a resource is over, one way or another.
    fn finished(&mut self, now: Instant, running: Running, finished: &Finished, out: &mut Vec<Output>) {
        let Running { operation, purpose, .. } = running;
        if let Some(queue) = self.queues.get_mut(&operation.resource) {
            queue.running = None;
        }
        let verdict = call::verdict(&operation, finished);
        match purpose {
            Purpose::Order(order) => self.answer(Some(order), &operation, verdict, finished.elapsed, out),
            Purpose::Recurring(interval) => {
                self.monitored(now, interval, &operation, verdict, finished.elapsed, out);
            }
            Purpose::Nobody => {}
        }
    }

    /// A recurring monitor has a result: it is told when it answers an order, or differs from the last one.
    fn monitored(
        &mut self,
        now: Instant,
        interval: Duration,
        operation: &Operation,
        verdict: (Outcome, Option<String>),
        elapsed: Duration,
        out: &mut Vec<Output>,
    ) {
        let queue = self.queues.get_mut(&operation.resource);
        let Some(monitor) = queue.and_then(|queue| queue.monitors.get_mut(&interval)) else { return };
        let order = monitor.order.take();
        let changed = monitor.last.replace(verdict.0) != Some(verdict.0);
        monitor.due = Some(now + interval);
        if order.is_some() || changed {
            self.answer(order, operation, verdict, elapsed, out);
        }
    }

    fn answer(
        &mut self,
        order: Option<OrderId>,
        operation: &Operation,
        (outcome, reason): (Outcome, Option<String>),
        elapsed: Duration,
        out: &mut Vec<Output>,
    ) {
        let report = Report {
            order,
            resource: operation.resource.clone(),
            name: operation.name,
            interval: operation.interval,
            outcome,
            expect: operation.expect,
            reason,
            elapsed,
        };
        self.answered.remember(order, Some(report.clone()));
        out.push(Output::Report(report));
    }

    /// Starts what may start, orders before recurring monitors, the one that waits longest first.
    fn launch(&mut self, now: Instant, out: &mut Vec<Output>) {
        loop {
            let next = self.queues.iter().filter_map(|(name, queue)| Some((queue.next(now)?, name))).min();
            let Some((next, resource)) = next.map(|(next, name)| (next, name.clone())) else { return };
            let most = match next {
                Next::Order { .. } | Next::Asked { .. } => self.slots() + ORDERS_BESIDE,
                Next::Monitor { .. } => self.slots(),
            };
            if self.running.len() >= most {
                return;
            }
            let queue = self.queues.get_mut(&resource).expect("it was chosen from there just now");
            let (purpose, operation) = match next {
                Next::Order { .. } => {
                    let waiting = queue.waiting.pop_front().expect("next() saw an order at the front");
                    (Purpose::Order(waiting.order), waiting.operation)
                }
                Next::Asked { interval, .. } | Next::Monitor { interval, .. } => {
                    let monitor = queue.monitors.get_mut(&interval).expect("next() saw this monitor");
                    monitor.due = None;
                    (Purpose::Recurring(interval), monitor.operation.clone())
                }
            };
            match call::job(&self.options.ocf_root, &operation) {
                Ok(job) => {
                    self.last_job += 1;
                    let id = JobId(self.last_job);
                    queue.running = Some(id);
                    self.running.insert(id, Running { deadline: now + operation.timeout + GRACE, operation, purpose });
                    out.push(Output::Start { id, job });
                }
                Err(no_job) => self.unrunnable(now, purpose, &operation, no_job, out),
            }
        }
    }

    /// There is nothing to run for this operation: answered on the spot.
    fn unrunnable(
        &mut self,
        now: Instant,
        purpose: Purpose,
        operation: &Operation,
        NoJob { outcome, why }: NoJob,
        out: &mut Vec<Output>,
    ) {
        let verdict = (call::answer(operation.name, outcome), Some(why));
        match purpose {
            Purpose::Order(order) => self.answer(Some(order), operation, verdict, Duration::ZERO, out),
            Purpose::Recurring(interval) => self.monitored(now, interval, operation, verdict, Duration::ZERO, out),
            Purpose::Nobody => {}
        }
    }
}
