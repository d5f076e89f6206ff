//! Several nodes on one perfect ordered broadcast: no ring, no loss, but partitions at any point of the order, power
//! cuts, restarts, slow disks, agents and a fence device whose answers the test decides.

use crate::cib::{Durable, Generation};
use crate::control::{Request, Response};
use crate::event::{Event, EventKind};
use crate::node::{ClientId, Effect, Input, JobKey, Moment, Node, NodeOptions};
use bytes::Bytes;
use config::{NodeId, ResourceId};
use fencing::FencerOptions;
use membership::{Channel, Configuration, Delivery, Guarantee, Incarnation, RingId, View};
use resource_agents::{ExecutorOptions, Exit, Finished, Job};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

pub(super) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(super) fn resource(name: &str) -> ResourceId {
    ResourceId::new(name).unwrap()
}

/// A cluster file with these nodes, one device that fences them all, and `rest`.
pub(super) fn file(names: &[&str], rest: &str) -> String {
    let mut text = "[cluster]\nname = \"test\"\n".to_owned();
    for (number, name) in names.iter().enumerate() {
        text.push_str(&format!("[nodes.{name}]\naddresses = [\"10.0.0.{}\"]\n", number + 1));
    }
    let list: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    text.push_str(&format!("[fencing.pdu]\nagent = \"fence_pdu\"\nnodes = [{}]\n", list.join(", ")));
    text + rest
}

pub(super) fn service(name: &str) -> String {
    format!(
        "[resources.{name}]\nagent = \"command\"\nstart = \"up\"\nstop = \"down\"\ncheck = \"check\"\nmonitor = \"10s\"\n"
    )
}

/// What a job of an agent is to do, and with which service: "check web". `None` for a fence agent.
fn called(job: &Job) -> Option<(String, String)> {
    let command = || Some((job.env.get("PACELINE_ACTION")?.clone(), job.env.get("PACELINE_RESOURCE")?.clone()));
    let script = || {
        let action = job.args.first()?.replace("monitor", "check");
        Some((action, job.env.get("OCF_RESOURCE_INSTANCE")?.clone()))
    };
    command().or_else(script)
}

/// Services of which each node may run one.
fn cloned(name: &str) -> bool {
    name.starts_with("many")
}

/// Members that hear each other, and what they have said and not heard yet.
#[derive(Debug)]
struct Part {
    ring: RingId,
    members: BTreeMap<NodeId, Incarnation>,
    seq: u64,
    said: VecDeque<(NodeId, Bytes)>,
}

/// A job under way.
#[derive(Debug)]
struct Running {
    node: NodeId,
    key: JobKey,
    job: Job,
    started: Instant,
}

pub(super) struct Cluster {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) now: Moment,
    parts: Vec<Part>,
    number: u64,
    incarnations: u64,
    /// What is on the disk of each node, and what is being written.
    pub(super) disks: BTreeMap<NodeId, Durable>,
    writing: BTreeMap<NodeId, Durable>,
    /// Nodes whose disk does not answer.
    pub(super) slow_disks: BTreeSet<NodeId>,
    jobs: Vec<Running>,
    /// Services that run: truth, not belief.
    pub(super) running: BTreeSet<(NodeId, String)>,
    /// Those of them that are promoted.
    pub(super) promoted: BTreeSet<(NodeId, String)>,
    /// Calls of `notify`.
    pub(super) notified: usize,
    /// "start web" and the like that fail, or never end.
    pub(super) failing: BTreeSet<String>,
    pub(super) hanging: BTreeSet<String>,
    /// How many fencings fail before one works.
    pub(super) fencing_fails: u32,
    pub(super) fenced: Vec<NodeId>,
    pub(super) replies: Vec<(NodeId, ClientId, Response)>,
    pub(super) events: Vec<(NodeId, Event)>,
    pub(super) stops: BTreeMap<NodeId, String>,
}

