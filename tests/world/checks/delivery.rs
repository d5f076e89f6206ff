//! What the rings hand over: the same order everywhere, virtual synchrony, ring numbers that only grow.

use super::{Verdict, Violation};
use crate::cluster::MACHINES;
use config::NodeId;
use membership::{Configuration, Delivery, RingId, View};
use std::collections::{BTreeMap, BTreeSet};

/// So many journeys are remembered at least.
const JOURNEYS: usize = 256;

/// What was delivered, where.
#[derive(Debug)]
pub(crate) struct Deliveries {
    rings: BTreeMap<RingId, Order>,
    views: BTreeMap<RingId, View>,
    machines: Vec<Place>,
    /// What was delivered in the old view by those who went on together, for the last few views.
    journeys: BTreeMap<Journey, Delivered>,
}

/// Old view, new view, who came along.
type Journey = (RingId, RingId, BTreeSet<NodeId>);

/// How many messages, which (a sum of their fingerprints), and at whom first.
type Delivered = (u64, u64, usize);

/// The order of one view, as far as anybody delivered it.
#[derive(Debug, Default)]
struct Order {
    /// Place in the order to the fingerprint of the message.
    messages: BTreeMap<u64, u64>,
}

/// Where one machine stands.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Highest ring number it ever installed, over all its lives.
    highest: u64,
    /// The present view of this life.
    ring: Option<RingId>,
    last_seq: u64,
    delivered: u64,
    sum: u64,
}

fn message(delivery: &Delivery) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325 ^ delivery.incarnation.0;
    for byte in delivery.from.as_str().as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // Eight bytes at a time: messages can be long, and this only has to tell different ones apart.
    for chunk in delivery.payload.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    hash
}

impl Deliveries {
    pub(crate) fn new(machines: usize) -> Deliveries {
        Deliveries {
            rings: BTreeMap::new(),
            views: BTreeMap::new(),
            machines: vec![Place::default(); machines],
            journeys: BTreeMap::new(),
        }
    }

    /// The daemon of a machine is gone; its next life has delivered nothing.
    pub(crate) fn new_life(&mut self, machine: usize) {
        let place = &mut self.machines[machine];
        *place = Place { highest: place.highest, ..Place::default() };
    }

    /// Members of a view deliver the same messages at the same places, in growing order; what is delivered in the view
    /// itself leaves nothing out that another member delivered before that place.
    pub(crate) fn same_order(&mut self, machine: usize, delivery: &Delivery) -> Verdict {
        let place = &mut self.machines[machine];
        let wrong = |what: String| {
            let Delivery { ring, seq, from, .. } = delivery;
            Err(Violation::new("same_order", format!("{} {what}: {seq} of {ring} from {from}", MACHINES[machine])))
        };
        if place.ring.as_ref() != Some(&delivery.ring) {
            return wrong(format!("is in view {:?} and delivers a message of another", place.ring));
        }
        if delivery.seq <= place.last_seq {
            return wrong(format!("delivers after {}", place.last_seq));
        }
        let order = self.rings.entry(delivery.ring.clone()).or_default();
        if delivery.configuration == Configuration::Regular
            && let Some((skipped, _)) = order.messages.range(place.last_seq + 1..delivery.seq).next()
        {
            return wrong(format!("leaves out {skipped}, which another member delivered"));
        }
        let mine = message(delivery);
        if *order.messages.entry(delivery.seq).or_insert(mine) != mine {
            return wrong("delivers another message there than its peers".to_owned());
        }
        place.last_seq = delivery.seq;
        place.delivered += 1;
        place.sum = place.sum.wrapping_add(mine ^ delivery.seq.rotate_left(32));
        Ok(())
    }

    /// Those who go from one view to the next together have delivered the same messages in the old one; they agree on
    /// who they are, and a view means the same members to everybody.
    pub(crate) fn virtual_synchrony(&mut self, machine: usize, view: &View) -> Verdict {
        let wrong = |what: String| Err(Violation::new("virtual_synchrony", format!("{}: {what}", MACHINES[machine])));
        if !view.members.keys().any(|node| node.as_str() == MACHINES[machine]) {
            return wrong(format!("installs view {} without itself", view.ring));
        }
        let known = self.views.entry(view.ring.clone()).or_insert_with(|| view.clone());
        if known.members != view.members {
            return wrong(format!("view {} has members {:?} and {:?}", view.ring, known.members, view.members));
        }
        let Some(old) = self.machines[machine].ring.clone() else { return Ok(()) };
        if let Some(((from, _, others), (_, _, by))) = self.journeys.iter().find(|((from, to, others), _)| {
            *to == view.ring && !others.is_disjoint(&view.came_along) && (*others != view.came_along || *from != old)
        }) {
            return wrong(format!(
                "comes from {old} to {} with {:?}, while {} came from {from} with {others:?}",
                view.ring, view.came_along, MACHINES[*by]
            ));
        }
        let place = &self.machines[machine];
        let journey = (old, view.ring.clone(), view.came_along.clone());
        let (delivered, sum, by) = *self.journeys.entry(journey).or_insert((place.delivered, place.sum, machine));
        // A search through all of them is cheap as long as what is long past is forgotten.
        if self.journeys.len() > JOURNEYS {
            let newest = view.ring.number;
            self.journeys.retain(|(_, to, _), _| to.number + 64 > newest);
        }
        if (delivered, sum) != (place.delivered, place.sum) {
            return wrong(format!(
                "went to view {} together with {} and delivered {} messages before, the other {delivered}",
                view.ring, MACHINES[by], place.delivered
            ));
        }
        Ok(())
    }

    /// Ring numbers grow at every machine, also from one life to the next. Moves the machine into the view.
    pub(crate) fn ring_numbers_grow(&mut self, machine: usize, view: &View) -> Verdict {
        let place = &mut self.machines[machine];
        if view.ring.number <= place.highest {
            return Err(Violation::new(
                "ring_numbers_grow",
                format!("{} installs view {} after ring number {}", MACHINES[machine], view.ring, place.highest),
            ));
        }
        *place = Place { highest: view.ring.number, ring: Some(view.ring.clone()), ..Place::default() };
        Ok(())
    }
}
