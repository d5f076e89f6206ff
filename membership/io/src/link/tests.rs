//! Real sockets on loopback, no ring: what arrives, who is refused, what happens when a peer comes back.

mod changes;
mod closed;
mod keys;
mod paths;
mod versions;

use super::*;
use crate::event::LinkEvent;
use crate::identity::Authority;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::cell::Cell;
use std::net::UdpSocket;
use std::time::SystemTime;

const TOKEN: Duration = Duration::from_millis(300);
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// So much time passes at once while nothing arrives.
const STEP: Duration = Duration::from_millis(2);
/// So much time passes while something does.
const TICK: Duration = Duration::from_micros(50);

thread_local! {
    static CLOCK: Cell<Instant> = Cell::new(Instant::now());
}

/// What time it is in a test. Its time passes only while its nodes wait, and while they do never faster than the
/// machine's: what a busy machine takes away from the whole test has not passed between two packets.
fn now() -> Instant {
    CLOCK.get()
}

fn advance(time: Duration) {
    CLOCK.set(now() + time);
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn port() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// One node: its links and all that arrived at it and was not asked for yet.
struct Node {
    links: Links,
    seen: Vec<Arrival>,
}

/// A cluster to be: names, ports and an authority.
struct Bed {
    authority: Authority,
    ports: BTreeMap<NodeId, UdpSocket>,
    /// What nodes speak that are not of this release.
    versions: BTreeMap<NodeId, Versions>,
}

impl Bed {
    fn new(names: &[&str]) -> Bed {
        let ports = names.iter().map(|name| (node(name), port())).collect();
        Bed { authority: Authority::create("test").unwrap(), ports, versions: BTreeMap::new() }
    }

    fn address(&self, name: &str) -> SocketAddr {
        self.ports[&node(name)].local_addr().unwrap()
    }

    fn identity(&self, name: &str) -> Identity {
        self.authority.issue(&node(name)).unwrap().identity()
    }

    /// A node in this life; `identity` may be one it should not have.
    fn node(&self, name: &str, life: u64, identity: &Identity) -> Node {
        self.node_on(name, life, identity, self.ports[&node(name)].try_clone().unwrap())
    }

    fn node_on(&self, name: &str, life: u64, identity: &Identity, udp: UdpSocket) -> Node {
        let options = LinkOptions {
            versions: self.versions.get(&node(name)).copied().unwrap_or(membership::VERSIONS),
            cluster: "test".to_owned(),
            me: node(name),
            incarnation: Incarnation(life),
            peers: self.ports.keys().cloned().collect(),
            token: TOKEN,
            mtu: Some(1452),
            seed: life,
            mode: LinkMode::Passive,
        };
        let (socket, _) = Socket::new(udp, 0).unwrap();
        let mut links = Links::new(options, identity, vec![socket], now()).unwrap();
        for (peer, port) in &self.ports {
            links.set_addresses(now(), peer, vec![vec![port.local_addr().unwrap()]]);
        }
        Node { links, seen: Vec::new() }
    }

    fn good(&self, name: &str, life: u64) -> Node {
        self.node(name, life, &self.identity(name))
    }
}

impl Node {
    fn turn(&mut self) {
        let now = now();
        while self.links.receive(now).unwrap() {}
        self.links.complaints(now);
        self.links.tick(now);
        self.links.flush(now);
        while let Some(arrival) = self.links.arrival() {
            self.seen.push(arrival);
        }
    }

    fn up(&self, peer: &str) -> bool {
        self.links.peers[&node(peer)].paths.iter().any(|path| path.link.is_some())
    }

    fn frames(&self) -> Vec<(NodeId, Bytes)> {
        let frame = |arrival: &Arrival| match arrival {
            Arrival::Frame { from, bytes } => Some((from.clone(), bytes.clone())),
            _ => None,
        };
        self.seen.iter().filter_map(frame).collect()
    }

    fn refusals(&self) -> Vec<String> {
        let refusal = |arrival: &Arrival| match arrival {
            Arrival::Event(LinkEvent::Refused { reason, .. }) => Some(reason.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(refusal).collect()
    }

    fn refused_by_peer(&self) -> bool {
        self.seen.iter().any(|arrival| matches!(arrival, Arrival::Event(LinkEvent::RefusedByPeer { .. })))
    }

    fn send(&mut self, to: &str, text: &'static [u8]) {
        self.links.send(now(), &node(to), Bytes::from_static(text));
    }
}

/// Runs all nodes until `done`, sleeping only until the next packet, deadline or step of the clock.
fn run(nodes: &mut [&mut Node], what: &str, mut done: impl FnMut(&[&mut Node]) -> bool) {
    let end = now() + PATIENCE;
    loop {
        for node in nodes.iter_mut() {
            node.turn();
        }
        if done(nodes) {
            return;
        }
        assert!(
            now() < end,
            "{what}: did not come true in {PATIENCE:?}; seen: {:#?}",
            nodes.iter().map(|n| &n.seen).collect::<Vec<_>>()
        );
        let next = nodes.iter_mut().filter_map(|node| node.links.deadline()).min().unwrap_or(end);
        let wait = next.saturating_duration_since(now()).clamp(TICK, STEP);
        let milliseconds = u16::try_from(wait.as_micros().div_ceil(1000)).expect("a step is short");
        let mut sources: Vec<PollFd<'_>> =
            nodes.iter().flat_map(|node| node.links.sources()).map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let arrived = poll(&mut sources, PollTimeout::from(milliseconds)).unwrap() > 0;
        advance(if arrived { TICK } else { wait });
    }
}

fn both_up(nodes: &[&mut Node]) -> bool {
    nodes[0].up("beta") && nodes[1].up("alpha")
}

#[test]
fn frames_pass_in_order_and_a_full_frame_fits() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    let limit = frame_limit(1452);
    alpha.links.measure();
    beta.links.measure();
    assert_eq!((alpha.links.carries(), beta.links.carries()), (limit, limit));
    let now = now();
    for n in 0..500u32 {
        let mut frame = vec![0; limit];
        frame[..4].copy_from_slice(&n.to_le_bytes());
        alpha.links.broadcast(now, &Bytes::from(frame));
    }
    alpha.links.flush(now);
    run(&mut [&mut alpha, &mut beta], "frames", |nodes| nodes[1].frames().len() == 500);
    let numbers: Vec<u32> =
        beta.frames().iter().map(|(_, bytes)| u32::from_le_bytes(bytes[..4].try_into().unwrap())).collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    assert!(beta.frames().iter().all(|(from, _)| *from == node("alpha")));
    assert_eq!(alpha.links.counters().frames_dropped, 0);
}

#[test]
fn jumbo_packets_need_no_peer_with_the_same_size() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    alpha.links = {
        let (socket, _) = Socket::new(bed.ports[&node("alpha")].try_clone().unwrap(), 0).unwrap();
        let options = LinkOptions { mtu: Some(8952), ..alpha.links.options };
        Links::new(options, &bed.identity("alpha"), vec![socket], now()).unwrap()
    };
    alpha.links.set_addresses(now(), &node("beta"), vec![vec![bed.address("beta")]]);
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    alpha.links.send(now(), &node("beta"), Bytes::from(vec![7; frame_limit(8952)]));
    run(&mut [&mut alpha, &mut beta], "the big frame", |nodes| nodes[1].frames().len() == 1);
}

#[test]
fn a_peer_that_says_goodbye_is_down_at_once() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    let start = now();
    beta.links.goodbye(start);
    run(&mut [&mut alpha], "down", |nodes| {
        nodes[0].seen.iter().any(|arrival| matches!(arrival, Arrival::Down(peer) if *peer == node("beta")))
    });
    assert!(now() - start < TOKEN, "{:?}", now() - start);
}

