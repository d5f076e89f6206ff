//! One rule per test, on small clusters.

use crate::assign::{Assignment, assign};
use crate::explain::explain;
use crate::facts;
use crate::role::Role;
use crate::situation::{
    Agent, AttributeSet, Colocation, Configuration, Discovery, Location, LocationScore, Node, OperationHistory,
    Preference, Resource, ResourceHistory, ResourceKind, ResourceSet, Situation, Subject, TicketConstraint, Value,
};
use config::Score;

/// A cluster of online nodes.
struct World(Configuration, Vec<(String, String, i32)>, Vec<(String, String, String)>);

fn set(pairs: &[(&str, &str)]) -> Vec<AttributeSet> {
    let values =
        pairs.iter().map(|(name, value)| Value { name: (*name).into(), value: Some((*value).into()) }).collect();
    vec![AttributeSet { id: "set".into(), values, ..AttributeSet::default() }]
}

fn primitive(id: &str, meta: &[(&str, &str)]) -> Resource {
    let agent = Agent { class: "ocf".into(), provider: Some("pacemaker".into()), name: "Stateful".into() };
    Resource { id: id.into(), kind: ResourceKind::Primitive(Some(agent)), meta: set(meta), ..Resource::default() }
}

fn group(id: &str, members: &[&str]) -> Resource {
    let members = members.iter().map(|member| primitive(member, &[])).collect();
    Resource { id: id.into(), kind: ResourceKind::Group(members), ..Resource::default() }
}

fn clone(id: &str, child: Resource, meta: &[(&str, &str)]) -> Resource {
    Resource { id: id.into(), kind: ResourceKind::Clone(Box::new(child)), meta: set(meta), ..Resource::default() }
}

impl World {
    fn new(nodes: &[&str]) -> World {
        let node = |name: &&str| Node { id: (*name).into(), name: (*name).into(), ..Node::default() };
        let nodes = nodes.iter().map(node).collect();
        let properties = set(&[("fencing-enabled", "false")]);
        World(Configuration { nodes, properties, ..Configuration::default() }, Vec::new(), Vec::new())
    }

    fn property(mut self, name: &str, value: &str) -> World {
        self.0.properties.extend(set(&[(name, value)]));
        self
    }

    fn resource(mut self, resource: Resource) -> World {
        self.0.resources.push(resource);
        self
    }

    fn location(mut self, resource: &str, node: &str, score: i64, role: Option<&str>) -> World {
        self.0.constraints.locations.push(Location {
            id: format!("{resource}-on-{node}"),
            subject: Subject::Resource(resource.into()),
            role: role.map(Into::into),
            discovery: Discovery::Always,
            preference: Preference::Node(LocationScore { node: node.into(), score: Score::new(score) }),
            lifetime: None,
        });
        self
    }

    fn colocation(mut self, dependent: &str, primary: &str, score: i64) -> World {
        self.0.constraints.colocations.push(Colocation {
            id: format!("{dependent}-with-{primary}"),
            score: Score::new(score),
            dependent: dependent.into(),
            primary: primary.into(),
            ..Colocation::default()
        });
        self
    }

    /// `resource` was started on `node` and runs; an exit code that is not 0 is that of its last monitor.
    fn runs(mut self, resource: &str, node: &str, monitor: i32) -> World {
        self.1.push((resource.into(), node.into(), monitor));
        self
    }

    fn attribute(mut self, node: &str, name: &str, value: &str) -> World {
        self.2.push((node.into(), name.into(), value.into()));
        self
    }

