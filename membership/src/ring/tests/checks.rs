//! What must be true of every execution, one named function per rule. Told of each view and delivery as it happens.

use crate::ring::{Configuration, Delivery};
use crate::view::{Incarnation, RingId, View};
use config::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// A node in one of its lives.
type Life = (NodeId, Incarnation);
/// Place and configuration of one delivery.
type Place = (u64, Configuration);

#[derive(Default)]
pub(super) struct Checks {
    lives: BTreeMap<Life, History>,
    /// Highest ring number of each node, over all its lives.
    numbers: BTreeMap<NodeId, u64>,
    /// What lies at each place of each order.
    order: BTreeMap<(RingId, u64), (Life, u64)>,
    /// All regular deliveries of a view: every member's are a prefix of it.
    regular: BTreeMap<RingId, Vec<u64>>,
    members: BTreeMap<RingId, BTreeMap<NodeId, Incarnation>>,
    /// What was delivered in a view by those who went on to the same next one.
    together: BTreeMap<(RingId, RingId), (BTreeSet<NodeId>, Vec<Place>)>,
    /// Messages sent, by life: the numbers 1 to n.
    sent: BTreeMap<Life, u64>,
    pub(super) broken: Vec<String>,
    pub(super) deliveries: u64,
    transitional: u64,
    pub(super) views: u64,
}

#[derive(Default)]
struct History {
    view: Option<View>,
    /// In the current view.
    places: Vec<Place>,
    regular: usize,
    /// Highest message number of each sender.
    heard: BTreeMap<Life, u64>,
    /// Own messages delivered.
    own: u64,
}

impl Checks {
    pub(super) fn sent(&mut self, life: &Life) -> u64 {
        let count = self.sent.entry(life.clone()).or_default();
        *count += 1;
        *count
    }

    /// Own messages that this life has sent and not got back.
    pub(super) fn outstanding(&self, life: &Life) -> u64 {
        self.sent.get(life).copied().unwrap_or(0) - self.lives.get(life).map_or(0, |h| h.own)
    }

    pub(super) fn transitional(&self) -> u64 {
        self.transitional
    }

    pub(super) fn view(&self, life: &Life) -> Option<&View> {
        self.lives.get(life).and_then(|h| h.view.as_ref())
    }

    pub(super) fn delivered(&mut self, life: &Life, delivery: &Delivery, sender: Life, number: u64) {
        self.deliveries += 1;
        self.transitional += u64::from(delivery.configuration == Configuration::Transitional);
        let place = (delivery.ring.clone(), delivery.seq);
        let history = self.lives.entry(life.clone()).or_default();
        let mut wrong = Vec::new();
        in_its_view(history, delivery, &mut wrong);
        in_order(history, delivery, &mut wrong);
        once_and_first_in_first_out(history, &sender, number, &mut wrong);
        if self.order.entry(place).or_insert_with(|| (sender.clone(), number)) != &(sender.clone(), number) {
            wrong.push("total order: another message has this place elsewhere".to_owned());
        }
        if delivery.configuration == Configuration::Regular {
            let all = self.regular.entry(delivery.ring.clone()).or_default();
            match all.get(history.regular) {
                Some(seq) if *seq == delivery.seq => {}
                Some(seq) => wrong.push(format!("no gaps: others delivered {seq} here")),
                None => all.push(delivery.seq),
            }
            history.regular += 1;
        }
        history.places.push((delivery.seq, delivery.configuration));
        if sender == *life {
            history.own += 1;
            if history.own != number {
                wrong.push(format!("self delivery: own message {number} after {}", history.own - 1));
            }
        }
        let what = format!("{} delivers {}:{} from {}", life.0, delivery.ring, delivery.seq, delivery.from);
        self.broken.extend(wrong.into_iter().map(|w| format!("{what}: {w}")));
    }

    pub(super) fn installed(&mut self, life: &Life, view: &View) {
        self.views += 1;
        let mut wrong = Vec::new();
        let history = self.lives.entry(life.clone()).or_default();
        let number = self.numbers.entry(life.0.clone()).or_default();
        if view.ring.number <= *number {
            wrong.push(format!("ring numbers grow: it was in ring {number}"));
        }
        *number = view.ring.number;
        if self.members.entry(view.ring.clone()).or_insert_with(|| view.members.clone()) != &view.members {
            wrong.push("one ring, one set of members: others see another".to_owned());
        }
        if view.members.get(&life.0) != Some(&life.1) || view.members.keys().next() != Some(&view.ring.representative) {
            wrong.push("a view has its owner and its representative as members".to_owned());
        }
        came_along(history, life, view, &mut wrong);
        if let Some(old) = &history.view {
            let step = (old.ring.clone(), view.ring.clone());
            let mine = (view.came_along.clone(), std::mem::take(&mut history.places));
            let all = self.together.entry(step).or_insert_with(|| mine.clone());
            if all != &mine {
                wrong.push(format!("virtual synchrony: others went from {} with other deliveries", old.ring));
            }
        }
        history.view = Some(view.clone());
        history.regular = 0;
        self.broken.extend(wrong.into_iter().map(|w| format!("{} installs {}: {w}", life.0, view.ring)));
    }
}

fn in_its_view(history: &History, delivery: &Delivery, wrong: &mut Vec<String>) {
    match &history.view {
        Some(view) if view.ring == delivery.ring => {
            if view.members.get(&delivery.from) != Some(&delivery.incarnation) {
                wrong.push("senders are members, in the life of the view".to_owned());
            }
        }
        _ => wrong.push("deliveries belong to the current view".to_owned()),
    }
}

fn in_order(history: &History, delivery: &Delivery, wrong: &mut Vec<String>) {
    if let Some((seq, configuration)) = history.places.last() {
        if *seq >= delivery.seq {
            wrong.push(format!("places grow: came after {seq}"));
        }
        if *configuration > delivery.configuration {
            wrong.push("nothing regular after something transitional".to_owned());
        }
    }
}

fn once_and_first_in_first_out(history: &mut History, sender: &Life, number: u64, wrong: &mut Vec<String>) {
    let last = history.heard.entry(sender.clone()).or_default();
    if *last >= number {
        wrong.push(format!("once, and in the order sent: {number} after {last}"));
    }
    *last = number;
}

fn came_along(history: &History, life: &Life, view: &View, wrong: &mut Vec<String>) {
    if !view.came_along.contains(&life.0) {
        wrong.push("a node comes along with itself".to_owned());
    }
    for node in view.came_along.iter().filter(|node| **node != life.0) {
        let before = history.view.as_ref().and_then(|old| old.members.get(node));
        if before.is_none() || before != view.members.get(node) {
            wrong.push(format!("{node} did not come along: another life, or not in both views"));
        }
    }
}
