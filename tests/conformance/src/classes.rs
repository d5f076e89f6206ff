//! Known classes of differences between our answers and those of Debian's `crm_simulate` 2.1.5 about random clusters.
//! Each has its reason in `peer-differences.md`; a difference that belongs to none of them is a finding.
//!
//! A class is told by what the cluster holds and by what differs, not by the seed, so that the generator may grow. The
//! first class that fits counts.

use crate::peer::GIVES_UP;
use config::Score;
use scheduler::constraint::{self, Colocation, Constraints, Order};
use scheduler::facts::Facts;
use scheduler::facts::options::PlacementStrategy;
use scheduler::index::ResourceIx;
use scheduler::role::Role;
use scheduler::schedule::Schedule;
use scheduler::situation::{OrderKind, Subject};

/// One cluster of which the answers differ.
pub struct Case<'c, 'a> {
    facts: &'c Facts<'a>,
    constraints: Constraints,
    schedule: &'c Schedule,
    lines: Vec<Line<'c>>,
}

/// One difference: an action that only one of the two wants.
struct Line<'l> {
    /// Whether it is ours.
    ours: bool,
    /// `start`, `monitor=10000`, ...
    task: &'l str,
    resource: &'l str,
    node: &'l str,
}

/// A name, and how its cases are told.
pub struct Class {
    /// As in `peer-differences.md`.
    pub name: &'static str,
    holds: fn(&Case<'_, '_>) -> bool,
}

/// All classes, the narrowest first.
pub const CLASSES: [Class; 26] = [
    Class { name: "the last device was removed", holds: last_device_removed },
    Class { name: "a node that joins for too long", holds: joins_too_long },
    Class { name: "several instances on a node", holds: several_on_a_node },
    Class { name: "circles", holds: circle },
    Class { name: "a monitor where it leaves", holds: monitor_where_it_leaves },
    Class { name: "a monitor that a restart ends", holds: monitor_ended_anyway },
    Class { name: "a start under way, and perhaps elsewhere too", holds: start_under_way },
    Class { name: "a history under another name", holds: other_name },
    Class { name: "told although one of them stays", holds: told_in_vain },
    Class { name: "a joining node and numbered instances", holds: joining_and_numbered },
    Class { name: "instances change places", holds: instances_change_places },
    Class { name: "which numbered instance moves", holds: numbered_instance_moves },
    Class { name: "what unfences restarts others", holds: unfencing_restarts },
    Class { name: "alike, by cloned groups", holds: alike_groups },
    Class { name: "left alone and followed when promoted", holds: promoted_with_left_alone },
    Class { name: "a template inside a clone", holds: template_in_clone },
    Class { name: "room for what hangs together", holds: room_of_chain },
    Class { name: "left by a migration", holds: left_by_migration },
    Class { name: "two orders of the same actions", holds: order_written_twice },
    Class { name: "serialized after enough instances", holds: serialized_after_enough },
    Class { name: "what cannot be placed is joined", holds: joined_to_what_waits },
    Class { name: "promoted and not managed", holds: promoted_and_unmanaged },
    Class { name: "apart from a clone, instance by instance", holds: apart_by_instance },
    Class { name: "what the promoted instance follows", holds: promoted_follows },
    Class { name: "wishes of and for clones", holds: wishes_of_clones },
    Class { name: "musts before wishes", holds: musts_before_wishes },
];

/// The class that the differences of one cluster belong to.
#[must_use]
pub fn class(facts: &Facts<'_>, schedule: &Schedule, differences: &[String]) -> Option<&'static str> {
    let lines: Vec<Line<'_>> = differences.iter().filter_map(|line| parse(line)).collect();
    let case = Case { facts, constraints: constraint::resolve(facts), schedule, lines };
    CLASSES.iter().find(|class| (class.holds)(&case)).map(|class| class.name)
}

/// The class of clusters that the peer has no answer for.
#[must_use]
pub fn without_answer(problem: &str) -> Option<&'static str> {
    problem.contains("assertion").then_some(GIVES_UP)
}

/// `+ start db on n1`.
fn parse(line: &str) -> Option<Line<'_>> {
    let mut words = line.split(' ');
    let ours = words.next()? == "+";
    let (task, resource) = (words.next()?, words.next()?);
    let node = words.nth(1).unwrap_or_default();
    Some(Line { ours, task, resource, node })
}

/// A name without the number of an instance.
fn plain(id: &str) -> &str {
    id.split(':').next().unwrap_or(id)
}

impl Case<'_, '_> {
    /// The primitives that bear this name, without the number of an instance.
    fn named(&self, base: &str) -> Vec<ResourceIx> {
        let named = |at: &ResourceIx| self.facts[*at].is_primitive() && plain(&self.facts[*at].id) == base;
        self.facts.all_resources().filter(named).collect()
    }

