//! Random small clusters, with a world behind them that knows what really runs.
//!
//! What is recorded is true but incomplete: nodes not asked yet, orders in flight, failures, lost nodes. The answers
//! are carried out in a random permitted order, now and then only in part, now and then with a failure; at no start may
//! the same service run anywhere else, and once nothing fails any more the cluster must come to rest.

use crate::facts::{self, Scene};
use crate::safe;
use crate::{render, walk};
use config::{NodeId, OperationName, ResourceId};
use crm::cib::{FailureCount, NodeState, NodeStatus, OperationKey};
use crm::schedule::{ActionKind, Schedule};
use fastrand::Rng;
use libtest_mimic::{Failed, Trial};
use resource_agents::Outcome;
use std::collections::BTreeSet;
use std::fmt::Write;

const CLUSTERS: u64 = 4000;
/// Each instance on each node can surprise a few times: by running, by not running, by a monitor that tells late.
const SURPRISES: usize = 100;
/// Transitions without a surprise until nothing is left to do. One is the rule; a fencing that takes the memory of a
/// failure along, or a wish that was not heard while something was elsewhere, makes it two. What is known of something
/// with another agent than today's is forgotten and then asked for anew, which makes it three.
const CALM: usize = 3;

pub(crate) fn trials() -> Vec<Trial> {
    let batches = 8;
    let batch = move |at: u64| {
        Trial::test(format!("random/{at}"), move || {
            let mut used = 0;
            for seed in (0..CLUSTERS).filter(|seed| seed % batches == at) {
                used += u64::from(cluster(seed).map_err(|problem| format!("seed {seed}: {problem}"))?);
            }
            // Files that contradict themselves are refused by the parser; most must not be.
            if used * 2 < CLUSTERS / batches { Err(format!("only {used} were usable").into()) } else { Ok(()) }
        })
    };
    (0..batches).map(batch).collect()
}

/// What is measured, and so has the process to itself.
pub(crate) fn measured() -> Vec<Trial> {
    vec![Trial::test("random/large_is_fast", large)]
}

struct World {
    scene: Scene,
    /// What really runs.
    runs: BTreeSet<(NodeId, ResourceId)>,
    rng: Rng,
    faults: bool,
}

/// One random cluster; whether its file could be used.
fn cluster(seed: u64) -> Result<bool, String> {
    let mut rng = Rng::with_seed(seed);
    let nodes = rng.usize(1..5);
    let resources = rng.usize(1..7);
    let text = file(&mut rng, nodes, resources);
    let Some(config) = config::parse(&text).config else { return Ok(false) };
    let mut world = World { scene: Scene::new(&text, config), runs: BTreeSet::new(), rng, faults: true };
    world.populate();
    let rounds = world.rng.usize(0..4);
    let outcome = world.live(rounds);
    outcome.map(|()| true).map_err(|problem| format!("{problem}\n{text}"))
}

fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(0..100) < percent
}

fn score(rng: &mut Rng) -> &'static str {
    ["\"mandatory\"", "\"never\"", "5", "-5", "100", "1"][rng.usize(0..6)]
}

