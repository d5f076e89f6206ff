//! What must hold of the answers for any cluster, whatever it looks like: of each schedule, of what stands after it,
//! and of the way to rest.

use crate::rest::{self, Course, End};
use crate::standing;
use scheduler::audit::{Rule, audit};
use scheduler::execute::execute;
use scheduler::facts::options::PlacementStrategy;
use scheduler::injection::Injection;
use scheduler::schedule::ActionKind;
use scheduler::situation::Situation;
use scheduler::{facts, schedule};

/// Orders in which actions are carried out besides the one written.
const SHUFFLES: u64 = 2;

/// Why a transition may have to be followed by another one although every action succeeded. Without such a cause one
/// is enough. Where a cause can be taken away, it is: it counts when the cluster then rests after one transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A node was fenced. What was blocked, not managed or not known there went with it, and its failures too, so
    /// that something can run now that could not be thought of before: with these nodes fenced before, one transition
    /// is enough. As with the peer.
    Fenced,
    /// Nodes have capacities, or are to be filled evenly. What leaves a node makes room there only when it has left:
    /// with the default placement, one transition is enough. As with the peer.
    Room,
    /// Both of those.
    FencedAndRoom,
    /// Nothing but questions, or what is known is put in order: an instance that was told apart by where it ran is
    /// not there any more, so its node is asked about another one, or the history of one too many is forgotten.
    Asked,
    /// Something ran on several nodes and is stopped on all of them, since operators want that to end first
    /// (`multiple-active = "stop_only"`); when it has ended it may start. As with the peer.
    Ended,
    /// What stops with its node is locked to it, which the node's manager records. On paper nobody does, so that it
    /// starts elsewhere afterwards: without locks, one transition is enough.
    Locked,
    /// Where something should be is weighed against where other things are at the moment: colocations with what is
    /// about to move, numbers of instances, stickiness of what was not there yet. As with the peer.
    Moved,
}

/// What was found about one cluster.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Broken rules.
    pub wrong: Vec<String>,
    /// Starts that the audit doubts for what else runs or does not: groups, orders, colocations. It knows less than
    /// the stages about what is left alone there.
    pub doubts: Vec<String>,
    /// Why the written order needed more than one transition, one cause for each transition after the first.
    pub causes: Vec<Cause>,
}

/// Looks at all answers for one cluster, as its transitions are carried out until it rests, in the order written and
/// in others that the edges permit.
#[must_use]
pub fn check(situation: &Situation, seed: u64) -> Found {
    let mut found = Found::default();
    // Writing both down takes longer than making them.
    let (once, again) = (schedule(situation), schedule(&situation.clone()));
    if once != again || (seed.is_multiple_of(16) && format!("{once:?}") != format!("{again:?}")) {
        found.wrong.push("the same situation has two answers".to_string());
    }
    let written = walk(situation, None, &mut found);
    found.causes = causes(situation, &written);
    for shuffle in 1..=SHUFFLES {
        let order = seed.wrapping_mul(31).wrapping_add(shuffle);
        if !written.agrees(situation, order) {
            walk(situation, Some(order), &mut found);
        }
    }
    found.wrong.sort();
    found.wrong.dedup();
    found
}

/// Carries transitions out until nothing is left to do, and looks at each of them and at what stands after it.
fn walk(situation: &Situation, order: Option<u64>, found: &mut Found) -> Course {
    let mut wrong = Vec::new();
    let course = rest::course(situation, order, |now, schedule, later| {
        for violation in audit(now, schedule) {
            let doubt = matches!(violation.rule, Rule::Together | Rule::Order);
            let lines = if doubt { &mut found.doubts } else { &mut wrong };
            lines.push(violation.to_string());
        }
        wrong.extend(standing::compare(now, later));
    });
    wrong.extend(way(&course));
    if let Some((situation, schedule)) = &course.last {
        wrong.extend(standing::at_rest(situation, schedule));
    }
    let how = order.map_or_else(|| "in the order written".to_string(), |order| format!("in order {order}"));
    found.wrong.extend(wrong.into_iter().map(|line| format!("{how}: {line}")));
    course
}

/// So many transitions lead to rest, or a cause must be found for more.
const FEW: usize = 3;

/// What is wrong with the way to rest.
fn way(course: &Course) -> Option<String> {
    let way = || course.transitions.iter().map(|it| it.done.join(", ")).collect::<Vec<_>>().join(" | ");
    match course.end {
        End::Circle => Some(format!("a situation comes back: {}", way())),
        End::Endless => Some(format!("no rest: {}", way())),
        End::Rest => (course.transitions.len() > FEW).then(|| format!("a long way to rest: {}", way())),
    }
}

/// Why transitions after the first were needed.
fn causes(situation: &Situation, course: &Course) -> Vec<Cause> {
    let later = course.transitions.iter().skip(1);
    let cause = later.clone().any(|it| !it.only_asks).then(|| cause(situation, course));
    later.map(|it| cause.filter(|_| !it.only_asks).unwrap_or(Cause::Asked)).collect()
}

/// The cause that, taken away, leaves one transition.
fn cause(situation: &Situation, course: &Course) -> Cause {
    let options = facts::read(situation).options;
    let weighs = options.placement_strategy != PlacementStrategy::Default;
    let fences = course.transitions.iter().any(|it| it.fences);
    let one = |situation: &Situation| {
        let later = rest::course(situation, None, |_, _, _| {});
        later.end == End::Rest && later.transitions.iter().skip(1).all(|it| it.only_asks)
    };
    match () {
        () if fences && one(&fenced(situation)) => Cause::Fenced,
        () if weighs && one(&with(situation, UNWEIGHED)) => Cause::Room,
        () if fences && weighs && one(&with(&fenced(situation), UNWEIGHED)) => Cause::FencedAndRoom,
        () if options.shutdown_lock && one(&with(situation, UNLOCKED)) => Cause::Locked,
        () if ends(course) => Cause::Ended,
        () => Cause::Moved,
    }
}

/// How everything stands when the nodes that are to be fenced have been, and nothing else was done.
fn fenced(situation: &Situation) -> Situation {
    let facts = facts::read(situation);
    let mut schedule = scheduler::plan(&facts);
    schedule.actions.retain(|it| it.kind == ActionKind::Fence);
    execute(&facts, &schedule)
}

/// Capacities do not count.
const UNWEIGHED: &str = "placement-strategy=default";

/// Nothing is locked to the node it ran on.
const UNLOCKED: &str = "shutdown-lock=false";

/// The same situation with another option.
fn with(situation: &Situation, option: &str) -> Situation {
    let mut situation = situation.clone();
    let injection = Injection::parse("property", option).expect("it is written as one");
    injection.apply(&mut situation).expect("every cluster has options");
    situation
}

/// Whether something was only stopped, on several nodes, and is started in the end.
fn ends(course: &Course) -> bool {
    let Some((first, later)) = course.transitions.split_first() else { return false };
    let named =
        |line: &str, word: &str| line.strip_prefix(word).and_then(|rest| rest.split(' ').next()).map(str::to_string);
    let stopped: Vec<String> = first.done.iter().filter_map(|line| named(line, "stop ")).collect();
    let started = |it: &String, lines: &[String]| lines.iter().any(|line| named(line, "start ").as_ref() == Some(it));
    stopped.iter().any(|it| {
        let several = stopped.iter().filter(|other| *other == it).count() > 1;
        several && !started(it, &first.done) && later.iter().any(|next| started(it, &next.done))
    })
}
