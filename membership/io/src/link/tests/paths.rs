//! Two links between two nodes, each through a relay that can be told to fail.

use super::*;

/// Passes packets between whoever sends first and `target`.
struct Relay {
    front: UdpSocket,
    back: UdpSocket,
    target: SocketAddr,
    /// Who sent first.
    client: Option<SocketAddr>,
    /// Whether packets of the dialer pass.
    there: bool,
    /// Whether packets to the dialer pass.
    back_again: bool,
    /// Larger packets do not pass.
    most: usize,
    /// Packets from the dialer that passed.
    passed: usize,
}

impl Relay {
    fn new(target: SocketAddr) -> Relay {
        let (front, back) = (port(), port());
        for socket in [&front, &back] {
            socket.set_nonblocking(true).unwrap();
        }
        Relay { front, back, target, client: None, there: true, back_again: true, most: usize::MAX, passed: 0 }
    }

    fn address(&self) -> SocketAddr {
        self.front.local_addr().unwrap()
    }

    fn set(&mut self, there: bool, back_again: bool) {
        (self.there, self.back_again) = (there, back_again);
    }

    /// Passes on what has come.
    fn carry(&mut self) {
        let mut bytes = [0; 65_536];
        while let Ok((length, from)) = self.front.recv_from(&mut bytes) {
            self.client = Some(from);
            if self.there && length <= self.most {
                self.passed += 1;
                self.back.send_to(&bytes[..length], self.target).unwrap();
            }
        }
        while let Ok(length) = self.back.recv(&mut bytes) {
            if self.back_again && length <= self.most {
                self.front.send_to(&bytes[..length], self.client.unwrap()).unwrap();
            }
        }
    }
}

/// Alpha and beta with two links, and the relays that alpha's packets pass.
pub(super) struct Pair {
    pub(super) alpha: Node,
    beta: Node,
    relays: [Relay; 2],
    _dark: [UdpSocket; 2],
}

pub(super) fn pair(mode: LinkMode) -> Pair {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    let second = port();
    // Where nobody reads: a knock would find a way around the relays.
    let dark = [port(), port()];
    let ways = dark.iter().map(|nobody| vec![nobody.local_addr().unwrap()]).collect();
    beta.links.set_addresses(now(), &node("alpha"), ways);
    let relays = [Relay::new(bed.address("beta")), Relay::new(second.local_addr().unwrap())];
    beta.links.plug(vec![Socket::new(second, 1).unwrap().0], None);
    alpha.links.plug(vec![Socket::new(port(), 1).unwrap().0], None);
    let ways = relays.iter().map(|relay| vec![relay.address()]).collect();
    alpha.links.set_addresses(now(), &node("beta"), ways);
    (alpha.links.options.mode, beta.links.options.mode) = (mode, mode);
    Pair { alpha, beta, relays, _dark: dark }
}

impl Pair {
    fn until(&mut self, what: &str, mut done: impl FnMut(&Node, &Node) -> bool) {
        let Pair { alpha, beta, relays, .. } = self;
        run(&mut [alpha, beta], what, |nodes| {
            relays.iter_mut().for_each(Relay::carry);
            done(nodes[0], nodes[1])
        });
    }

    pub(super) fn until_links(&mut self, states: [bool; 2]) {
        self.until(&format!("links {states:?}"), |alpha, beta| {
            up(alpha, "beta") == states && up(beta, "alpha") == states
        });
    }

    /// Time passes.
    fn rest(&mut self, time: Duration) {
        let end = now() + time;
        self.until("time passes", |_, _| now() >= end);
    }

    fn nobody_lost(&self) -> bool {
        !self.alpha.seen.iter().chain(&self.beta.seen).any(|arrival| matches!(arrival, Arrival::Down(_)))
    }
}

fn up(of: &Node, peer: &str) -> [bool; 2] {
    let links = &of.links.peers(now())[&node(peer)].links;
    std::array::from_fn(|link| links.get(link).is_some_and(|link| link.up))
}

fn used(of: &Node, peer: &str) -> [bool; 2] {
    let links = &of.links.peers(now())[&node(peer)].links;
    std::array::from_fn(|link| links.get(link).is_some_and(|link| link.used))
}

fn told(of: &Node, link: usize) -> Vec<&'static str> {
    let word = |arrival: &Arrival| match arrival {
        Arrival::Event(LinkEvent::Up { link: of, .. }) if *of == link => Some("up"),
        Arrival::Event(LinkEvent::Down { link: of, .. }) if *of == link => Some("down"),
        _ => None,
    };
    of.seen.iter().filter_map(word).collect()
}

