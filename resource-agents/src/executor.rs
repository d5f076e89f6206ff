//! Runs the operations of one node: one queue per resource, recurring monitors, deadlines, cancel. A pure machine.

use crate::job::{Finished, Job, JobId};
use crate::operation::{Operation, OrderId, Report};
use config::ResourceId;
use std::time::{Duration, Instant};

/// An event for the executor.
#[derive(Clone, Debug)]
pub enum Input {
    /// Carry out an operation. A recurring monitor goes on until the next start, stop or cancel of its resource.
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
    /// Most jobs running at once on this node (peer: node-action-limit, 2 x cores).
    pub parallel_jobs: usize,
}

/// The machine.
#[derive(Debug)]
pub struct Executor {
    options: ExecutorOptions,
}

impl Executor {
    /// An executor with nothing to do.
    #[must_use]
    pub fn new(options: ExecutorOptions) -> Executor {
        Executor { options }
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let _ = (now, input, &self.options);
        Vec::new()
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        None
    }
}
