//! The rules that hold at every instant, each a function with its name. They judge by what services, power and disks
//! really do and by what crosses the seams, not by what a CIB believes.

mod delivery;
mod fingerprint;
mod histories;
mod lineage;
mod sides;

pub(crate) use delivery::Deliveries;
pub(crate) use histories::{Histories, histories_are_not_merged};
pub(crate) use sides::Sides;

use crate::cluster::{MACHINES, RESOURCE_COUNT, RESOURCES};
use crm::cib::Cib;
use fingerprint::fingerprint;
use membership::{RingId, View};
use std::collections::BTreeMap;
use std::fmt;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the rule: the function in `checks`, or `settles_in_time`, `panic`, `world`.
    pub check: &'static str,
    /// How.
    pub text: String,
}

impl Violation {
    pub(crate) fn new(check: &'static str, text: String) -> Violation {
        Violation { check, text }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.text)
    }
}

/// What a rule says.
pub(crate) type Verdict = Result<(), Violation>;

/// What must be remembered to judge.
#[derive(Debug)]
pub(crate) struct Checks {
    machines: usize,
    /// Who counts changes in this world: then a majority of machines says nothing, and `sides` judges alone.
    counting: bool,
    /// Who acts.
    pub(crate) sides: Sides,
    /// Order of delivery, views, ring numbers.
    pub(crate) deliveries: Deliveries,
    /// The history of the durable part.
    pub(crate) histories: Histories,
    /// `held[resource][machine]`: by what agents said and fence devices did, the service may be running there.
    held: [[bool; MACHINES.len()]; RESOURCE_COUNT],
    /// By what its agent said and fence devices did, the copy of the store on this machine may be written to.
    leading: [bool; MACHINES.len()],
    /// Fingerprints of the CIB by place in the order: what it was, and at which machine first.
    cibs: BTreeMap<(RingId, u64), (u64, usize)>,
    dcs: BTreeMap<String, (String, usize)>,
}

impl Checks {
    pub(crate) fn new(machines: usize, counting: bool) -> Checks {
        Checks {
            machines,
            counting,
            sides: Sides::new(machines),
            deliveries: Deliveries::new(machines),
            histories: Histories::default(),
            held: Default::default(),
            leading: Default::default(),
            cibs: BTreeMap::new(),
            dcs: BTreeMap::new(),
        }
    }

    /// An agent began to start a service.
    pub(crate) fn holds(&mut self, resource: usize, machine: usize) {
        self.held[resource][machine] = true;
    }

    /// An agent said that a service does not run (any more).
    pub(crate) fn released(&mut self, resource: usize, machine: usize) {
        self.held[resource][machine] = false;
    }

    /// A fence device, or an operator who looked, made sure that a machine is off.
    pub(crate) fn confirmed_off(&mut self, machine: usize) {
        for resource in &mut self.held {
            resource[machine] = false;
        }
        self.follows(machine);
    }

    /// An agent began to promote the copy of the store.
    pub(crate) fn leads(&mut self, machine: usize) {
        self.leading[machine] = true;
    }

    /// An agent said that the copy of the store is not promoted (any more).
    pub(crate) fn follows(&mut self, machine: usize) {
        self.leading[machine] = false;
    }

    /// The copy of the store on `machine` is about to be promoted: no other may be, as far as anybody can know.
    pub(crate) fn no_promotion_beside_another(&self, machine: usize) -> Verdict {
        let other = self.leading.iter().enumerate().find(|(other, leads)| **leads && *other != machine);
        other.map_or(Ok(()), |(other, _)| {
            let (here, there) = (MACHINES[machine], MACHINES[other]);
            let text = format!("the store is promoted on {here} while nobody made sure that it is not on {there}");
            Err(Violation::new("no_promotion_beside_another", text))
        })
    }

    /// A service is about to be started on `machine`. No other machine may run it as far as anybody can know: its
    /// agent said stopped, or the power of that machine was confirmed off since. That it happens to be dead is not
    /// enough.
    pub(crate) fn no_start_before_confirmed_fencing(&self, resource: usize, machine: usize) -> Verdict {
        let held = self.held[resource].iter().enumerate().find(|(other, held)| **held && *other != machine);
        match held {
            None => Ok(()),
            Some((other, _)) => Err(Violation::new(
                "no_start_before_confirmed_fencing",
                format!(
                    "{} is started on {} while nobody made sure that it is down on {}",
                    RESOURCES[resource], MACHINES[machine], MACHINES[other]
                ),
            )),
        }
    }

    /// Every member of a view that was synchronised while quorate has the same status and the same version after the
    /// same message.
    pub(crate) fn same_cib(&mut self, machine: usize, ring: &RingId, seq: u64, cib: &Cib) -> Verdict {
        if cib.durable.generation.view != ring.number {
            return Ok(());
        }
        let mine = fingerprint(&(&cib.status, cib.durable.generation));
        let (first, by) = *self.cibs.entry((ring.clone(), seq)).or_insert((mine, machine));
        if first == mine {
            return Ok(());
        }
        Err(Violation::new(
            "same_cib",
            format!(
                "after message {seq} of view {ring} {} and {} hold different CIBs",
                MACHINES[by], MACHINES[machine]
            ),
        ))
    }

    /// All members of a view that name a DC name the same one.
    pub(crate) fn one_dc_per_view(&mut self, machine: usize, view: &str, dc: &str) -> Verdict {
        let (first, by) = self.dcs.entry(view.to_owned()).or_insert_with(|| (dc.to_owned(), machine));
        if first == dc {
            return Ok(());
        }
        Err(Violation::new(
            "one_dc_per_view",
            format!("in view {view} the DC is {first} for {} and {dc} for {}", MACHINES[*by], MACHINES[machine]),
        ))
    }

    /// Whether a view holds more than half of all machines. With two machines one is enough: there fencing decides,
    /// which other rules watch.
    pub(crate) fn quorate(&self, view: Option<&View>) -> bool {
        let members = view.map_or(0, |view| view.members.len());
        if self.counting || self.machines == 2 { members >= 1 } else { members * 2 > self.machines }
    }

    /// A node whose view is a minority starts no service.
    pub(crate) fn minority_changes_nothing(&self, resource: usize, machine: usize, view: Option<&View>) -> Verdict {
        if self.quorate(view) {
            return Ok(());
        }
        Err(Violation::new(
            "minority_changes_nothing",
            format!("{} starts {} in a view without quorum: {view:?}", MACHINES[machine], RESOURCES[resource]),
        ))
    }
}

/// No resource runs on two machines with power at once. `running` are the services of each machine; what has no power
/// runs nothing.
pub(crate) fn one_active_instance<'a>(running: impl Iterator<Item = &'a [bool; RESOURCE_COUNT]>) -> Verdict {
    let mut on: [Option<usize>; RESOURCE_COUNT] = [None; RESOURCE_COUNT];
    for (machine, services) in running.enumerate() {
        for (resource, running) in services.iter().enumerate() {
            if !running {
                continue;
            }
            if let Some(other) = on[resource].replace(machine) {
                return Err(Violation::new(
                    "one_active_instance",
                    format!("{} runs on {} and on {}", RESOURCES[resource], MACHINES[other], MACHINES[machine]),
                ));
            }
        }
    }
    Ok(())
}