impl Cluster {
    #[expect(clippy::disallowed_methods, reason = "tests need one Instant to begin with; it is never asked again")]
    pub(super) fn new(names: &[&str], text: &str) -> Cluster {
        let durable = NodeOptions::first_durable(text.to_owned());
        let mut cluster = Cluster {
            nodes: BTreeMap::new(),
            now: Moment { at: Instant::now(), wall_ms: 1_000_000 },
            parts: Vec::new(),
            number: 0,
            incarnations: 0,
            disks: names.iter().map(|name| (node(name), durable.clone())).collect(),
            writing: BTreeMap::new(),
            slow_disks: BTreeSet::new(),
            jobs: Vec::new(),
            running: BTreeSet::new(),
            promoted: BTreeSet::new(),
            notified: 0,
            failing: BTreeSet::new(),
            hanging: BTreeSet::new(),
            fencing_fails: 0,
            fenced: Vec::new(),
            replies: Vec::new(),
            events: Vec::new(),
            stops: BTreeMap::new(),
        };
        for name in names {
            cluster.boot(name);
        }
        cluster
    }

    /// All of them, in one view, settled.
    pub(super) fn started(names: &[&str], rest: &str) -> Cluster {
        let mut cluster = Cluster::new(names, &file(names, rest));
        cluster.join(&[names]);
        cluster.run();
        cluster
    }

    /// Starts a daemon on a machine that has power and none.
    pub(super) fn boot(&mut self, name: &str) {
        self.incarnations += 1;
        let options = NodeOptions {
            me: node(name),
            incarnation: Incarnation(self.incarnations),
            durable: self.disks[&node(name)].clone(),
            executor: ExecutorOptions { ocf_root: "/usr/lib/ocf".into(), parallel_jobs: 4 },
            fencer: FencerOptions { me: node(name), agent_directories: vec!["/usr/sbin".into()] },
            seed: self.incarnations,
        };
        self.stops.remove(&node(name));
        self.nodes.insert(node(name), Node::new(options).unwrap());
        let life = Incarnation(self.incarnations);
        self.number += 1;
        let ring = RingId { number: self.number, representative: node(name) };
        self.parts.push(Part { ring, members: [(node(name), life)].into(), seq: 0, said: VecDeque::new() });
    }

    /// The daemon and everything on the machine is gone at once.
    pub(super) fn power_off(&mut self, name: &str) {
        self.kill_daemon(name);
        self.running.retain(|(place, _)| place.as_str() != name);
        self.promoted.retain(|(place, _)| place.as_str() != name);
    }

    /// The daemon is gone and its jobs with it; its services stay.
    pub(super) fn kill_daemon(&mut self, name: &str) {
        self.nodes.remove(&node(name));
        self.jobs.retain(|running| running.node.as_str() != name);
        self.writing.remove(&node(name));
    }

    /// Installs a view for each group; what was said in the views before and not heard is heard by nobody.
    pub(super) fn join(&mut self, groups: &[&[&str]]) {
        for group in groups {
            let members: BTreeMap<NodeId, Incarnation> =
                group.iter().map(|name| (node(name), self.life(&node(name)).expect("a running node"))).collect();
            for part in &mut self.parts {
                part.members.retain(|name, _| !members.contains_key(name));
            }
            self.number += 1;
            let representative = members.keys().next().unwrap().clone();
            let ring = RingId { number: self.number, representative };
            self.parts.push(Part { ring: ring.clone(), members: members.clone(), seq: 0, said: VecDeque::new() });
            for name in members.keys() {
                let came_along = [name.clone()].into();
                let view = View { ring: ring.clone(), members: members.clone(), came_along };
                self.step(name, Input::View(view));
            }
        }
        self.parts.retain(|part| !part.members.is_empty());
    }

    fn life(&self, name: &NodeId) -> Option<Incarnation> {
        self.nodes.get(name)?;
        self.parts.iter().rev().find_map(|part| part.members.get(name).copied())
    }

    pub(super) fn step(&mut self, name: &NodeId, input: Input) {
        let Some(machine) = self.nodes.get_mut(name) else { return };
        let effects = machine.step(self.now, input);
        for effect in effects {
            self.carry_out(name, effect);
        }
    }

