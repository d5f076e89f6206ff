//! The history of the durable part: which version came from which, and what was promised to operators.

use super::{Verdict, Violation, fingerprint::fingerprint};
use crate::cluster::{MACHINES, marker};
use crm::cib::{Durable, Generation};
use std::collections::BTreeMap;

/// All versions ever seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lineage {
    versions: BTreeMap<Generation, Version>,
    /// The version that a view began with came from this one.
    roots: BTreeMap<u64, Generation>,
    /// For each marker the versions that brought it in.
    brought: BTreeMap<u64, Vec<Generation>>,
    /// The latest acknowledged version; every other acknowledged one is an ancestor of it.
    acknowledged: Option<Generation>,
}

#[derive(Clone, Debug)]
struct Version {
    content: u64,
    marker: Option<u64>,
}

fn lost(text: String) -> Verdict {
    Err(Violation::new("acknowledged_change_is_never_lost", text))
}

impl Lineage {
    /// Whether this version was seen before.
    pub(crate) fn knows(&self, generation: Generation) -> bool {
        self.versions.contains_key(&generation)
    }

    /// A machine holds this version. Equal generations have equal content; a new one was ordered by a quorate view and
    /// descends from everything that was acknowledged.
    pub(crate) fn same_content(&mut self, machine: usize, durable: &Durable, quorate: bool) -> Verdict {
        let generation = durable.generation;
        let content = fingerprint(&(&durable.text, &durable.overrides));
        if let Some(known) = self.versions.get(&generation) {
            // What a machine begins with is whatever file somebody put there.
            if known.content == content || generation == Generation::default() {
                return Ok(());
            }
            let text = format!("{} has another content for version {generation} than a peer", MACHINES[machine]);
            return Err(Violation::new("same_cib", text));
        }
        if !quorate {
            let text = format!("{} makes version {generation} in a view without quorum", MACHINES[machine]);
            return Err(Violation::new("minority_changes_nothing", text));
        }
        let mine = marker(&durable.text);
        let parent = self.parent(generation, content, mine);
        if parent.and_then(|parent| self.versions.get(&parent)).and_then(|parent| parent.marker) != mine
            && let Some(mine) = mine
        {
            self.brought.entry(mine).or_default().push(generation);
        }
        self.versions.insert(generation, Version { content, marker: mine });
        self.descends_from_acknowledged(generation)
    }

    /// The same history up to this version, which everything that comes now is made from.
    pub(crate) fn cut(&self, after: Generation) -> Lineage {
        let mut cut = self.clone();
        cut.versions.retain(|version, _| *version <= after);
        cut.roots.retain(|view, _| *view <= after.view);
        cut.brought.values_mut().for_each(|places| places.retain(|place| *place <= after));
        cut.acknowledged = cut.acknowledged.map(|promised| promised.min(after));
        cut
    }

    /// The version that this one was made from; notes the root of its view.
    fn parent(&mut self, generation: Generation, content: u64, mine: Option<u64>) -> Option<Generation> {
        if generation.index > 0 && self.roots.contains_key(&generation.view) {
            return Some(Generation { index: generation.index - 1, ..generation });
        }
        // The beginning of a view confirms what its winner had: the latest earlier version of the same content. Where
        // the beginning itself was never seen (changes that waited for it followed in the same step), the latest
        // version that is not newer than the view is taken.
        let earlier = || self.versions.range(..generation).rev();
        let same = earlier().find(|(_, version)| version.content == content || generation.index > 0);
        let parent =
            same.or_else(|| earlier().find(|(_, version)| version.marker == mine)).map(|(parent, _)| *parent)?;
        self.roots.insert(generation.view, parent);
        Some(parent)
    }

    fn is_ancestor(&self, ancestor: Generation, of: Generation) -> bool {
        let mut at = of;
        loop {
            if at.view == ancestor.view {
                return ancestor.index <= at.index;
            }
            match self.roots.get(&at.view) {
                Some(parent) if *parent < at && at.view > ancestor.view => at = *parent,
                _ => return false,
            }
        }
    }

