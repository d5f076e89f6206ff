//! The node's UDP socket: batches in, segmented sends out, never blocking the ring thread for long.

use super::{Complaint, LABEL_END};
use bytes::BytesMut;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, getsockopt, recvmsg, setsockopt, sockopt};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Wanted for both buffers of the socket: several windows of the ring.
const BUFFER: usize = 8 * 1024 * 1024;
/// A smaller buffer than this loses packets at full speed: worth a warning.
const BUFFER_WORTH_A_WARNING: usize = 256 * 1024;
/// How long a full send buffer is waited for before a packet is given up (the ring or QUIC repeats it).
const PATIENCE_MS: u16 = 20;
/// Largest UDP packet or batch of packets the kernel hands over at once.
const SLOT: usize = 65_536;
/// Packets the kernel may hand over in one call.
const SLOTS: usize = if BATCH_SIZE < 16 { BATCH_SIZE } else { 16 };

/// Answers of hosts and networks that are read in one turn.
const ANSWERS: usize = 64;
/// What IPv4 and UDP take of a packet, in bytes; counted as for IPv6, which may be the other way between two hosts.
const HEADERS: u16 = 48;
/// Bytes that the kernel says about one of them.
const WORDS: usize = 256;

/// One received packet.
pub(crate) struct Packet {
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<std::net::IpAddr>,
    pub(crate) ecn: Option<quinn_proto::EcnCodepoint>,
    pub(crate) bytes: BytesMut,
}

/// The socket.
pub(crate) struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
    /// Which of this node's links it is the end of; `None` once its address is none of this node's any more.
    link: Option<usize>,
}

/// Room for one batch of received packets.
pub(crate) struct Batch {
    memory: Vec<BytesMut>,
    meta: [RecvMeta; SLOTS],
    count: usize,
}

impl Batch {
    pub(crate) fn new() -> Batch {
        Batch {
            memory: (0..SLOTS).map(|_| BytesMut::zeroed(SLOT)).collect(),
            meta: [RecvMeta::default(); SLOTS],
            count: 0,
        }
    }

    /// Takes the place of one that is in use; holds nothing.
    pub(crate) fn empty() -> Batch {
        Batch { memory: Vec::new(), meta: [RecvMeta::default(); SLOTS], count: 0 }
    }

    /// The packets of the batch in arrival order.
    pub(crate) fn packets(&mut self) -> impl Iterator<Item = Packet> {
        self.meta[..self.count].iter().zip(&mut self.memory).flat_map(|(meta, slot)| {
            let ecn = meta.ecn.and_then(|ecn| quinn_proto::EcnCodepoint::from_bits(ecn as u8));
            let mut bytes = contents(slot, meta.len.min(SLOT));
            std::iter::from_fn(move || {
                let packet = bytes.split_to(bytes.len().min(meta.stride.max(1)));
                (!packet.is_empty()).then_some(Packet { remote: meta.addr, local: meta.dst_ip, ecn, bytes: packet })
            })
        })
    }
}

/// The first `len` bytes of a slot. A full one gives its memory away, to be shared by its packets: they are of one
/// burst and go together. What came alone or with few is copied, so that a frame that is kept long pins no whole slot.
fn contents(slot: &mut BytesMut, len: usize) -> BytesMut {
    if len < SLOT / 2 {
        return BytesMut::from(&slot[..len]);
    }
    let mut full = std::mem::replace(slot, BytesMut::zeroed(SLOT));
    full.truncate(len);
    full
}

impl Socket {
    /// Prepares `udp` as the end of this link; also returns a warning when the kernel grants too little buffer.
    pub(crate) fn new(udp: UdpSocket, link: usize) -> io::Result<(Socket, Option<String>)> {
        let state = UdpSocketState::new((&udp).into())?;
        // The kernel cuts a wish down silently (net.core.rmem_max), so what it granted is read back.
        // With CAP_NET_ADMIN the limit does not bind.
        if setsockopt(&udp, sockopt::RcvBufForce, &BUFFER).is_err() {
            let _ = state.set_recv_buffer_size((&udp).into(), BUFFER);
        }
        if setsockopt(&udp, sockopt::SndBufForce, &BUFFER).is_err() {
            let _ = state.set_send_buffer_size((&udp).into(), BUFFER);
        }
        let granted = state.recv_buffer_size((&udp).into())?.min(state.send_buffer_size((&udp).into())?);
        let warning = (granted < BUFFER_WORTH_A_WARNING).then(|| {
            format!(
                "the kernel grants the ring's socket {} KiB of buffer; bursts may lose packets. \
                 Raise it with `sysctl net.core.rmem_max={BUFFER} net.core.wmem_max={BUFFER}`",
                granted / 1024
            )
        });
        let address = udp.local_addr()?;
        // Without it, hosts that refuse packets are not noticed; silence is, later.
        let _ = match address {
            SocketAddr::V4(_) => setsockopt(&udp, sockopt::Ipv4RecvErr, &true),
            SocketAddr::V6(_) => setsockopt(&udp, sockopt::Ipv6RecvErr, &true),
        };
        Ok((Socket { udp, state, address, link: Some(link) }, warning))
    }