#[test]
fn a_peer_that_goes_silent_is_not_declared_down() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    drop(beta);
    let end = now() + 3 * TOKEN;
    run(&mut [&mut alpha], "time passes", |_| now() >= end);
    assert!(!alpha.seen.iter().any(|arrival| matches!(arrival, Arrival::Down(_))));
    assert!(alpha.up("beta"), "the link stays until something better comes");
}

/// A new life of `name` takes the place of the old one and frames pass again, before the old link could have timed out.
fn comes_back(name: &str) {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    alpha.seen.clear();
    beta.seen.clear();
    let start = now();
    let other = if name == "alpha" {
        alpha = bed.good("alpha", 3);
        "beta"
    } else {
        beta = bed.good("beta", 3);
        "alpha"
    };
    let back = |nodes: &[&mut Node]| {
        let survivor = nodes.iter().find(|survivor| survivor.links.options.me == node(other)).unwrap();
        let fresh = nodes.iter().find(|fresh| fresh.links.options.me == node(name)).unwrap();
        survivor.links.peers[&node(name)].life == Some(Incarnation(3)) && fresh.up(other)
    };
    run(&mut [&mut alpha, &mut beta], "the new life", back);
    assert!(now() - start < Duration::from_secs(5), "{:?}", now() - start);
    let survivor = if name == "alpha" { &beta } else { &alpha };
    let news: Vec<&Arrival> =
        survivor.seen.iter().filter(|arrival| matches!(arrival, Arrival::Up(_) | Arrival::Down(_))).collect();
    assert!(matches!(&news[..], [Arrival::Down(_), Arrival::Up(_)]), "{news:?}");
    alpha.send("beta", b"to beta");
    beta.send("alpha", b"to alpha");
    run(&mut [&mut alpha, &mut beta], "frames", |nodes| nodes.iter().all(|node| node.frames().len() == 1));
}

