//! A task per cluster: its court, and the way to its nodes. A slow disk of one cluster holds nobody else up.

use crate::control::ClusterStatus;
use crate::registry::Registry;
use arbiter::{Answer, Court, Fingerprint, Input, Output, Report, Seat};
use config::{NodeId, write_fingerprint};
use membership::RingId;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

/// What may wait for one cluster.
const BACKLOG: usize = 256;

/// A court without a deadline looks around this often, which costs nothing.
const IDLE: Duration = Duration::from_secs(3600);

/// What reaches a cluster.
pub(super) enum ToCluster {
    /// A node has connected.
    Connected(Seat, Place),
    /// It reports, over a connection with this round-trip time.
    Said(Seat, Box<Report>, Duration),
    /// The connection has ended.
    Lost(Seat),
    /// How is it?
    Status(oneshot::Sender<ClusterStatus>),
    /// It is served no more.
    End,
}

/// What a connection is to do.
pub(super) enum ToNode {
    Answer(RingId, Answer),
    Ask,
    /// Hang up, for this reason.
    Close(String),
}

/// Where a node is.
pub(super) struct Place {
    pub(super) node: NodeId,
    /// What it has shown.
    pub(super) certificate: Fingerprint,
    pub(super) address: SocketAddr,
    /// What it is to be told goes there.
    pub(super) to: mpsc::Sender<ToNode>,
}

struct Cluster {
    name: String,
    registry: Registry,
    /// `None` until it is read from the disk.
    court: Option<Court>,
    places: BTreeMap<Seat, Place>,
    /// Why there is no court.
    trouble: Option<String>,
}

/// Starts the task.
pub(super) fn start(registry: Registry, name: String) -> mpsc::Sender<ToCluster> {
    let (sender, inbox) = mpsc::channel(BACKLOG);
    let cluster = Cluster { name, registry, court: None, places: BTreeMap::new(), trouble: None };
    tokio::spawn(cluster.run(inbox));
    sender
}

impl Cluster {
    async fn run(mut self, mut inbox: mpsc::Receiver<ToCluster>) {
        self.begin();
        loop {
            let deadline = self.court.as_ref().and_then(Court::deadline).unwrap_or_else(|| Instant::now() + IDLE);
            let next = tokio::select! {
                next = inbox.recv() => next,
                () = sleep_until(deadline.into()) => {
                    self.step(Input::Wake).await;
                    continue;
                }
            };
            match next {
                None | Some(ToCluster::End) => return,
                Some(ToCluster::Connected(seat, place)) => self.on_connected(seat, place).await,
                Some(ToCluster::Said(seat, report, round_trip)) => {
                    self.step(Input::Said(seat, report, round_trip)).await
                }
                Some(ToCluster::Lost(seat)) => {
                    self.places.remove(&seat);
                    self.step(Input::Lost(seat)).await;
                }
                // Whoever asked may have hung up.
                Some(ToCluster::Status(answer)) => drop(answer.send(self.status())),
            }
        }
    }

    async fn on_connected(&mut self, seat: Seat, place: Place) {
        self.begin();
        let revoked = self.court.as_ref().is_some_and(|court| court.revoked().contains(&place.certificate));
        match &self.trouble {
            Some(trouble) => self.close(&place, trouble.clone()),
            None if revoked => self.turn_away(&place),
            None => {
                let node = place.node.clone();
                self.places.retain(|_, other| other.node != node);
                self.places.insert(seat, place);
                self.step(Input::Connected(seat, node)).await;
            }
        }
    }

    /// Whoever has the key of a revoked certificate is not the node that it names.
    fn turn_away(&self, place: &Place) {
        let certificate = write_fingerprint(&place.certificate);
        tracing::warn!("{}: hangs up on {} at {}: {certificate} was revoked", self.name, place.node, place.address);
        self.close(place, format!("the certificate {certificate} of {} was revoked; it needs another one", place.node));
    }

