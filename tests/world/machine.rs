//! One simulated machine: power, disk, the services that run on it, and at most one living daemon.

use crate::cluster::RESOURCE_COUNT;
use crate::disk::Disk;
use crate::event::Event;
use crate::services::Call;
use crate::store::Replica;
use config::NodeId;
use crm::node::{JobKey, Node};
use crm::summary::Summary;
use membership::{Ring, View};
use resource_agents::Exit;
use std::collections::BTreeMap;

/// Frames that wait for a daemon that is stopped (SIGSTOP); the socket drops what comes after.
pub(crate) const SOCKET_FRAMES: usize = 256;

/// One machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: NodeId,
    pub(crate) power: bool,
    /// It is off because its mains failed, not because it was switched off.
    pub(crate) mains_out: bool,
    /// Counts losses of power, so that what was planned for an earlier one is recognised.
    pub(crate) boots: u64,
    pub(crate) disk: Disk,
    pub(crate) running: [bool; RESOURCE_COUNT],
    pub(crate) store: Replica,
    /// What the wall clock of this machine shows at virtual time 0, in milliseconds since 1970.
    pub(crate) wall_ms: u64,
    pub(crate) daemon: Option<Daemon>,
    /// The daemon is stopped (SIGSTOP); what waits for it.
    pub(crate) paused: Option<Paused>,
    /// The cluster file that somebody put on it: what it begins with, as long as nothing is stored. `None` while it is
    /// not one of the cluster's machines yet.
    pub(crate) file: Option<String>,
    /// It stays down until the faults are over.
    pub(crate) stays_down: bool,
}

/// What waits for a daemon that is stopped.
#[derive(Debug, Default)]
pub(crate) struct Paused {
    pub(crate) frames: usize,
    pub(crate) events: Vec<Event>,
}

/// One life of the daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// Unique in the world.
    pub(crate) life: u64,
    pub(crate) ring: Ring,
    pub(crate) node: Node,
    /// When the next wake of each is planned.
    pub(crate) ring_wake: Option<u64>,
    pub(crate) node_wake: Option<u64>,
    /// When the last thing in each direction of the seam arrives: the seam is a queue.
    pub(crate) seam_to_ring: u64,
    pub(crate) seam_to_node: u64,
    /// The view as the node was told.
    pub(crate) view: Option<View>,
    pub(crate) jobs: BTreeMap<JobKey, Running>,
    /// The last answer to "how are we?".
    pub(crate) summary: Option<Box<Summary>>,
    /// For planted bugs: a delivery that is held back.
    pub(crate) held_back: Option<membership::Delivery>,
}

/// A job that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) call: Call,
    pub(crate) exit: Exit,
    pub(crate) since: u64,
}
