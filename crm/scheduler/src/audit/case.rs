//! A situation and a schedule for it, with everything found by what it is about.

use super::graph::Graph;
use super::history::{self, Activity, Doing};
use super::node::{Node, Nodes, Reach};
use super::options::Options;
use super::subject::Subjects;
use super::tree::{Primitive, is_connection};
use super::violation::{Rule, Violation};
use crate::role::Role;
use crate::schedule::{ActionKind, Schedule, ScheduledAction};
use crate::situation::{ResourceKind, Situation};

/// What an action does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Start,
    Stop,
    Promote,
    Demote,
    /// Asked once whether it runs.
    Probe,
    /// Asked again and again.
    Watch,
    MigrateTo,
    MigrateFrom,
    Notify,
    Cancel,
    Reload,
    /// Something else.
    Other,
}

/// An action that is about a primitive on a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Its place in the schedule.
    pub(super) at: usize,
    pub(super) verb: Verb,
    pub(super) kind: ActionKind,
    /// The number of the name used for the resource.
    pub(super) name: usize,
    pub(super) subject: usize,
    pub(super) node: usize,
}

/// The fencing of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fence {
    pub(super) at: usize,
    pub(super) node: usize,
    /// Carried out by devices; a guest is fenced by what its host goes through.
    pub(super) real: bool,
}

