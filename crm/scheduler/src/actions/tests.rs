//! One rule per test: a small cluster as it is, and what is to be done about it.

use crate::schedule::{ActionKind, Schedule};
use crate::situation::{
    Agent, AttributeSet, Configuration, Node, Operation, OperationHistory, OperationStatus, Resource, ResourceHistory,
    ResourceKind, Situation, Value,
};
use std::sync::Arc;

/// A cluster of three online nodes that know of no resource yet.
struct World {
    situation: Situation,
    call: i64,
}

fn set(pairs: &[(&str, &str)]) -> AttributeSet {
    let value = |(name, value): &(&str, &str)| Value { name: (*name).into(), value: Some((*value).into()) };
    AttributeSet { id: "set".into(), values: pairs.iter().map(value).collect(), ..AttributeSet::default() }
}

fn agent(class: &str, name: &str) -> Agent {
    let provider = (class == "ocf").then(|| "pacemaker".to_owned());
    Agent { class: class.into(), provider, name: name.into() }
}

impl World {
    fn new(properties: &[(&str, &str)]) -> World {
        let node = |name: &&str| Node { id: (*name).into(), name: (*name).into(), ..Node::default() };
        let configuration = Configuration {
            nodes: ["n1", "n2", "n3"].iter().map(node).collect(),
            properties: vec![set(properties)],
            ..Configuration::default()
        };
        World { situation: Situation::just_started(configuration, 1_000_000_000_000), call: 0 }
    }

    fn primitive(mut self, id: &str, meta: &[(&str, &str)], monitors: &[(&str, Option<&str>)]) -> World {
        let monitor = |(interval, role): &(&str, Option<&str>)| Operation {
            id: format!("{id}-monitor-{interval}"),
            name: "monitor".into(),
            interval: Some((*interval).into()),
            options: role.iter().map(|role| Value { name: "role".into(), value: Some((*role).into()) }).collect(),
            ..Operation::default()
        };
        self.situation.configuration.resources.push(Resource {
            id: id.into(),
            kind: ResourceKind::Primitive(Some(agent("ocf", "Dummy"))),
            meta: vec![set(meta)],
            operations: monitors.iter().map(monitor).collect(),
            ..Resource::default()
        });
        self
    }

    fn fence_device(mut self) -> World {
        self.situation.configuration.resources.push(Resource {
            id: "fence".into(),
            kind: ResourceKind::Primitive(Some(agent(Agent::FENCING, "fence_dummy"))),
            ..Resource::default()
        });
        for node in ["n1", "n2", "n3"] {
            self = self.asked("fence", node, if node == "n3" { &[("start", 0, 0)] } else { &[("monitor", 0, 7)] });
        }
        self
    }

    /// What agents answered on a node: operation, interval in milliseconds, exit code.
    fn asked(mut self, resource: &str, node: &str, answers: &[(&str, u64, i32)]) -> World {
        let kind = if resource == "fence" { agent(Agent::FENCING, "fence_dummy") } else { agent("ocf", "Dummy") };
        let operations = answers.iter().map(|(name, interval_ms, exit_code)| {
            self.call += 1;
            let key = format!("{resource}_{name}_{interval_ms}");
            OperationHistory {
                id: format!("{key}_{}", self.call),
                key,
                name: (*name).into(),
                interval_ms: *interval_ms,
                call: self.call,
                exit_code: *exit_code,
                status: OperationStatus::Done,
                expected_exit_code: if *name == "monitor" && *interval_ms == 0 { 7 } else { 0 },
                transition_key: "1:1:0:dc".into(),
                ..OperationHistory::default()
            }
        });
        let operations = operations.collect();
        let status = self.situation.status.iter_mut().find(|status| status.name == node).expect("the node is there");
        let history = ResourceHistory { id: resource.into(), agent: kind, operations, ..ResourceHistory::default() };
        status.resources.push(history.into());
        self
    }

    /// Runs on n1 with its monitor; n2 and n3 said that it does not run there.
    fn runs(self, resource: &str, on_n1: &[(&str, u64, i32)]) -> World {
        let known = self.asked(resource, "n2", &[("monitor", 0, 7)]).asked(resource, "n3", &[("monitor", 0, 7)]);
        known.asked(resource, "n1", on_n1)
    }

