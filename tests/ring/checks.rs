//! What must be true of every execution of the rings, one named function per rule. They are told of each message sent,
//! each delivery and each view as it happens; the first rule that does not hold ends the world.
//!
//! Extended virtual synchrony (Moser, Amir, Melliar-Smith, Agarwal 1994), in the words used here:
//! - [`one_order`](Checks::one_order), [`places_grow`], [`nothing_left_out`](Checks::nothing_left_out): the order;
//! - [`senders_are_members`](Checks::senders_are_members), [`first_in_first_out`], [`own_come_back`]: whose, and once;
//! - [`one_set_of_members`](Checks::one_set_of_members), [`numbers_grow`](Checks::numbers_grow), [`who_came_along`],
//!   [`same_before_the_view`](Checks::same_before_the_view): views;
//! - [`safe_delivery`](Checks::safe_delivery): nobody is alone with what was to be safe;
//! - [`own_gaps_blame_nobody`]: who slept does not say that others did;
//! - [`quorum`]: no two sides act.

mod gaps;
mod quorum;

pub use gaps::own_gaps_blame_nobody;

use config::NodeId;
use membership::{Configuration, Delivery, Guarantee, Incarnation, RingId, View};
use quorum::Quorate;
use std::collections::{BTreeMap, BTreeSet};

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the rule.
    pub rule: &'static str,
    /// What was seen.
    pub text: String,
}

type Verdict = Result<(), Violation>;

fn broken<T>(rule: &'static str, text: String) -> Result<T, Violation> {
    Err(Violation { rule, text })
}

/// A node in one of its lives.
pub type Life = (NodeId, Incarnation);

/// Says which message it is: its sender, and the how many-th of that life it is, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Whose.
    pub sender: Life,
    /// Which of them.
    pub number: u64,
}

/// All that happened, as far as a rule asks for it.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    lives: BTreeMap<Life, History>,
    /// How many messages each life sent.
    sent: BTreeMap<Life, u64>,
    /// Highest ring number of each node, over all its lives.
    numbers: BTreeMap<NodeId, u64>,
    rings: BTreeMap<RingId, Order>,
    /// Old view, new view: what was delivered in the old one by those who went on together, and who they are.
    journeys: BTreeMap<(RingId, RingId), (View, Sum)>,
    quorate: Quorate,
    /// Messages delivered.
    pub deliveries: u64,
    /// Those of them that were delivered while a view was being left.
    pub transitional: u64,
    /// Views installed.
    pub views: u64,
}

/// One view, as far as anybody delivered its messages.
#[derive(Clone, Debug, Default)]
struct Order {
    members: BTreeMap<NodeId, Incarnation>,
    places: BTreeMap<u64, Stamp>,
    /// The places of the messages delivered in the view itself, by whoever came furthest.
    regular: Vec<u64>,
    /// Those of them that were to be safe.
    safe: BTreeSet<u64>,
    /// Who has gone on to another view, and what it delivered that was to be safe.
    left: BTreeMap<Life, BTreeSet<u64>>,
}

/// What one life saw.
#[derive(Clone, Debug, Default)]
struct History {
    view: Option<View>,
    /// Place and configuration of the last delivery in this view.
    last: Option<(u64, Configuration)>,
    /// Regular deliveries in this view.
    regular: usize,
    /// Places of what was to be safe and was delivered in this view.
    safe: BTreeSet<u64>,
    sum: Sum,
    /// Highest message number of each sender, and in which view it came.
    heard: BTreeMap<Life, (u64, RingId)>,
    own: u64,
}

/// Tells whether two rows of deliveries are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    hash: u64,
}

