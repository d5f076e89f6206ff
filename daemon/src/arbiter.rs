//! This node's voice before the cluster's arbiter: tells it each view once its members have agreed on what they hold,
//! and again when this node has that on disk; runs the heuristics, and brings back what it answers.
//!
//! An arbiter that does not answer is taken for one that says no after [`SILENCE`]: until then a half that needs its
//! votes stops nothing. It may still say yes later.

use crate::keys;
use crate::local::Local;
use arbiter::{Answer, Heuristics, Report};
use arbiter_io::{Client, Event, Options};
use config::{Config, NodeId};
use crm::cib::Generation;
use crm::node::{Input, Node};
use membership::{Incarnation, RingId, View};
use resource_agents::{Exit, Finished, Job};
use resource_agents_io::{Runner, RunnerOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

/// How long the arbiter may take to say whom it votes for.
const SILENCE: Duration = Duration::from_secs(5);

/// Names a heuristic that runs: for which view, and which of them.
type Key = (u64, usize);

/// A synchronised view.
struct Sight {
    ring: RingId,
    members: BTreeSet<NodeId>,
    blank: BTreeSet<NodeId>,
    /// This node has on disk what the members agreed on.
    stored: bool,
}

/// The node before its arbiter, if it has one.
pub struct Voice {
    node: NodeId,
    incarnation: Incarnation,
    keys: PathBuf,
    /// The configuration that the arbiter was last told of.
    config: Option<Arc<Config>>,
    /// The certificates, with their nodes, that it was last told to be revoked.
    revoked: BTreeMap<String, NodeId>,
    view: Option<View>,
    sight: Option<Sight>,
    client: Option<Client>,
    events: (mpsc::UnboundedSender<Event>, mpsc::UnboundedReceiver<Event>),
    /// Until when it has to answer for the view at hand.
    patience: Option<Instant>,
    jobs: Runner<Key>,
    results: mpsc::UnboundedReceiver<(Key, Finished)>,
    heuristics: Heuristics,
    /// Of those that run: how many are still to end, and how many ended well.
    tally: (usize, u8),
}

impl Voice {
    /// Says nothing before [`Voice::follow`] has shown it a configuration.
    pub fn new(local: &Local, incarnation: Incarnation) -> Voice {
        let (done, results) = mpsc::unbounded_channel();
        Voice {
            node: local.node.clone(),
            incarnation,
            keys: local.keys_directory.clone(),
            config: None,
            revoked: BTreeMap::new(),
            view: None,
            sight: None,
            client: None,
            events: mpsc::unbounded_channel(),
            patience: None,
            jobs: Runner::new(RunnerOptions::default(), done),
            results,
            heuristics: Heuristics::None,
            tally: (0, 0),
        }
    }

    /// What the node knows now; cheap when that is the same as before. `stored` is the version that is on disk.
    pub fn follow(&mut self, node: &Node, stored: Option<Generation>) {
        let mut changed = self.configure(&node.cib().config);
        let revoked = &node.cib().durable.revoked;
        if self.revoked != *revoked {
            self.revoked.clone_from(revoked);
            changed = true;
        }
        if self.client.is_none() {
            return;
        }
        let Some(view) = node.view().filter(|_| node.synced()) else { return };
        let stands = self.sight.as_ref().filter(|sight| sight.ring == view.ring);
        // What was stored once stays so; later changes are the business of acknowledgements.
        let stored = stands.is_some_and(|sight| sight.stored) || stored == Some(node.cib().durable.generation);
        if changed || stands.is_none_or(|sight| sight.stored != stored) {
            let members = view.members.keys().cloned().collect();
            self.sight = Some(Sight { ring: view.ring.clone(), members, blank: node.blank(), stored });
            self.report();
        }
    }

    /// Takes up another configuration. Whether it is another.
    fn configure(&mut self, config: &Arc<Config>) -> bool {
        if self.config.as_ref().is_some_and(|known| Arc::ptr_eq(known, config)) {
            return false;
        }
        let before = self.config.replace(Arc::clone(config));
        let same = before.is_some_and(|before| before.quorum.arbiter == config.quorum.arbiter);
        if !same {
            self.client = config.quorum.arbiter.clone().map(|arbiter| {
                let options = Options {
                    cluster: config.cluster.name.clone(),
                    node: self.node.clone(),
                    incarnation: self.incarnation,
                    keys: self.keys.clone(),
                    arbiter,
                };
                Client::start(options, self.events.0.clone())
            });
        }
        true
    }

    /// The ring has formed a view.
    pub fn on_view(&mut self, view: &View) {
        self.view = Some(view.clone());
        self.patience = self.client.is_some().then(|| Instant::now() + SILENCE);
        self.examine(view.ring.number);
    }

    /// Starts the heuristics for a view; those of an earlier one are not wanted any more.
    fn examine(&mut self, number: u64) {
        self.jobs.kill_all();
        let arbiter = self.config.as_ref().and_then(|config| config.quorum.arbiter.as_ref());
        let commands = arbiter.map_or(&[][..], |arbiter| &arbiter.heuristics);
        let timeout = arbiter.map_or(Duration::ZERO, |arbiter| arbiter.heuristics_timeout);
        self.tally = (commands.len(), 0);
        self.heuristics = if commands.is_empty() { Heuristics::None } else { Heuristics::Running };
        for (place, command) in commands.iter().enumerate() {
            let job = Job {
                program: PathBuf::from("/bin/sh"),
                search: Vec::new(),
                args: vec!["-c".to_owned(), command.clone()],
                env: BTreeMap::new(),
                stdin: None,
                timeout,
            };
            self.jobs.start((number, place), job);
        }
    }

    /// One of them has ended; the arbiter is told when the last one has.
    fn on_result(&mut self, (number, _): Key, finished: &Finished) {
        if self.view.as_ref().is_none_or(|view| view.ring.number != number) {
            return;
        }
        self.tally.0 = self.tally.0.saturating_sub(1);
        self.tally.1 += u8::from(finished.exit == Exit::Code(0));
        if self.tally.0 == 0 {
            self.heuristics = Heuristics::Passed(self.tally.1);
            self.report();
        }
    }

    fn report(&self) {
        let (Some(client), Some(sight), Some(config)) = (&self.client, &self.sight, &self.config) else { return };
        let Some(arbiter) = &config.quorum.arbiter else { return };
        let mut votes: BTreeMap<NodeId, u32> =
            config.nodes.iter().map(|(name, node)| (name.clone(), node.votes)).collect();
        for member in &sight.members {
            // One that this node's file does not know yet counts as soon as it does.
            votes.entry(member.clone()).or_insert(0);
        }
        client.report(Report {
            ring: sight.ring.clone(),
            members: sight.members.clone(),
            blank: sight.blank.clone(),
            stored: sight.stored,
            votes,
            algorithm: arbiter.algorithm,
            tie_breaker: arbiter.tie_breaker.clone(),
            heuristics: self.heuristics,
            revoked: keys::revoked(self.revoked.keys()),
        });
    }

    /// What the node is to be told next. May be dropped while it waits.
    pub async fn next(&mut self) -> Input {
        loop {
            let patience = self.patience;
            let silence = async {
                match patience {
                    Some(patience) => sleep_until(patience.into()).await,
                    None => pending().await,
                }
            };
            let input = tokio::select! {
                Some(event) = self.events.1.recv() => self.on_event(event),
                Some((key, finished)) = self.results.recv() => {
                    self.on_result(key, &finished);
                    None
                }
                () = silence => {
                    self.patience = None;
                    self.current().map(|ring| Input::Arbiter { ring, granted: false })
                }
            };
            if let Some(input) = input {
                return input;
            }
        }
    }

    fn current(&self) -> Option<RingId> {
        self.view.as_ref().map(|view| view.ring.clone())
    }

    fn on_event(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Up(address) => Some(Input::Link(format!("the arbiter answers at {address}"))),
            Event::Down(reason) => Some(Input::Link(format!("the arbiter cannot be asked: {reason}"))),
            Event::Answer(ring, answer) if self.current().as_ref() == Some(&ring) => match answer {
                Answer::Granted => {
                    self.patience = None;
                    Some(Input::Arbiter { ring, granted: true })
                }
                Answer::Waiting(why) => {
                    tracing::debug!("the arbiter has not decided about {ring} yet: {why}");
                    None
                }
                Answer::Denied(why) => {
                    self.patience = None;
                    tracing::info!("the arbiter does not vote for the view {ring}: {why}");
                    Some(Input::Arbiter { ring, granted: false })
                }
            },
            // About a view that is over.
            Event::Answer(..) => None,
        }
    }
}