    fn carry_out(&mut self, name: &NodeId, effect: Effect) {
        match effect {
            Effect::Multicast(bytes) => {
                if let Some(part) = self.parts.iter_mut().rev().find(|part| part.members.contains_key(name)) {
                    part.said.push_back((name.clone(), bytes));
                }
            }
            // There is no ring.
            Effect::Reconfigure { .. } => {}
            Effect::Leave => self.step(name, Input::Left),
            Effect::Start { key, job } => {
                self.jobs.push(Running { node: name.clone(), key, job, started: self.now.at });
            }
            Effect::Kill(key) => {
                if let Some(place) = self.jobs.iter().position(|job| job.node == *name && job.key == key) {
                    let running = self.jobs.remove(place);
                    self.finish(running, Exit::Cancelled, "");
                }
            }
            Effect::Store(durable) => {
                self.writing.insert(name.clone(), durable);
            }
            Effect::Reply { client, response } => self.replies.push((name.clone(), client, response)),
            Effect::Event(event) => self.events.push((name.clone(), event)),
            Effect::Stop { reason, orderly } => {
                self.stops.insert(name.clone(), if orderly { reason } else { format!("failed: {reason}") });
                self.kill_daemon(name.as_str());
            }
        }
    }

    fn finish(&mut self, running: Running, exit: Exit, words: &str) {
        let finished =
            Finished { exit, stdout: String::new(), stderr: words.to_owned(), elapsed: Duration::from_millis(5) };
        self.step(&running.node, Input::JobDone { key: running.key, finished });
    }

    /// Delivers the next message of every part to all its members. Whether there was one.
    pub(super) fn deliver(&mut self) -> bool {
        self.deliver_to(&|_| true)
    }

    /// Delivers the next message of every part, but only to some members; the others never hear it in this view.
    pub(super) fn deliver_to(&mut self, hears: &dyn Fn(&NodeId) -> bool) -> bool {
        let mut any = false;
        for place in 0..self.parts.len() {
            let Some((from, payload)) = self.parts[place].said.pop_front() else { continue };
            any = true;
            self.parts[place].seq += 1;
            let part = &self.parts[place];
            let (ring, seq) = (part.ring.clone(), part.seq);
            let Some(incarnation) = part.members.get(&from).copied() else { continue };
            let members: Vec<NodeId> = part.members.keys().cloned().collect();
            for member in members.iter().filter(|member| hears(member)) {
                let configuration = Configuration::Regular;
                let payload = payload.clone();
                let (ring, from) = (ring.clone(), from.clone());
                let (channel, guarantee) = (Channel::Cluster, Guarantee::Agreed);
                let delivery = Delivery { ring, seq, from, incarnation, configuration, channel, guarantee, payload };
                self.step(member, Input::Delivered(delivery));
            }
        }
        any
    }

    /// Finishes what the disks have begun. Whether there was something.
    pub(super) fn write(&mut self) -> bool {
        let ready: Vec<NodeId> = self.writing.keys().filter(|name| !self.slow_disks.contains(*name)).cloned().collect();
        for name in &ready {
            let durable = self.writing.remove(name).unwrap();
            let generation: Generation = durable.generation;
            self.disks.insert(name.clone(), durable);
            self.step(name, Input::Stored(generation));
        }
        !ready.is_empty()
    }

    /// Finishes the oldest job that does not hang. Whether there was one.
    fn work(&mut self) -> bool {
        self.work_on(|_| 0)
    }

    /// Finishes any job that does not hang.
    pub(super) fn work_any(&mut self, random: &mut fastrand::Rng) -> bool {
        self.work_on(|number| random.usize(..number))
    }

    fn work_on(&mut self, mut choose: impl FnMut(usize) -> usize) -> bool {
        let hangs = |running: &Running, hanging: &BTreeSet<String>| {
            called(&running.job).is_some_and(|(action, name)| hanging.contains(&format!("{action} {name}")))
        };
        let able = self.jobs.iter().enumerate().filter(|(_, running)| !hangs(running, &self.hanging));
        let able: Vec<usize> = able.map(|(place, _)| place).collect();
        if able.is_empty() {
            return false;
        }
        let running = self.jobs.remove(able[choose(able.len())]);
        match called(&running.job) {
            Some((action, name)) => self.serve(running, &action, &name),
            None => self.fence(running),
        }
        true
    }