    /// Where it is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Largest UDP payload that the way to an address takes as far as this host knows, in bytes. Known for IPv4.
    pub(crate) fn takes(&self, remote: &SocketAddr) -> Option<u16> {
        if !(self.address.is_ipv4() && remote.is_ipv4()) {
            return None;
        }
        let asked = UdpSocket::bind((self.address.ip(), 0)).ok()?;
        asked.connect(remote).ok()?;
        let whole = getsockopt(&asked, sockopt::IpMtu).ok()?;
        Some(u16::try_from(whole).unwrap_or(u16::MAX).saturating_sub(HEADERS))
    }

    /// Which link it is the end of, from 0; `None` once its address is none of this node's any more.
    pub(crate) fn link(&self) -> Option<usize> {
        self.link
    }

    /// From now on it is the end of another link, or of none.
    pub(crate) fn relink(&mut self, link: Option<usize>) {
        self.link = link;
    }

    /// How many packets one send may hold.
    pub(crate) fn segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Takes one batch from the kernel. False when nothing more waits.
    pub(crate) fn receive(&self, batch: &mut Batch) -> io::Result<bool> {
        batch.count = 0;
        let mut memory = batch.memory.iter_mut().map(|slot| IoSliceMut::new(slot));
        let mut slots: [IoSliceMut<'_>; SLOTS] =
            std::array::from_fn(|_| memory.next().expect("as many as were allocated"));
        match self.state.recv((&self.udp).into(), &mut slots, &mut batch.meta) {
            // A batch that is not full was the last one: what comes after it wakes this thread again.
            Ok(count) => {
                batch.count = count;
                return Ok(count == SLOTS);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // A signal, or an answer to an earlier send, which lies in a queue of its own.
            Err(error) if error.kind() == io::ErrorKind::Interrupted || is_answer(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// The answers of hosts on which nobody listens at the port that a packet was sent to. Others, about networks and
    /// hosts that cannot be reached, are dropped: silence shows the same. What is more than one turn can bear is left.
    pub(crate) fn complaints(&self) -> Vec<Complaint> {
        let mut words = nix::cmsg_space!([u8; WORDS]);
        let mut found = Vec::new();
        for _ in 0..ANSWERS {
            let mut head = [0; LABEL_END];
            let mut room = [IoSliceMut::new(&mut head)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let Ok(read) = recvmsg::<SockaddrStorage>(self.udp.as_raw_fd(), &mut room, Some(&mut words), flags) else {
                break;
            };
            let refused = read.cmsgs().is_ok_and(|mut messages| messages.any(|message| is_refusal(&message)));
            let to = read.address.as_ref().and_then(plain_address).filter(|_| refused);
            found.extend(to.map(|to| Complaint { to, head }));
        }
        found
    }

    /// Sends one transmit; a full buffer is waited for, briefly.
    pub(crate) fn send(&self, transmit: &quinn_proto::Transmit, bytes: &[u8]) -> io::Result<()> {
        let out = Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| quinn_udp::EcnCodepoint::from_bits(ecn as u8)),
            contents: &bytes[..transmit.size],
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        match self.state.try_send((&self.udp).into(), &out) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut wait = [PollFd::new(self.udp.as_fd(), PollFlags::POLLOUT)];
                poll(&mut wait, PollTimeout::from(PATIENCE_MS))?;
                self.state.try_send((&self.udp).into(), &out)
            }
            // Said about an earlier packet, mostly to somebody else; once said, it is over.
            Err(error) if is_answer(&error) => self.state.try_send((&self.udp).into(), &out),
            done => done,
        }
    }
}

fn plain_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let four = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    four.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port()))))
}

/// Whether this is what a host or a network said about an earlier packet (ICMP), and not about this call.
fn is_answer(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::ENOPROTOOPT
                | libc::EPROTO
                | libc::EACCES
                | libc::EOPNOTSUPP
        )
    )
}

/// Whether this is the answer of a host on which nobody listens at the port.
fn is_refusal(message: &ControlMessageOwned) -> bool {
    let told = |error: &libc::sock_extended_err| (error.ee_origin, error.ee_type, error.ee_code);
    match message {
        ControlMessageOwned::Ipv4RecvErr(error, _) => told(error) == (libc::SO_EE_ORIGIN_ICMP, 3, 3),
        ControlMessageOwned::Ipv6RecvErr(error, _) => told(error) == (libc::SO_EE_ORIGIN_ICMP6, 1, 4),
        _ => false,
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.udp.as_fd()
    }
}
