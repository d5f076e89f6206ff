//! The disk of one machine: what survives a power cut, and the writes that are under way. A write is all or nothing, as
//! with a temporary file that is renamed.

use crm::cib::{Durable, Generation};

/// What survives.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// The durable part of the CIB as last written; `None` on a machine that never wrote one.
    pub(crate) durable: Option<Durable>,
    /// Ring numbers up to this one may have been used.
    pub(crate) ring_number: u64,
    /// Every write fails.
    pub(crate) full: bool,
    /// Writes take long.
    pub(crate) slow: bool,
    writing: Option<Durable>,
    waiting: Option<Durable>,
}

/// What came of a write of the durable part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is on the platter.
    Stored(Generation),
    /// The disk is full; the same is tried again.
    Full(Generation),
    /// There was nothing to write.
    Nothing,
}

impl Disk {
    /// How many times as long as usual a write takes.
    pub(crate) fn slowness(&self) -> u64 {
        if self.slow { 40 } else { 1 }
    }

    /// Takes a version to be written. True if the disk was idle and a write begins now.
    pub(crate) fn store(&mut self, durable: Durable) -> bool {
        if self.writing.is_some() {
            self.waiting = Some(durable);
            return false;
        }
        self.writing = Some(durable);
        true
    }

    /// The write under way comes to its end. With `lies` it says so without having written.
    pub(crate) fn finish(&mut self, lies: bool) -> Written {
        let Some(durable) = self.writing.take() else { return Written::Nothing };
        let generation = durable.generation;
        if self.full {
            // A newer version that came meanwhile is what will be tried next.
            self.writing = Some(self.waiting.take().unwrap_or(durable));
            return Written::Full(generation);
        }
        if !lies {
            self.durable = Some(durable);
        }
        self.writing = self.waiting.take();
        Written::Stored(generation)
    }

    /// Whether another write is to begin.
    pub(crate) fn busy(&self) -> bool {
        self.writing.is_some()
    }

    /// Another disk takes its place, without the state file. What ring numbers were used is noted elsewhere.
    pub(crate) fn replace(&mut self) {
        *self = Disk { ring_number: self.ring_number, ..Disk::default() };
    }

    /// The process that wrote is gone. With `reached` its last write had reached the platter unnoticed.
    pub(crate) fn interrupt(&mut self, reached: bool) {
        self.waiting = None;
        if let Some(durable) = self.writing.take()
            && reached
            && !self.full
        {
            self.durable = Some(durable);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk, Written};
    use crm::cib::Generation;
    use crm::node::NodeOptions;

    fn version(index: u64) -> crm::cib::Durable {
        let mut durable = NodeOptions::first_durable(String::new());
        durable.generation = Generation { view: 1, index };
        durable
    }

    #[test]
    fn a_later_version_replaces_one_not_yet_begun() {
        let mut disk = Disk::default();
        assert!(disk.store(version(1)));
        assert!(!disk.store(version(2)));
        assert!(!disk.store(version(3)));
        assert_eq!(disk.finish(false), Written::Stored(version(1).generation));
        assert!(disk.busy());
        assert_eq!(disk.finish(false), Written::Stored(version(3).generation));
        assert_eq!(disk.durable, Some(version(3)));
    }

    #[test]
    fn an_interrupted_write_is_lost_and_a_full_disk_keeps_the_old() {
        let mut disk = Disk::default();
        disk.store(version(1));
        disk.finish(false);
        disk.store(version(2));
        disk.interrupt(false);
        assert_eq!(disk.durable, Some(version(1)));
        disk.full = true;
        disk.store(version(3));
        assert_eq!(disk.finish(false), Written::Full(version(3).generation));
        assert!(disk.busy());
        assert_eq!(disk.durable, Some(version(1)));
    }
}
