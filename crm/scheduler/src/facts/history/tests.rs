//! One rule per test: two nodes, a fence device, and `db` with the history that the test gives it.

use crate::facts::digest::{self, Difference};
use crate::facts::resource::Resource as Known;
use crate::facts::{self, Facts};
use crate::index::NodeIx;
use crate::role::Role;
use crate::situation::{
    Agent, AttributeSet, Configuration, Node, NodeStatus, Operation, OperationHistory, OperationStatus, Resource,
    ResourceHistory, ResourceKind, Situation, Value,
};

const NOW_S: i64 = 1_000_000;

/// A cluster in which things happened.
struct World(Situation);

fn set(pairs: &[(&str, &str)]) -> Vec<AttributeSet> {
    let value = |(name, value): &(&str, &str)| Value { name: (*name).into(), value: Some((*value).into()) };
    vec![AttributeSet { id: "set".into(), values: pairs.iter().map(value).collect(), ..AttributeSet::default() }]
}

fn agent(class: &str, name: &str) -> Agent {
    Agent { class: class.into(), provider: (class == "ocf").then(|| "pacemaker".into()), name: name.into() }
}

fn primitive(id: &str, meta: &[(&str, &str)]) -> Resource {
    let kind = ResourceKind::Primitive(Some(agent("ocf", "Dummy")));
    Resource { id: id.into(), kind, meta: set(meta), ..Resource::default() }
}

fn clone(child: Resource, meta: &[(&str, &str)]) -> Resource {
    Resource { id: "all".into(), kind: ResourceKind::Clone(Box::new(child)), meta: set(meta), ..Resource::default() }
}

/// What an operation with this name and exit code leaves; `name@seconds` for one that repeats.
fn call(number: i64, operation: &str, exit_code: i32) -> OperationHistory {
    let (name, every) = operation.split_once('@').unwrap_or((operation, "0"));
    let interval_ms = every.parse::<u64>().expect("a number of seconds") * 1000;
    let expected_exit_code = if name == "monitor" && interval_ms == 0 { 7 } else { 0 };
    let failed = exit_code != expected_exit_code;
    OperationHistory {
        id: if failed { "db_last_failure_0".into() } else { format!("db_{name}_{interval_ms}") },
        key: format!("db_{name}_{interval_ms}"),
        name: name.into(),
        interval_ms,
        call: number,
        exit_code,
        status: if failed { OperationStatus::Failed } else { OperationStatus::Done },
        expected_exit_code,
        transition_key: format!("1:{number}:{expected_exit_code}:dc"),
        last_change: Some(NOW_S - 100),
        ..OperationHistory::default()
    }
}

fn pending(operation: &str) -> OperationHistory {
    OperationHistory {
        call: -1,
        status: OperationStatus::Pending,
        transition_key: "1:99:0:dc".into(),
        ..call(0, operation, 193)
    }
}

fn migration(mut operation: OperationHistory) -> OperationHistory {
    operation.migrate_source = Some("n1".into());
    operation.migrate_target = Some("n2".into());
    operation
}

impl World {
    fn new(resource: Resource) -> World {
        let node = |name: &str| Node { id: name.into(), name: name.into(), ..Node::default() };
        let status = |name: &str| NodeStatus {
            id: name.into(),
            name: name.into(),
            member: Some(true),
            peer: Some(true),
            join: Some("member".into()),
            expected: Some("member".into()),
            ..NodeStatus::default()
        };
        let device = Resource {
            id: "device".into(),
            kind: ResourceKind::Primitive(Some(agent("stonith", "fence_dummy"))),
            ..Resource::default()
        };
        let configuration = Configuration {
            nodes: vec![node("n1"), node("n2")],
            resources: vec![resource, device],
            ..Configuration::default()
        };
        let status = vec![status("n1"), status("n2")];
        World(Situation { now_ms: NOW_S * 1000, quorate: true, configuration, status, ..Situation::default() })
    }

