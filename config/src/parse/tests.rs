//! That what is written arrives in the model. What is said of mistakes is in `tests/cases`.

use super::parse;
use crate::{AgentRef, Config, DeviceId, FencingAction, NoQuorumPolicy, NodeId, OnFail, OperationName, OrderKind};
use crate::{ResourceId, Score, TargetRole};
use std::time::Duration;

const EVERY_OPTION: &str = include_str!("../../tests/cases/good-every-option.toml");

fn config(text: &str) -> Config {
    let parsed = parse(text);
    parsed.config.unwrap_or_else(|| panic!("{:#?}", parsed.problems))
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn resource(name: &str) -> ResourceId {
    ResourceId::new(name).unwrap()
}

#[test]
fn cluster_nodes_and_properties_arrive() {
    let config = config(EVERY_OPTION);
    assert_eq!(config.cluster.name, "all");
    assert_eq!(
        (config.cluster.token, config.cluster.port, config.cluster.mtu),
        (Duration::from_millis(750), 6000, Some(8952))
    );
    assert_eq!((config.quorum.two_node, config.quorum.wait_for_all), (false, Some(true)));
    let alpha = &config.nodes["alpha"];
    assert_eq!(alpha.addresses, ["alpha.example.net", "[fd00::1]:7000"]);
    assert_eq!((alpha.votes, alpha.standby, alpha.maintenance), (2, true, false));
    assert_eq!(alpha.attributes["weight"], "3");
    assert!(config.nodes["beta"].maintenance);
    let properties = &config.properties;
    assert_eq!(properties.fencing_action, FencingAction::Off);
    assert_eq!(properties.no_quorum_policy, NoQuorumPolicy::Freeze);
    assert_eq!((properties.dc_deadtime, properties.batch_limit), (Duration::from_secs(5), 30));
    assert!(properties.fencing_enabled && properties.maintenance_mode && properties.stop_all_resources);
    assert!(!properties.startup_fencing && !properties.start_failure_is_fatal);
}

#[test]
fn devices_and_levels_arrive() {
    let config = config(EVERY_OPTION);
    let bmc = &config.devices["bmc"];
    assert_eq!((bmc.timeout, bmc.delay), (Duration::from_secs(30), Duration::from_secs(1)));
    let params: Vec<_> = bmc.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(params, ["cipher=17", "ip=10.9.0.1", "lanplus=true", "power_wait=1.5"]);
    assert_eq!(bmc.plugs[&node("alpha")], "alpha");
    assert_eq!(config.devices["pdu-a"].plugs[&node("beta")], "4");
    let levels = |name: &str| -> Vec<Vec<DeviceId>> {
        config.levels[&node(name)].iter().map(|level| level.devices.clone()).collect()
    };
    let device = |name: &str| DeviceId::new(name).unwrap();
    assert_eq!(levels("alpha"), [vec![device("bmc")], vec![device("pdu-a"), device("pdu-b")]]);
    assert_eq!(levels("gamma"), [vec![device("pdu-a")]]);
}

#[test]
fn resources_and_defaults_arrive() {
    let config = config(EVERY_OPTION);
    let one = &config.resources["one"];
    assert_eq!(one.agent, AgentRef::Ocf { provider: "heartbeat".to_owned(), kind: "Dummy".to_owned() });
    assert_eq!(one.meta.target_role, TargetRole::Stopped);
    assert_eq!((one.meta.stickiness, one.meta.priority, one.meta.managed), (Score::ZERO, -5, false));
    assert_eq!((one.meta.migration_threshold, one.meta.failure_timeout), (Some(1), Some(Duration::from_secs(90))));
    let operations: Vec<_> = one.operations.iter().map(|of| (of.name, of.interval, of.timeout, of.on_fail)).collect();
    let seconds = Duration::from_secs;
    assert_eq!(
        operations,
        [
            (OperationName::Monitor, Some(seconds(10)), seconds(40), None),
            (OperationName::Monitor, Some(seconds(20)), seconds(40), Some(OnFail::Stop)),
            (OperationName::Stop, None, seconds(60), Some(OnFail::Fence)),
        ]
    );
    let two = &config.resources["two"];
    assert_eq!((&two.agent, two.commands.is_some()), (&AgentRef::Command, true));
    assert_eq!((two.meta.stickiness, two.meta.migration_threshold), (Score::MANDATORY, Some(5)));
    assert_eq!(config.groups["g"].members, [resource("three")]);
    assert_eq!(config.groups["g"].meta.managed, Some(true));
    assert_eq!(config.resource_order, ["one", "two", "three", "g"].map(resource));
}

#[test]
fn rules_arrive_in_the_order_of_the_file() {
    let config = config(EVERY_OPTION);
    let locations: Vec<_> =
        config.locations.iter().map(|rule| format!("{} {} {}", rule.resource, rule.node, rule.score)).collect();
    assert_eq!(locations, ["two alpha 50", "two beta never", "two gamma never", "g alpha 1", "one gamma -3"]);
    let colocations: Vec<_> =
        config.colocations.iter().map(|rule| format!("{} {} {}", rule.dependent, rule.primary, rule.score)).collect();
    assert_eq!(colocations, ["g two mandatory", "one g never"]);
    let [after, written] = config.orders.as_slice() else { panic!("{:?}", config.orders) };
    assert_eq!((&after.first, &after.then, after.symmetrical), (&resource("two"), &resource("g"), true));
    assert_eq!((written.first_action, written.then_action), (OperationName::Stop, OperationName::Start));
    assert_eq!((written.kind, written.symmetrical), (OrderKind::Optional, false));
    let line = EVERY_OPTION.lines().position(|line| line == "[[order]]").unwrap() + 1;
    assert_eq!(written.place.line, u32::try_from(line).unwrap());
}

#[test]
fn what_is_not_written_has_its_default() {
    let config = config("cluster.name = \"t\"\nnodes.a.addresses = [\"h\"]\nresources.r.agent = \"ocf:a:b\"\n");
    assert_eq!((config.cluster.token, config.cluster.port, config.cluster.mtu), (Duration::from_secs(1), 5405, None));
    assert_eq!(config.nodes["a"].votes, 1);
    let meta = &config.resources["r"].meta;
    assert_eq!((meta.stickiness, meta.managed, meta.migration_threshold), (Score::STAY, true, None));
    let properties = &config.properties;
    assert!(properties.fencing_enabled && properties.startup_fencing && properties.symmetric_cluster);
    assert!(properties.start_failure_is_fatal && !properties.maintenance_mode && !properties.stop_all_resources);
    assert_eq!(properties.dc_deadtime, Duration::from_secs(20));
    assert!(config.levels.is_empty());
}
