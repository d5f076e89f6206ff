//! Everything that can come next in a world.

use crate::faults::{Ambush, Undo};
use bytes::Bytes;
use crm::node::JobKey;

/// One thing to come. `life` names the life of the daemon it is meant for; for any other it is void.
#[derive(Debug)]
pub(crate) enum Event {
    /// A frame arrives. `link` is the connection it was sent on.
    Frame { from: usize, to: usize, link: u64, bytes: Bytes },
    /// Something for the ring of a machine.
    ToRing { at: usize, life: u64, input: Box<membership::Input> },
    /// Something for the node of a machine.
    ToNode { at: usize, life: u64, input: Box<crm::node::Input> },
    /// A deadline of the ring may have passed.
    WakeRing { at: usize, life: u64 },
    /// A deadline of the node may have passed.
    WakeNode { at: usize, life: u64 },
    /// A write of the durable part ends.
    Written { at: usize, life: u64 },
    /// A write of the ring number ends.
    NumberWritten { at: usize, life: u64, number: u64 },
    /// A job changes the machine.
    JobActs { at: usize, life: u64, key: JobKey },
    /// A job ends.
    JobEnds { at: usize, life: u64, key: JobKey },
    /// The fence device switches a machine off, by itself (a planted bug).
    LateOff { target: usize },
    /// A machine gets power.
    PowerOn { at: usize, boots: u64 },
    /// The daemon of a machine begins.
    DaemonStarts { at: usize, boots: u64 },
    /// Two daemons may have found each other.
    Handshake { pair: [(usize, u64); 2] },
    /// An ambush that lay in wait for this life goes off.
    Ambush { at: usize, life: u64, ambush: Ambush },
    /// The next machine of a cascade loses its wires.
    CutOff { at: usize },
    /// The next fault.
    Fault,
    /// A fault ends.
    Undo(Undo),
    /// An operator wants something.
    Operator,
    /// Everybody is asked for status.
    Look,
    /// The faults are over.
    Settle,
}

impl Event {
    /// The machine whose daemon handles this; `None` when it is not a daemon that does.
    pub(crate) fn daemon(&self) -> Option<usize> {
        match self {
            Event::Frame { to: at, .. }
            | Event::ToRing { at, .. }
            | Event::ToNode { at, .. }
            | Event::WakeRing { at, .. }
            | Event::WakeNode { at, .. }
            | Event::Written { at, .. }
            | Event::NumberWritten { at, .. }
            | Event::JobEnds { at, .. } => Some(*at),
            Event::JobActs { .. }
            | Event::LateOff { .. }
            | Event::PowerOn { .. }
            | Event::DaemonStarts { .. }
            | Event::Handshake { .. }
            | Event::Ambush { .. }
            | Event::CutOff { .. }
            | Event::Fault
            | Event::Undo(_)
            | Event::Operator
            | Event::Look
            | Event::Settle => None,
        }
    }
}