#[test]
fn a_dialer_that_restarts_replaces_its_old_link() {
    comes_back("alpha");
}

#[test]
fn an_accepter_that_restarts_is_dialed_again() {
    comes_back("beta");
}

#[test]
fn a_peer_that_starts_late_is_found_and_told_about() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut alpha = bed.good("alpha", 1);
    let unreachable =
        |node: &Node| node.seen.iter().filter(|a| matches!(a, Arrival::Event(LinkEvent::Unreachable { .. }))).count();
    run(&mut [&mut alpha], "it is said", |nodes| unreachable(nodes[0]) == 1);
    let attempts = alpha.links.counters().packets_out;
    run(&mut [&mut alpha], "more attempts", |nodes| nodes[0].links.counters().packets_out > attempts + 10);
    assert_eq!(unreachable(&alpha), 1, "said once");
    let mut beta = bed.good("beta", 2);
    run(&mut [&mut alpha, &mut beta], "links", both_up);
}

#[test]
fn the_second_address_of_a_name_is_tried_when_the_first_is_dead() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    let dead = port();
    let both = vec![dead.local_addr().unwrap(), bed.address("beta")];
    alpha.links.set_addresses(now(), &node("beta"), vec![both]);
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    assert_eq!(alpha.links.peers(now())[&node("beta")].link, Some(bed.address("beta")));
}

#[test]
fn links_work_over_ipv6_and_over_the_socket_of_the_right_kind() {
    let bed = Bed::new(&["alpha", "beta"]);
    let udp = match UdpSocket::bind("[::1]:0") {
        Ok(udp) => udp,
        // A host without IPv6 has nothing to show here.
        Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => return,
        Err(error) => panic!("{error}"),
    };
    let mut beta = bed.node_on("beta", 2, &bed.identity("beta"), udp.try_clone().unwrap());
    let mut alpha = bed.good("alpha", 1);
    alpha.links.plug(vec![Socket::new(UdpSocket::bind("[::1]:0").unwrap(), 0).unwrap().0], None);
    let address = udp.local_addr().unwrap();
    assert!(alpha.links.reaches(&address));
    alpha.links.set_addresses(now(), &node("beta"), vec![vec![address]]);
    run(&mut [&mut alpha, &mut beta], "links", both_up);
}

