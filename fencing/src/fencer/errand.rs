//! One command given to several devices, one after the other: each waits for its delay, then for its agent.

use crate::agent::Command;
use config::{Device, DeviceId, NodeId};
use resource_agents::JobId;
use std::time::Instant;

/// The devices of a level on their way through one command.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) target: NodeId,
    pub(super) command: Command,
    pub(super) devices: Vec<Device>,
    /// Which device is at it. Always one of `devices`.
    at: usize,
    pub(super) step: Step,
    /// Its last job was killed because the opposite is wanted now: it ends with that.
    pub(super) revoked: bool,
}

/// What the device at hand is doing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Its delay runs, or it is busy with another errand.
    Waiting {
        /// The end of the delay.
        until: Instant,
    },
    /// Its agent runs.
    Asking {
        job: JobId,
        /// When the agent is given up, should it never answer.
        deadline: Instant,
    },
}

impl Errand {
    /// Begins with the first of `devices`; `None` when there is none.
    pub(super) fn begin(now: Instant, target: NodeId, command: Command, devices: Vec<Device>) -> Option<Errand> {
        let delay = delay_of(devices.first()?, command);
        Some(Errand { target, command, devices, at: 0, step: Step::Waiting { until: now + delay }, revoked: false })
    }

    /// The device at hand.
    pub(super) fn device(&self) -> &Device {
        &self.devices[self.at]
    }

    /// Goes on to the next device; false when this was the last, or is to be.
    pub(super) fn advance(&mut self, now: Instant) -> bool {
        if self.revoked || self.at + 1 == self.devices.len() {
            return false;
        }
        self.at += 1;
        self.step = Step::Waiting { until: now + delay_of(self.device(), self.command) };
        true
    }

    /// The devices that were asked or are being asked.
    pub(super) fn asked(&self) -> Vec<Device> {
        let untouched = usize::from(matches!(self.step, Step::Waiting { .. }));
        self.devices[..=self.at].iter().take(self.at + 1 - untouched).cloned().collect()
    }

    /// The names of the devices up to the one at hand.
    pub(super) fn names(&self) -> Vec<DeviceId> {
        self.devices[..=self.at].iter().map(|device| device.name.clone()).collect()
    }

    /// The job that runs for it.
    pub(super) fn job(&self) -> Option<JobId> {
        match self.step {
            Step::Asking { job, .. } => Some(job),
            Step::Waiting { .. } => None,
        }
    }
}

/// The delay decides who of two is faster to cut the other off; to give power back nobody waits.
fn delay_of(device: &Device, command: Command) -> std::time::Duration {
    match command {
        Command::Off | Command::Reboot => device.delay,
        Command::On | Command::Status => std::time::Duration::ZERO,
    }
}