    fn lost(mut self, node: &str) -> World {
        let status = self.situation.status.iter_mut().find(|status| status.name == node).expect("the node is there");
        (status.member, status.peer) = (Some(false), Some(false));
        self
    }

    /// The last call of a resource on a node is kept as its last failure there, and long ago.
    fn kept(mut self, resource: &str, node: &str) -> World {
        let status = self.situation.status.iter_mut().find(|status| status.name == node).expect("the node is there");
        let history = status.resources.iter_mut().find(|history| history.id == resource).expect("it was asked");
        let last = Arc::make_mut(history).operations.last_mut().expect("it was called");
        (last.id, last.last_change) = (format!("{resource}_last_failure_0"), Some(1));
        self
    }

    fn attribute(mut self, node: &str, name: &str, value: &str) -> World {
        let status = self.situation.status.iter_mut().find(|status| status.name == node).expect("the node is there");
        status.attributes.push(set(&[(name, value)]));
        self
    }

    /// What is done, in words, sorted; pseudo actions have a `~`.
    fn plan(self) -> Vec<String> {
        words(&crate::schedule(&self.situation))
    }
}

fn word(action: &crate::schedule::ScheduledAction) -> String {
    let interval = if action.interval_ms > 0 { format!("/{}", action.interval_ms) } else { String::new() };
    let pseudo = if action.kind == ActionKind::Pseudo { "~" } else { "" };
    let resource = action.resource.as_deref().unwrap_or("node");
    format!("{pseudo}{} {resource}{interval} {}", action.operation, action.node.as_deref().unwrap_or("-"))
}

fn words(schedule: &Schedule) -> Vec<String> {
    let mut words: Vec<String> = schedule.actions.iter().map(word).collect();
    words.sort();
    words
}

const NO_FENCING: &[(&str, &str)] = &[("fencing-enabled", "false")];

#[test]
fn every_node_is_asked_before_the_first_start() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[("10s", None)]);
    let schedule = crate::schedule(&world.situation);
    let start = schedule.actions.iter().find(|action| action.operation == "start").expect("it is started");
    let before: Vec<String> = schedule.actions.iter().filter(|it| start.after.contains(&it.id)).map(word).collect();
    assert_eq!(before, ["monitor web n1", "monitor web n2", "monitor web n3"]);
    assert!(words(&schedule).contains(&"monitor web/10000 n1".to_owned()), "{:?}", words(&schedule));
}

#[test]
fn what_runs_as_it_should_is_left_alone() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[("10s", None)]);
    let plan = world.runs("web", &[("start", 0, 0), ("monitor", 10_000, 0)]).plan();
    assert_eq!(plan, Vec::<String>::new());
}

#[test]
fn what_failed_is_stopped_started_and_watched_again() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[("10s", None)]);
    let plan = world.runs("web", &[("start", 0, 0), ("monitor", 10_000, 1)]).plan();
    assert_eq!(plan, ["monitor web/10000 n1", "start web n1", "stop web n1"]);
}

#[test]
fn a_failure_that_is_kept_and_forgotten_is_no_watching() {
    let world = World::new(NO_FENCING).primitive("web", &[("failure-timeout", "60s")], &[("10s", None)]);
    let plan = world.runs("web", &[("start", 0, 0), ("monitor", 10_000, 1)]).kept("web", "n1").plan();
    assert_eq!(plan, ["monitor web/10000 n1"]);
}

#[test]
fn what_is_not_managed_is_watched_only() {
    let world = World::new(NO_FENCING).primitive("web", &[("is-managed", "false")], &[("10s", None)]);
    let plan = world.runs("web", &[("start", 0, 0), ("monitor", 10_000, 1)]).plan();
    assert_eq!(plan, Vec::<String>::new());
}

#[test]
fn a_monitor_that_is_not_configured_any_more_is_cancelled() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[("20s", None)]);
    let plan = world.runs("web", &[("start", 0, 0), ("monitor", 10_000, 0)]).plan();
    assert_eq!(plan, ["cancel web/10000 n1", "monitor web/20000 n1"]);
}

#[test]
fn maintenance_ends_monitors() {
    let properties = [("fencing-enabled", "false"), ("maintenance-mode", "true")];
    let world = World::new(&properties).primitive("web", &[], &[("10s", None)]);
    let plan = world.runs("web", &[("start", 0, 0), ("monitor", 10_000, 0)]).plan();
    assert_eq!(plan, ["cancel web/10000 n1"]);
}

