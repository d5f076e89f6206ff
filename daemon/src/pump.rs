//! The event loop: whatever happens goes into the node machine, whatever it wants done is done, in order.

use crate::arbiter::Voice;
use crate::control::{self, FromClient};
use crate::disk::{StateDirectory, Written};
use crate::groups;
use crate::keys;
use crate::local::Local;
use crate::report;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use config::Config;
use crm::cib::{Durable, Generation};
use crm::control::{Refusal, Request, Response};
use crm::event::{Event, EventKind};
use crm::node::{ClientId, Effect, Input, JobKey, Moment, Node};
use membership::Incarnation;
use membership_io::{Bind, LinkEvent, RingHandle, RingThread, Settings};
use nix::unistd::AccessFlags;
use resource_agents::Finished;
use resource_agents_io::{Notes, Runner, RunnerOptions};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Events of the ring that may wait for the node. A node that falls further behind than this is ill; it stops, so that
/// its peers go on without it and its memory stays bounded.
const RING_BACKLOG: usize = 200_000;

/// How soon a message that the ring had no room for is offered again.
const RETRY_MULTICAST: Duration = Duration::from_millis(5);

/// How long the ring may take to carry the goodbye of this node's groups before it is left without it.
const GROUPS_GOODBYE: Duration = Duration::from_millis(250);

/// How long agents and clients may take when the daemon ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

fn moment() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { at: Instant::now(), wall_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
}

/// The shells around one node.
struct Pump {
    node: Node,
    ring: RingHandle,
    jobs: Runner<JobKey>,
    disk: std::sync::mpsc::Sender<Durable>,
    clients: BTreeMap<ClientId, mpsc::Sender<Response>>,
    /// Messages that the ring had no room for yet, oldest first.
    unsent: VecDeque<Bytes>,
    /// Where this node's keys are.
    keys_directory: PathBuf,
    /// When it is looked at next how long they last.
    next_look: Instant,
    /// The ring is left then at the latest; the goodbye of this node's groups is on its way.
    leave_by: Option<Instant>,
}

/// Runs the node until it has left, or something ends it.
///
/// # Errors
/// What made it end other than by leaving in order.
pub async fn run(node: Node, local: &Local, state: StateDirectory, incarnation: Incarnation) -> Result<()> {
    let listener = control::listen(&local.control_socket).await?;
    // Before the ring starts: what an earlier life left under way must not finish behind this one's back.
    let (notes, leftovers) = Notes::open(&local.control_socket.with_file_name("jobs"))?;
    if leftovers > 0 {
        tracing::warn!("ended {leftovers} processes of agents that this daemon's former life had left running");
    }
    let (client_sender, client_events) = mpsc::channel(1024);
    tokio::spawn(control::serve(listener, client_sender));

    let (ring_sender, ring_events) = mpsc::unbounded_channel();
    let (groups_sender, groups_events) = mpsc::unbounded_channel();
    let backlog = Arc::new(AtomicUsize::new(0));
    let ring = start_ring(&node, local, incarnation, {
        let backlog = backlog.clone();
        Box::new(move |event| {
            let Some(event) = groups::sort(event, &groups_sender) else { return };
            backlog.fetch_add(1, Ordering::Relaxed);
            // The receiver is gone only when the daemon ends.
            let _ = ring_sender.send(event);
        })
    })?;
    let (me, socket) = (local.node.clone(), &local.control_socket);
    let door = groups::start(socket, me, incarnation, ring.sender(), groups_events).await?;

    let (disk_sender, disk_events) = mpsc::unbounded_channel();
    let disk = state.into_writer(move |written| {
        let _ = disk_sender.send(written);
    })?;
    let (job_sender, job_events) = mpsc::unbounded_channel();
    let runner = RunnerOptions { env: agents_environment(local), notes: Some(notes), ..RunnerOptions::default() };
    let jobs = Runner::new(runner, job_sender);
    let mut inbox = Inbox {
        arbiter: Voice::new(local, incarnation),
        stored: None,
        ring: ring_events,
        backlog,
        jobs: job_events,
        disk: disk_events,
        clients: client_events,
        departed: door.departed,
        terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
        interrupt: signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?,
        hangup: signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?,
    };
    let keys_directory = local.keys_directory.clone();
    let mut pump = Pump {
        node,
        ring,
        jobs,
        disk,
        clients: BTreeMap::new(),
        unsent: VecDeque::new(),
        keys_directory,
        next_look: Instant::now(),
        leave_by: None,
    };
    let ended = pump.go_on(&mut inbox).await;
    pump.finish(&mut inbox).await;
    ended
}