    fn db(meta: &[(&str, &str)]) -> World {
        World::new(primitive("db", meta))
    }

    fn property(mut self, name: &str, value: &str) -> World {
        self.0.configuration.properties.extend(set(&[(name, value)]));
        self
    }

    /// Options of an operation of the (only) primitive.
    fn option(mut self, operation: &str, option: &str, value: &str) -> World {
        let (name, every) = operation.split_once('@').unwrap_or((operation, "0"));
        let options = vec![Value { name: option.into(), value: Some(value.into()) }];
        let (name, interval) = (name.to_string(), Some(every.to_string()));
        let made = Operation { id: operation.into(), name, interval, options, ..Operation::default() };
        let resource = &mut self.0.configuration.resources[0];
        match &mut resource.kind {
            ResourceKind::Clone(child) => child.operations.push(made),
            _ => resource.operations.push(made),
        }
        self
    }

    fn history(mut self, node: usize, resource: &str, operations: Vec<OperationHistory>) -> World {
        let (id, agent) = (resource.to_string(), agent("ocf", "Dummy"));
        let history = ResourceHistory { id, agent, operations, ..ResourceHistory::default() };
        self.0.status[node].resources.push(history.into());
        self
    }

    fn attribute(mut self, node: usize, name: &str, value: &str) -> World {
        self.0.status[node].attributes.extend(set(&[(name, value)]));
        self
    }

    fn lost(mut self, node: usize) -> World {
        self.0.status[node].member = Some(false);
        self.0.status[node].peer = Some(false);
        self
    }
}

fn db<'f, 'a>(facts: &'f Facts<'a>) -> &'f Known<'a> {
    &facts[facts.resource_named("db").expect("it is configured")]
}

const N1: NodeIx = NodeIx(0);
const N2: NodeIx = NodeIx(1);

#[test]
fn the_last_operation_decides_the_role() {
    let world = World::db(&[]).history(0, "db", vec![call(1, "start", 0), call(2, "monitor@10", 0)]);
    assert_eq!((db(&facts::read(&world.0)).role, &*db(&facts::read(&world.0)).on), (Role::Started, &[N1][..]));
    let world = World::db(&[]).history(0, "db", vec![call(3, "stop", 0), call(1, "start", 0)]);
    let facts = facts::read(&world.0);
    assert_eq!((db(&facts).role, db(&facts).on.len(), &*db(&facts).known_on), (Role::Stopped, 0, &[N1][..]));
}

#[test]
fn a_probe_that_finds_it_is_no_failure() {
    let world =
        World::db(&[]).history(0, "db", vec![call(1, "monitor", 0)]).history(1, "db", vec![call(1, "monitor", 7)]);
    let facts = facts::read(&world.0);
    assert_eq!((db(&facts).failed, &*db(&facts).on, &*db(&facts).known_on), (false, &[N1][..], &[N1, N2][..]));
}

#[test]
fn a_failed_monitor_needs_a_restart_until_the_next_start() {
    let failed = vec![call(1, "start", 0), call(2, "monitor@10", 1)];
    let world = World::db(&[]).history(0, "db", failed.clone());
    assert!(db(&facts::read(&world.0)).recover.is_some());
    let mut mended = failed;
    mended.extend([call(3, "stop", 0), call(4, "start", 0)]);
    let world = World::db(&[]).history(0, "db", mended);
    let facts = facts::read(&world.0);
    assert_eq!((db(&facts).failed, db(&facts).role), (false, Role::Started));
}

#[test]
fn a_failed_stop_gets_its_node_fenced_or_blocks() {
    let failed = vec![call(1, "start", 0), call(2, "stop", 1)];
    let world = World::db(&[]).history(0, "db", failed.clone());
    let facts = facts::read(&world.0);
    assert!(facts[N1].unclean && !facts[N1].fence.is_empty() && !facts[N2].unclean);
    let world = World::db(&[]).property("fencing-enabled", "false").history(0, "db", failed);
    let facts = facts::read(&world.0);
    assert!(!facts[N1].unclean && db(&facts).blocked.is_some() && !db(&facts).managed);
}