    fn situation(self) -> Situation {
        let mut situation = Situation::just_started(self.0, 1_000_000_000_000);
        for (resource, node, monitor) in self.1 {
            let operation = |name: &str, interval_ms: u64, call: i64, exit_code: i32| OperationHistory {
                id: format!("{resource}_{name}_{interval_ms}"),
                key: format!("{resource}_{name}_{interval_ms}"),
                name: name.into(),
                interval_ms,
                call,
                exit_code,
                transition_key: "1:1:0:dc".into(),
                ..OperationHistory::default()
            };
            let agent = Agent { class: "ocf".into(), provider: Some("pacemaker".into()), name: "Stateful".into() };
            let status = situation.status.iter_mut().find(|status| status.name == node).expect("the node is there");
            let operations = vec![operation("start", 0, 1, 0), operation("monitor", 10_000, 2, monitor)];
            let history = ResourceHistory { id: resource.clone(), agent, operations, ..ResourceHistory::default() };
            status.resources.push(history.into());
        }
        for (node, name, value) in self.2 {
            let status = situation.status.iter_mut().find(|status| status.name == node).expect("the node is there");
            status.attributes.extend(set(&[(&name, &value)]));
        }
        situation
    }

    fn placed(self) -> Placed {
        let situation = self.situation();
        let facts = facts::read(&situation);
        let constraints = crate::constraint::resolve(&facts);
        let assignment: Assignment = assign(&facts, &constraints);
        let places = facts
            .all_resources()
            .filter(|&resource| facts[resource].is_primitive())
            .map(|resource| {
                let node = assignment.node(resource).map(|node| facts[node].name.clone());
                (facts[resource].id.clone(), node, assignment.role(resource))
            })
            .collect();
        Placed(places)
    }
}

struct Placed(Vec<(String, Option<String>, Role)>);

impl Placed {
    fn of(&self, resource: &str) -> Option<&str> {
        self.0.iter().find(|(id, _, _)| id == resource).expect("the resource is there").1.as_deref()
    }

    fn promoted(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(_, _, role)| *role == Role::Promoted)
            .filter_map(|(_, node, _)| node.as_deref())
            .collect()
    }
}

#[test]
fn what_follows_is_asked_where_the_first_goes() {
    let world = World::new(&["n1", "n2"]).resource(primitive("db", &[])).resource(primitive("web", &[]));
    let placed = world.colocation("web", "db", 1_000_000).location("web", "n2", 100, None).placed();
    assert_eq!(placed.of("db"), Some("n2"));
    assert_eq!(placed.of("web"), Some("n2"));
}

#[test]
fn a_must_follows_into_nowhere() {
    let world = World::new(&["n1"]).resource(primitive("db", &[("target-role", "Stopped")]));
    let placed = world.resource(primitive("web", &[])).colocation("web", "db", 1_000_000).placed();
    assert_eq!(placed.of("web"), None);
}

#[test]
fn what_avoids_another_goes_elsewhere_or_nowhere() {
    let pair = || World::new(&["n1", "n2"]).resource(primitive("a", &[])).resource(primitive("b", &[]));
    let placed = pair().colocation("b", "a", -1_000_000).placed();
    assert_ne!(placed.of("a"), placed.of("b"));
    let world = World::new(&["n1"]).resource(primitive("a", &[])).resource(primitive("b", &[]));
    assert_eq!(world.colocation("b", "a", -1_000_000).placed().of("b"), None);
    let world = World::new(&["n1"]).resource(primitive("a", &[])).resource(primitive("b", &[]));
    assert_eq!(
        world.colocation("b", "a", -100).placed().of("b"),
        Some("n1"),
        "a wish yields where nothing else is left"
    );
}

#[test]
fn it_stays_unless_another_node_is_worth_more_than_its_stickiness() {
    let world = |wish| {
        let sticky = primitive("ip", &[("resource-stickiness", "50")]);
        World::new(&["n1", "n2"]).resource(sticky).runs("ip", "n1", 0).location("ip", "n2", wish, None).placed()
    };
    assert_eq!(world(49).of("ip"), Some("n1"));
    assert_eq!(world(51).of("ip"), Some("n2"));
}