#[test]
fn a_stranger_is_refused_and_named_once() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut beta = bed.good("beta", 2);
    let stranger = Authority::create("test").unwrap().issue(&node("alpha")).unwrap().identity();
    let mut alpha = bed.node("alpha", 1, &stranger);
    // To see both sides refuse, the stranger believes that beta is right.
    run(&mut [&mut alpha, &mut beta], "refusal", |nodes| !nodes[0].refusals().is_empty());
    assert!(alpha.refusals()[0].contains("does not prove that it is beta"), "{:?}", alpha.refusals());
    assert!(alpha.refusals()[0].contains("not signed by this cluster's authority"), "{:?}", alpha.refusals());
    let attempts = |node: &Node| node.links.refusals.total;
    run(&mut [&mut alpha, &mut beta], "more of them", |nodes| attempts(nodes[1]) >= 3);
    assert_eq!(beta.refusals().len(), 1, "{:?}", beta.refusals());
    assert!(!beta.up("alpha") && !alpha.up("beta"));
}

/// Somebody with this TLS set-up knocks at beta, which dials nobody: what does beta say?
fn knock(client: rustls::ClientConfig, bed: &Bed) -> Vec<String> {
    let mut beta = bed.good("beta", 2);
    let mut stranger = bed.node_on("alpha", 1, &bed.identity("alpha"), port());
    stranger.links.setup.client = quinn_proto::ClientConfig::new(Arc::new(
        quinn_proto::crypto::rustls::QuicClientConfig::try_from(client).unwrap(),
    ));
    run(&mut [&mut stranger, &mut beta], "refusal", |nodes| !nodes[1].refusals().is_empty());
    run(&mut [&mut stranger, &mut beta], "the stranger hears it", |nodes| nodes[0].refused_by_peer());
    assert!(!beta.up("alpha") && !beta.seen.iter().any(|arrival| matches!(arrival, Arrival::Up(_))));
    beta.refusals()
}

/// A client that trusts beta and shows this certificate, or none.
fn client(bed: &Bed, shown: Option<&Identity>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(bed.identity("alpha").authorities()[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut tls = match shown {
        None => tls.with_no_client_auth(),
        Some(shown) => tls.with_client_auth_cert(vec![shown.certificate().clone()], shown.key().clone_key()).unwrap(),
    };
    tls.alpn_protocols = vec![b"paceline/1".to_vec()];
    tls
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let bed = Bed::new(&["alpha", "beta"]);
    let other = Authority::create("test").unwrap().issue(&node("alpha")).unwrap().identity();
    let said = knock(client(&bed, Some(&other)), &bed);
    assert!(said[0].contains("not signed by this cluster's authority"), "{said:?}");
}

#[test]
fn a_node_without_a_certificate_is_refused() {
    let bed = Bed::new(&["alpha", "beta"]);
    let said = knock(client(&bed, None), &bed);
    assert!(said[0].contains("shows no certificate"), "{said:?}");
}

#[test]
fn an_expired_certificate_is_refused() {
    let bed = Bed::new(&["alpha", "beta"]);
    let past = SystemTime::now() - Duration::from_secs(10);
    let old = bed.authority.issue_for(&node("alpha"), past - Duration::from_secs(60), past).unwrap().identity();
    let said = knock(client(&bed, Some(&old)), &bed);
    assert!(said[0].contains("expired"), "{said:?}");
}

#[test]
fn a_certificate_of_no_configured_node_is_refused() {
    let bed = Bed::new(&["alpha", "beta"]);
    let said = knock(client(&bed, Some(&bed.identity("delta"))), &bed);
    assert!(said[0].contains("delta"), "{said:?}");
}

#[test]
fn a_copied_certificate_is_refused_when_it_dials_and_when_it_answers() {
    // The machine of beta has been given gamma's keys.
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let (mut alpha, mut gamma) = (bed.good("alpha", 1), bed.good("gamma", 3));
    let mut wrong = bed.node("beta", 2, &bed.identity("gamma"));
    run(&mut [&mut alpha, &mut wrong, &mut gamma], "refusals", |nodes| {
        !nodes[0].refusals().is_empty() && !nodes[2].refusals().is_empty()
    });
    let by_alpha = alpha.refusals().join("; ");
    assert!(by_alpha.contains("does not prove that it is beta: its certificate is for another node"), "{by_alpha}");
    let by_gamma = gamma.refusals().join("; ");
    assert!(by_gamma.contains("certificate is for gamma"), "{by_gamma}");
    assert!(!alpha.up("beta") && !gamma.up("beta"));
    run(&mut [&mut alpha, &mut gamma], "the others", |nodes| nodes[0].up("gamma") && nodes[1].up("alpha"));
}

#[test]
fn a_node_that_calls_itself_another_name_than_its_certificate_is_refused() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let mut gamma = bed.good("gamma", 3);
    let mut wrong = bed.node("alpha", 1, &bed.identity("beta"));
    run(&mut [&mut wrong, &mut gamma], "refusal", |nodes| !nodes[1].refusals().is_empty());
    assert_eq!(gamma.refusals(), ["it calls itself alpha, but its certificate is for beta"]);
    assert!(!gamma.up("alpha") && !gamma.up("beta"));
}

#[test]
fn another_cluster_with_the_same_authority_is_refused() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    alpha.links.options.cluster = "other".to_owned();
    run(&mut [&mut alpha, &mut beta], "refusal", |nodes| !nodes[1].refusals().is_empty());
    assert_eq!(beta.refusals(), ["alpha is in cluster \"other\", this is \"test\""]);
}

