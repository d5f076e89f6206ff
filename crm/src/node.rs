//! One whole node above its ring: controller, CIB, transition engine, executor and fencer, composed.
//!
//! The ring is not inside. It runs on a thread of its own in the daemon, so the seam between the two is a queue in both
//! directions, in production as in the simulator.

mod interface;

pub use interface::{ClientId, Effect, Input, JobKey, Moment, NodeOptions};

use crate::cib::Cib;
use std::time::Instant;

/// The node machine.
#[derive(Debug)]
pub struct Node {
    options: NodeOptions,
    cib: Cib,
}

impl Node {
    /// A node that has not met anybody yet.
    ///
    /// # Errors
    /// The problems of the stored cluster file, if it is not valid.
    pub fn new(options: NodeOptions) -> Result<Node, Vec<config::Problem>> {
        let _ = options;
        Err(Vec::new())
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let _ = (now, input, &self.options);
        Vec::new()
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// What this node believes; for tests and checks.
    #[must_use]
    pub fn cib(&self) -> &Cib {
        &self.cib
    }
}