#[test]
fn a_group_moves_when_one_member_failed_too_often() {
    let world = World::new(&["n1", "n2"]).resource(group("g", &["a", "b"])).runs("a", "n1", 0).runs("b", "n1", 7);
    let placed = world.attribute("n1", "fail-count-b#monitor_10000", "INFINITY").placed();
    assert_eq!((placed.of("a"), placed.of("b")), (Some("n2"), Some("n2")));
}

#[test]
fn nothing_is_allowed_in_an_asymmetric_cluster_until_a_constraint_says_so() {
    let world = || World::new(&["n1", "n2"]).property("symmetric-cluster", "false").resource(primitive("ip", &[]));
    assert_eq!(world().placed().of("ip"), None);
    assert_eq!(world().location("ip", "n2", 0, None).placed().of("ip"), Some("n2"));
}

#[test]
fn instances_spread_and_those_that_run_stay() {
    let web = clone("web-clone", primitive("web", &[]), &[("clone-max", "2")]);
    let placed = World::new(&["n1", "n2", "n3"]).resource(web).runs("web", "n3", 0).placed();
    let mut nodes = vec![placed.of("web:0"), placed.of("web:1")];
    nodes.sort_unstable();
    assert_eq!(nodes, [Some("n1"), Some("n3")]);
}

#[test]
fn the_instance_with_the_best_score_is_promoted_where_nothing_forbids_it() {
    let world = || {
        let db = clone("db-clone", primitive("db", &[]), &[("promotable", "true")]);
        let world = World::new(&["n1", "n2"]).resource(db).runs("db", "n1", 0).runs("db", "n2", 0);
        world.attribute("n1", "master-db", "5").attribute("n2", "master-db", "10")
    };
    assert_eq!(world().placed().promoted(), ["n2"]);
    assert_eq!(world().location("db-clone", "n2", -1_000_000, Some("Promoted")).placed().promoted(), ["n1"]);
}

#[test]
fn what_is_with_the_promoted_instance_pulls_the_promotion() {
    let db = clone("db-clone", primitive("db", &[]), &[("promotable", "true")]);
    let world = World::new(&["n1", "n2"]).resource(db).runs("db", "n1", 0).runs("db", "n2", 0);
    let world =
        world.attribute("n1", "master-db", "5").attribute("n2", "master-db", "10").resource(primitive("ip", &[]));
    let mut world = world.location("ip", "n2", -1_000_000, None).colocation("ip", "db-clone", 1_000_000);
    world.0.constraints.colocations[0].primary_role = Some("Promoted".into());
    let placed = world.placed();
    assert_eq!((placed.promoted(), placed.of("ip")), (vec!["n1"], Some("n1")));
}

#[test]
fn capacity_is_shared_out_until_it_is_used_up() {
    let mut world = World::new(&["n1", "n2"]).property("placement-strategy", "utilization");
    for node in &mut world.0.nodes {
        node.utilization = set(&[("memory", "1000")]);
    }
    for id in ["a", "b", "c"] {
        let resource = Resource { utilization: set(&[("memory", "600")]), ..primitive(id, &[]) };
        world = world.resource(resource);
    }
    let placed = world.placed();
    assert!(placed.of("a").is_some() && placed.of("b").is_some() && placed.of("a") != placed.of("b"));
    assert_eq!(placed.of("c"), None);
}

#[test]
fn without_its_ticket_it_runs_nowhere() {
    let mut world = World::new(&["n1"]).resource(primitive("ip", &[]));
    world.0.constraints.tickets.push(TicketConstraint {
        id: "needs-t".into(),
        ticket: "t".into(),
        resource: "ip".into(),
        ..TicketConstraint::default()
    });
    assert_eq!(world.placed().of("ip"), None);
}

