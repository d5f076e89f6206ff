//! Ring numbers: each is used once, also when this node restarts. A block is put on stable storage ahead of need, so
//! that no disk write stands between a loss and the next view.

use super::interface::Output;
use serde::{Deserialize, Serialize};

/// How many numbers are asked for at once.
const BLOCK: u64 = 1024;
/// No cluster gets here: a peer that names a higher number is not of sound mind.
pub(crate) const MAX_RING_NUMBER: u64 = 1 << 60;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Numbers {
    /// The highest this node has taken part in, in any life.
    used: u64,
    /// Numbers up to here are on stable storage as used.
    stored: u64,
    /// Numbers up to here are on their way there.
    asked: u64,
    /// The highest that this node has used or heard of.
    sight: u64,
}

impl Numbers {
    pub(crate) fn new(floor: u64) -> Numbers {
        Numbers { used: floor, stored: floor, asked: floor, sight: floor }
    }

    /// The highest number this node has taken part in.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Whether this node may take part in ring `number` now.
    pub(crate) fn may_use(&self, number: u64) -> bool {
        number > self.used && number <= self.stored
    }

    /// Whether this node could take part in a ring above all that it knows of. Otherwise it would hold up whoever asked
    /// it to, for as long as its disk takes.
    pub(crate) fn ready(&self) -> bool {
        self.stored > self.sight
    }

    pub(crate) fn take(&mut self, number: u64) {
        assert!(self.may_use(number), "ring number {number} taken outside {}..={}", self.used, self.stored);
        self.used = number;
        self.sight = self.sight.max(number);
    }

    #[cfg(test)]
    pub(crate) fn sabotage_take(&mut self, number: u64) {
        self.used = number;
    }

    pub(crate) fn confirmed(&mut self, number: u64) {
        self.stored = self.stored.max(number);
        self.asked = self.asked.max(number);
    }

    /// Asks for more when less than half a block is left above `needed`, the highest number in sight.
    pub(crate) fn ahead(&mut self, needed: u64) -> Option<Output> {
        self.sight = self.sight.max(needed);
        let needed = self.sight;
        if self.asked >= needed + BLOCK / 2 {
            return None;
        }
        self.asked = needed + BLOCK;
        Some(Output::StoreRingNumber(self.asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_asked_for_ahead_and_not_used_before() {
        let mut numbers = Numbers::new(5000);
        assert!(!numbers.may_use(5001));
        let Some(Output::StoreRingNumber(6024)) = numbers.ahead(0) else { panic!("asks at the start") };
        assert!(numbers.ahead(0).is_none(), "once");
        assert!(!numbers.may_use(5001) && !numbers.ready());
        numbers.confirmed(6024);
        assert!(numbers.ready());
        numbers.take(5001);
        assert!(!numbers.may_use(5001) && numbers.may_use(6024) && !numbers.may_use(6025));
        numbers.take(5512);
        assert!(numbers.ahead(0).is_none());
        numbers.take(5513);
        let Some(Output::StoreRingNumber(6537)) = numbers.ahead(0) else { panic!("asks at half a block") };
        let Some(Output::StoreRingNumber(11024)) = numbers.ahead(10_000) else { panic!("a peer is far ahead") };
        numbers.confirmed(6537);
        assert!(!numbers.ready(), "not for a ring with that peer");
        numbers.confirmed(11024);
        assert!(numbers.ready());
    }
}