#[test]
fn a_cut_link_is_an_event_and_the_other_one_carries_on() {
    let mut pair = pair(LinkMode::Passive);
    pair.until_links([true, true]);
    assert_eq!(used(&pair.alpha, "beta"), [true, false], "the first one is preferred");
    let start = now();
    pair.relays[0].set(false, false);
    // What is said from now on comes through before the token timeout, without anybody noticing.
    pair.until("the other link is used", |alpha, beta| used(alpha, "beta")[1] && used(beta, "alpha")[1]);
    pair.alpha.send("beta", b"PL to beta");
    pair.beta.send("alpha", b"PL to alpha");
    pair.until("frames", |alpha, beta| alpha.frames().len() == 1 && beta.frames().len() == 1);
    assert!(now() - start < TOKEN, "{:?}", now() - start);
    pair.until_links([false, true]);
    pair.relays[0].set(true, true);
    pair.until_links([true, true]);
    pair.until("the first one is used again", |alpha, _| used(alpha, "beta") == [true, false]);
    assert!(pair.nobody_lost());
    assert_eq!(told(&pair.alpha, 0), ["up", "down", "up"]);
    assert_eq!(told(&pair.alpha, 1), ["up"]);
}

#[test]
fn a_link_of_one_direction_is_down_on_both_sides() {
    for (there, back) in [(false, true), (true, false)] {
        let mut pair = pair(LinkMode::Passive);
        pair.until_links([true, true]);
        pair.relays[0].set(there, back);
        pair.until_links([false, true]);
        assert!(pair.nobody_lost());
        // Both notice by themselves that nothing is confirmed, before full packets are missed.
        for node in [&pair.alpha, &pair.beta] {
            let mute = |arrival: &Arrival| matches!(arrival, Arrival::Event(LinkEvent::Down { reason, .. }) if reason.contains("does not arrive"));
            assert!(node.seen.iter().any(mute), "{:?}", node.seen);
        }
    }
}

#[test]
fn a_link_that_small_packets_pass_is_not_up() {
    let mut pair = pair(LinkMode::Passive);
    pair.relays[0].most = 1300;
    pair.until("the second link", |alpha, beta| up(alpha, "beta")[1] && up(beta, "alpha")[1]);
    pair.rest(2 * TOKEN);
    assert_eq!(up(&pair.alpha, "beta"), [false, true]);
    pair.relays[0].most = usize::MAX;
    pair.until_links([true, true]);
    pair.relays[0].most = 1300;
    pair.until_links([false, true]);
    let narrow = |arrival: &Arrival| matches!(arrival, Arrival::Event(LinkEvent::Down { reason, .. }) if reason.contains("1452 bytes do not pass"));
    assert!(pair.alpha.seen.iter().any(narrow), "{:?}", pair.alpha.seen);
}

#[test]
fn active_links_carry_everything_and_round_robin_half_each() {
    for (mode, copies) in [(LinkMode::Active, 2), (LinkMode::RoundRobin, 1)] {
        let mut pair = pair(mode);
        pair.until_links([true, true]);
        pair.rest(TOKEN / 10);
        let before = [pair.relays[0].passed, pair.relays[1].passed];
        for _ in 0..100 {
            pair.alpha.send("beta", b"PL once more");
            // One packet each.
            pair.alpha.links.flush(now());
        }
        pair.until("frames", |_, beta| beta.frames().len() == 100 * copies);
        for (link, before) in before.into_iter().enumerate() {
            let passed = pair.relays[link].passed - before;
            assert!(passed >= 50 * copies, "{mode:?}: {passed} over link {link}");
        }
    }
}

#[test]
fn when_no_link_is_sound_all_that_are_open_are_tried() {
    let mut pair = pair(LinkMode::Passive);
    pair.until_links([true, true]);
    for relay in &mut pair.relays {
        relay.set(false, true);
    }
    pair.until_links([false, false]);
    assert_eq!(used(&pair.alpha, "beta"), [true, true]);
    assert!(pair.nobody_lost(), "whether the peer is lost is for the ring to say");
    for relay in &mut pair.relays {
        relay.set(true, true);
    }
    pair.until_links([true, true]);
}

#[test]
fn one_that_is_waited_for_knocks() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut alpha = bed.good("alpha", 1);
    // Long enough for its pauses to be at their longest.
    let end = now() + Duration::from_secs(1);
    run(&mut [&mut alpha], "time passes", |_| now() >= end);
    let start = now();
    let mut beta = bed.good("beta", 2);
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    assert!(now() - start < Duration::from_millis(150), "{:?}", now() - start);
}

#[test]
fn a_knock_of_a_stranger_or_a_forger_ends_nothing() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    let connections = alpha.links.connections.len();
    port().send_to(KNOCK, bed.address("alpha")).unwrap();
    for _ in 0..100 {
        alpha.links.knocked(now(), bed.address("beta"), b"\0beta");
    }
    run(&mut [&mut alpha, &mut beta], "it arrives", |nodes| nodes[0].links.counters().ignored > 0);
    assert_eq!(alpha.links.connections.len(), connections);
    assert!(alpha.up("beta"));
}