    /// The clone whose instances bear this name.
    fn clone_of(&self, base: &str) -> Option<ResourceIx> {
        self.facts.clone_of(*self.named(base).first()?)
    }

    fn differs(&self, ours: bool, task: &str, resource: &str) -> bool {
        self.lines.iter().any(|line| line.ours == ours && line.task == task && line.resource == resource)
    }

    /// What the peer stops, and we do not.
    fn only_peer_stops(&self) -> impl Iterator<Item = &Line<'_>> {
        self.lines.iter().filter(|line| !line.ours && line.task == "stop")
    }

    /// Whether we stop a resource on a node.
    fn stopped(&self, line: &Line<'_>) -> bool {
        self.schedule.actions.iter().any(|it| {
            let base = it.resource.as_deref().map(plain);
            it.operation == "stop" && base == Some(line.resource) && it.node.as_deref() == Some(line.node)
        })
    }

    fn only(&self, ours: bool, task: &str) -> bool {
        self.lines.iter().all(|line| line.ours == ours && line.task.starts_with(task))
    }

    fn pending_node(&self) -> bool {
        self.facts.nodes.iter().any(|node| node.pending)
    }

    fn is_clone(&self, resource: ResourceIx) -> bool {
        self.facts[resource].is_clone()
    }

    fn cloned_group(&self, clone: ResourceIx) -> bool {
        self.is_clone(clone) && self.facts[clone].children.iter().any(|&child| self.facts[child].is_group())
    }
}

/// Fencing is enabled, and the only device left runs without being configured.
fn last_device_removed(case: &Case<'_, '_>) -> bool {
    let options = &case.facts.options;
    let removed = case.facts.resources.iter().any(|it| it.removed && it.fence_device);
    options.fencing_enabled && !options.fencing_possible && removed
}

fn joins_too_long(case: &Case<'_, '_>) -> bool {
    case.facts.options.node_pending_timeout_ms > 0
}

/// Of a clone several may be on a node, and nothing is said about telling them apart.
fn several_on_a_node(case: &Case<'_, '_>) -> bool {
    case.lines.iter().filter_map(|line| case.clone_of(line.resource)).any(|clone| {
        let clone = &case.facts[clone];
        clone.meta.clone_node_max > 1 && !clone.meta_text.contains_key("globally-unique")
    })
}

fn circle(case: &Case<'_, '_>) -> bool {
    case.schedule.warnings.iter().any(|warning| warning.contains("would move for ever"))
}

fn monitor_where_it_leaves(case: &Case<'_, '_>) -> bool {
    case.only(false, "monitor=") && case.lines.iter().all(|line| case.stopped(line))
}

fn monitor_ended_anyway(case: &Case<'_, '_>) -> bool {
    case.only(false, "cancel=") && case.lines.iter().all(|line| case.stopped(line))
}

/// What the peer starts once more is just starting, and may be active in two places.
fn start_under_way(case: &Case<'_, '_>) -> bool {
    let unclear = |line: &Line<'_>| {
        case.named(line.resource).iter().any(|&at| case.facts[at].start_pending && case.facts[at].on.len() > 1)
    };
    case.only(false, "start") && case.lines.iter().all(unclear)
}

/// The peer fences for a failed stop whose entry does not begin with the name of its resource.
fn other_name(case: &Case<'_, '_>) -> bool {
    let foreign = case.facts.situation.status.iter().flat_map(|node| &node.resources).any(|history| {
        let of = plain(&history.id);
        history.operations.iter().any(|it| it.name == "stop" && it.exit_code != 0 && !it.id.starts_with(of))
    });
    foreign && case.lines.iter().any(|line| !line.ours && line.task == "fence")
}

fn told_in_vain(case: &Case<'_, '_>) -> bool {
    let left = |part: ResourceIx| {
        let it = &case.facts[part];
        let named = |name: &Option<String>| name.as_deref() == Some(it.id.as_str());
        let acts = case.schedule.actions.iter().any(|action| named(&action.resource) && action.operation == "start");
        it.blocked.is_some() || !it.managed || (it.on.is_empty() && !acts)
    };
    let stuck = |line: &Line<'_>| {
        let clone = case.clone_of(line.resource);
        clone.is_some_and(|at| case.cloned_group(at) && case.facts.primitives(at).into_iter().any(left))
    };
    case.only(true, "notify") && case.lines.iter().all(stuck)
}