/// Everything.
pub(super) struct Case<'a> {
    pub(super) situation: &'a Situation,
    pub(super) schedule: &'a Schedule,
    pub(super) options: Options,
    pub(super) graph: Graph,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) subjects: Subjects<'a>,
    /// For each primitive, its subjects.
    pub(super) subjects_of: Vec<Vec<usize>>,
    /// For each subject, what is planned for it.
    pub(super) steps: Vec<Vec<Step>>,
    /// For each subject, what is known of it.
    pub(super) known: Vec<Vec<Activity<'a>>>,
    pub(super) fences: Vec<Fence>,
    /// For each node, its place among `fences`.
    pub(super) fence_of: Vec<Option<usize>>,
    /// For each action, which fences are over before it, one bit each, `blocks` words for each.
    fenced: Vec<u64>,
    blocks: usize,
    /// For each node that lives in a resource, that resource.
    pub(super) container: Vec<Option<usize>>,
    /// Actions on nodes that do not exist.
    pub(super) lost: Vec<usize>,
    /// For each subject, where it runs when every action has been carried out, and as what.
    pub(super) after: Vec<Vec<(usize, Role)>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(situation: &'a Situation, schedule: &'a Schedule, graph: Graph) -> Case<'a> {
        let options = Options::of(situation);
        let mut nodes = Nodes::of(situation, &options);
        let mut subjects = Subjects::of(situation);
        connected(&subjects, &mut nodes);
        let mut known: Vec<Vec<Activity<'a>>> = Vec::new();
        for status in &situation.status {
            let Some(node) = nodes.of_status(status) else { continue };
            for history in status.resources.iter().filter(|history| !history.operations.is_empty()) {
                let (_, subject) = subjects.named(&history.id, Some(&history.agent));
                if known.len() <= subject {
                    known.resize_with(subject + 1, Vec::new);
                }
                known[subject].push(history::read(history, node));
                if is_connection(&history.agent) {
                    nodes.add(&history.id, Reach::Connection);
                }
            }
        }
        let mut case = Case {
            situation,
            schedule,
            options,
            graph,
            nodes: Vec::new(),
            subjects,
            subjects_of: Vec::new(),
            steps: Vec::new(),
            known,
            fences: Vec::new(),
            fence_of: Vec::new(),
            fenced: Vec::new(),
            blocks: 0,
            container: Vec::new(),
            lost: Vec::new(),
            after: Vec::new(),
        };
        case.read_actions(&mut nodes);
        case.nodes = nodes.all;
        let count = case.subjects.all.len();
        case.known.resize_with(count, Vec::new);
        case.steps.resize_with(count, Vec::new);
        case.subjects_of = vec![Vec::new(); case.subjects.primitives.len()];
        for (subject, it) in case.subjects.all.iter().enumerate() {
            case.subjects_of[it.primitive].push(subject);
        }
        case.fence_of = vec![None; case.nodes.len()];
        for (number, fence) in case.fences.iter().enumerate() {
            case.fence_of[fence.node] = Some(number);
        }
        case.follow_fences();
        case.find_containers();
        case.after = (0..count).map(|subject| case.afterwards(subject)).collect();
        case
    }

    fn read_actions(&mut self, nodes: &mut Nodes<'a>) {
        for (at, action) in self.schedule.actions.iter().enumerate() {
            let Some(on) = action.node.as_deref() else { continue };
            let found =
                nodes.find(on).or_else(|| self.subjects.in_bundle(on).then(|| nodes.add(on, Reach::Connection)));
            let Some(node) = found else {
                self.lost.push(at);
                continue;
            };
            match action.resource.as_deref() {
                Some(resource) => {
                    let (name, subject) = self.subjects.named(resource, None);
                    if self.steps.len() <= subject {
                        self.steps.resize_with(subject + 1, Vec::new);
                    }
                    let step = Step { at, verb: verb(action), kind: action.kind, name, subject, node };
                    self.steps[subject].push(step);
                }
                None if matches!(action.operation.as_str(), "reboot" | "off") => {
                    self.fences.push(Fence { at, node, real: action.kind == ActionKind::Fence });
                }
                None => {}
            }
        }
    }

    /// Notes for each action which nodes are fenced before it.
    fn follow_fences(&mut self) {
        self.blocks = self.fences.len().div_ceil(64);
        self.fenced = vec![0; self.blocks * self.graph.len()];
        if self.blocks == 0 {
            return;
        }
        let mut own = vec![None; self.graph.len()];
        for (number, fence) in self.fences.iter().enumerate() {
            own[fence.at] = Some(number);
        }
        for &at in &self.graph.sorted {
            for &first in self.graph.before(at) {
                for block in 0..self.blocks {
                    self.fenced[at * self.blocks + block] |= self.fenced[first * self.blocks + block];
                }
                if let Some(number) = own[first] {
                    self.fenced[at * self.blocks + number / 64] |= 1 << (number % 64);
                }
            }
        }
    }

    fn find_containers(&mut self) {
        self.container = vec![None; self.nodes.len()];
        let bundles = self.situation.configuration.resources.iter().filter_map(|it| match &it.kind {
            ResourceKind::Bundle(bundle) => Some((it.id.as_str(), bundle.container.technology.as_str())),
            _ => None,
        });
        for (bundle, technology) in bundles {
            for (at, node) in self.nodes.iter().enumerate() {
                let number = node.name.strip_prefix(bundle).and_then(|rest| rest.strip_prefix('-'));
                if let Some(number) = number.filter(|it| it.bytes().all(|byte| byte.is_ascii_digit())) {
                    self.container[at] = self.subjects.find(&format!("{bundle}-{technology}-{number}"));
                }
            }
        }
        for subject in 0..self.subjects.all.len() {
            let it = self.subjects.primitive(subject);
            if it.written.is_some()
                && let Some(guest) = it.wish.remote_node()
                && let Some(at) = self.nodes.iter().position(|node| node.name == guest)
            {
                self.container[at] = Some(subject);
            }
        }
    }

    /// Whether the fencing of `node` is over before the action at `at`.
    pub(super) fn fenced_before(&self, node: usize, at: usize) -> bool {
        self.fence_of[node].is_some_and(|number| self.fenced[at * self.blocks + number / 64] >> (number % 64) & 1 == 1)
    }

    /// What is planned for a subject with this verb, really or as a mark.
    pub(super) fn planned(&self, subject: usize, verb: Verb) -> impl Iterator<Item = &Step> {
        self.steps[subject].iter().filter(move |step| step.verb == verb)
    }

    /// Whether a primitive is the connection to a node inside a bundle.
    pub(super) fn connects(&self, primitive: usize) -> bool {
        let it = &self.subjects.primitives[primitive];
        it.bundle.is_some() && it.written.is_none() && self.subjects.in_bundle(it.id)
    }

    /// Whether a primitive is the container of a bundle.
    pub(super) fn is_container(&self, primitive: usize) -> bool {
        let it = &self.subjects.primitives[primitive];
        let technology = it.bundle.and_then(|bundle| match &bundle.kind {
            ResourceKind::Bundle(parts) => Some((bundle.id.as_str(), parts.container.technology.as_str())),
            _ => None,
        });
        it.written.is_none()
            && technology.is_some_and(|(bundle, technology)| {
                let rest = it.id.strip_prefix(bundle).and_then(|rest| rest.strip_prefix('-'));
                rest.is_some_and(|rest| rest.starts_with(technology))
            })
    }

    /// What was written of the subject of a step.
    pub(super) fn primitive(&self, subject: usize) -> &Primitive<'a> {
        self.subjects.primitive(subject)
    }

    /// The action of a step.
    pub(super) fn action(&self, step: &Step) -> &'a ScheduledAction {
        &self.schedule.actions[step.at]
    }

    /// Where a subject runs, or may, before the transition: on nodes that are there, or not known to be down.
    pub(super) fn active(&self, subject: usize) -> impl Iterator<Item = &Activity<'a>> {
        // Without fencing nobody can make sure, and to wait would be to wait for ever: that is what was chosen.
        let believed_gone = |it: &Activity<'a>| {
            let node = &self.nodes[it.node];
            !self.options.fencing && node.reach == Reach::Member && !node.listens()
        };
        self.known[subject].iter().filter(move |it| {
            it.doing == Doing::Runs && !believed_gone(it) && !(it.stop_failed && self.ignores_stop(subject))
        })
    }

    /// Whether something keeps a subject where it is: it, or what is in a group with it, could not be stopped there, or
    /// the cluster may not touch it.
    pub(super) fn stuck(&self, subject: usize, node: usize) -> bool {
        let it = self.primitive(subject);
        let maintained = |of: usize| self.active(of).any(|it| self.nodes[it.node].maintenance);
        if !it.wish.managed(&self.options) || self.nodes[node].maintenance || maintained(subject) {
            return true;
        }
        let failed = |of: usize| self.known[of].iter().any(|it| it.node == node && it.stop_failed);
        failed(subject) || self.grouped(subject).any(failed)
    }

    /// Everything that is in a group with a subject, the instances of all its members, and itself; nothing when it is
    /// not in a group. Members of a group stand beside each other.
    pub(super) fn grouped(&self, subject: usize) -> impl Iterator<Item = usize> {
        let at = self.subjects.all[subject].primitive;
        let group = self.subjects.primitives[at].group;
        let first = group.map_or(at, |(_, place)| at - place);
        let same = move |primitive: &Primitive<'_>| match (group, primitive.group) {
            (Some((group, _)), Some((other, _))) => std::ptr::eq(group, other),
            _ => false,
        };
        let members =
            (first..self.subjects.primitives.len()).take_while(move |at| same(&self.subjects.primitives[*at]));
        members.flat_map(|at| self.subjects_of[at].iter().copied())
    }

    /// Whether a subject stays where it may be active, on `node` or anywhere: a failure that is not acted upon (it has
    /// expired, is to be ignored, or blocks) leaves it where it was for all that is decided about others.
    pub(super) fn may_stay(&self, subject: usize, node: Option<usize>) -> bool {
        let failed = |it: &Activity<'a>| it.doing == Doing::Runs || it.failed;
        let here = self.known[subject].iter().filter(|it| failed(it) && node.is_none_or(|node| node == it.node));
        let mut stays = here.filter(|it| !self.planned(subject, Verb::Stop).any(|stop| stop.node == it.node));
        stays.any(|it| self.fence_of[it.node].is_none())
    }

    /// Whether an operator said that what cannot be stopped is to be taken for stopped.
    fn ignores_stop(&self, subject: usize) -> bool {
        let written = self.primitive(subject).written;
        written.is_some_and(|written| self.subjects.reader().ignores(written, "stop"))
    }

    /// Where a subject runs when every action has been carried out, and as what.
    fn afterwards(&self, subject: usize) -> Vec<(usize, Role)> {
        let steps = &self.steps[subject];
        // A start that was never answered is repeated, and makes no second instance.
        let repeated = |node: usize| self.active(subject).any(|it| it.node == node && it.pending);
        let several = !self.subjects.all[subject].once;
        let mut found: Vec<(usize, Role)> = Vec::new();
        for it in self.active(subject).filter(|it| it.counts()) {
            // Two instances on one node may stand there under two names, of which one is stopped.
            let stops = steps.iter().filter(|step| step.verb == Verb::Stop && step.node == it.node).count();
            let here = || self.active(subject).filter(|other| other.counts() && other.node == it.node).count();
            let stays = (stops == 0 || several && stops < here())
                && self.fence_of[it.node].is_none()
                && !found.iter().any(|(node, _)| *node == it.node);
            if stays {
                found.push((it.node, it.role));
            }
        }
        for step in steps {
            let place = found.iter().position(|(node, _)| *node == step.node);
            match (step.verb, place) {
                (Verb::Start, None) => found.push((step.node, Role::Unpromoted)),
                (Verb::Start, Some(_)) if several && !repeated(step.node) => found.push((step.node, Role::Unpromoted)),
                (Verb::Demote, Some(at)) if found[at].1 == Role::Promoted => found[at].1 = Role::Unpromoted,
                _ => {}
            }
        }
        for step in steps.iter().filter(|step| step.verb == Verb::Promote) {
            match found.iter_mut().find(|(node, _)| *node == step.node) {
                Some(there) => there.1 = Role::Promoted,
                None => found.push((step.node, Role::Promoted)),
            }
        }
        found
    }

    /// Whether a subject can be promoted.
    pub(super) fn promotable(&self, subject: usize) -> bool {
        let it = self.primitive(subject);
        let bundle = it.bundle.is_some_and(|bundle| match &bundle.kind {
            ResourceKind::Bundle(bundle) => bundle.container.promoted_max.is_some(),
            _ => false,
        });
        bundle || it.clone.is_some_and(|clone| self.subjects.reader().whole(clone).promotable())
    }

    /// A broken rule of a fencing.
    pub(super) fn fence_broken(&self, rule: Rule, fence: &Fence, says: &str) -> Violation {
        let action = &self.schedule.actions[fence.at];
        let node = self.nodes[fence.node].name;
        let says = format!("{} of {node} {says}", action.operation);
        Violation { rule, action: Some(action.id), resource: None, node: Some(node.to_owned()), says }
    }

    /// A broken rule of one step; `says` follows the words for the step.
    pub(super) fn broken(&self, rule: Rule, step: &Step, says: impl AsRef<str>) -> Violation {
        let action = self.action(step);
        let resource = action.resource.as_deref().unwrap_or_default();
        let node = self.nodes[step.node].name;
        Violation {
            rule,
            action: Some(action.id),
            resource: Some(resource.to_owned()),
            node: Some(node.to_owned()),
            says: format!("{} of {resource} on {node} {}", action.operation, says.as_ref()),
        }
    }
}

/// Adds the nodes that come with resources: remote nodes and guests.
fn connected<'a>(subjects: &Subjects<'a>, nodes: &mut Nodes<'a>) {
    for it in &subjects.primitives {
        if it.agent.is_some_and(is_connection) {
            nodes.add(it.id, Reach::Connection);
        }
        if let Some(guest) = it.wish.remote_node() {
            nodes.add(guest, Reach::Connection);
        }
    }
    for node in nodes.all.iter_mut().filter(|node| subjects.in_bundle(node.name)) {
        node.reach = Reach::Connection;
    }
}

fn verb(action: &ScheduledAction) -> Verb {
    match action.operation.as_str() {
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "promote" => Verb::Promote,
        "demote" => Verb::Demote,
        "monitor" if action.interval_ms == 0 => Verb::Probe,
        "monitor" => Verb::Watch,
        "migrate_to" => Verb::MigrateTo,
        "migrate_from" => Verb::MigrateFrom,
        "notify" => Verb::Notify,
        "cancel" => Verb::Cancel,
        "reload-agent" => Verb::Reload,
        _ => Verb::Other,
    }
}