#[test]
fn on_fail_says_what_a_failure_leads_to() {
    let after = |on_fail: &str| {
        let failed = vec![call(1, "start", 0), call(2, "monitor@10", 1)];
        World::db(&[]).option("monitor@10", "on-fail", on_fail).history(0, "db", failed)
    };
    let world = after("ignore");
    let facts = facts::read(&world.0);
    assert!(!db(&facts).failed && db(&facts).failure_ignored && db(&facts).role == Role::Started);
    let world = after("block");
    let facts = facts::read(&world.0);
    assert!(db(&facts).failed && db(&facts).recover.is_none() && db(&facts).blocked.is_some());
    let world = after("stop");
    let facts = facts::read(&world.0);
    assert_eq!(db(&facts).next_role.as_ref().map(|(role, _)| *role), Some(Role::Stopped));
    assert_eq!(db(&facts).bans.len(), 2);
    let world = after("standby");
    let facts = facts::read(&world.0);
    assert!(facts[N1].standby_on_fail && !facts[N2].standby);
    let world = after("fence");
    assert!(facts::read(&world.0)[N1].unclean);
    let world = after("ban");
    let facts = facts::read(&world.0);
    assert_eq!(db(&facts).bans.iter().map(|(node, _)| *node).collect::<Vec<_>>(), [N1]);
    let world = after("fence").property("fencing-enabled", "false");
    let facts = facts::read(&world.0);
    assert!(!facts[N1].unclean && db(&facts).stop_reason.is_some());
}

#[test]
fn the_worst_of_several_failures_counts() {
    let failures = vec![call(1, "start", 0), call(2, "monitor@10", 1), call(3, "monitor@20", 1)];
    let world = World::db(&[]).option("monitor@10", "on-fail", "fence").option("monitor@20", "on-fail", "restart");
    let world = world.history(0, "db", failures);
    assert!(facts::read(&world.0)[N1].unclean);
}

#[test]
fn some_failures_rule_out_a_node_and_some_all() {
    let bans = |exit_code| {
        let world = World::db(&[]).history(0, "db", vec![call(1, "start", exit_code)]);
        let facts = facts::read(&world.0);
        db(&facts).bans.iter().map(|(node, _)| *node).collect::<Vec<_>>()
    };
    assert_eq!((bans(5), bans(6), bans(1)), (vec![N1], vec![N1, N2], vec![]));
}

#[test]
fn failures_of_an_anonymous_instance_rule_out_the_node_for_all() {
    let world = World::new(clone(primitive("db", &[]), &[])).history(0, "db", vec![call(1, "start", 5)]);
    let facts = facts::read(&world.0);
    let all = facts.resource_named("all").expect("it is configured");
    assert_eq!(facts[all].bans.iter().map(|(node, _)| *node).collect::<Vec<_>>(), [N1]);
}

#[test]
fn old_failures_are_forgotten_and_their_counts_cleared() {
    let failed = vec![call(1, "start", 0), call(2, "monitor@10", 1)];
    let counted = |timeout: &str| {
        let world = World::db(&[("failure-timeout", timeout)]).history(0, "db", failed.clone());
        let last = (NOW_S - 100).to_string();
        world.attribute(0, "fail-count-db#monitor_10000", "2").attribute(0, "last-failure-db#monitor_10000", &last)
    };
    let world = counted("60s");
    let facts = facts::read(&world.0);
    let of = facts.resource_named("db").expect("it is configured");
    let count = facts.failures.of(of, N1).expect("it was counted");
    assert!(!db(&facts).failed && count.expired && count.clear.is_some() && count.count == 0);
    let world = counted("200s");
    let facts = facts::read(&world.0);
    let count = facts.failures.of(of, N1).expect("it was counted");
    assert!(db(&facts).failed && !count.expired && count.clear.is_none() && count.count == 2);
    assert_eq!(facts.recheck_ms, Some((NOW_S + 100) * 1000));
}