#[test]
fn monitors_of_the_stopped_role_watch_the_other_nodes() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[("10s", None), ("20s", Some("Stopped"))]);
    let plan = world.runs("web", &[("start", 0, 0), ("monitor", 10_000, 0)]).plan();
    assert_eq!(plan, ["monitor web/20000 n2", "monitor web/20000 n3"]);
}

#[test]
fn two_monitors_of_one_interval_count_not_at_all() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[("10s", None), ("10s", Some("Started"))]);
    assert_eq!(world.runs("web", &[("start", 0, 0)]).plan(), Vec::<String>::new());
}

#[test]
fn what_ran_on_a_fenced_node_is_stopped_by_the_fencing() {
    let world = World::new(&[]).fence_device().primitive("web", &[], &[]);
    let world = world.runs("web", &[("start", 0, 0)]).lost("n1");
    let schedule = crate::schedule(&world.situation);
    let real: Vec<String> = words(&schedule).into_iter().filter(|word| !word.contains("fence")).collect();
    assert_eq!(real, ["reboot node n1", "start web n2", "~stop web n1"]);
    let id = |name: &str| schedule.actions.iter().find(|it| it.operation == name).expect("it is planned").id;
    let after = |name: &str| &schedule.actions.iter().find(|it| it.operation == name).expect("it is planned").after;
    assert!(after("stop").contains(&id("reboot")) && after("start").contains(&id("stop")));
}

#[test]
fn a_node_leaves_when_everything_on_it_is_stopped() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[]).runs("web", &[("start", 0, 0)]);
    let plan = world.attribute("n1", "shutdown", "1000000000").plan();
    assert_eq!(plan, ["do_shutdown node n1", "start web n2", "stop web n1"]);
}

#[test]
fn what_can_migrate_moves_without_being_down() {
    let world = World::new(NO_FENCING).primitive("vm", &[("allow-migrate", "true")], &[]);
    let plan = world.runs("vm", &[("start", 0, 0)]).attribute("n1", "standby", "on").plan();
    assert_eq!(plan, ["migrate_from vm n2", "migrate_to vm n1", "stop vm n1", "~start vm n2"]);
}

#[test]
fn without_quorum_nothing_starts() {
    let mut world = World::new(NO_FENCING).primitive("web", &[], &[]);
    world.situation.quorate = false;
    let plan = world.plan();
    assert!(plan.iter().all(|word| word.starts_with("monitor")), "{plan:?}");
}

#[test]
fn what_is_blocked_holds_up_the_shutdown_of_its_node() {
    let blocked = [("start", 0, 0), ("stop", 0, 1)];
    let world = World::new(NO_FENCING).primitive("web", &[], &[]).runs("web", &blocked);
    assert_eq!(world.attribute("n1", "shutdown", "1000000000").plan(), Vec::<String>::new());
}

#[test]
fn the_coordinator_leaves_last() {
    let world = World::new(NO_FENCING).attribute("n1", "shutdown", "1000000000");
    let schedule = crate::schedule(&world.attribute("n2", "shutdown", "1000000000").situation);
    let of = |node: &str| schedule.actions.iter().find(|it| it.node.as_deref() == Some(node)).expect("it leaves");
    assert_eq!(of("n1").after, [of("n2").id]);
}

#[test]
fn two_instances_where_one_is_allowed_are_both_stopped_and_one_is_started() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[]).asked("web", "n3", &[("monitor", 0, 7)]);
    let plan = world.asked("web", "n1", &[("start", 0, 0)]).asked("web", "n2", &[("start", 0, 0)]).plan();
    let stops: Vec<&String> = plan.iter().filter(|word| word.starts_with("stop")).collect();
    assert_eq!(stops, ["stop web n1", "stop web n2"]);
    assert_eq!(plan.iter().filter(|word| word.starts_with("start")).count(), 1);
}

#[test]
fn what_cannot_be_promoted_any_more_starts_anew() {
    let world = World::new(NO_FENCING).primitive("web", &[], &[]);
    let plan = world.runs("web", &[("start", 0, 0), ("promote", 0, 0)]).plan();
    assert_eq!(plan, ["demote web n1", "start web n1", "stop web n1"]);
}