    fn serve(&mut self, running: Running, action: &str, name: &str) {
        let here = (running.node.clone(), name.to_owned());
        let fails = self.failing.contains(&format!("{action} {name}"));
        let code = match action {
            _ if fails => 1,
            "start" => {
                self.running.insert(here);
                let places: Vec<_> = self.running.iter().filter(|(_, service)| service == name).collect();
                assert!(places.len() == 1 || cloned(name), "{name} runs twice: {places:?}");
                0
            }
            "stop" => {
                assert!(!self.promoted.contains(&here), "{name} is stopped while it is promoted");
                self.running.remove(&here);
                0
            }
            "promote" => {
                assert!(self.running.contains(&here), "{name} is promoted and does not run");
                self.promoted.insert(here);
                let places: Vec<_> = self.promoted.iter().filter(|(_, service)| service == name).collect();
                assert!(places.len() == 1, "{name} is promoted twice: {places:?}");
                0
            }
            "demote" => {
                self.promoted.remove(&here);
                0
            }
            "notify" => {
                self.notified += 1;
                0
            }
            "check" if self.promoted.contains(&here) => 8,
            "check" if self.running.contains(&here) => 0,
            "check" => 7,
            other => panic!("unknown action {other}"),
        };
        self.finish(running, Exit::Code(code), "");
    }

    /// Whether a device is being told to switch a node on.
    pub(super) fn gives_power(&self) -> bool {
        let words = |running: &Running| running.job.stdin.as_ref().is_some_and(|text| text.contains("action=on\n"));
        self.jobs.iter().any(words)
    }

    fn fence(&mut self, running: Running) {
        let stdin = running.job.stdin.clone().unwrap_or_default();
        let target = stdin.lines().find_map(|line| line.strip_prefix("nodename=")).unwrap_or_default().to_owned();
        let acts = ["action=off", "action=reboot"].iter().any(|action| stdin.contains(action));
        if acts && self.fencing_fails > 0 {
            self.fencing_fails -= 1;
            self.finish(running, Exit::Code(1), "the power switch does not answer");
            return;
        }
        if acts {
            self.power_off(&target);
            self.fenced.push(node(&target));
        }
        self.finish(running, Exit::Code(0), "");
    }

    /// Lets everything happen that needs no time to pass.
    pub(super) fn settle(&mut self) {
        for _ in 0..20_000 {
            if !(self.deliver() || self.write() || self.work()) {
                self.agree();
                return;
            }
        }
        panic!("the cluster does not come to rest: {:#?}", self.events.iter().rev().take(30).collect::<Vec<_>>());
    }

    /// Lets time pass, from deadline to deadline; between them everything happens that needs no time.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.at + time;
        self.settle();
        while self.now.at < end {
            let next = self.next_deadline().filter(|next| *next <= end).unwrap_or(end);
            self.advance(next.saturating_duration_since(self.now.at));
            self.settle();
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let jobs = self.jobs.iter().map(|running| running.started + running.job.timeout);
        self.nodes.values().filter_map(Node::deadline).chain(jobs).min()
    }

    /// Moves the clock, wakes who wanted to be woken, and kills jobs that took too long. Nothing is delivered.
    pub(super) fn advance(&mut self, time: Duration) {
        self.now.at += time;
        self.now.wall_ms += u64::try_from(time.as_millis()).unwrap();
        let names: Vec<NodeId> = self.nodes.keys().cloned().collect();
        for name in names {
            if self.nodes.get(&name).and_then(Node::deadline).is_some_and(|deadline| deadline <= self.now.at) {
                self.step(&name, Input::Wake);
            }
        }
        while let Some(place) =
            self.jobs.iter().position(|running| running.started + running.job.timeout <= self.now.at)
        {
            let running = self.jobs.remove(place);
            self.finish(running, Exit::TimedOut, "");
        }
    }

    /// A little time, enough for whatever was begun.
    pub(super) fn run(&mut self) {
        self.pass(Duration::from_secs(1));
    }

