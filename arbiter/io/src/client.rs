//! A node's way to its arbiter: one task that dials, says in which view the node is, and hands on what it is answered.
//!
//! ```text
//!   dial --fails--> pause (doubles to 5 s; a new view ends it) --> dial
//!     |
//!     +--> hello, report --> report on every change and when asked; answers come as events
//! ```
//!
//! The keys are read anew for every connection, so that a certificate that was renewed is used.

use crate::{tls, wire};
use arbiter::{Answer, FromArbiter, FromNode, Hello, Report};
use config::{Arbiter, NodeId};
use membership::{Incarnation, RingId};
use membership_io::Identity;
use quinn::{Connection, Endpoint, RecvStream, VarInt};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long an address may take to answer.
const DIAL: Duration = Duration::from_secs(3);

/// First and longest pause between two attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// Who calls, and whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the cluster.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// This life of its daemon.
    pub incarnation: Incarnation,
    /// The directory with its key and certificate.
    pub keys: PathBuf,
    /// The arbiter, as the cluster file names it.
    pub arbiter: Arbiter,
}

/// What becomes known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The arbiter answers at this address.
    Up(SocketAddr),
    /// It cannot be asked, in words; said once for each reason.
    Down(String),
    /// What becomes of the view of a ring.
    Answer(RingId, Answer),
}

/// The task; it ends with this value.
#[derive(Debug)]
pub struct Client {
    report: watch::Sender<Option<Report>>,
    task: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Starts it on the current tokio runtime.
    #[must_use]
    pub fn start(options: Options, events: mpsc::UnboundedSender<Event>) -> Client {
        let (report, reports) = watch::channel(None);
        let task = tokio::spawn(Caller { options, reports, events, told: None }.run());
        Client { report, task }
    }

    /// The node is in another view, or knows more of it.
    pub fn report(&self, report: Report) {
        self.report.send_replace(Some(report));
    }
}

struct Caller {
    options: Options,
    reports: watch::Receiver<Option<Report>>,
    events: mpsc::UnboundedSender<Event>,
    /// The last trouble that was told.
    told: Option<String>,
}

impl Caller {
    async fn run(mut self) {
        let mut pause = PAUSE.0;
        loop {
            let ended = match self.dial().await {
                Ok((endpoint, address, connection)) => {
                    pause = PAUSE.0;
                    let ended = self.converse(address, &connection).await;
                    connection.close(VarInt::from_u32(0), b"");
                    // The farewell is worth a moment, not more.
                    let _ = timeout(Duration::from_millis(100), endpoint.wait_idle()).await;
                    ended
                }
                Err(reason) => reason,
            };
            self.trouble(ended);
            tokio::select! {
                () = sleep(pause) => pause = (2 * pause).min(PAUSE.1),
                // A new view is a reason to try at once, and the daemon's end one to try no more.
                changed = self.reports.changed() => if changed.is_err() { return },
            }
        }
    }

    fn event(&self, event: Event) {
        // The daemon ends when nobody listens.
        let _ = self.events.send(event);
    }

    fn trouble(&mut self, reason: String) {
        if self.told.as_ref() != Some(&reason) {
            self.told = Some(reason.clone());
            self.event(Event::Down(reason));
        }
    }