#[test]
fn a_failure_that_blocks_is_never_forgotten() {
    let failed = vec![call(1, "start", 0), call(2, "monitor@10", 1)];
    let world = World::db(&[("failure-timeout", "60s")]).option("monitor@10", "on-fail", "block");
    let world = world.history(0, "db", failed);
    assert!(db(&facts::read(&world.0)).blocked.is_some());
}

#[test]
fn what_is_pending_may_run_already() {
    let world = World::db(&[]).history(0, "db", vec![pending("start")]);
    let facts = facts::read(&world.0);
    assert!(db(&facts).start_pending && db(&facts).on == [N1] && !db(&facts).failed);
    let world = World::db(&[]).history(0, "db", vec![pending("monitor")]);
    let facts = facts::read(&world.0);
    assert!(db(&facts).on.is_empty() && db(&facts).known_on.is_empty());
}

#[test]
fn what_ran_on_a_lost_node_gets_it_fenced() {
    let world = World::db(&[]).history(0, "db", vec![call(1, "start", 0)]).lost(0);
    let facts = facts::read(&world.0);
    assert!(facts[N1].unclean && db(&facts).on == [N1]);
}

#[test]
fn more_nodes_than_one_are_acted_upon_as_told() {
    let twice = |meta: &[(&str, &str)]| {
        World::db(meta).history(0, "db", vec![call(1, "start", 0)]).history(1, "db", vec![call(1, "start", 0)])
    };
    let world = twice(&[]);
    assert_eq!(db(&facts::read(&world.0)).on, [N1, N2]);
    let world = twice(&[("multiple-active", "block")]);
    assert!(db(&facts::read(&world.0)).blocked.is_some());
    let world = twice(&[("multiple-active", "stop_only")]);
    assert_eq!(db(&facts::read(&world.0)).bans.len(), 2);
}

#[test]
fn histories_of_removed_resources_make_removed_resources() {
    let world =
        World::db(&[]).history(0, "gone", vec![call(1, "start", 0)]).history(1, "gone", vec![call(1, "monitor", 7)]);
    let world = world.attribute(0, "fail-count-gone#start_0", "1");
    let facts = facts::read(&world.0);
    let gone = facts.all_resources().find(|&at| facts[at].id == "gone").expect("it has a history");
    assert!(facts[gone].removed && facts[gone].managed && facts[gone].on == [N1]);
    assert_eq!(facts[gone].forget.len(), 2);
    assert!(facts.failures.of(gone, N1).is_some_and(|count| count.clear.is_some()));
    let world = World(world.0).property("stop-orphan-resources", "false");
    let facts = facts::read(&world.0);
    let gone = facts.all_resources().find(|&at| facts[at].id == "gone").expect("it has a history");
    assert!(!facts[gone].managed);
}

#[test]
fn anonymous_instances_take_histories_whatever_their_numbers() {
    let world = World::new(clone(primitive("db", &[]), &[]));
    let world = world.history(0, "db:7", vec![call(1, "start", 0)]).history(1, "db", vec![call(1, "start", 0)]);
    let facts = facts::read(&world.0);
    let all = facts.resource_named("all").expect("it is configured");
    let on: Vec<_> = facts[all].children.iter().map(|&child| facts[child].on.clone()).collect();
    assert_eq!(on, [vec![N1], vec![N2]]);
    let world = World::new(clone(primitive("db", &[]), &[("clone-max", "1")]));
    let world = world.history(0, "db", vec![call(1, "start", 0)]).history(1, "db", vec![call(1, "start", 0)]);
    let facts = facts::read(&world.0);
    let removed: Vec<_> = facts[all].children.iter().map(|&child| facts[child].removed).collect();
    assert_eq!(removed, [false, true]);
}