    /// Keeps in mind which certificates are revoked, and hangs up on those who show one.
    async fn revoke(&mut self, revoked: BTreeSet<Fingerprint>) {
        let (registry, name, stored) = (self.registry.clone(), self.name.clone(), revoked.clone());
        let written = tokio::task::spawn_blocking(move || registry.store_revoked(&name, &stored)).await;
        let failed = match written {
            Ok(written) => written.err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        match failed {
            None => tracing::info!("{}: {} certificates are revoked", self.name, revoked.len()),
            Some(error) => tracing::error!(
                "{}: which certificates are revoked is known until this arbiter ends, and no longer: {error}",
                self.name
            ),
        }
        for (_, place) in
            self.places.extract_if(.., |_, place| revoked.contains(&place.certificate)).collect::<Vec<_>>()
        {
            self.turn_away(&place);
        }
    }

    /// Takes up what an earlier life, or this one before its disk failed, has put down.
    fn begin(&mut self) {
        if self.court.is_some() {
            return;
        }
        let kept = self.registry.grant(&self.name).and_then(|grant| Ok((grant, self.registry.revoked(&self.name)?)));
        match kept {
            Ok((grant, revoked)) => {
                self.court = Some(Court::new(grant, Instant::now()).revoking(revoked));
                self.trouble = None;
            }
            Err(error) => {
                tracing::error!("{}: nothing can be granted: {error}", self.name);
                self.trouble = Some(error.to_string());
            }
        }
    }

    async fn step(&mut self, input: Input) {
        let Some(court) = &mut self.court else { return };
        for output in court.step(Instant::now(), input) {
            match output {
                Output::Persist(grant) => {
                    let (registry, name, stored) = (self.registry.clone(), self.name.clone(), grant.clone());
                    let written = tokio::task::spawn_blocking(move || registry.store(&name, &stored)).await;
                    let failed = match written {
                        Ok(Ok(())) => None,
                        Ok(Err(error)) => Some(error.to_string()),
                        Err(error) => Some(error.to_string()),
                    };
                    if let Some(reason) = failed {
                        return self.forget(&reason);
                    }
                    let members: Vec<&str> = grant.members.iter().map(NodeId::as_str).collect();
                    tracing::info!("{}: the vote is with the ring {} of {}", self.name, grant.ring, members.join(", "));
                }
                Output::Tell(seat, ring, answer) => {
                    if let Answer::Denied(why) = &answer
                        && let Some(place) = self.places.get(&seat)
                    {
                        tracing::info!("{}: {} is denied the vote for {ring}: {why}", self.name, place.node);
                    }
                    self.send(seat, ToNode::Answer(ring, answer));
                }
                Output::Revoke(revoked) => self.revoke(revoked).await,
                Output::Ask(seat) => self.send(seat, ToNode::Ask),
                Output::Refuse(seat, reason) => {
                    if let Some(place) = self.places.remove(&seat) {
                        tracing::warn!("{}: hangs up on {} at {}: {reason}", self.name, place.node, place.address);
                        self.close(&place, reason);
                    }
                }
            }
        }
    }

    /// What the disk holds is not known any more: everybody has to come again.
    fn forget(&mut self, reason: &str) {
        tracing::error!("{}: a grant could not be stored, so it is not given: {reason}", self.name);
        self.court = None;
        for place in std::mem::take(&mut self.places).into_values() {
            self.close(&place, format!("the arbiter could not store its decision: {reason}"));
        }
    }

    fn close(&self, place: &Place, reason: String) {
        // Of a queue that is full the other end is dropped, which hangs up as well.
        let _ = place.to.try_send(ToNode::Close(reason));
    }

    fn send(&mut self, seat: Seat, message: ToNode) {
        if let Some(place) = self.places.get(&seat)
            && place.to.try_send(message).is_err()
        {
            // It does not read. Without its queue the connection ends.
            self.places.remove(&seat);
        }
    }

    fn status(&self) -> ClusterStatus {
        ClusterStatus {
            grant: self.court.as_ref().and_then(Court::grant).cloned(),
            revoked: self.court.as_ref().map_or(0, |court| court.revoked().len()),
            nodes: self.court.as_ref().map(Court::standings).unwrap_or_default(),
            addresses: self.places.values().map(|place| (place.node.clone(), place.address.to_string())).collect(),
            trouble: self.trouble.clone(),
        }
    }
}