    fn descends_from_acknowledged(&self, generation: Generation) -> Verdict {
        match self.acknowledged {
            Some(promised) if generation > promised && !self.is_ancestor(promised, generation) => lost(format!(
                "version {generation} (change {:?}) does not contain version {promised} (change {:?}), which was acknowledged",
                self.versions.get(&generation).and_then(|version| version.marker),
                self.versions.get(&promised).and_then(|version| version.marker),
            )),
            _ => Ok(()),
        }
    }

    /// An operator was told that this change is done: from now on it is in every version of a quorate view. `present`
    /// is the version of the node that said so; `change` the marker of a cluster file, `promised` the version it
    /// named.
    pub(crate) fn acknowledged_change_is_never_lost(
        &mut self,
        machine: usize,
        present: Generation,
        promised: Generation,
        change: Option<u64>,
    ) -> Verdict {
        let machine = MACHINES[machine];
        let promised = match change {
            None => promised,
            Some(change) => {
                let places = self.brought.get(&change).map_or(&[][..], Vec::as_slice);
                match places.iter().rev().find(|place| self.is_ancestor(**place, present)) {
                    Some(place) => *place,
                    None => {
                        return lost(format!("{machine} acknowledges change {change}, which its own {present} lacks"));
                    }
                }
            }
        };
        if !self.is_ancestor(promised, present) {
            return lost(format!(
                "{machine} acknowledges version {promised}, which its own {present} does not contain"
            ));
        }
        if let Some((view, _)) = self.roots.range(promised.view + 1..).find(|(view, _)| {
            let root = Generation { view: **view, index: 0 };
            !self.is_ancestor(promised, root)
        }) {
            return lost(format!(
                "{machine} acknowledges version {promised}, which the quorate view {view} does not know"
            ));
        }
        if self.acknowledged.is_none_or(|before| before < promised) {
            self.acknowledged = Some(promised);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Lineage;
    use crm::cib::{Durable, Generation};
    use crm::node::NodeOptions;

    fn version(view: u64, index: u64, change: u64) -> Durable {
        let mut durable = NodeOptions::first_durable(format!("# change {change}\n"));
        durable.generation = Generation { view, index };
        durable
    }

    #[test]
    fn a_version_without_an_acknowledged_change_is_noticed() {
        let mut lineage = Lineage::default();
        for durable in [version(0, 0, 0), version(4, 0, 0), version(4, 1, 1)] {
            assert_eq!(lineage.same_content(0, &durable, true), Ok(()));
        }
        let one = Generation { view: 4, index: 1 };
        assert_eq!(lineage.acknowledged_change_is_never_lost(0, one, one, Some(1)), Ok(()));
        assert_eq!(lineage.same_content(1, &version(8, 0, 1), true), Ok(()));
        let lost = lineage.same_content(1, &version(12, 0, 0), true).unwrap_err();
        assert_eq!(lost.check, "acknowledged_change_is_never_lost");
    }

    #[test]
    fn a_change_that_came_twice_counts_where_it_is_kept() {
        let mut lineage = Lineage::default();
        for durable in [
            version(4, 0, 0),
            version(4, 1, 1),
            version(8, 0, 0),
            version(8, 1, 2),
            version(12, 0, 2),
            version(12, 1, 1),
        ] {
            assert_eq!(lineage.same_content(0, &durable, true), Ok(()));
        }
        let present = Generation { view: 12, index: 1 };
        assert_eq!(lineage.acknowledged_change_is_never_lost(0, present, present, Some(1)), Ok(()));
        assert!(lineage.acknowledged_change_is_never_lost(0, present, present, Some(7)).is_err());
    }

    #[test]
    fn a_minority_makes_no_version() {
        let mut lineage = Lineage::default();
        assert_eq!(lineage.same_content(0, &version(4, 0, 0), true), Ok(()));
        assert!(lineage.same_content(0, &version(4, 1, 1), false).is_err());
    }
}
