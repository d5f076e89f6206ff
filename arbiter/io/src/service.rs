//! The service: accepts nodes, finds out whose they are, and brings them before the court of their cluster.
//!
//! ```text
//!   UDP --> handshake (bounded) --> certificate: which cluster? --> hello: the same? --> attend <--> cluster task
//! ```
//!
//! Everything is bounded: handshakes under way, connections, what a connection may send ahead, what may wait for a
//! node.

mod cluster;
mod refusals;

use crate::control::{self, Status};
use crate::registry::{Members, Registry};
use crate::{tls, wire};
use anyhow::{Context, Result, anyhow};
use arbiter::{Fingerprint, FromArbiter, FromNode, Seat};
use cluster::{Place, ToCluster, ToNode};
use config::{NodeId, write_fingerprint};
use membership_io::node_named_in;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream, TokioRuntime, VarInt};
use refusals::Refusals;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

/// Connections at once: 64 clusters of the largest size, or a thousand of four nodes.
const MOST_CONNECTIONS: usize = 4096;

/// Handshakes at once; above the second number an address must first prove that it can be reached.
const MOST_HANDSHAKES: usize = 256;
const PROVEN_ABOVE: usize = 16;

/// How long a handshake, and the first message, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers that may wait for a node.
const QUEUE: usize = 64;

/// Who is at the other end of a connection, as far as its certificate and its first words prove.
struct Caller {
    cluster: String,
    node: NodeId,
    certificate: Fingerprint,
    streams: (SendStream, RecvStream),
}

/// What one process serves.
pub(crate) struct Service {
    registry: Registry,
    members: Members,
    clusters: Mutex<BTreeMap<String, mpsc::Sender<ToCluster>>>,
    seats: AtomicU64,
    handshakes: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    refusals: Refusals,
    listening: SocketAddr,
    fingerprint: [u8; 32],
}

/// Serves until it is told to end.
///
/// # Errors
/// What keeps it from serving, in words.
pub async fn serve(registry: Registry, listen: SocketAddr, control: &Path) -> Result<()> {
    let identity = registry.identity()?;
    let members = Members::default();
    members.set(registry.clusters()?);
    let server = tls::server(&identity, members.clone()).map_err(|error| anyhow!(error))?;
    let endpoint = UdpSocket::bind(listen)
        .and_then(|socket| Endpoint::new(tls::endpoint(&identity), Some(server), socket, Arc::new(TokioRuntime)))
        .with_context(|| format!("cannot listen on {listen}"))?;
    let service = Arc::new(Service {
        registry,
        members,
        clusters: Mutex::default(),
        seats: AtomicU64::new(0),
        handshakes: Arc::new(Semaphore::new(MOST_HANDSHAKES)),
        connections: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        refusals: Refusals::default(),
        listening: endpoint.local_addr().context("cannot tell where it listens")?,
        fingerprint: tls::fingerprint(identity.certificate()),
    });
    let socket = control::listen(control)?;
    tokio::spawn(control::answer(socket, Arc::clone(&service)));
    tracing::info!(
        "listens on {} with the certificate {} for {} clusters",
        service.listening,
        write_fingerprint(&service.fingerprint),
        service.members.names().len()
    );
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => Arc::clone(&service).admit(incoming),
                None => return Err(anyhow!("the socket on {listen} is gone")),
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    endpoint.close(VarInt::from_u32(0), b"the arbiter ends");
    // The farewell saves the nodes the wait for silence; nobody waits for it for long.
    let _ = timeout(Duration::from_secs(1), endpoint.wait_idle()).await;
    tracing::info!("ends; what was granted stays so until the views that have it end");
    Ok(())
}

impl Service {
    /// Takes a connection in, if there is room.
    fn admit(self: Arc<Self>, incoming: Incoming) {
        let Ok(handshake) = Arc::clone(&self.handshakes).try_acquire_owned() else { return incoming.refuse() };
        let busy = self.handshakes.available_permits() + PROVEN_ABOVE < MOST_HANDSHAKES;
        if busy && incoming.may_retry() && !incoming.remote_address_validated() {
            // Cannot fail: it may.
            let _ = incoming.retry();
            return;
        }
        let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else { return incoming.refuse() };
        tokio::spawn(async move {
            let address = incoming.remote_address();
            if let Err(reason) = self.attend(incoming, handshake, place).await {
                self.refusals.note(|| tracing::warn!("refused a connection from {address}: {}", tls::plain(&reason)));
            }
        });
    }

    /// One connection from its beginning to its end.
    async fn attend(
        &self,
        incoming: Incoming,
        handshake: OwnedSemaphorePermit,
        _place: OwnedSemaphorePermit,
    ) -> Result<(), String> {
        let address = incoming.remote_address();
        let connection = timeout(PATIENCE, async { incoming.await })
            .await
            .map_err(|_| "its handshake took too long".to_owned())?
            .map_err(|error| error.to_string())?;
        drop(handshake);
        let introduced = timeout(PATIENCE, self.introduced(&connection)).await;
        let refused = match introduced {
            Ok(Ok(caller)) => return self.converse(caller, address, &connection).await,
            Ok(Err(reason)) => reason,
            Err(_) => "it said nothing".to_owned(),
        };
        connection.close(VarInt::from_u32(1), refused.as_bytes());
        Err(refused)
    }

