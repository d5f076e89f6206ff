//! Answers with a planted fault: the audit must see each of them. What it cannot see, no case above would show either.

use crate::facts;
use crate::safe;
use crm::schedule::{ActionKind, Schedule};
use crm::scheduler::audit;
use libtest_mimic::{Failed, Trial};

const CLUSTER: &str = r#"
[cluster]
name = "test"
[nodes.alpha]
addresses = ["10.0.0.1"]
[nodes.beta]
addresses = ["10.0.0.2"]
[nodes.gamma]
addresses = ["10.0.0.3"]
[fencing.power]
agent = "fence_test"
nodes = ["alpha", "beta", "gamma"]
[resources.disk]
agent = "ocf:test:Dummy"
[resources.web]
agent = "ocf:test:Dummy"
prefer = { beta = 5 }
[resources.one]
agent = "ocf:test:Dummy"
target-role = "stopped"
[resources.two]
agent = "ocf:test:Dummy"
target-role = "stopped"
[groups.pair]
members = ["one", "two"]
[[order]]
first = "disk"
then = "web"
"#;

type Fault = fn(&mut Schedule);

/// What is known, what is broken in the answer, and a word of the complaint.
const FAULTS: &[(&str, &str, Fault, &str)] = &[
    (
        "unfenced",
        "node alpha lost\non alpha: web start ok",
        |answer| forget(answer, "fence"),
        "nobody cut the node off",
    ),
    ("unprobed", "unprobed", |answer| forget(answer, "probe"), "was not asked"),
    ("unstopped", "on alpha: web start ok\non gamma: web start ok", |answer| forget(answer, "stop"), "is not stopped"),
    ("out_of_order", "", |answer| forget(answer, "start"), "before"),
    ("no_quorum", "", nothing, "without quorum"),
    ("standby", "", nothing, "is in standby"),
    ("leaving", "", nothing, "is leaving"),
    ("in_flight", "", nothing, "in flight"),
    ("not_managed", "", nothing, "not managed"),
    ("healthy_node_fenced", "node alpha lost", nothing, "here and well"),
    ("circle", "", circle, "wait for each other"),
    ("twice", "", twice, "2 times"),
    ("elsewhere", "", elsewhere, "not its place"),
    ("half_a_group", "override role one started\noverride role two started", half, "without one"),
    ("dangling", "", dangling, "waits for"),
];

/// The same answer, in a situation to which it does not belong.
fn later(name: &str) -> Option<&'static str> {
    Some(match name {
        "no_quorum" => "quorum no",
        "standby" => "override node beta standby",
        "leaving" => "node beta online leaving",
        "in_flight" => "on gamma: web pending monitor",
        "healthy_node_fenced" => "node alpha online",
        _ => return None,
    })
}

pub(crate) fn trials() -> Vec<Trial> {
    FAULTS
        .iter()
        .map(|(name, known, fault, word)| Trial::test(format!("planted/{name}"), || planted(name, known, *fault, word)))
        .collect()
}

fn planted(name: &str, known: &str, fault: Fault, word: &str) -> Result<(), Failed> {
    let parsed = config::parse(CLUSTER);
    let config = parsed.config.ok_or_else(|| format!("{:?}", parsed.problems))?;
    let scene = facts::read(CLUSTER, config.clone(), known)?;
    let mut answer = safe(&scene.situation());
    if !audit(&scene.situation(), &answer).is_empty() {
        return Err("the answer is refused before anything is planted".into());
    }
    fault(&mut answer);
    let scene = match (name, later(name)) {
        ("not_managed", _) => {
            let text = CLUSTER.replace("prefer =", "managed = false\nprefer =");
            facts::read(&text, config::parse(&text).config.ok_or("the cluster file")?, known)?
        }
        (_, Some(line)) => facts::read(CLUSTER, config, line)?,
        (_, None) => scene,
    };
    let violations = audit(&scene.situation(), &answer);
    if violations.iter().any(|violation| violation.contains(word)) {
        return Ok(());
    }
    Err(format!("no complaint about {word:?} in {violations:?}").into())
}

fn nothing(_: &mut Schedule) {}

/// Lets every start forget to wait for actions of this kind.
fn forget(answer: &mut Schedule, what: &str) {
    let kinds: Vec<&'static str> = answer.graph.actions.iter().map(|action| kind(&action.kind)).collect();
    for action in answer.graph.actions.iter_mut().filter(|action| kind(&action.kind) == "start") {
        action.after.retain(|earlier| kinds[earlier.0 as usize] != what);
    }
}

fn kind(kind: &ActionKind) -> &'static str {
    match kind {
        ActionKind::Fence { .. } => "fence",
        ActionKind::CancelMonitor { .. } => "cancel",
        ActionKind::Perform { operation, .. } => match (operation.name, operation.interval) {
            (config::OperationName::Monitor, None) => "probe",
            (name, _) => name.as_str(),
        },
    }
}

fn circle(answer: &mut Schedule) {
    let last = answer.graph.actions.last().expect("something is to be done").id;
    answer.graph.actions[0].after.push(last);
    let first = answer.graph.actions[0].id;
    answer.graph.actions[last.0 as usize].after.push(first);
}

fn twice(answer: &mut Schedule) {
    let mut again = answer.graph.actions[0].clone();
    again.id = crm::schedule::ActionId(u32::try_from(answer.graph.actions.len()).expect("a small graph"));
    answer.graph.actions.push(again);
}

fn elsewhere(answer: &mut Schedule) {
    for place in answer.placement.values_mut() {
        *place = "gamma".parse().ok();
    }
}

/// The first member of the group is somewhere else.
fn half(answer: &mut Schedule) {
    let one = "one".parse().expect("a name");
    let elsewhere = if answer.placement[&one] == "gamma".parse().ok() { "beta" } else { "gamma" };
    answer.placement.insert(one, elsewhere.parse().ok());
}

fn dangling(answer: &mut Schedule) {
    answer.graph.actions[0].after.push(crm::schedule::ActionId(999));
}