#[test]
fn a_finished_migration_leaves_a_stop_to_be_done() {
    let to = migration(call(2, "migrate_to", 0));
    let from = migration(call(1, "migrate_from", 0));
    let world = World::db(&[]).history(0, "db", vec![call(1, "start", 0), to.clone()]).history(1, "db", vec![from]);
    let facts = facts::read(&world.0);
    assert_eq!((&*db(&facts).on, &*db(&facts).dangling_migrations), (&[N2][..], &[N1][..]));
    let done = vec![call(1, "start", 0), to, call(3, "stop", 0)];
    let from = migration(call(1, "migrate_from", 0));
    let world = World::db(&[]).history(0, "db", done).history(1, "db", vec![from]);
    assert!(db(&facts::read(&world.0)).dangling_migrations.is_empty());
}

#[test]
fn a_migration_under_way_runs_on_both_nodes() {
    let to = vec![call(1, "start", 0), migration(call(2, "migrate_to", 0))];
    let world = World::db(&[]).history(0, "db", to).history(
        1,
        "db",
        vec![call(1, "monitor", 7), migration(pending("migrate_from"))],
    );
    let facts = facts::read(&world.0);
    assert_eq!(db(&facts).partial_migration, Some((N1, N2)));
    assert!(db(&facts).on.contains(&N1) && db(&facts).on.contains(&N2) && !db(&facts).failed);
}

#[test]
fn a_migration_that_failed_may_have_left_it_on_both_nodes() {
    let to = vec![call(1, "start", 0), migration(call(2, "migrate_to", 1))];
    let world = World::db(&[]).history(0, "db", to).history(1, "db", vec![call(1, "monitor", 7)]);
    let facts = facts::read(&world.0);
    assert!(db(&facts).failed && db(&facts).on.contains(&N1) && db(&facts).on.contains(&N2));
    let to = vec![call(1, "start", 0), migration(call(2, "migrate_to", 0))];
    let world = World::db(&[]).history(0, "db", to).history(1, "db", vec![migration(call(1, "migrate_from", 1))]);
    let facts = facts::read(&world.0);
    assert!(db(&facts).failed && db(&facts).on.contains(&N1) && db(&facts).on.contains(&N2));
}

#[test]
fn a_lock_holds_what_ran_on_a_node_that_leaves() {
    let world = World::db(&[]).property("shutdown-lock", "true").history(0, "db", vec![call(1, "start", 0)]);
    let world = world.attribute(0, "shutdown", &NOW_S.to_string());
    let facts = facts::read(&world.0);
    assert_eq!((db(&facts).lock, db(&facts).lock_since), (Some(N1), Some(NOW_S)));
}

#[test]
fn changed_parameters_restart_reload_or_order_again() {
    const NO_PARAMETERS: &str = "f2317cad3d54cec5d7d7aa7d0bf35cf8";
    let recorded = OperationHistory { digest: Some(NO_PARAMETERS.into()), ..call(1, "start", 0) };
    let compare = |params: &[(&str, &str)], recorded: &OperationHistory| {
        let world = World::new(Resource { params: set(params), ..primitive("db", &[]) });
        let facts = facts::read(&world.0);
        digest::compare(&facts, facts.resource_named("db").expect("it is configured"), N1, recorded)
    };
    assert_eq!(compare(&[], &recorded), Difference::Same);
    assert_eq!(compare(&[("port", "1")], &recorded), Difference::Restart);
    let restart_digest = Some(NO_PARAMETERS.into());
    let reloadable = OperationHistory { restart_digest, restart_params: Some(" name ".into()), ..recorded.clone() };
    assert_eq!(compare(&[("port", "1")], &reloadable), Difference::Reload);
    assert_eq!(compare(&[("name", "x")], &reloadable), Difference::Restart);
    assert_eq!(compare(&[], &OperationHistory { digest: None, ..recorded }), Difference::Unknown);
}
