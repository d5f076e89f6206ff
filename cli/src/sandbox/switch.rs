//! The network of a sandbox: one public address per node, and datagrams carried between them, or not.
//!
//! A datagram that node i sends to the public address of node j arrives at j's real address from i's public one, so
//! both know each other by public addresses only. A node that is cut neither sends nor receives.

use crate::failure::Failure;
use crate::sandbox::layout::{Description, Layout};
use crate::sandbox::lines;
use config::NodeId;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

/// How long a caller should wait for the answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Datagrams taken from one socket before the others get their turn.
const BURST: usize = 64;
/// The largest datagram there is.
const LARGEST: usize = 65_536;
/// Space for datagrams that wait in the kernel, per node.
const QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// What the switch can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Pull the network cable of a node.
    Cut {
        /// Whose.
        node: NodeId,
    },
    /// Put it in again.
    Heal {
        /// Whose.
        node: NodeId,
    },
    /// Lose this share of all datagrams.
    Loss {
        /// 0 to 100.
        percent: u8,
    },
    /// Say how it is.
    Status,
    /// End this process.
    End,
}

/// How the switch is, after the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Why the request was not carried out; `None`: it was.
    pub(crate) error: Option<String>,
    /// Nodes that are cut off.
    pub(crate) cut: Vec<NodeId>,
    /// Share of datagrams lost on purpose.
    pub(crate) loss_percent: u8,
    /// Datagrams carried.
    pub(crate) carried: u64,
    /// Datagrams dropped: cut, lost on purpose, or no room at the receiver.
    pub(crate) dropped: u64,
    /// Datagrams from addresses that belong to no node.
    pub(crate) strangers: u64,
}

struct Port {
    node: NodeId,
    real: SocketAddr,
    socket: UdpSocket,
    cut: bool,
}

struct Switch {
    ports: Vec<Port>,
    loss_percent: u8,
    random: fastrand::Rng,
    carried: u64,
    dropped: u64,
    strangers: u64,
    finished: bool,
}

const REQUESTS: u64 = u64::MAX;
const GUARD: u64 = u64::MAX - 1;

/// The whole life of the process `paceline sandbox switch`. With `guarded` it ends when its standard input is closed,
/// and then also removes the sandbox.
///
/// # Errors
/// When it cannot be set up.
pub(crate) fn run(layout: &Layout, description: &Description, guarded: bool) -> Result<(), Failure> {
    let failed = |what: &str, error: io::Error| Failure::refused(format!("switch: cannot {what}")).because(error);
    let _ = nix::unistd::setsid();
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|errno| failed("wait for events", errno.into()))?;
    let watch = |fd: std::os::fd::BorrowedFd<'_>, data: u64| {
        epoll
            .add(fd, EpollEvent::new(EpollFlags::EPOLLIN, data))
            .map_err(|errno| failed("wait for events", errno.into()))
    };
    let mut switch = Switch::new();
    for (place, seat) in description.seats.iter().enumerate() {
        let port = Port::open(seat.name.clone(), seat.public, seat.real)
            .map_err(|error| failed(&format!("use the address {} for {}", seat.public, seat.name), error))?;
        watch(port.socket.as_fd(), place as u64)?;
        switch.ports.push(port);
    }
    if guarded {
        watch(io::stdin().as_fd(), GUARD)?;
    }
    let mut server = lines::Server::listen(&layout.switch_socket(), &epoll, REQUESTS)
        .map_err(|error| failed("listen on its socket", error))?;
    let mut buffer = vec![0; LARGEST];
    let mut events = [EpollEvent::empty(); 32];
    while !switch.finished {
        let count = epoll.wait(&mut events, EpollTimeout::NONE).unwrap_or(0);
        for event in &events[..count] {
            match event.data() {
                REQUESTS => server.serve(&epoll, REQUESTS, |line| switch.answer(line)),
                GUARD => {
                    // The machines see the same end; whoever is late is told again.
                    crate::sandbox::launch::end_machines(layout, description);
                    let _ = std::fs::remove_dir_all(layout.dir());
                    return Ok(());
                }
                place => switch.carry(place as usize, &mut buffer),
            }
        }
    }
    let _ = std::fs::remove_file(layout.switch_socket());
    Ok(())
}

impl Port {
    fn open(node: NodeId, public: SocketAddr, real: SocketAddr) -> io::Result<Port> {
        let socket = UdpSocket::bind(public)?;
        socket.set_nonblocking(true)?;
        // Best effort: the system's limit may be lower, and then a burst loses datagrams as a real switch would.
        let _ = nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBuf, &QUEUE_BYTES);
        Ok(Port { node, real, socket, cut: false })
    }
}

impl Switch {
    fn new() -> Switch {
        Switch {
            ports: Vec::new(),
            loss_percent: 0,
            random: fastrand::Rng::new(),
            carried: 0,
            dropped: 0,
            strangers: 0,
            finished: false,
        }
    }

