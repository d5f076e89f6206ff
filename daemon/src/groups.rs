//! The socket of process groups (`groups.sock`, beside the control socket) and the thread that serves it.
//!
//! The machine is `membership::group`; this carries out what it wants. It has a thread of its own beside the node's, so
//! that a flood of messages between programs takes no time from the node, and the ring gives it only half of what may
//! wait. What waits here is bounded by the machine: one batch for each client that reads, [`WAITING`] bytes of requests
//! of each that writes; whoever has to wait is not read from.

mod connection;

use crate::control;
use anyhow::{Context, Result};
use config::NodeId;
use connection::FromClient;
use membership::group::{Answer, Groups, Input, Output, Refusal};
use membership::{Channel, Delivery, Incarnation, Message, View};
use membership_io::{Event, RingSender};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc};

/// Connections served at once.
const MAX_CLIENTS: usize = 128;
/// Bytes of requests of one client that may wait to be carried out. The longest one fits.
const WAITING: usize = membership::group::wire::MAX_REQUEST;
/// How soon a message that the ring had no room for is offered again.
const RETRY: Duration = Duration::from_millis(2);
/// Between two complaints about what other nodes say.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// What the ring says that is for groups.
#[derive(Debug)]
pub enum FromRing {
    /// A new view.
    View(View),
    /// A message of the channel of groups.
    Delivered(Delivery),
}

/// Gives to the groups what is theirs of what the ring says; the rest is for the node.
pub fn sort(event: Event, groups: &mpsc::UnboundedSender<FromRing>) -> Option<Event> {
    let (theirs, rest) = match event {
        Event::Deliver(delivery) if delivery.channel == Channel::Groups => (FromRing::Delivered(delivery), None),
        Event::View(view) => (FromRing::View(view.clone()), Some(Event::View(view))),
        other => return Some(other),
    };
    // The receiver is gone only when the daemon ends.
    let _ = groups.send(theirs);
    rest
}

/// What the node's own loop has to do with groups.
pub struct Door {
    /// Says something once this node's goodbye to all groups has come back: the ring may be left.
    pub departed: mpsc::UnboundedReceiver<()>,
}

/// Serves groups on a thread of its own for as long as the process lives. `control_socket` says where.
///
/// # Errors
/// When there is no socket or no thread to be had.
pub async fn start(
    control_socket: &Path,
    me: NodeId,
    incarnation: Incarnation,
    ring: RingSender,
    events: mpsc::UnboundedReceiver<FromRing>,
) -> Result<Door> {
    let path = control_socket.with_file_name("groups.sock");
    let listener = control::listen(&path).await?.into_std().context("cannot hand over the socket of groups")?;
    let (depart, departed) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop of groups")?;
    let serve = move || {
        runtime.block_on(async {
            let listener = match UnixListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::error!(%error, "process groups cannot be served");
                    return;
                }
            };
            let mut server = Server::new(Groups::new(me, incarnation), ring);
            server.go_on(listener, events, &depart).await;
        });
    };
    std::thread::Builder::new().name("groups".to_owned()).spawn(serve).context("cannot start the thread of groups")?;
    Ok(Door { departed })
}

/// One connection, as the loop sees it.
struct Connection {
    /// What is to be written. One batch at a time.
    write: mpsc::Sender<Vec<u8>>,
    /// Room for requests.
    room: Arc<Semaphore>,
    /// Sizes of those that wait, oldest first.
    sizes: VecDeque<u32>,
}

struct Server {
    groups: Groups,
    ring: RingSender,
    connections: BTreeMap<u32, Connection>,
    /// The number of the last client.
    last: u32,
    /// Messages that the ring had no room for yet, oldest first. The machine bounds them.
    unsent: VecDeque<Message>,
    complained: Option<Instant>,
}

impl Server {
    fn new(groups: Groups, ring: RingSender) -> Server {
        Server { groups, ring, connections: BTreeMap::new(), last: 0, unsent: VecDeque::new(), complained: None }
    }