/// Everything that the node is told about.
struct Inbox {
    arbiter: Voice,
    /// The version on disk.
    stored: Option<Generation>,
    ring: mpsc::UnboundedReceiver<membership_io::Event>,
    backlog: Arc<AtomicUsize>,
    jobs: mpsc::UnboundedReceiver<(JobKey, Finished)>,
    disk: mpsc::UnboundedReceiver<Written>,
    clients: mpsc::Receiver<FromClient>,
    departed: mpsc::UnboundedReceiver<()>,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What happened next.
enum Happened {
    Input(Input),
    Ring(membership_io::Event),
    Client(FromClient),
    /// An operator has put other keys there (SIGHUP).
    Keys,
    /// The goodbye of this node's groups has come back.
    Departed,
}

impl Inbox {
    /// Waits for the next thing that happens, at most until `deadline`.
    async fn next(&mut self, deadline: Instant) -> Happened {
        tokio::select! {
            biased;
            Some(event) = self.ring.recv() => Happened::Ring(event),
            Some((key, finished)) = self.jobs.recv() => Happened::Input(Input::JobDone { key, finished }),
            Some(written) = self.disk.recv() => Happened::Input(match written {
                Written::Stored(generation) => {
                    self.stored = Some(generation);
                    Input::Stored(generation)
                }
                Written::Failed { generation, reason } => Input::StoreFailed { generation, reason },
            }),
            input = self.arbiter.next() => Happened::Input(input),
            Some(event) = self.clients.recv() => Happened::Client(event),
            Some(()) = self.departed.recv() => Happened::Departed,
            _ = self.terminate.recv() => Happened::Input(Input::Shutdown),
            _ = self.hangup.recv() => Happened::Keys,
            _ = self.interrupt.recv() => Happened::Input(Input::Shutdown),
            () = tokio::time::sleep_until(deadline.into()) => Happened::Input(Input::Wake),
        }
    }
}

/// What agents on this machine need beyond what every job is given: `HA_RSCTMP`, where the OCF scripts keep their own
/// notes. It is `/run/resource-agents` where that can be had, and a directory of this daemon for a user without it.
fn agents_environment(local: &Local) -> BTreeMap<String, String> {
    let usual = Path::new("/run/resource-agents");
    let writable = std::fs::create_dir_all(usual).is_ok() && nix::unistd::access(usual, AccessFlags::W_OK).is_ok();
    let mut environment = match crate::tools::provide(&local.state_directory, &local.control_socket) {
        Ok(environment) => environment,
        Err(error) => {
            tracing::warn!("OCF agents cannot note attributes such as promotion scores: {error}");
            BTreeMap::new()
        }
    };
    if !writable {
        let own = local.state_directory.join("resource-agents");
        match std::fs::create_dir_all(&own) {
            Ok(()) => {
                environment.insert("HA_RSCTMP".to_owned(), own.display().to_string());
            }
            Err(error) => tracing::warn!("OCF agents have no directory for their notes: {}: {error}", own.display()),
        }
    }
    environment
}

fn start_ring(
    node: &Node,
    local: &Local,
    incarnation: Incarnation,
    on_event: Box<dyn Fn(membership_io::Event) + Send>,
) -> Result<RingHandle> {
    let config = &node.cib().config;
    let identity = keys::load(&local.keys_directory, &node.cib().durable)?;
    let Settings { nodes, port, token, mtu, link_mode, revoked: _ } = settings(config, BTreeSet::new());
    let options = membership_io::Options {
        cluster: config.cluster.name.clone(),
        me: local.node.clone(),
        incarnation,
        nodes,
        port,
        token,
        mtu,
        versions: membership::VERSIONS,
        identity,
        bind: local.bind.map_or(Bind::Configured, Bind::Address),
        state_dir: local.state_directory.clone(),
        realtime: local.realtime,
        link_mode,
        seed: fastrand::u64(..),
    };
    RingThread::spawn(options, on_event).context("cannot start the ring")
}

/// What the ring takes from the cluster file.
fn settings(config: &Config, revoked: BTreeSet<[u8; 32]>) -> Settings {
    Settings {
        nodes: config.nodes.values().map(|node| (node.name.clone(), node.addresses.clone())).collect(),
        port: config.cluster.port,
        token: config.cluster.token,
        mtu: config.cluster.mtu,
        link_mode: config.cluster.link_mode,
        revoked,
    }
}

/// What the ring thread says, as an input for the node.
fn from_ring(event: membership_io::Event) -> Result<Option<Input>> {
    use membership_io::Event as Ring;
    Ok(match event {
        Ring::View(view) => Some(Input::View(view)),
        Ring::Deliver(delivery) => Some(Input::Delivered(delivery)),
        Ring::Notice(notice) => Some(Input::Notice(notice)),
        Ring::Link(event) => Some(Input::Link(link_in_words(&event))),
        Ring::Warning(text) => Some(Input::Warning(text)),
        Ring::Left => Some(Input::Left),
        Ring::Failed(reason) => bail!("the ring stopped: {reason}"),
    })
}

/// Links are counted from 1 for people; most clusters have one.
fn link_name(link: usize) -> String {
    if link == 0 { "link".to_owned() } else { format!("link {}", link + 1) }
}

fn link_in_words(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Up { peer, link, address, .. } => format!("{} to {peer} is up ({address})", link_name(*link)),
        LinkEvent::Down { peer, link, reason } => format!("{} to {peer} is down: {reason}", link_name(*link)),
        LinkEvent::Unreachable { peer, link, address, reason } => {
            format!("no {} to {peer} at {address} yet: {reason}", link_name(*link))
        }
        LinkEvent::Refused { address, reason } => format!("refused a connection from {address}: {reason}"),
        LinkEvent::RefusedByPeer { peer, address, reason } => {
            format!("{peer} at {address} refuses this node: {reason}")
        }
        LinkEvent::Unresolved { peer, name, reason } => {
            format!("the address {name:?} of {peer} cannot be resolved: {reason}")
        }
    }
}

