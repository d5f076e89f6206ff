//! Carries out fencing on one node. A pure machine: which attempt is mine follows from the open requests, the
//! candidates and the attempts made so far, which are the same on every member, so exactly one node acts.

use crate::request::{Attempt, Request};
use config::{Config, NodeId};
use resource_agents::{Finished, Job, JobId};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

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
    /// Tell the cluster how an attempt went.
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
}

impl Fencer {
    /// A fencer with nothing to do.
    #[must_use]
    pub fn new(options: FencerOptions) -> Fencer {
        Fencer { options }
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