    async fn dial(&self) -> Result<(Endpoint, SocketAddr, Connection), String> {
        let arbiter = &self.options.arbiter;
        let place = arbiter.place();
        let identity = Identity::load(&self.options.keys).map_err(|error| error.to_string())?;
        let config = tls::client(&identity, arbiter.fingerprint)?;
        let port = place.port.unwrap_or(Arbiter::PORT);
        let found = timeout(DIAL, lookup_host((place.host.as_str(), port))).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(Ok(addresses)) => addresses.take(ADDRESSES).collect(),
            Ok(Err(error)) => return Err(format!("its name {} cannot be resolved: {error}", place.host)),
            Err(_) => return Err(format!("its name {} is not resolved in time", place.host)),
        };
        let mut reason = format!("its name {} has no address", place.host);
        for address in addresses {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let endpoint = Endpoint::client(any).map_err(|error| format!("no socket to ask it from: {error}"))?;
            let connecting = endpoint
                .connect_with(config.clone(), address, "arbiter.paceline")
                .map_err(|error| format!("{address} cannot be called: {error}"))?;
            match timeout(DIAL, connecting).await {
                Ok(Ok(connection)) => return Ok((endpoint, address, connection)),
                Ok(Err(error)) => reason = format!("{address}: {}", tls::plain(&error.to_string())),
                Err(_) => reason = format!("nobody answers at {address}"),
            }
        }
        Err(reason)
    }

    /// Talks until the connection ends; why it did.
    async fn converse(&mut self, address: SocketAddr, connection: &Connection) -> String {
        let talk = async {
            let (mut send, receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
            let hello = Hello {
                cluster: self.options.cluster.clone(),
                node: self.options.node.clone(),
                incarnation: self.options.incarnation,
            };
            wire::send(&mut send, &FromNode::Hello(hello)).await?;
            let (heard, mut inbox) = mpsc::channel(16);
            let reader = tokio::spawn(listen(receive, heard));
            let ended = self.exchange(address, &mut send, &mut inbox).await;
            reader.abort();
            ended
        };
        match talk.await {
            Err(reason) => match connection.close_reason() {
                Some(closed) => format!("{address}: {}", in_words(&closed)),
                None => format!("{address}: {reason}"),
            },
            Ok(()) => String::new(),
        }
    }

    async fn exchange(
        &mut self,
        address: SocketAddr,
        send: &mut quinn::SendStream,
        inbox: &mut mpsc::Receiver<Result<FromArbiter, String>>,
    ) -> Result<(), String> {
        let mut up = false;
        loop {
            let report = self.reports.borrow_and_update().clone();
            if let Some(report) = report {
                wire::send(send, &FromNode::Report(Box::new(report))).await?;
            }
            loop {
                let heard = tokio::select! {
                    changed = self.reports.changed() => {
                        changed.map_err(|_| "the daemon ends".to_owned())?;
                        break;
                    }
                    heard = inbox.recv() => heard.ok_or("it has hung up")??,
                };
                // Only what it says shows that it accepts this node: a handshake ends before it has looked.
                if !std::mem::replace(&mut up, true) {
                    self.told = None;
                    self.event(Event::Up(address));
                }
                match heard {
                    FromArbiter::Answer(ring, answer) => self.event(Event::Answer(ring, answer)),
                    FromArbiter::Ask => break,
                }
            }
        }
    }
}

/// Reads until the connection ends.
async fn listen(mut receive: RecvStream, heard: mpsc::Sender<Result<FromArbiter, String>>) {
    loop {
        let next = match wire::receive(&mut receive).await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err("it has hung up".to_owned()),
            Err(reason) => Err(reason),
        };
        let last = next.is_err();
        if heard.send(next).await.is_err() || last {
            return;
        }
    }
}

/// Why a connection ended, for people.
fn in_words(closed: &quinn::ConnectionError) -> String {
    match closed {
        quinn::ConnectionError::ApplicationClosed(close) if close.reason.is_empty() => "it has hung up".to_owned(),
        quinn::ConnectionError::ApplicationClosed(close) => {
            format!("it says: {}", String::from_utf8_lossy(&close.reason))
        }
        quinn::ConnectionError::ConnectionClosed(close) if !close.reason.is_empty() => {
            format!("it refuses this node: {}", tls::plain(&String::from_utf8_lossy(&close.reason)))
        }
        quinn::ConnectionError::TimedOut => "it has fallen silent".to_owned(),
        quinn::ConnectionError::Reset => "it was started again".to_owned(),
        other => other.to_string(),
    }
}
