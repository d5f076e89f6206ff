//! A frame that must not be lost: sent again, less and less often, until the next phase or token shows that it arrived.

use super::core::Core;
use super::moment::Moment;
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resend {
    to: NodeId,
    bytes: Bytes,
    at: Moment,
    interval: Duration,
}

impl Resend {
    /// Sends it the first time.
    pub(crate) fn send(core: &mut Core, to: &NodeId, bytes: Bytes) -> Resend {
        core.send(to, bytes.clone());
        let interval = core.timers.resend;
        Resend { to: to.clone(), bytes, at: core.now + interval, interval }
    }

    /// Grants `time` more before it is sent again the first time.
    pub(crate) fn patient(mut self, time: Duration) -> Resend {
        self.at = self.at + time;
        self
    }

    pub(crate) fn due(&self) -> Moment {
        self.at
    }

    pub(crate) fn tick(&mut self, core: &mut Core) {
        if core.now < self.at {
            return;
        }
        core.send(&self.to, self.bytes.clone());
        self.interval = (self.interval * 5 / 4).min(core.timers.resend_max);
        self.at = core.now + self.interval;
    }
}