#[test]
fn later_members_of_a_set_follow_earlier_ones() {
    let names = ["a", "b", "c"];
    let mut world = World::new(&["n1", "n2"]);
    for name in names {
        world = world.resource(primitive(name, if name == "b" { &[("target-role", "Stopped")] } else { &[] }));
    }
    let set = ResourceSet { id: "s".into(), members: names.map(Into::into).into(), ..ResourceSet::default() };
    let colocation = Colocation { id: "c".into(), score: Score::MANDATORY, sets: vec![set], ..Colocation::default() };
    world.0.constraints.colocations.push(colocation);
    let placed = world.placed();
    assert!(placed.of("a").is_some());
    assert_eq!((placed.of("b"), placed.of("c")), (None, None));
}

#[test]
fn an_explanation_goes_to_the_bottom_of_it_and_names_the_command() {
    let world = World::new(&["n1", "n2"]).resource(primitive("db", &[("target-role", "Stopped")]));
    let situation = world.resource(primitive("web", &[])).colocation("web", "db", 1_000_000).situation();
    let explanation = explain(&situation, "web", None).expect("there is a web");
    let block = explanation.parts[0].block.as_ref().expect("it cannot run");
    assert!(block.line().contains("web-with-db") && block.line().contains("disabled"), "{}", block.line());
    assert_eq!(block.remedies[0].command, "paceline resource enable db");
    assert!(explain(&situation, "nobody", None).is_err());
}

#[test]
fn an_explanation_tells_what_each_node_is_worth() {
    let world = World::new(&["n1", "n2"]).resource(primitive("ip", &[])).location("ip", "n2", 7, None);
    let situation = world.attribute("n1", "fail-count-ip#start_0", "INFINITY").situation();
    let explanation = explain(&situation, "ip", Some("n1")).expect("there is an ip");
    let [node] = &explanation.parts[0].nodes[..] else { panic!("one node was asked about") };
    assert_eq!((node.node.as_str(), node.score), ("n1", Some(Score::NEVER)));
    assert_eq!(node.until.as_deref(), Some("until its failures are cleaned up"));
    let remedy = node.spoke[0].remedy.as_ref().expect("failures can be cleaned up");
    assert_eq!(remedy.command, "paceline resource cleanup ip --on n1");
    let all = explain(&situation, "ip", None).expect("there is an ip").to_string();
    assert!(all.contains("+7  location constraint ip-on-n2 speaks for this node"), "{all}");
}

#[test]
fn a_long_chain_ends_where_its_last_link_wants_to_be() {
    let length = 3000;
    let mut world = World::new(&["n1", "n2"]);
    for at in 0..length {
        world = world.resource(primitive(&format!("r{at}"), &[]));
        if at + 1 < length {
            world = world.colocation(&format!("r{at}"), &format!("r{}", at + 1), 1_000_000);
        }
    }
    let last = format!("r{}", length - 1);
    let placed = world.location(&last, "n2", 100, None).placed();
    assert!(placed.0.iter().all(|(_, node, _)| node.as_deref() == Some("n2")));
}

#[test]
fn a_circle_of_colocations_is_placed_together() {
    let mut world = World::new(&["n1", "n2"]);
    for (dependent, primary) in [("a", "b"), ("b", "c"), ("c", "a")] {
        world = world.resource(primitive(dependent, &[])).colocation(dependent, primary, 1_000_000);
    }
    let placed = world.location("b", "n2", 100, None).placed();
    assert_eq!([placed.of("a"), placed.of("b"), placed.of("c")], [Some("n2"); 3]);
}

#[test]
fn colocations_that_branch_and_join_are_weighed_in_bounded_time() {
    let (layers, width) = (12, 6);
    let mut world = World::new(&["n1", "n2"]);
    for layer in 0..layers {
        for at in 0..width {
            world = world.resource(primitive(&format!("l{layer}-{at}"), &[]));
            for below in 0..width * i32::from(layer > 0) {
                world = world.colocation(&format!("l{layer}-{at}"), &format!("l{}-{below}", layer - 1), 1_000_000);
            }
        }
    }
    // Without a bound there are more ways through the layers than could ever be gone.
    assert_eq!(world.location("l0-0", "n2", 100, None).placed().of("l0-0"), Some("n2"));
}
