//! Where quorum was forced, the history of the durable part may have parted: from there on each part has a history of
//! its own, and what is promised is promised within it. What stays promised across them is that none of them replaces
//! another one in silence.

use super::{Verdict, Violation, lineage::Lineage};
use crate::cluster::MACHINES;
use crm::cib::{Durable, Fork, Generation};
use std::collections::BTreeMap;

/// Every history, by where quorum was forced in it.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    lines: BTreeMap<Vec<Fork>, Lineage>,
}

impl Histories {
    /// The history that this version belongs to. A new one begins with what was known where quorum was forced.
    fn line(&mut self, forks: &[Fork]) -> &mut Lineage {
        if !self.lines.contains_key(forks) {
            let parent = forks.split_last().map(|(last, before)| self.line(before).cut(last.after));
            self.lines.insert(forks.to_vec(), parent.unwrap_or_default());
        }
        self.lines.get_mut(forks).expect("it was just put there")
    }

    /// Whether this version was seen before.
    pub(crate) fn knows(&self, durable: &Durable) -> bool {
        self.lines.get(&durable.forks).is_some_and(|line| line.knows(durable.generation))
    }

    /// See [`Lineage::same_content`].
    pub(crate) fn same_content(&mut self, machine: usize, durable: &Durable, quorate: bool) -> Verdict {
        self.line(&durable.forks).same_content(machine, durable, quorate)
    }

    /// See [`Lineage::acknowledged_change_is_never_lost`].
    pub(crate) fn acknowledged_change_is_never_lost(
        &mut self,
        machine: usize,
        present: &Durable,
        promised: Generation,
        change: Option<u64>,
    ) -> Verdict {
        let line = self.line(&present.forks);
        line.acknowledged_change_is_never_lost(machine, present.generation, promised, change)
    }
}

/// A disk goes on with its own history, or from a version of it with that of those who forced quorum and knew as much;
/// it never goes back to one in which quorum was not forced, and never leaves behind what those did not know. Whoever
/// wants that has to take the state away by hand.
pub(crate) fn histories_are_not_merged(machine: usize, before: Option<&Durable>, now: Option<&Durable>) -> Verdict {
    let (Some(before), Some(now)) = (before, now) else { return Ok(()) };
    let wrong = |what: String| Err(Violation::new("histories_are_not_merged", format!("{} {what}", MACHINES[machine])));
    if let Some(lost) = before.forks.iter().find(|fork| !now.forks.contains(fork)) {
        return wrong(format!("takes over {} where quorum was not forced as in {lost:?}", now.generation));
    }
    let unknown = now.forks.iter().filter(|fork| !before.forks.contains(fork));
    match unknown.into_iter().find(|fork| before.generation > fork.after) {
        None => Ok(()),
        Some(fork) => {
            wrong(format!("gives up {} for {}, made without it by {fork:?}", before.generation, now.generation))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Histories, histories_are_not_merged};
    use config::NodeId;
    use crm::cib::{Durable, Fork, Generation};
    use crm::node::NodeOptions;

    fn version(view: u64, index: u64, forks: &[Fork]) -> Durable {
        let mut durable = NodeOptions::first_durable(format!("# change {view}\n"));
        durable.generation = Generation { view, index };
        durable.forks = forks.to_vec();
        durable
    }

    fn fork(after: u64) -> Fork {
        Fork { view: 9, by: NodeId::new("gamma").unwrap(), after: Generation { view: after, index: 0 } }
    }

    #[test]
    fn each_history_has_its_own_versions() {
        let mut histories = Histories::default();
        assert_eq!(histories.same_content(0, &version(8, 0, &[]), true), Ok(()));
        assert_eq!(histories.same_content(0, &version(9, 1, &[]), true), Ok(()));
        let mut other = version(9, 1, &[fork(8)]);
        other.text.push_str("another\n");
        assert_eq!(histories.same_content(2, &other, true), Ok(()));
        assert!(!histories.knows(&version(12, 0, &[fork(8)])));
        assert!(histories.same_content(1, &version(9, 1, &[fork(8)]), true).is_err());
    }

    #[test]
    fn a_disk_that_changes_its_history_is_noticed() {
        let merged = |before: &Durable, now: &Durable| histories_are_not_merged(0, Some(before), Some(now)).is_err();
        assert!(!merged(&version(8, 0, &[]), &version(9, 1, &[fork(8)])));
        assert!(merged(&version(8, 1, &[]), &version(9, 1, &[fork(8)])));
        assert!(merged(&version(9, 1, &[fork(8)]), &version(12, 0, &[])));
        assert!(histories_are_not_merged(0, None, Some(&version(12, 0, &[]))).is_ok());
    }
}