#[test]
fn garbage_is_counted_and_ignored() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    let outside = port();
    let mut random = noise(7);
    for length in (0..1500).step_by(7) {
        let bytes: Vec<u8> = (0..length).map(|_| random()).collect();
        outside.send_to(&bytes, bed.address("beta")).unwrap();
        // The same with the first byte of a QUIC Initial, version 1.
        let mut initial = bytes;
        for (at, byte) in [0xc0, 0, 0, 0, 1].into_iter().enumerate() {
            if let Some(place) = initial.get_mut(at) {
                *place = byte;
            }
        }
        outside.send_to(&initial, bed.address("beta")).unwrap();
    }
    alpha.send("beta", b"still here");
    run(&mut [&mut alpha, &mut beta], "the frame", |nodes| nodes[1].frames().len() == 1);
    run(&mut [&mut alpha, &mut beta], "garbage counted", |nodes| nodes[1].links.counters().ignored > 300);
    assert!(beta.up("alpha"));
}

/// A few reproducible bytes.
fn noise(seed: u64) -> impl FnMut() -> u8 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    }
}

#[test]
fn strangers_that_never_finish_are_bounded_and_do_not_keep_friends_out() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut beta = bed.good("beta", 2);
    let provoke = |count: usize, beta: &mut Node| {
        for _ in 0..count {
            // Each is a first packet of a real client that then falls silent.
            let mut silent = bed.node_on("alpha", 1, &bed.identity("alpha"), port());
            silent.links.tick(now());
            silent.links.flush(now());
        }
        beta.turn();
    };
    for _ in 0..20 {
        provoke(8, &mut beta);
    }
    let strangers = beta.links.connections.len();
    assert!((VALIDATE_FROM..=MAX_STRANGERS).contains(&strangers), "{strangers}");
    let mut alpha = bed.good("alpha", 1);
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    run(&mut [&mut alpha, &mut beta], "forgotten", |nodes| nodes[1].links.connections.len() <= 2);
}

#[test]
fn what_is_too_long_is_dropped_and_counted() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    alpha.links.send(now(), &node("beta"), Bytes::from(vec![0; 1500]));
    assert_eq!(alpha.links.counters().frames_dropped, 1);
    alpha.links.send(now(), &node("nobody"), Bytes::new());
    assert_eq!(alpha.links.counters().frames_dropped, 2);
}