    /// Which cluster's node it is, and what it says of itself; the two must agree.
    async fn introduced(&self, connection: &Connection) -> Result<Caller, String> {
        let shown = connection.peer_identity().and_then(|any| any.downcast::<Vec<CertificateDer<'static>>>().ok());
        let certificate = shown.as_ref().and_then(|chain| chain.first()).ok_or("it shows no certificate")?;
        let name = self.members.cluster_of(certificate, UnixTime::now()).map_err(|error| error.to_string())?;
        let node = node_named_in(certificate).ok_or("its certificate names no node")?;
        let (send, mut receive) = connection.accept_bi().await.map_err(|error| error.to_string())?;
        let Some(FromNode::Hello(hello)) = wire::receive(&mut receive).await? else {
            return Err("its first message is no hello".to_owned());
        };
        if hello.node != node {
            return Err(format!("it says that it is {}, but its certificate is of {node}", hello.node));
        }
        if hello.cluster != name {
            return Err(format!(
                "{node} says that its cluster is {}, but the authority that signed its certificate is registered as \
                 {name}: run `paceline-arbiter add {} CA.pem` and `paceline-arbiter remove {name}` on the arbiter's host",
                hello.cluster, hello.cluster
            ));
        }
        Ok(Caller { cluster: name, node, certificate: tls::fingerprint(certificate), streams: (send, receive) })
    }

    async fn converse(&self, caller: Caller, address: SocketAddr, connection: &Connection) -> Result<(), String> {
        let Caller { cluster: name, node, certificate, streams: (send, receive) } = caller;
        let seat = Seat(self.seats.fetch_add(1, Ordering::Relaxed));
        let court = self.court(&name).await;
        let (answers, queue) = mpsc::channel(QUEUE);
        let gone = |_| "the arbiter ends".to_owned();
        let place = Place { node: node.clone(), certificate, address, to: answers };
        court.send(ToCluster::Connected(seat, place)).await.map_err(gone)?;
        tracing::info!("{name}: {node} is connected from {address}");
        let ended = tokio::select! {
            ended = listen(seat, receive, connection, &court) => ended,
            ended = tell(send, queue) => ended,
        };
        court.send(ToCluster::Lost(seat)).await.map_err(gone)?;
        match &ended {
            Ok(()) => tracing::info!("{name}: {node} has hung up"),
            Err(reason) => tracing::info!("{name}: the connection to {node} has ended: {reason}"),
        }
        let reason = ended.err().unwrap_or_default();
        connection.close(VarInt::from_u32(2), reason.as_bytes());
        Ok(())
    }

    /// The task of a cluster, which is started when its first node comes.
    async fn court(&self, name: &str) -> mpsc::Sender<ToCluster> {
        let mut clusters = self.clusters.lock().await;
        let start = || cluster::start(self.registry.clone(), name.to_owned());
        clusters.entry(name.to_owned()).or_insert_with(start).clone()
    }

    /// Reads the clusters anew: nodes of new ones are admitted, those of removed ones hung up on.
    pub(crate) async fn reload(&self) -> Result<(), String> {
        self.members.set(self.registry.clusters().map_err(|error| error.to_string())?);
        let names = self.members.names();
        let mut clusters = self.clusters.lock().await;
        for (_, court) in clusters.extract_if(.., |name, _| !names.contains(name)) {
            // One that has ended by itself has nobody to hang up on.
            let _ = court.send(ToCluster::End).await;
        }
        tracing::info!("serves {} clusters now: {}", names.len(), names.join(", "));
        Ok(())
    }

    /// How it is.
    pub(crate) async fn status(&self) -> Status {
        let mut clusters = BTreeMap::new();
        for name in self.members.names() {
            let court = self.court(&name).await;
            let (answer, status) = oneshot::channel();
            if court.send(ToCluster::Status(answer)).await.is_ok()
                && let Ok(status) = status.await
            {
                clusters.insert(name, status);
            }
        }
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            listening: self.listening.to_string(),
            fingerprint: write_fingerprint(&self.fingerprint),
            connections: MOST_CONNECTIONS - self.connections.available_permits(),
            refused: self.refusals.total(),
            clusters,
        }
    }
}

/// Hands on what the node says.
async fn listen(
    seat: Seat,
    mut receive: RecvStream,
    connection: &Connection,
    court: &mpsc::Sender<ToCluster>,
) -> Result<(), String> {
    while let Some(said) = wire::receive(&mut receive).await? {
        let FromNode::Report(report) = said else { return Err("it said hello twice".to_owned()) };
        let said = ToCluster::Said(seat, report, connection.rtt());
        court.send(said).await.map_err(|_| "the arbiter serves this cluster no more".to_owned())?;
    }
    Ok(())
}

/// Tells the node what was decided.
async fn tell(mut send: SendStream, mut queue: mpsc::Receiver<ToNode>) -> Result<(), String> {
    while let Some(next) = queue.recv().await {
        match next {
            ToNode::Answer(ring, answer) => wire::send(&mut send, &FromArbiter::Answer(ring, answer)).await?,
            ToNode::Ask => wire::send(&mut send, &FromArbiter::Ask).await?,
            ToNode::Close(reason) => return Err(reason),
        }
    }
    Err("it has another connection, or the arbiter begins again from its disk".to_owned())
}