/// A node is let in by one device, and the peer has others start anew there.
fn unfencing_restarts(case: &Case<'_, '_>) -> bool {
    let device = |line: &Line<'_>| {
        let named = case.named(line.resource);
        let plain = named.first().is_some_and(|&at| case.facts[at].fence_device && !case.facts[at].unfences);
        let let_in =
            case.schedule.actions.iter().any(|it| it.operation == "on" && it.node.as_deref() == Some(line.node));
        !line.ours && plain && let_in
    };
    case.lines.iter().all(device)
}

/// A cloned group is near to, or apart from, something by an attribute of nodes.
fn alike_groups(case: &Case<'_, '_>) -> bool {
    let group = |line: &Line<'_>| case.clone_of(line.resource).filter(|&clone| case.cloned_group(clone));
    let alike = |clone: ResourceIx| {
        let mut all = case.constraints.colocations.iter();
        all.any(|of| of.node_attribute.is_some() && (of.dependent == clone || of.primary == clone))
    };
    case.lines.iter().all(|line| group(line).is_some_and(alike))
}

/// What is to be promoted must be with something that does not run, and is left alone.
fn promoted_with_left_alone(case: &Case<'_, '_>) -> bool {
    let alone = |at: ResourceIx| {
        let parts = case.facts.primitives(at);
        parts.iter().all(|&part| !case.facts[part].managed && case.facts[part].on.is_empty())
    };
    case.lines.iter().filter(|line| !line.ours && line.task == "promote").any(|line| {
        let clone = case.clone_of(line.resource);
        case.constraints.colocations.iter().any(|of| {
            let must = of.dependent_role == Some(Role::Promoted) && of.score.is_mandatory();
            must && Some(of.dependent) == clone && alone(of.primary)
        })
    })
}

/// A migration came to its end but for the stop where it came from, and the next one begins.
fn left_by_migration(case: &Case<'_, '_>) -> bool {
    let left =
        |line: &Line<'_>| case.named(line.resource).iter().any(|&at| !case.facts[at].dangling_migrations.is_empty());
    case.lines.iter().any(|line| line.ours && line.task.starts_with("migrate_") && left(line))
}

/// A location is about a tag or template, and some of what it names is inside a clone.
fn template_in_clone(case: &Case<'_, '_>) -> bool {
    let all = &case.facts.situation.configuration.constraints.locations;
    let cloned = |name: &String| {
        let several = constraint::name::is_several(case.facts, name);
        several && constraint::name::resources(case.facts, name).into_iter().any(|at| case.is_clone(at))
    };
    all.iter().any(|it| matches!(&it.subject, Subject::Resource(name) if cloned(name)))
}

/// Nodes have capacities, and three things or more must be together.
fn room_of_chain(case: &Case<'_, '_>) -> bool {
    let must = |of: &&Colocation| of.score.is_mandatory() && !of.implied;
    let links = || case.constraints.colocations.iter().filter(must);
    let chained = |top: ResourceIx| links().filter(|of| of.dependent == top || of.primary == top).count();
    let room = case.facts.options.placement_strategy != PlacementStrategy::Default;
    let tops = case.lines.iter().filter_map(|line| case.named(line.resource).first().map(|&at| case.facts.top(at)));
    room && links().count() > 1 && tops.into_iter().any(|top| chained(top) > 0)
}

fn joining_and_numbered(case: &Case<'_, '_>) -> bool {
    let numbered =
        |line: &Line<'_>| case.clone_of(line.resource).is_some_and(|clone| case.facts[clone].meta.globally_unique);
    let ours = case.lines.iter().filter(|line| line.ours && line.task == "start");
    case.pending_node() && case.only_peer_stops().chain(ours).any(numbered)
}

/// Of a clone the peer stops an instance that we leave where it is, and starts one, there or elsewhere. Where nothing
/// may be started, all that is left of that is that we end a monitor for a promotion in the old place.
fn instances_change_places(case: &Case<'_, '_>) -> bool {
    let only_ends = |line: &Line<'_>| case.clone_of(line.resource).is_some() && case.stopped(line);
    if case.only(true, "cancel=") && case.lines.iter().all(only_ends) {
        return true;
    }
    case.only_peer_stops().any(|line| {
        let starts = ["start", "migrate_from"].iter().any(|task| case.differs(false, task, line.resource));
        case.clone_of(line.resource).is_some() && starts
    })
}

/// Both stop or start one instance of a unique clone, but not the same, or not in the same place; or both stop one of
/// an anonymous clone, here or there, and nothing else differs.
fn numbered_instance_moves(case: &Case<'_, '_>) -> bool {
    let stops = |line: &Line<'_>| line.task == "stop" && case.clone_of(line.resource).is_some();
    if case.lines.iter().all(stops) && case.lines.iter().any(|line| line.ours != case.lines[0].ours) {
        return true;
    }
    let moved = |line: &&Line<'_>| !line.ours && matches!(line.task, "stop" | "start");
    case.lines.iter().filter(moved).any(|line| {
        let unique = case.clone_of(line.resource).is_some_and(|clone| case.facts[clone].meta.globally_unique);
        unique && case.differs(true, line.task, line.resource)
    })
}