    /// Members of one synchronised view hold equal CIBs.
    fn agree(&self) {
        for part in &self.parts {
            let members: Vec<&Node> = part.members.keys().filter_map(|name| self.nodes.get(name)).collect();
            let synced: Vec<&&Node> = members.iter().filter(|node| node.synced()).collect();
            for pair in synced.windows(2).filter(|_| part.said.is_empty()) {
                assert_eq!(pair[0].cib(), pair[1].cib(), "members of {} differ", part.ring);
                assert_eq!(pair[0].dc(), pair[1].dc());
            }
        }
    }

    /// Asks, and lets the cluster work on it. The answers so far are forgotten.
    pub(super) fn ask(&mut self, name: &str, request: Request) -> Response {
        self.request(name, request);
        self.settle();
        self.answer()
    }

    pub(super) fn request(&mut self, name: &str, request: Request) {
        self.replies.clear();
        self.step(&node(name), Input::Request { client: ClientId(7), request });
    }

    /// The one answer there is.
    pub(super) fn answer(&mut self) -> Response {
        assert_eq!(self.replies.len(), 1, "{:?}", self.replies);
        self.replies.remove(0).2
    }

    pub(super) fn dc(&self) -> NodeId {
        let dcs: BTreeSet<NodeId> = self.nodes.values().filter_map(Node::dc).cloned().collect();
        assert_eq!(dcs.len(), 1, "{dcs:?}");
        dcs.into_iter().next().unwrap()
    }

    /// Where a service really runs.
    pub(super) fn place(&self, service: &str) -> Option<String> {
        let mut places = self.running.iter().filter(|(_, name)| name == service);
        let place = places.next().map(|(node, _)| node.to_string());
        assert!(places.next().is_none(), "{service} runs twice");
        place
    }

    /// What one node told of one kind, in order.
    pub(super) fn told(&self, name: &str, kind: EventKind) -> Vec<String> {
        let events = self.events.iter().filter(|(who, event)| who.as_str() == name && event.kind == kind);
        events.map(|(_, event)| event.text.clone()).collect()
    }

    /// The lives of all nodes that were ever booted and have a place in a view.
    pub(super) fn lives(&self) -> BTreeMap<NodeId, Incarnation> {
        self.parts.iter().flat_map(|part| part.members.clone()).collect()
    }

    /// A view of these lives, some of which may belong to nodes that do not answer.
    pub(super) fn join_lives(&mut self, lives: &BTreeMap<NodeId, Incarnation>) {
        self.number += 1;
        let ring = RingId { number: self.number, representative: lives.keys().next().unwrap().clone() };
        self.parts = vec![Part { ring: ring.clone(), members: lives.clone(), seq: 0, said: VecDeque::new() }];
        for name in lives.keys() {
            let view = View { ring: ring.clone(), members: lives.clone(), came_along: [name.clone()].into() };
            self.step(name, Input::View(view));
        }
    }

    /// A new view in which the ring still delivers what was said in the old one.
    pub(super) fn join_keeping_words(&mut self, names: &[&str]) {
        let said: VecDeque<_> = self.parts.iter_mut().flat_map(|part| std::mem::take(&mut part.said)).collect();
        self.join(&[names]);
        let part = self.parts.last_mut().unwrap();
        let fresh = std::mem::replace(&mut part.said, said);
        part.said.extend(fresh);
    }

    /// Says something on the ring in the name of a node.
    pub(super) fn say(&mut self, name: &str, bytes: &[u8]) {
        self.carry_out(&node(name), Effect::Multicast(Bytes::copy_from_slice(bytes)));
    }

    pub(super) fn summary(&mut self, name: &str) -> crate::summary::Summary {
        match self.ask(name, Request::Status) {
            Response::Summary(summary) => *summary,
            other => panic!("{other:?}"),
        }
    }

    /// What was told last, one line for each event.
    pub(super) fn last_events(&self, most: usize) -> String {
        let skip = self.events.len().saturating_sub(most);
        let line =
            |(who, event): &(NodeId, Event)| format!("{} {who}: {:?}: {}\n", event.wall_ms, event.kind, event.text);
        self.events.iter().skip(skip).map(line).collect()
    }

    /// What this node has said and nobody heard is heard by nobody.
    pub(super) fn hold_back(&mut self, name: &str) {
        for part in &mut self.parts {
            part.said.retain(|(from, _)| from.as_str() != name);
        }
    }
}
