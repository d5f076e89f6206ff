//! Of two parts that share no machine, one at most acts.

use super::{Verdict, Violation};
use crate::cluster::MACHINES;
use config::NodeId;
use crm::cib::Fork;
use std::collections::BTreeSet;

/// Which machines act, each in which part.
#[derive(Debug)]
pub(crate) struct Sides {
    /// For each machine whose view may act the members of that view, and where quorum was forced in their history.
    acting: Vec<Option<(BTreeSet<NodeId>, Vec<Fork>)>>,
    /// What this machine takes for its view is over, and it does not know it yet.
    outdated: Vec<bool>,
    /// For each machine whose votes it takes for those that count.
    counted: Vec<BTreeSet<NodeId>>,
    /// Times at which those who count became others.
    pub(crate) recounted: u64,
}

impl Sides {
    pub(crate) fn new(machines: usize) -> Sides {
        Sides {
            acting: vec![None; machines],
            outdated: vec![false; machines],
            counted: vec![BTreeSet::new(); machines],
            recounted: 0,
        }
    }

    /// This machine is down, stopped, without a view or without quorum.
    pub(crate) fn rests(&mut self, machine: usize) {
        self.acting[machine] = None;
    }

    /// The ring has another view, or the daemon was stopped: what it thinks from before does not count.
    pub(crate) fn leaves(&mut self, machine: usize) {
        self.outdated[machine] = true;
        self.rests(machine);
    }

    /// The machine learns of its view.
    pub(crate) fn arrives(&mut self, machine: usize) {
        self.outdated[machine] = false;
    }

    /// Whether this is what is known of the machine already.
    pub(crate) fn knows(&self, machine: usize, members: &BTreeSet<NodeId>) -> bool {
        self.outdated[machine] || self.acting[machine].as_ref().is_some_and(|(known, _)| known == members)
    }

    /// Those who count, for this machine.
    pub(crate) fn counts(&mut self, machine: usize, nodes: BTreeSet<NodeId>) {
        if self.counted[machine] != nodes {
            self.recounted += u64::from(!self.counted[machine].is_empty());
            self.counted[machine] = nodes;
        }
    }

    /// This machine is in a view of these members that may act. Whoever forces quorum says that those who do not know
    /// of it are dead, so it is only among those who know of the same that one side acts.
    pub(crate) fn one_side_acts(&mut self, machine: usize, members: BTreeSet<NodeId>, forks: Vec<Fork>) -> Verdict {
        let apart = |(other, known): &(BTreeSet<NodeId>, Vec<Fork>)| other.is_disjoint(&members) && *known == forks;
        let other = self.acting.iter().position(|other| other.as_ref().is_some_and(apart));
        let text = other.map(|other| {
            let theirs = self.acting[other].as_ref().map(|(members, _)| members);
            format!("{} acts with {members:?}, and {} with {theirs:?}", MACHINES[machine], MACHINES[other])
        });
        self.acting[machine] = Some((members, forks));
        text.map_or(Ok(()), |text| Err(Violation::new("one_side_acts", text)))
    }
}

#[cfg(test)]
mod tests {
    use super::Sides;
    use config::NodeId;
    use crm::cib::{Fork, Generation};
    use std::collections::BTreeSet;

    fn part(names: &[&str]) -> BTreeSet<NodeId> {
        names.iter().map(|name| NodeId::new(name).unwrap()).collect()
    }

    #[test]
    fn two_parts_that_share_no_machine_are_noticed() {
        let mut sides = Sides::new(3);
        let mut acts = |machine, members: &[&str]| sides.one_side_acts(machine, part(members), Vec::new());
        assert_eq!(acts(0, &["alpha", "beta"]), Ok(()));
        assert_eq!(acts(1, &["beta", "gamma"]), Ok(()), "alpha is late, and beta has moved on");
        let both = acts(2, &["gamma"]).unwrap_err();
        assert_eq!(both.check, "one_side_acts");
        sides.leaves(0);
        assert!(sides.knows(0, &part(&["alpha"])), "what it thinks does not count before it has its view");
        assert_eq!(sides.one_side_acts(2, part(&["gamma"]), Vec::new()), Ok(()));
    }

    #[test]
    fn those_who_forced_quorum_are_judged_among_themselves() {
        let mut sides = Sides::new(3);
        let name = NodeId::new("gamma").unwrap();
        let fork = || vec![Fork { view: 9, by: name.clone(), after: Generation { view: 8, index: 0 } }];
        assert_eq!(sides.one_side_acts(0, part(&["alpha"]), Vec::new()), Ok(()));
        assert_eq!(sides.one_side_acts(2, part(&["gamma"]), fork()), Ok(()), "somebody swore that alpha is dead");
        assert!(sides.one_side_acts(1, part(&["beta"]), fork()).is_err());
    }
}