/// A cluster file.
fn file(rng: &mut Rng, nodes: usize, resources: usize) -> String {
    let mut text = String::from("[cluster]\nname = \"random\"\n");
    let names: Vec<String> = (0..nodes).map(|n| format!("n{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        let _ = writeln!(text, "[nodes.{name}]\naddresses = [\"10.0.0.{}\"]\nstandby = {}", n + 1, chance(rng, 10));
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let _ = writeln!(text, "[fencing.power]\nagent = \"fence_test\"\nnodes = [{}]\n[properties]", quoted.join(", "));
    for (name, percent) in
        [("symmetric-cluster", 90), ("startup-fencing", 80), ("start-failure-is-fatal", 70), ("fencing-enabled", 90)]
    {
        let _ = writeln!(text, "{name} = {}", chance(rng, percent));
    }
    if chance(rng, 20) {
        text.push_str("no-quorum-policy = \"freeze\"\n");
    }
    for r in 0..resources {
        resource(rng, r, nodes, &mut text);
    }
    if resources > 1 && chance(rng, 50) {
        let split = rng.usize(1..resources);
        let members: Vec<String> = (0..=split).map(|r| format!("\"r{r}\"")).collect();
        let _ = writeln!(text, "[groups.g]\nmembers = [{}]", members.join(", "));
    }
    for _ in 0..rng.usize(0..4) {
        let (one, other) = (rng.usize(0..resources), rng.usize(0..resources));
        match rng.u32(0..3) {
            0 => {
                let (n, score) = (rng.usize(0..nodes), score(rng));
                let _ = writeln!(text, "[[location]]\nresource = \"r{one}\"\nnode = \"n{n}\"\nscore = {score}");
            }
            1 if one != other => {
                let score = score(rng);
                let _ =
                    writeln!(text, "[[colocation]]\ndependent = \"r{one}\"\nprimary = \"r{other}\"\nscore = {score}");
            }
            2 if one < other => {
                let _ = writeln!(text, "[[order]]\nfirst = \"r{one}\"\nthen = \"r{other}\"");
                let kind = if chance(rng, 70) { "mandatory" } else { "optional" };
                let _ = writeln!(text, "kind = \"{kind}\"\nsymmetrical = {}", chance(rng, 80));
            }
            _ => {}
        }
    }
    text
}

fn resource(rng: &mut Rng, r: usize, nodes: usize, text: &mut String) {
    let _ = writeln!(text, "[resources.r{r}]\nagent = \"ocf:test:Dummy\"\nstickiness = {}", rng.u32(0..3) * 10);
    if chance(rng, 60) {
        let on_fail = ["restart", "restart", "stop", "block", "fence", "ignore"][rng.usize(0..6)];
        let _ = writeln!(text, "operations = [{{ name = \"monitor\", interval = \"10s\", on-fail = \"{on_fail}\" }}]");
    }
    if chance(rng, 30) {
        let _ = writeln!(text, "prefer = {{ n{} = {} }}", rng.usize(0..nodes), rng.u32(1..200));
    }
    for (line, percent) in [
        ("target-role = \"stopped\"", 10),
        ("managed = false", 7),
        ("maintenance = true", 5),
        ("migration-threshold = 2", 40),
        ("failure-timeout = \"1m\"", 30),
        ("priority = 5", 20),
    ] {
        if chance(rng, percent) {
            text.push_str(line);
            text.push('\n');
        }
    }
}

impl World {
    /// Invents a past.
    fn populate(&mut self) {
        let rng = &mut self.rng;
        let nodes: Vec<NodeId> = self.scene.cib.config.nodes.keys().cloned().collect();
        let resources: Vec<ResourceId> = self.scene.cib.config.resources.keys().cloned().collect();
        self.scene.quorum.quorate = chance(rng, 85);
        self.scene.waiting = chance(rng, 10);
        for (at, node) in nodes.iter().enumerate() {
            let incarnation = membership::Incarnation(at as u64);
            let state = match rng.u32(0..10) {
                0 => NodeState::Unseen,
                1 => NodeState::Lost { incarnation },
                2 => NodeState::Offline,
                _ => NodeState::Online { incarnation },
            };
            // A lost node of which this is kept left in order, with nothing that is managed: another story.
            let leaving = chance(rng, 7) && !matches!(state, NodeState::Lost { .. });
            let status = NodeStatus { state, leaving, ..NodeStatus::default() };
            self.scene.cib.status.nodes.insert(node.clone(), status);
        }
        // Some clusters are told to take such nodes for off; then it is the operator who vouches for that.
        let properties = self.scene.cib.config.properties.clone();
        let trusted = |state: NodeState| match state {
            NodeState::Offline => true,
            NodeState::Unseen => !properties.startup_fencing || !properties.fencing_enabled,
            NodeState::Lost { .. } => !properties.fencing_enabled,
            NodeState::Online { .. } => false,
        };
        for resource in &resources {
            // Normally one instance; sometimes somebody started a second one by hand.
            for _ in 0..1 + usize::from(chance(&mut self.rng, 10)) {
                let node = nodes[self.rng.usize(0..nodes.len())].clone();
                if chance(&mut self.rng, 70) && !trusted(self.scene.cib.status.nodes[&node].state) {
                    self.runs.insert((node, resource.clone()));
                }
            }
            for node in &nodes {
                self.remember(node, resource);
            }
        }
        self.scene = self.scene.clone().gathered();
    }

    /// What was recorded of one resource on one node.
    fn remember(&mut self, node: &NodeId, resource: &ResourceId) {
        let state = self.scene.cib.status.nodes[node].state;
        if matches!(state, NodeState::Offline | NodeState::Unseen) || chance(&mut self.rng, 30) {
            return;
        }
        let runs = self.runs.contains(&(node.clone(), resource.clone()));
        let known = if runs {
            [
                "start ok",
                "start ok, monitor 10s ok",
                "monitor ok",
                "start ok old",
                "start ok, monitor 10s error, failures 1",
            ]
        } else {
            ["monitor not-running", "stop ok", "start ok, stop ok", "start error", "monitor not-installed"]
        };
        let known = known[self.rng.usize(0..known.len())];
        let line = format!("on {node}: {resource} {known}");
        facts::line_of(&mut self.scene, &line).expect("the notation above is right");
        if chance(&mut self.rng, 8) {
            let what = ["start", "stop", "monitor"][self.rng.usize(0..3)];
            let line = format!("on {node}: {resource} pending {what}");
            facts::line_of(&mut self.scene, &line).expect("the notation above is right");
        }
    }

    fn live(&mut self, rounds: usize) -> Result<(), String> {
        for _ in 0..rounds {
            let answer = self.plan()?;
            let steps = self.rng.usize(0..=answer.graph.actions.len());
            self.carry_out(&answer, steps)?;
            self.answer_pending();
        }
        self.faults = false;
        self.rest()?;
        self.answer_pending();
        self.rest()
    }

    /// Nothing fails any more: it comes to rest soon after the last surprise.
    fn rest(&mut self) -> Result<(), String> {
        let (mut trail, mut calm) = (String::new(), 0);
        for _ in 0..SURPRISES {
            let answer = self.plan()?;
            if answer.graph.is_empty() {
                return Ok(());
            }
            if calm == CALM {
                return Err(format!("no rest:\n{trail}{}", render::render(&answer)));
            }
            let _ = writeln!(trail, "{}then", render::render(&answer));
            calm = if self.carry_out(&answer, usize::MAX)? { calm + 1 } else { 0 };
        }
        Err(format!("no end of surprises:\n{trail}"))
    }

    fn plan(&self) -> Result<Schedule, String> {
        let situation = self.scene.situation();
        let answer = crm::scheduler::schedule(&situation).map_err(|bug| bug.to_string())?;
        let again = crm::scheduler::schedule(&situation).map_err(|bug| bug.to_string())?;
        if format!("{answer:?}") != format!("{again:?}") {
            return Err("the second answer differs".to_owned());
        }
        Ok(answer)
    }

    /// Carries out at most `steps` actions in a random permitted order, until something unexpected happens. Whether
    /// nothing did.
    fn carry_out(&mut self, answer: &Schedule, steps: usize) -> Result<bool, String> {
        let actions = &answer.graph.actions;
        let mut done = vec![false; actions.len()];
        let mut expected = true;
        for _ in 0..steps.min(actions.len()) {
            let may_begin =
                |at: &usize| !done[*at] && actions[*at].after.iter().all(|earlier| done[earlier.0 as usize]);
            let ready: Vec<usize> = (0..actions.len()).filter(may_begin).collect();
            let at = ready[self.rng.usize(0..ready.len())];
            done[at] = true;
            let told = |problem| format!("{problem}\n{}", render::render(answer));
            expected = self.act(&actions[at].kind).map_err(told)?;
            if !expected {
                break;
            }
        }
        self.scene = self.scene.clone().gathered();
        Ok(expected)
    }

    /// One action in the world; whether it went as expected.
    fn act(&mut self, kind: &ActionKind) -> Result<bool, String> {
        if let ActionKind::Fence { node, .. } = kind {
            self.runs.retain(|(place, _)| place != node);
        }
        let ActionKind::Perform { node, operation, .. } = kind else {
            walk::perform(&mut self.scene, kind, None);
            return Ok(true);
        };
        let key = (node.clone(), operation.resource.clone());
        let fails = self.faults && chance(&mut self.rng, 5);
        let outcome = match operation.name {
            OperationName::Start => {
                if let Some((place, _)) = self.runs.iter().find(|(_, resource)| *resource == operation.resource) {
                    return Err(format!("{} is started on {node} while it runs on {place}", operation.resource));
                }
                self.runs.insert(key);
                if fails { Outcome::Error } else { Outcome::Ok }
            }
            OperationName::Stop if fails => Outcome::Error,
            OperationName::Stop => {
                self.runs.remove(&key);
                Outcome::Ok
            }
            OperationName::Monitor if fails => Outcome::TimedOut,
            OperationName::Monitor if self.runs.contains(&key) => Outcome::Ok,
            OperationName::Monitor => Outcome::NotRunning,
            other => return Err(format!("{} is not asked for here", other.as_str())),
        };
        walk::perform(&mut self.scene, kind, Some(outcome));
        if matches!(outcome, Outcome::Error | Outcome::TimedOut) {
            let fatal = self.scene.cib.config.properties.start_failure_is_fatal;
            let wall = self.scene.wall_ms;
            let fatal = match operation.name {
                OperationName::Start => fatal,
                name => name == OperationName::Stop,
            };
            let key = OperationKey { name: operation.name, interval: operation.interval };
            let failures = &mut self.scene.history(node, &operation.resource).failures;
            let count = 1 + failures.iter().find(|one| one.key == key).map_or(0, |one| one.count);
            failures.retain(|one| one.key != key);
            failures.push(FailureCount { key, count, fatal, last_wall_ms: wall });
        }
        Ok(outcome == operation.expect)
    }

    /// Nodes that are here answer what they were asked.
    fn answer_pending(&mut self) {
        let mut answers = Vec::new();
        for node in &self.scene.members.clone() {
            let status = self.scene.cib.status.nodes.get_mut(node).expect("members have a status");
            for (resource, history) in &mut status.resources {
                for (_, pending) in std::mem::take(&mut history.pending) {
                    answers.push((node.clone(), resource.clone(), pending.key));
                }
            }
        }
        for (node, resource, key) in answers {
            let runs = match key.name {
                OperationName::Start => true,
                OperationName::Stop => false,
                _ => self.runs.contains(&(node.clone(), resource.clone())),
            };
            let outcome = if runs || key.name == OperationName::Stop { Outcome::Ok } else { Outcome::NotRunning };
            if runs {
                self.runs.insert((node.clone(), resource.clone()));
            } else {
                self.runs.remove(&(node.clone(), resource.clone()));
            }
            facts::result(&mut self.scene, &node, &resource, key, outcome, false, 990_000);
        }
    }
}

/// 500 resources on 16 nodes, one of them lost.
fn large() -> Result<(), Failed> {
    let mut text = String::from("[cluster]\nname = \"large\"\n");
    let names: Vec<String> = (0..16).map(|n| format!("n{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        let _ = writeln!(text, "[nodes.{name}]\naddresses = [\"10.0.0.{}\"]", n + 1);
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let _ = writeln!(text, "[fencing.power]\nagent = \"fence_test\"\nnodes = [{}]", quoted.join(", "));
    for r in 0..500 {
        let _ = writeln!(text, "[resources.r{r}]\nagent = \"ocf:test:Dummy\"\nmonitor = \"10s\"");
    }
    for g in 0..50 {
        let members: Vec<String> = (g * 8..g * 8 + 8).map(|r| format!("\"r{r}\"")).collect();
        let _ = writeln!(text, "[groups.g{g}]\nmembers = [{}]\nprefer = {{ n{} = 10 }}", members.join(", "), g % 16);
    }
    for r in 401..500 {
        let _ = writeln!(text, "[[colocation]]\ndependent = \"r{r}\"\nprimary = \"r{}\"\nscore = -10", r - 1);
        let _ = writeln!(text, "[[order]]\nfirst = \"r{}\"\nthen = \"r{r}\"", r - 1);
    }
    let parsed = config::parse(&text);
    let mut scene = Scene::new(&text, parsed.config.ok_or_else(|| format!("{:?}", parsed.problems))?);
    let mut slowest = 0;
    for round in 0..4 {
        let (answer, first) = timed(&scene)?;
        let again = [timed(&scene)?.1, timed(&scene)?.1];
        // The quickest of three: caches are shared with whatever else the machine does.
        slowest = slowest.max(first.min(again[0]).min(again[1]));
        for action in &answer.graph.actions {
            walk::perform(&mut scene, &action.kind, None);
        }
        scene = scene.gathered();
        if round == 1 {
            facts::line_of(&mut scene, "node n3 lost").expect("the notation is right");
            scene = scene.gathered();
        }
    }
    // Audit included, and not optimised as a release is.
    if slowest < 50_000 { Ok(()) } else { Err(format!("{slowest} microseconds of processor time").into()) }
}

/// A plan, and the processor time that it took in microseconds.
fn timed(scene: &Scene) -> Result<(Schedule, u64), Failed> {
    let begin = busy_us()?;
    let answer = safe(&scene.situation());
    Ok((answer, busy_us()? - begin))
}

/// Processor time of this thread in microseconds: other tests may keep the machine busy.
#[allow(clippy::disallowed_methods)] // measures
fn busy_us() -> Result<u64, Failed> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("no number in schedstat")?.parse::<u64>()?;
    Ok(nanoseconds / 1000)
}