impl Sum {
    fn add(&mut self, place: u64, configuration: Configuration) {
        self.count += 1;
        let word = place * 2 + u64::from(configuration == Configuration::Transitional);
        self.hash = (self.hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

impl Checks {
    /// Rules about nodes with one vote each.
    pub fn new(nodes: impl Iterator<Item = NodeId>) -> Checks {
        Checks { quorate: Quorate::new(nodes), ..Checks::default() }
    }

    /// A message is given to the ring of `life`. Returns which one of that life it is.
    pub fn sent(&mut self, life: &Life) -> u64 {
        let count = self.sent.entry(life.clone()).or_default();
        *count += 1;
        *count
    }

    /// Own messages that this life has sent and not got back.
    pub fn outstanding(&self, life: &Life) -> u64 {
        self.sent.get(life).copied().unwrap_or(0) - self.lives.get(life).map_or(0, |history| history.own)
    }

    /// The present view of a life.
    pub fn view(&self, life: &Life) -> Option<&View> {
        self.lives.get(life)?.view.as_ref()
    }

    /// A message is delivered to `life`.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn delivered(&mut self, life: &Life, delivery: &Delivery, stamp: &Stamp) -> Verdict {
        self.deliveries += 1;
        self.transitional += u64::from(delivery.configuration == Configuration::Transitional);
        let mut history = self.lives.remove(life).unwrap_or_default();
        let judged = self.judge(life, &mut history, delivery, stamp);
        self.lives.insert(life.clone(), history);
        judged.map_err(|Violation { rule, text }| {
            let Delivery { ring, seq, from, configuration, .. } = delivery;
            Violation {
                rule,
                text: format!("{} delivers {seq} of {ring} from {from}, {configuration:?}: {text}", life.0),
            }
        })
    }

    fn judge(&mut self, life: &Life, history: &mut History, delivery: &Delivery, stamp: &Stamp) -> Verdict {
        self.senders_are_members(history, delivery, stamp)?;
        places_grow(history, delivery)?;
        self.one_order(delivery, stamp)?;
        self.nothing_left_out(history, delivery)?;
        self.safe_delivery(history, delivery)?;
        first_in_first_out(history, delivery, stamp)?;
        own_come_back(life, history, stamp)?;
        history.last = Some((delivery.seq, delivery.configuration));
        history.sum.add(delivery.seq, delivery.configuration);
        Ok(())
    }

    /// Deliveries belong to the view that their receiver is in, and come from its members in the life that the view
    /// names; what they say was sent by that life. So nothing of a past life is ever delivered.
    fn senders_are_members(&self, history: &History, delivery: &Delivery, stamp: &Stamp) -> Verdict {
        const RULE: &str = "senders_are_members";
        match &history.view {
            Some(view) if view.ring == delivery.ring => {
                if view.members.get(&delivery.from) != Some(&delivery.incarnation) {
                    return broken(RULE, format!("its sender is not a member of {:?}", view.members));
                }
            }
            view => return broken(RULE, format!("its receiver is in {:?}", view.as_ref().map(|view| &view.ring))),
        }
        if stamp.sender != (delivery.from.clone(), delivery.incarnation) {
            return broken(RULE, format!("it was sent by {:?}", stamp.sender));
        }
        match self.sent.get(&stamp.sender) {
            Some(sent) if stamp.number <= *sent => Ok(()),
            sent => broken(RULE, format!("it is number {}, and {sent:?} were sent", stamp.number)),
        }
    }

    /// At one place of one view there is one message, whoever delivers it.
    fn one_order(&mut self, delivery: &Delivery, stamp: &Stamp) -> Verdict {
        let order = self.rings.entry(delivery.ring.clone()).or_default();
        match order.places.get(&delivery.seq) {
            Some(known) if known == stamp => Ok(()),
            Some(known) => broken("one_order", format!("others have {known:?} there, it has {stamp:?}")),
            None => {
                order.places.insert(delivery.seq, stamp.clone());
                Ok(())
            }
        }
    }

    /// What is delivered in the view itself is, at every member, the beginning of the same row.
    fn nothing_left_out(&mut self, history: &mut History, delivery: &Delivery) -> Verdict {
        if delivery.configuration != Configuration::Regular {
            return Ok(());
        }
        let order = self.rings.entry(delivery.ring.clone()).or_default();
        match order.regular.get(history.regular) {
            Some(place) if *place != delivery.seq => {
                return broken("nothing_left_out", format!("another member delivered {place} here"));
            }
            Some(_) => {}
            None => order.regular.push(delivery.seq),
        }
        history.regular += 1;
        Ok(())
    }

    /// What was to be safe and is delivered in the view itself has been received by all its members: whoever of them
    /// goes on to another view has delivered it before.
    fn safe_delivery(&mut self, history: &mut History, delivery: &Delivery) -> Verdict {
        if delivery.guarantee != Guarantee::Safe {
            return Ok(());
        }
        history.safe.insert(delivery.seq);
        if delivery.configuration != Configuration::Regular {
            return Ok(());
        }
        let order = self.rings.entry(delivery.ring.clone()).or_default();
        order.safe.insert(delivery.seq);
        match order.left.iter().find(|(_, safe)| !safe.contains(&delivery.seq)) {
            Some((life, _)) => broken("safe_delivery", format!("{life:?} went on without it")),
            None => Ok(()),
        }
    }

    /// The other half of [`Checks::safe_delivery`]: a member goes on.
    fn goes_on(&mut self, life: &Life, history: &History) -> Verdict {
        let Some(old) = &history.view else { return Ok(()) };
        let order = self.rings.entry(old.ring.clone()).or_default();
        if let Some(place) = order.safe.difference(&history.safe).next() {
            return broken(
                "safe_delivery",
                format!("it goes on without {place} of {}, which others delivered", old.ring),
            );
        }
        order.left.insert(life.clone(), history.safe.clone());
        Ok(())
    }

    /// `life` installs `view`.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn installed(&mut self, life: &Life, view: &View) -> Verdict {
        self.views += 1;
        let mut history = self.lives.remove(life).unwrap_or_default();
        let judged = self.judge_view(life, &history, view);
        history.view = Some(view.clone());
        (history.last, history.regular, history.sum) = (None, 0, Sum::default());
        history.safe = BTreeSet::new();
        self.lives.insert(life.clone(), history);
        judged.map_err(|Violation { rule, text }| Violation {
            rule,
            text: format!("{} installs {} with {:?}: {text}", life.0, view.ring, names(view)),
        })
    }

    fn judge_view(&mut self, life: &Life, history: &History, view: &View) -> Verdict {
        self.numbers_grow(life, view)?;
        self.one_set_of_members(life, view)?;
        who_came_along(history, life, view)?;
        self.same_before_the_view(history, view)?;
        self.goes_on(life, history)?;
        self.quorate.one_side_acts(life, view)
    }

    /// Ring numbers grow at every node, also from one life to the next.
    fn numbers_grow(&mut self, life: &Life, view: &View) -> Verdict {
        let highest = self.numbers.entry(life.0.clone()).or_default();
        if view.ring.number <= *highest {
            return broken("numbers_grow", format!("this node was in ring {highest} before"));
        }
        *highest = view.ring.number;
        Ok(())
    }

    /// A view has the same members for everybody in it; its owner is one, its representative is the lowest.
    fn one_set_of_members(&mut self, life: &Life, view: &View) -> Verdict {
        const RULE: &str = "one_set_of_members";
        let order = self.rings.entry(view.ring.clone()).or_default();
        if order.members.is_empty() {
            order.members = view.members.clone();
        }
        if order.members != view.members {
            return broken(RULE, format!("others see {:?}, it sees {:?}", order.members, view.members));
        }
        if view.members.get(&life.0) != Some(&life.1) {
            return broken(RULE, "it is no member of its own view".to_owned());
        }
        match view.members.keys().next() == Some(&view.ring.representative) {
            true => Ok(()),
            false => broken(RULE, "its representative is not the lowest member".to_owned()),
        }
    }

    /// Those who go from one view to the next together have delivered the same messages before it, in the same
    /// configurations, and agree on who they are.
    fn same_before_the_view(&mut self, history: &History, view: &View) -> Verdict {
        const RULE: &str = "same_before_the_view";
        let Some(old) = &history.view else { return Ok(()) };
        let step = (old.ring.clone(), view.ring.clone());
        let (first, sum) = self.journeys.entry(step).or_insert_with(|| (view.clone(), history.sum));
        if first.came_along != view.came_along {
            let (mine, theirs) = (&view.came_along, &first.came_along);
            return broken(RULE, format!("came from {} with {mine:?}, others with {theirs:?}", old.ring));
        }
        if *sum != history.sum {
            let (mine, theirs) = (history.sum.count, sum.count);
            return broken(RULE, format!("of {} it delivered {mine} messages, others {theirs}, or others", old.ring));
        }
        Ok(())
    }
}

/// Places grow, and nothing is regular after something transitional.
fn places_grow(history: &History, delivery: &Delivery) -> Verdict {
    match history.last {
        Some((place, _)) if place >= delivery.seq => broken("places_grow", format!("it comes after {place}")),
        Some((_, configuration)) if configuration > delivery.configuration => {
            broken("places_grow", "regular after transitional".to_owned())
        }
        _ => Ok(()),
    }
}

/// Messages of one sender come once and in the order in which they were sent; in one view, none is left out. Also not
/// while the view is being left: who comes along has all that it sent itself, and of those lost nothing is delivered
/// that comes after something that nobody has.
fn first_in_first_out(history: &mut History, delivery: &Delivery, stamp: &Stamp) -> Verdict {
    const RULE: &str = "first_in_first_out";
    let before = history.heard.insert(stamp.sender.clone(), (stamp.number, delivery.ring.clone()));
    match before {
        Some((last, _)) if last >= stamp.number => broken(RULE, format!("number {} comes after {last}", stamp.number)),
        Some((last, ring)) if ring == delivery.ring && last + 1 != stamp.number => {
            broken(RULE, format!("number {} comes after {last} in one view", stamp.number))
        }
        _ => Ok(()),
    }
}

/// A node gets its own messages back, all of them, in order.
fn own_come_back(life: &Life, history: &mut History, stamp: &Stamp) -> Verdict {
    if stamp.sender != *life {
        return Ok(());
    }
    history.own += 1;
    match history.own == stamp.number {
        true => Ok(()),
        false => broken("own_come_back", format!("own message {} after {}", stamp.number, history.own - 1)),
    }
}

/// Those who are said to have come along were in the view before, in the same life, and so was this node.
fn who_came_along(history: &History, life: &Life, view: &View) -> Verdict {
    const RULE: &str = "who_came_along";
    if !view.came_along.contains(&life.0) {
        return broken(RULE, "a node comes along with itself".to_owned());
    }
    for node in view.came_along.iter().filter(|node| **node != life.0) {
        let before = history.view.as_ref().and_then(|old| old.members.get(node));
        if before.is_none() || before != view.members.get(node) {
            return broken(RULE, format!("{node} did not: another life, or not in both views"));
        }
    }
    Ok(())
}

fn names(view: &View) -> Vec<&str> {
    view.members.keys().map(NodeId::as_str).collect()
}