    /// Carries what has arrived at the public address of one node.
    fn carry(&mut self, to: usize, buffer: &mut [u8]) {
        for _ in 0..BURST {
            // Anything but a datagram (also an error that an earlier send brought back) ends this turn.
            let Ok((length, source)) = self.ports[to].socket.recv_from(buffer) else { return };
            let Some(from) = self.ports.iter().find(|port| port.real == source) else {
                self.strangers += 1;
                continue;
            };
            let target = &self.ports[to];
            let lost = self.loss_percent > 0 && self.random.u8(0..100) < self.loss_percent;
            if from.cut || target.cut || lost || from.socket.send_to(&buffer[..length], target.real).is_err() {
                self.dropped += 1;
            } else {
                self.carried += 1;
            }
        }
    }

    fn answer(&mut self, line: &str) -> String {
        let result = match serde_json::from_str::<Request>(line) {
            Err(error) => Err(format!("not understood: {error}")),
            Ok(Request::Cut { node }) => self.set_cut(&node, true),
            Ok(Request::Heal { node }) => self.set_cut(&node, false),
            Ok(Request::Loss { percent }) => {
                self.loss_percent = percent.min(100);
                Ok(())
            }
            Ok(Request::Status) => Ok(()),
            Ok(Request::End) => {
                self.finished = true;
                Ok(())
            }
        };
        let answer = Answer {
            error: result.err(),
            cut: self.ports.iter().filter(|port| port.cut).map(|port| port.node.clone()).collect(),
            loss_percent: self.loss_percent,
            carried: self.carried,
            dropped: self.dropped,
            strangers: self.strangers,
        };
        serde_json::to_string(&answer).expect("an answer can be written as JSON")
    }

    fn set_cut(&mut self, node: &NodeId, cut: bool) -> Result<(), String> {
        let port = self.ports.iter_mut().find(|port| port.node == *node).ok_or_else(|| format!("no node {node}"))?;
        port.cut = cut;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes on a switch, and the sockets of their daemons.
    fn two_nodes() -> (Switch, Vec<UdpSocket>, Vec<SocketAddr>) {
        let mut switch = Switch::new();
        let mut daemons = Vec::new();
        for name in ["alpha", "beta"] {
            let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
            daemon.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let real = daemon.local_addr().unwrap();
            let port = Port::open(NodeId::new(name).unwrap(), "127.0.0.1:0".parse().unwrap(), real).unwrap();
            port.socket.set_nonblocking(false).unwrap();
            port.socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            switch.ports.push(port);
            daemons.push(daemon);
        }
        let publics = switch.ports.iter().map(|port| port.socket.local_addr().unwrap()).collect();
        (switch, daemons, publics)
    }

    #[test]
    fn datagrams_arrive_from_the_public_address_of_their_sender() {
        let (mut switch, daemons, publics) = two_nodes();
        let mut buffer = [0; 100];
        daemons[0].send_to(b"hello", publics[1]).unwrap();
        switch.carry(1, &mut buffer);
        let (length, source) = daemons[1].recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], source), (&b"hello"[..], publics[0]));
        assert_eq!((switch.carried, switch.dropped, switch.strangers), (1, 0, 0));
    }

    #[test]
    fn a_cut_node_neither_sends_nor_receives_until_healed() {
        let (mut switch, daemons, publics) = two_nodes();
        let mut buffer = [0; 100];
        assert!(switch.answer(r#"{"request":"cut","node":"alpha"}"#).contains(r#""cut":["alpha"]"#));
        daemons[0].send_to(b"out", publics[1]).unwrap();
        switch.carry(1, &mut buffer);
        daemons[1].send_to(b"in", publics[0]).unwrap();
        switch.carry(0, &mut buffer);
        assert_eq!((switch.carried, switch.dropped), (0, 2));
        switch.answer(r#"{"request":"heal","node":"alpha"}"#);
        daemons[1].send_to(b"in", publics[0]).unwrap();
        switch.carry(0, &mut buffer);
        assert_eq!(daemons[0].recv_from(&mut buffer).unwrap().1, publics[1]);
    }

    #[test]
    fn strangers_and_loss_are_dropped_and_unknown_nodes_are_named() {
        let (mut switch, daemons, publics) = two_nodes();
        let mut buffer = [0; 100];
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", publics[0]).unwrap();
        switch.carry(0, &mut buffer);
        switch.answer(r#"{"request":"loss","percent":100}"#);
        daemons[0].send_to(b"y", publics[1]).unwrap();
        switch.carry(1, &mut buffer);
        assert_eq!((switch.strangers, switch.dropped, switch.carried), (1, 1, 0));
        assert!(switch.answer(r#"{"request":"cut","node":"omega"}"#).contains("no node omega"));
        assert!(switch.answer("rubbish").contains("not understood"));
    }
}