impl Pump {
    /// Feeds the node and does what it wants, until it wants nothing more.
    async fn go_on(&mut self, inbox: &mut Inbox) -> Result<()> {
        loop {
            inbox.arbiter.follow(&self.node, inbox.stored);
            let input = match inbox.next(self.deadline()).await {
                Happened::Input(input) => Some(input),
                Happened::Ring(event) => {
                    if inbox.backlog.fetch_sub(1, Ordering::Relaxed) > RING_BACKLOG {
                        bail!("this node is {RING_BACKLOG} messages behind its ring and stops; is it overloaded?");
                    }
                    if let membership_io::Event::View(view) = &event {
                        inbox.arbiter.on_view(view);
                    }
                    from_ring(event)?
                }
                Happened::Client(event) => self.client_event(event),
                Happened::Keys => {
                    self.renew(None);
                    None
                }
                Happened::Departed => {
                    self.leave_ring();
                    None
                }
            };
            if self.leave_by.is_some_and(|by| by <= Instant::now()) {
                self.leave_ring();
            }
            self.send_unsent();
            for input in input.into_iter().chain(self.expiring()) {
                for effect in self.node.step(moment(), input) {
                    if let Some(reason) = self.carry_out(effect)? {
                        tracing::info!("pacelined ends: {reason}");
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Leaves nothing under way: agents are ended (what they did not finish, nobody will know of), and clients get the
    /// answers that are on their way.
    async fn finish(&mut self, inbox: &mut Inbox) {
        // A node that has to stop at once does not wait for its groups: its peers go on without it at once, too.
        self.leave_ring();
        self.jobs.kill_all();
        let mut clients: BTreeSet<ClientId> = std::mem::take(&mut self.clients).into_keys().collect();
        let rest = async {
            while self.jobs.running() > 0 && inbox.jobs.recv().await.is_some() {}
            while !clients.is_empty() {
                match inbox.clients.recv().await {
                    Some(FromClient::Gone(client)) => drop(clients.remove(&client)),
                    Some(FromClient::Connected(..) | FromClient::Request(..)) => {}
                    None => return,
                }
            }
        };
        if tokio::time::timeout(LAST_WORDS, rest).await.is_err() {
            tracing::warn!("not everything came to an end within {} s", LAST_WORDS.as_secs());
        }
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        let node = self.node.deadline();
        let retry = (!self.unsent.is_empty()).then(|| now + RETRY_MULTICAST);
        // Without any deadline the loop looks around once an hour, which costs nothing.
        node.into_iter().chain(retry).chain(self.leave_by).min().unwrap_or(now + Duration::from_secs(3600))
    }

    fn client_event(&mut self, event: FromClient) -> Option<Input> {
        match event {
            FromClient::Connected(client, answers) => {
                self.clients.insert(client, answers);
                None
            }
            // The ring runs beside the node, so it is asked directly; the answer comes from its thread.
            FromClient::Request(client, Request::Ring) => {
                if let Some(answers) = self.clients.get(&client).cloned() {
                    self.ring.status_to(move |status| {
                        // A client that does not read gets no answer.
                        let _ = answers.try_send(Response::Ring(Box::new(report::ring(status))));
                    });
                }
                None
            }
            FromClient::Request(client, Request::Renew) => {
                self.renew(Some(client));
                None
            }
            FromClient::Request(client, Request::RecordRing) => {
                if let Some(answers) = self.clients.get(&client).cloned() {
                    self.ring.record_to(move |stored| {
                        let _ = answers.try_send(report::recorded(stored));
                    });
                }
                None
            }
            FromClient::Request(client, request) => Some(Input::Request { client, request }),
            FromClient::Gone(client) => {
                self.clients.remove(&client);
                Some(Input::ClientGone(client))
            }
        }
    }

    /// Leaves the ring, if that was asked for and is not done yet.
    fn leave_ring(&mut self) {
        if self.leave_by.take().is_some() {
            self.ring.leave();
        }
    }

    /// Uses the keys that lie in the key directory now, and says so to whoever asked for it.
    fn renew(&mut self, client: Option<ClientId>) {
        let answers = client.and_then(|client| self.clients.get(&client).cloned());
        let generation = self.node.generation();
        let tell = move |outcome: Result<(), String>| {
            let response = match outcome {
                Ok(()) => {
                    tracing::info!("the keys of this node were read again; connections are made anew with them");
                    Response::Done { generation, changed: true }
                }
                Err(message) => {
                    tracing::error!("the keys in the key directory are not used, those so far stay in use: {message}");
                    let hint = Some("those in use so far stay in use".to_owned());
                    Response::Refused { kind: Refusal::Invalid, message, hint }
                }
            };
            if let Some(answers) = answers {
                // A client that does not read gets no answer.
                let _ = answers.try_send(response);
            }
        };
        match keys::load(&self.keys_directory, &self.node.cib().durable) {
            Ok(identity) => {
                self.next_look = Instant::now();
                self.ring.renew(identity, tell);
            }
            Err(error) => tell(Err(format!("{error:#}"))),
        }
    }

    /// Looks now and then how long the keys last.
    fn expiring(&mut self) -> Option<Input> {
        if Instant::now() < self.next_look {
            return None;
        }
        self.next_look = Instant::now() + keys::LOOK;
        let identity = keys::load(&self.keys_directory, &self.node.cib().durable);
        identity.ok().and_then(|identity| keys::expiring(identity.about())).map(Input::Warning)
    }

    /// Offers the ring again what it had no room for, in order.
    fn send_unsent(&mut self) {
        while let Some(message) = self.unsent.front() {
            if self.ring.multicast(message.clone()).is_err() {
                return;
            }
            self.unsent.pop_front();
        }
    }

    /// Does one thing; a reason when that was the last.
    fn carry_out(&mut self, effect: Effect) -> Result<Option<String>> {
        match effect {
            Effect::Multicast(message) => {
                if !self.unsent.is_empty() || self.ring.multicast(message.clone()).is_err() {
                    self.unsent.push_back(message);
                }
            }
            Effect::Reconfigure { config, revoked } => {
                let settings = settings(&config, keys::revoked(revoked.iter()));
                if let Err(error) = self.ring.reconfigure(settings) {
                    tracing::error!("the ring does not follow the new cluster file and goes on as before: {error}");
                }
            }
            Effect::Leave => {
                // Without a ring there is nobody to hear it.
                let _ = self.ring.multicast(membership::group::goodbye());
                self.leave_by = Some(Instant::now() + GROUPS_GOODBYE);
            }
            Effect::Start { key, job } => self.jobs.start(key, job),
            Effect::Kill(key) => self.jobs.kill(&key),
            Effect::Store(durable) => {
                if self.disk.send(durable).is_err() {
                    bail!("the disk thread has ended");
                }
            }
            Effect::Reply { client, response } => self.reply(client, response),
            Effect::Event(event) => log(&event),
            Effect::Stop { reason, orderly: true } => return Ok(Some(reason)),
            // The exit status tells whoever started the daemon that what ran here is not looked after any more.
            Effect::Stop { reason, orderly: false } => bail!("{reason}"),
        }
        Ok(None)
    }

    fn reply(&mut self, client: ClientId, response: Response) {
        let Some(answers) = self.clients.get(&client) else { return };
        if answers.try_send(response).is_err() {
            // It does not read. Without its queue the connection ends, and `Gone` tells the node.
            tracing::warn!("a client of the control socket does not read its answers and is hung up on");
            self.clients.remove(&client);
        }
    }
}

fn log(event: &Event) {
    match event.kind {
        EventKind::Alert | EventKind::FencingFailed | EventKind::Silence => tracing::warn!("{}", event.text),
        EventKind::Ordered | EventKind::Result => tracing::debug!("{}", event.text),
        _ => tracing::info!("{}", event.text),
    }
}