fn order_written_twice(case: &Case<'_, '_>) -> bool {
    let orders = &case.constraints.orders;
    let same = |one: &Order, other: &Order| {
        (one.first, one.first_task, one.then, one.then_task)
            == (other.first, other.first_task, other.then, other.then_task)
            && (one.kind, one.symmetry) != (other.kind, other.symmetry)
    };
    orders.iter().enumerate().any(|(at, one)| orders[at + 1..].iter().any(|other| same(one, other)))
}

fn serialized_after_enough(case: &Case<'_, '_>) -> bool {
    case.constraints.orders.iter().any(|order| order.kind == OrderKind::Serialize && order.enough.is_some())
}

/// A node is joining, and what a clone follows has to wait for it.
fn joined_to_what_waits(case: &Case<'_, '_>) -> bool {
    let follows = |base: &str| {
        let clone = case.clone_of(base);
        case.constraints.colocations.iter().any(|of| Some(of.dependent) == clone && of.score.is_mandatory())
    };
    case.pending_node() && case.only(true, "stop") && case.lines.iter().all(|line| follows(line.resource))
}

fn promoted_and_unmanaged(case: &Case<'_, '_>) -> bool {
    let stuck = |clone: ResourceIx| {
        let parts = case.facts.primitives(clone);
        parts.iter().any(|&part| case.facts[part].role == Role::Promoted && !case.facts[part].managed)
    };
    let promotes = case.lines.iter().filter(|line| !line.ours && line.task == "promote");
    promotes.into_iter().any(|line| case.clone_of(line.resource).is_some_and(|at| case.cloned_group(at) && stuck(at)))
}

fn apart_by_instance(case: &Case<'_, '_>) -> bool {
    case.constraints.colocations.iter().any(|of| {
        of.score.is_never()
            && case.is_clone(of.primary)
            && case.is_clone(of.dependent)
            && case.facts[of.dependent].meta.interleave
    })
}

/// What the promoted instance follows is a wish, and roles differ.
fn promoted_follows(case: &Case<'_, '_>) -> bool {
    case.constraints.colocations.iter().any(|of| {
        let parts = case.facts.primitives(of.dependent);
        let bases: Vec<&str> = parts.iter().map(|&part| plain(&case.facts[part].id)).collect();
        let about_roles = |line: &Line<'_>| {
            let role = matches!(line.task, "promote" | "demote") || line.task.starts_with("cancel=");
            role && bases.contains(&line.resource)
        };
        of.dependent_role == Some(Role::Promoted) && wish(of.score) && case.lines.iter().any(about_roles)
    })
}

fn wish(score: Score) -> bool {
    !score.is_mandatory() && !score.is_never()
}

/// A clone follows something as far as it can, or something keeps apart from, or near to, a clone.
fn wishes_of_clones(case: &Case<'_, '_>) -> bool {
    case.constraints.colocations.iter().any(|of| {
        let followed = case.is_clone(of.primary) && !of.implied;
        let follows = case.is_clone(of.dependent) && wish(of.score);
        followed || follows
    })
}

/// Something has to be together with one thing, and would like to be near or far from another.
fn musts_before_wishes(case: &Case<'_, '_>) -> bool {
    let colocations = &case.constraints.colocations;
    let ends = |resource: ResourceIx, must: bool| {
        let about = |end: ResourceIx| case.facts.top(end) == resource;
        colocations.iter().any(|of| wish(of.score) != must && (about(of.dependent) || about(of.primary)))
    };
    case.lines.iter().filter_map(|line| case.named(line.resource).first().copied()).any(|part| {
        let top = case.facts.top(part);
        ends(top, true) && ends(top, false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_reason_and_every_reason_a_class() {
        let document = include_str!("../peer-differences.md");
        let rows = document.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let mut written: Vec<&str> = rows.filter(|name| *name != "class").collect();
        let mut known: Vec<&str> = CLASSES.iter().map(|class| class.name).chain([GIVES_UP]).collect();
        written.sort_unstable();
        known.sort_unstable();
        assert_eq!(written, known);
    }

    #[test]
    fn differences_are_read() {
        let line = parse("- monitor=10000 db on n1").expect("well-formed");
        assert!(!line.ours);
        assert_eq!((line.task, line.resource, line.node), ("monitor=10000", "db", "n1"));
    }
}