    async fn go_on(
        &mut self,
        listener: UnixListener,
        mut events: mpsc::UnboundedReceiver<FromRing>,
        depart: &mpsc::UnboundedSender<()>,
    ) {
        let (sender, mut clients) = mpsc::channel(256);
        let mut here = true;
        loop {
            let retry = tokio::time::sleep(if self.unsent.is_empty() { Duration::from_secs(3600) } else { RETRY });
            tokio::select! {
                event = events.recv() => match event {
                    Some(FromRing::View(view)) => self.step(Input::View(view)),
                    Some(FromRing::Delivered(delivery)) => self.step(Input::Delivered(delivery)),
                    // The daemon ends.
                    None => return,
                },
                Some(event) = clients.recv() => self.client_event(event),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.accept(stream, sender.clone()).await,
                    Err(error) => {
                        tracing::warn!(%error, "a program could not connect to the socket of groups");
                        tokio::time::sleep(RETRY).await;
                    }
                },
                () = retry => {}
            }
            self.send_unsent();
            if here && self.groups.departed() {
                here = false;
                // Nobody listens any more when the daemon ends already.
                let _ = depart.send(());
            }
        }
    }

    async fn accept(&mut self, mut stream: tokio::net::UnixStream, sender: mpsc::Sender<FromClient>) {
        if self.connections.len() >= MAX_CLIENTS {
            tracing::warn!("more than {MAX_CLIENTS} programs on the socket of groups; one was refused");
            let mut bytes = Vec::new();
            Answer::Refused { serial: 0, refusal: Refusal::TooManyClients }.encode(&mut bytes);
            // A new socket has room for it; whoever does not read it sees the connection end.
            let _ = tokio::time::timeout(RETRY, stream.write_all(&bytes)).await;
            return;
        }
        self.last += 1;
        let (write, to_write) = mpsc::channel(1);
        let room = Arc::new(Semaphore::new(WAITING));
        connection::spawn(self.last, stream, sender, to_write, Arc::clone(&room));
        self.connections.insert(self.last, Connection { write, room, sizes: VecDeque::new() });
        self.step(Input::Connected(self.last));
    }

    fn client_event(&mut self, event: FromClient) {
        match event {
            FromClient::Request { client, request, size } => {
                if let Some(connection) = self.connections.get_mut(&client) {
                    connection.sizes.push_back(size);
                    self.step(Input::Request { client, request });
                }
            }
            FromClient::Malformed { client, reason } => {
                tracing::info!("a program on the socket of groups is not understood: {reason}");
                self.step(Input::Malformed(client));
            }
            FromClient::Written(client) => self.step(Input::Written(client)),
            FromClient::Gone(client) => {
                self.connections.remove(&client);
                self.step(Input::Gone(client));
            }
        }
    }

    fn step(&mut self, input: Input) {
        for output in self.groups.step(input) {
            match output {
                Output::Multicast(message) => self.unsent.push_back(message),
                Output::Write { client, answers } => {
                    let mut bytes = Vec::new();
                    answers.iter().for_each(|answer| answer.encode(&mut bytes));
                    if let Some(connection) = self.connections.get(&client) {
                        // There is room: the last batch was written. When the writer is gone, so is the client.
                        let _ = connection.write.try_send(bytes);
                    }
                }
                Output::Taken(client) => {
                    if let Some(connection) = self.connections.get_mut(&client) {
                        let size = connection.sizes.pop_front().unwrap_or(0);
                        connection.room.add_permits(size as usize);
                    }
                }
                // Without its queue the connection ends.
                Output::HangUp(client) => drop(self.connections.remove(&client)),
                Output::Strange { from, reason } => self.complain(&from, &reason),
            }
        }
        self.send_unsent();
    }

    /// Offers the ring what it had no room for, in order.
    fn send_unsent(&mut self) {
        while let Some(message) = self.unsent.front() {
            if self.ring.multicast(message.clone()).is_err() {
                return;
            }
            self.unsent.pop_front();
        }
    }

    fn complain(&mut self, from: &NodeId, reason: &str) {
        let now = Instant::now();
        if self.complained.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINTS) {
            self.complained = Some(now);
            tracing::warn!("{from} says something in a process group that is not understood: {reason}");
        }
    }
}
