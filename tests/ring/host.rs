//! A node's computer: its daemon's ring, its disk, and how much time it has for either.

use crate::checks::Life;
use config::NodeId;
use membership::{Incarnation, Recorder, Ring};

/// One node.
pub struct Host {
    /// Its name.
    pub name: NodeId,
    /// Runs while the daemon does.
    pub ring: Option<Ring>,
    /// Notes what the ring is told, in some worlds.
    pub recorder: Option<Recorder>,
    /// The present or the last life of the daemon.
    pub incarnation: Incarnation,
    /// Ring numbers up to this one are on the disk as used.
    pub floor: u64,
    /// Nothing runs here before.
    pub frozen: u64,
    /// The last step, and when it last ran again after a gap that was too long.
    pub stepped: u64,
    pub woke: u64,
    /// What a step costs, in microseconds.
    pub cost: u64,
    /// When the ring wants to be called.
    pub wake: Option<u64>,
    /// Frames in the socket.
    pub waiting: usize,
    /// The step under way ends.
    busy: u64,
    disk: Disk,
}

/// Where the ring number is stored.
#[derive(Debug, Default)]
struct Disk {
    full: bool,
    /// To be stored as soon as there is room.
    pending: Option<u64>,
}

impl Host {
    /// A computer without a daemon.
    pub fn new(name: NodeId) -> Host {
        Host {
            name,
            ring: None,
            recorder: None,
            incarnation: Incarnation(0),
            floor: 0,
            frozen: 0,
            stepped: 0,
            woke: 0,
            cost: 0,
            wake: None,
            waiting: 0,
            busy: 0,
            disk: Disk::default(),
        }
    }

    /// The daemon runs.
    pub fn begin(&mut self, ring: Ring, life: Incarnation, now: u64) {
        (self.ring, self.incarnation, self.wake) = (Some(ring), life, None);
        (self.frozen, self.busy, self.waiting) = (0, 0, 0);
        (self.stepped, self.woke) = (now, now);
    }

    /// The daemon is gone, and leaves what was recorded.
    pub fn end(&mut self) -> Option<Recorder> {
        self.ring = None;
        self.disk.pending = None;
        self.recorder.take()
    }

    /// The name and the life.
    pub fn life(&self) -> Life {
        (self.name.clone(), self.incarnation)
    }

    /// When it can take the next step.
    pub fn free_at(&self) -> u64 {
        self.frozen.max(self.busy)
    }

    /// A step begins. After `gap` without one, nothing ran here: a ring wants to be called much more often.
    pub fn works(&mut self, now: u64, gap: u64) {
        if now - self.stepped > gap {
            self.woke = now;
        }
        self.stepped = now;
        self.busy = now + self.cost;
    }

    /// A number is to be stored; false when it has to wait for room.
    pub fn store(&mut self, number: u64) -> bool {
        if self.disk.full {
            self.disk.pending = self.disk.pending.max(Some(number));
        }
        !self.disk.full
    }

    /// There is no room on the disk any more, or there is again. Returns what waited for it.
    pub fn fill(&mut self, full: bool) -> Option<u64> {
        self.disk.full = full;
        if full { None } else { self.disk.pending.take() }
    }
}
