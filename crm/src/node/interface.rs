//! Everything that enters or leaves a node.

use crate::cib::{Attributes, Durable, Generation};
use crate::control::{Request, Response};
use crate::event::Event;
use bytes::Bytes;
use config::{Config, NodeId, Overrides};
use fencing::FencerOptions;
use membership::{Delivery, Incarnation, Notice, RingId, View};
use resource_agents::{ExecutorOptions, Finished, Job, JobId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// Now, on both clocks. Decisions use `at`; `wall_ms` is for stamps that people read and for failure timeouts.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Monotonic.
    pub at: Instant,
    /// Milliseconds since 1970.
    pub wall_ms: u64,
}

/// What a node needs to know when it starts.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// This node.
    pub me: NodeId,
    /// This life of the daemon.
    pub incarnation: Incarnation,
    /// What was found on disk, or the cluster file the node was set up with (generation 0.0).
    pub durable: Durable,
    /// Where resource agents are.
    pub executor: ExecutorOptions,
    /// Where fence agents are.
    pub fencer: FencerOptions,
    /// Seed for ids.
    pub seed: u64,
}

impl NodeOptions {
    /// The durable state of a node that was just set up with this cluster file.
    #[must_use]
    pub fn first_durable(text: String) -> Durable {
        Durable {
            generation: Generation::default(),
            text,
            overrides: Overrides::default(),
            attributes: Attributes::default(),
            roll: None,
            forced: None,
            forks: Vec::new(),
            revoked: BTreeMap::new(),
        }
    }
}

/// Names a connection of the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Names a running job of this node: whose it is, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobKey {
    /// Of the executor.
    Executor(JobId),
    /// Of the fencer.
    Fencer(JobId),
}

/// An event for a node. The first six come from its ring.
#[derive(Clone, Debug)]
pub enum Input {
    /// A new view.
    View(View),
    /// A message of the agreed order.
    Delivered(Delivery),
    /// The ring noticed something.
    Notice(Notice),
    /// The links noticed something: for the event log only.
    Link(String),
    /// The ring cannot do something it should: for people, and while no view comes after it part of the summary.
    Warning(String),
    /// What the arbiter said about the view of this ring, or that it said nothing in time. It never takes back what it
    /// granted: that ends with the view.
    Arbiter {
        /// The ring.
        ring: RingId,
        /// Whether its votes count there.
        granted: bool,
    },
    /// The ring has left in order.
    Left,
    /// A client asks.
    Request {
        /// Who.
        client: ClientId,
        /// What.
        request: Request,
    },
    /// A client hung up.
    ClientGone(ClientId),
    /// A job ended.
    JobDone {
        /// Which.
        key: JobKey,
        /// How.
        finished: Finished,
    },
    /// This version, and with it every earlier one, is on stable storage.
    Stored(Generation),
    /// It could not be stored; the shell tries again by itself and answers `Stored` when it succeeds.
    StoreFailed {
        /// What was to be stored.
        generation: Generation,
        /// What was tried and why it failed.
        reason: String,
    },
    /// The daemon was asked to end (SIGTERM): leave in order.
    Shutdown,
    /// A deadline passed.
    Wake,
}

/// What a node wants done, in this order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Give this to the ring.
    Multicast(Bytes),
    /// Have the ring and its links follow this cluster file: nodes, addresses, times and sizes.
    Reconfigure {
        /// The file.
        config: Arc<Config>,
        /// Fingerprints of certificates that are not to be accepted.
        revoked: BTreeSet<String>,
    },
    /// Have the ring leave; answer [`Input::Left`].
    Leave,
    /// Run a job; answer [`Input::JobDone`].
    Start {
        /// Names it.
        key: JobKey,
        /// What to run.
        job: Job,
    },
    /// Kill a job; it still answers.
    Kill(JobKey),
    /// Put this on stable storage; answer [`Input::Stored`]. A later one replaces an earlier one not yet begun.
    Store(Durable),
    /// Answer a client.
    Reply {
        /// Who.
        client: ClientId,
        /// What.
        response: Response,
    },
    /// For the log and for followers.
    Event(Event),
    /// Nothing more to do: the daemon ends.
    Stop {
        /// Why.
        reason: String,
        /// Whether somebody had asked this node to leave. If not, it is a failure, and a restart may mend it.
        orderly: bool,
    },
}
