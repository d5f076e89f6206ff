//! Whole ring threads with real sockets on loopback, in one process.

// A helper that panics fails the test that called it.
#![allow(clippy::unwrap_used)]
// Figures for whoever looks.
#![allow(clippy::print_stderr)]

use bytes::Bytes;
use config::{LinkMode, NodeId};
use membership::{Delivery, Incarnation, Notice, Output, Recording, Replay, Replayed, VERSIONS, Versions, View};
use membership_io::{
    Authority, Bind, Event, Identity, LinkEvent, Options, RingHandle, RingThread, Settings, SpawnError,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough that a thread of a busy machine comes to its turn before it is given up.
const TOKEN: Duration = Duration::from_secs(2);
/// Longer than the members take to notice that one of them is there or gone, and shorter than any other timeout.
const NOTICED: Duration = Duration::from_secs(9);
/// Longer than anything here may take, on a very busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// A cluster to be: ports that stay reserved, keys, state directories.
struct Bed {
    authority: Authority,
    ports: BTreeMap<NodeId, UdpSocket>,
    states: TempDir,
}

struct Member {
    name: NodeId,
    handle: Option<RingHandle>,
    events: Receiver<Event>,
    seen: Vec<Event>,
}

impl Bed {
    fn new(names: &[&str]) -> Bed {
        let ports = names.iter().map(|name| (node(name), UdpSocket::bind("127.0.0.1:0").unwrap())).collect();
        Bed { authority: Authority::create("test").unwrap(), ports, states: tempfile::tempdir().unwrap() }
    }

    fn address(&self, name: &str) -> SocketAddr {
        self.ports[&node(name)].local_addr().unwrap()
    }

    fn identity(&self, name: &str) -> Identity {
        self.authority.issue(&node(name)).unwrap().identity()
    }

    fn options(&self, name: &str, life: u64) -> Options {
        let address = |port: &UdpSocket| vec![port.local_addr().unwrap().to_string()];
        Options {
            cluster: "test".to_owned(),
            me: node(name),
            incarnation: Incarnation(life),
            nodes: self.ports.iter().map(|(node, port)| (node.clone(), address(port))).collect(),
            port: 5405,
            token: TOKEN,
            mtu: Some(1452),
            seed: life,
            identity: self.identity(name),
            bind: Bind::Socket(self.ports[&node(name)].try_clone().unwrap()),
            state_dir: self.states.path().join(name),
            realtime: false,
            versions: VERSIONS,
            link_mode: LinkMode::Passive,
        }
    }

    fn start(&self, name: &str, life: u64) -> Member {
        Member::start(self.options(name, life)).unwrap()
    }

    /// All nodes, in one view.
    fn start_all(&self) -> Vec<Member> {
        let mut members: Vec<Member> =
            self.ports.keys().zip(1..).map(|(name, life)| self.start(name.as_str(), life)).collect();
        for member in &mut members {
            member.view_of(self.ports.len());
        }
        members
    }
}

impl Member {
    fn start(options: Options) -> Result<Member, SpawnError> {
        let name = options.me.clone();
        let (sender, events) = mpsc::channel();
        let on_event = Box::new(move |event| {
            // The test has seen enough and is gone.
            let _ = sender.send(event);
        });
        let handle = Some(RingThread::spawn(options, on_event)?);
        Ok(Member { name, handle, events, seen: Vec::new() })
    }

    /// The next event that says something to `pick`.
    fn next<T>(&mut self, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                panic!("{}: no {what} in {PATIENCE:?}; seen: {:#?}", self.name, self.seen)
            };
            if let Event::Failed(text) = &event {
                panic!("{}: {text}", self.name);
            }
            let picked = pick(&event);
            if !matches!(event, Event::Deliver(_)) {
                self.seen.push(event);
            }
            if let Some(picked) = picked {
                return picked;
            }
        }
    }

    fn view_of(&mut self, size: usize) -> View {
        self.next(&format!("view of {size}"), |event| match event {
            Event::View(view) if view.members.len() == size => Some(view.clone()),
            _ => None,
        })
    }

    fn delivery(&mut self) -> Delivery {
        self.next("delivery", |event| match event {
            Event::Deliver(delivery) => Some(delivery.clone()),
            _ => None,
        })
    }

    fn say(&self, text: String) {
        let handle = self.handle.as_ref().unwrap();
        let message = Bytes::from(text);
        while handle.multicast(message.clone()).is_err() {
            std::thread::yield_now();
        }
    }

    /// As a power cut: nobody is told.
    fn kill(&mut self) {
        self.handle = None;
    }
}

#[test]
fn three_nodes_find_each_other_and_agree_on_one_order() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let start = Instant::now();
    let mut members = bed.start_all();
    let took = start.elapsed();
    eprintln!("one view of three after {took:?}");
    assert!(took < NOTICED, "{took:?}");

    for round in 0..200 {
        for member in &members {
            member.say(format!("{} {round}", member.name));
        }
    }
    // One that needs many packets, too.
    members[0].say("x".repeat(100_000));
    let orders: Vec<Vec<(NodeId, u64, Bytes)>> = members
        .iter_mut()
        .map(|member| (0..601).map(|_| member.delivery()).map(|found| (found.from, found.seq, found.payload)).collect())
        .collect();
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "all members deliver the same order");
    let said: BTreeSet<&Bytes> = orders[0].iter().map(|(_, _, payload)| payload).collect();
    assert_eq!(said.len(), 601, "nothing is lost or delivered twice");

    let status = members[0].handle.as_ref().unwrap().status().unwrap();
    assert_eq!(status.ring.phase, "operate");
    assert_eq!(status.peers[&node("beta")].link, Some(bed.address("beta")));
    assert_eq!(status.peers[&node("gamma")].incarnation, Some(Incarnation(3)));
}

#[test]
fn a_killed_node_is_missed_after_a_token_and_comes_back() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let mut members = bed.start_all();
    let old = members[0].handle.as_ref().unwrap().status().unwrap();
    let start = Instant::now();
    members[2].kill();
    let views: Vec<View> = members[..2].iter_mut().map(|member| member.view_of(2)).collect();
    let took = start.elapsed();
    eprintln!("view of two {took:?} after the kill (token {TOKEN:?})");
    assert_eq!(views[0], views[1]);
    assert!(!views[0].contains(&node("gamma")));
    assert!(took >= TOKEN / 4, "{took:?}: silence is noticed, nothing else told them");
    assert!(took < NOTICED, "{took:?}");

    let start = Instant::now();
    members[2] = bed.start("gamma", 33);
    let views: Vec<View> = members.iter_mut().map(|member| member.view_of(3)).collect();
    eprintln!("view of three {:?} after the restart", start.elapsed());
    assert!(views.iter().all(|view| view.ring == views[0].ring));
    assert_eq!(views[0].members[&node("gamma")], Incarnation(33));
    let new = members[0].handle.as_ref().unwrap().status().unwrap();
    assert!(new.ring.views > old.ring.views);
    members[2].say("back".to_owned());
    for member in &mut members {
        assert_eq!(member.delivery().payload, "back");
    }
}

#[test]
fn a_lost_member_leaves_a_recording_that_plays_again() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let mut members = bed.start_all();
    for round in 0..50 {
        members[usize::from(round % 2 == 0)].say(format!("a secret of round {round}"));
    }
    (0..50).for_each(|_| drop(members[0].delivery()));
    members[2].kill();
    members[0].view_of(2);
    // Written after the one that nobody asked for, by the same thread.
    let (said, hear) = mpsc::channel();
    members[0].handle.as_ref().unwrap().record_to(move |stored| said.send(stored).unwrap());
    let asked = hear.recv_timeout(PATIENCE).unwrap().unwrap();
    let unasked = asked.with_file_name("0001.record");
    for (path, reason) in [(&unasked, "without gamma"), (&asked, "asked")] {
        let bytes = std::fs::read(path).unwrap();
        assert!(!bytes.windows(8).any(|part| part == b"a secret"), "messages are not in it");
        let recording = Recording::decode(&bytes).unwrap();
        assert!(recording.about.reason.contains(reason), "{}", recording.about.reason);
        let steps: Vec<Replayed> = Replay::new(&recording).unwrap().map(|step| step.unwrap()).collect();
        let different = steps.iter().find(|step| !step.same);
        assert!(steps.len() > 40 && different.is_none(), "{} steps; {different:?}", steps.len());
        let views = steps.iter().flat_map(|step| &step.outputs).filter(|output| matches!(output, Output::View(_)));
        assert!(views.count() >= 2, "with and without gamma");
    }
}

#[test]
fn a_member_of_another_release_comes_along_or_stays_outside_and_disturbs_nobody() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let mut members = vec![bed.start("alpha", 1), bed.start("beta", 2)];
    for member in &mut members {
        member.view_of(2);
    }
    let views = |member: &Member| member.handle.as_ref().unwrap().status().unwrap().ring.views;
    let before: Vec<u64> = members.iter().map(views).collect();
    let newer = Versions { oldest: VERSIONS.newest + 1, newest: VERSIONS.newest + 4 };
    let mut gamma = Member::start(Options { versions: newer, ..bed.options("gamma", 3) }).unwrap();
    let both = |event: &Event| match event {
        Event::Link(LinkEvent::Refused { reason, .. } | LinkEvent::RefusedByPeer { reason, .. }) => {
            (reason.contains(&newer.to_string()) && reason.contains(&VERSIONS.to_string())).then_some(())
        }
        _ => None,
    };
    gamma.next("refusal with both ranges", both);
    for member in &mut members {
        member.next("refusal with both ranges", both);
    }
    // Alone it has a view of its own, and the two go on in theirs.
    gamma.view_of(1);
    assert_eq!(members.iter().map(views).collect::<Vec<_>>(), before);
    gamma.kill();
    let both = Versions { oldest: VERSIONS.oldest, newest: VERSIONS.newest + 4 };
    let gamma = Member::start(Options { versions: both, ..bed.options("gamma", 4) }).unwrap();
    members.push(gamma);
    for member in &mut members {
        member.view_of(3);
    }
    let status = members[2].handle.as_ref().unwrap().status().unwrap();
    assert!(status.peers.values().all(|peer| peer.version == Some(VERSIONS.newest)), "the lower one is spoken");
}

#[test]
fn a_node_that_leaves_is_gone_at_once() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let mut members = bed.start_all();
    let start = Instant::now();
    let leaver = members.pop().unwrap();
    leaver.handle.as_ref().unwrap().leave();
    for member in &mut members {
        member.view_of(2);
    }
    let took = start.elapsed();
    eprintln!("view of two {took:?} after the leave (token {TOKEN:?})");
    let mut leaver = leaver;
    leaver.next("Left", |event| matches!(event, Event::Left).then_some(()));
    leaver.handle.take().unwrap().join();
}

#[test]
fn every_view_has_a_higher_number_than_any_before_it_also_after_a_full_stop() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut highest = 0;
    for _ in 0..3 {
        let mut members = bed.start_all();
        let number = members[1]
            .seen
            .iter()
            .filter_map(|event| if let Event::View(view) = event { Some(view.ring.number) } else { None })
            .min()
            .unwrap();
        assert!(number > highest, "{number} after {highest}");
        highest = members
            .iter()
            .flat_map(|member| &member.seen)
            .filter_map(|event| if let Event::View(view) = event { Some(view.ring.number) } else { None })
            .max()
            .unwrap();
        members.iter_mut().for_each(Member::kill);
    }
}

#[test]
fn a_flood_of_garbage_does_not_stop_the_ring() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut members = bed.start_all();
    let target = bed.address("beta");
    let (stop, stopped) = mpsc::channel::<()>();
    let flood = std::thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sent = 0u64;
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let mut bytes = [0xc3; 1300];
            bytes[..8].copy_from_slice(&sent.to_le_bytes());
            // A full buffer is what a flood is about.
            let _ = socket.send_to(&bytes[..usize::try_from(sent % 1300).unwrap()], target);
            sent += 1;
        }
    });
    for round in 0..50 {
        members[0].say(format!("round {round}"));
        for member in &mut members {
            assert_eq!(member.delivery().payload, format!("round {round}"));
        }
    }
    drop(stop);
    flood.join().unwrap();
    let status = members[1].handle.as_ref().unwrap().status().unwrap();
    assert!(status.counters.ignored > 0);
    let lost = |event: &Event| matches!(event, Event::Notice(Notice::TokenLost { .. }));
    assert!(!members.iter().flat_map(|member| &member.seen).any(lost), "the view survived");
}

#[test]
fn a_stranger_stays_outside_and_is_named() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let other = Authority::create("test").unwrap();
    let stranger = Options { identity: other.issue(&node("alpha")).unwrap().identity(), ..bed.options("alpha", 1) };
    let mut alpha = Member::start(stranger).unwrap();
    let (mut beta, mut gamma) = (bed.start("beta", 2), bed.start("gamma", 3));
    let refused = |event: &Event| match event {
        Event::Link(LinkEvent::Refused { address, reason }) => Some((*address, reason.clone())),
        _ => None,
    };
    let (address, reason) = beta.next("refusal", refused);
    assert_eq!(address, bed.address("alpha"));
    assert!(reason.contains("certificate"), "{reason}");
    alpha.next("refusal", refused);
    for member in [&mut beta, &mut gamma] {
        if !member.seen.iter().any(|event| matches!(event, Event::View(view) if view.members.len() == 2)) {
            let view = member.view_of(2);
            assert!(!view.contains(&node("alpha")));
        }
    }
}

#[test]
fn host_names_are_looked_up_and_unknown_ones_are_named() {
    let bed = Bed::new(&["alpha", "beta"]);
    let localhost = |name: &str| {
        let mut options = bed.options(name, 1);
        for (other, addresses) in &mut options.nodes {
            addresses[0] = format!("localhost:{}", bed.address(other.as_str()).port());
        }
        options
    };
    let mut alpha = Member::start(localhost("alpha")).unwrap();
    let mut beta = Member::start(localhost("beta")).unwrap();
    alpha.view_of(2);
    beta.view_of(2);

    let bed = Bed::new(&["alpha", "beta"]);
    let mut options = bed.options("alpha", 1);
    options.nodes.insert(node("beta"), vec!["no.such.host.invalid".to_owned()]);
    let (peer, name) = Member::start(options).unwrap().next("unresolved", |event| match event {
        Event::Link(LinkEvent::Unresolved { peer, name, .. }) => Some((peer.clone(), name.clone())),
        _ => None,
    });
    assert_eq!((peer, name.as_str()), (node("beta"), "no.such.host.invalid"));
}

#[test]
fn a_node_listens_on_each_of_its_addresses() {
    let bed = Bed::new(&["alpha", "beta"]);
    // Loopback hosts many addresses: 127.0.0.1 and 127.0.0.2, ports that were free a moment ago.
    let free = |ip: &str| UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap();
    let places: BTreeMap<&str, [SocketAddr; 2]> =
        ["alpha", "beta"].into_iter().map(|name| (name, [free("127.0.0.1"), free("127.0.0.2")])).collect();
    let options = |name: &str, dead_first: bool| {
        let mut options = bed.options(name, 1);
        options.bind = Bind::Configured;
        for (other, addresses) in &mut options.nodes {
            let mut known = places[other.as_str()];
            if dead_first && other.as_str() != name {
                known[0] = bed.address(other.as_str());
            }
            *addresses = known.iter().map(SocketAddr::to_string).collect();
        }
        options
    };
    let mut beta = Member::start(options("beta", true)).unwrap();
    // What each takes for the other's first address does not answer.
    let mut alpha = Member::start(options("alpha", true)).unwrap();
    beta.view_of(2);
    alpha.view_of(2);
    let status = alpha.handle.as_ref().unwrap().status().unwrap();
    assert_eq!(status.peers[&node("beta")].link, Some(places["beta"][1]));
    let status = beta.handle.as_ref().unwrap().status().unwrap();
    assert_eq!(status.peers[&node("alpha")].link, Some(places["alpha"][1]), "second to second");
}

/// The settings that a member has by [`Bed::options`], to be changed.
fn settings(options: &Options) -> Settings {
    Settings {
        nodes: options.nodes.clone(),
        port: options.port,
        token: options.token,
        mtu: options.mtu,
        link_mode: options.link_mode,
        revoked: BTreeSet::new(),
    }
}

#[test]
fn times_sizes_addresses_and_nodes_change_while_the_ring_runs() {
    let bed = Bed::new(&["alpha", "beta", "gamma", "delta"]);
    let free = |ip: &str| UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap().to_string();
    let mut places: BTreeMap<NodeId, Vec<String>> =
        bed.ports.keys().map(|name| (name.clone(), vec![free("127.0.0.1")])).collect();
    let all = places.clone();
    places.remove(&node("delta"));
    let options = |name: &str, nodes: &BTreeMap<NodeId, Vec<String>>| Options {
        bind: Bind::Configured,
        nodes: nodes.clone(),
        ..bed.options(name, 1)
    };
    let mut members: Vec<Member> =
        ["alpha", "beta", "gamma"].iter().map(|name| Member::start(options(name, &places)).unwrap()).collect();
    for member in &mut members {
        member.view_of(3);
    }
    let mut now = settings(&options("alpha", &places));
    let views = |member: &Member| member.handle.as_ref().unwrap().status().unwrap().ring.views;
    let before: Vec<u64> = members.iter().map(views).collect();
    // All at once: another time, another size, another address of the dialer and of an accepter.
    now.token = Duration::from_secs(3);
    now.mtu = Some(8952);
    for (name, ip) in [("alpha", "127.0.0.2"), ("gamma", "127.0.0.3")] {
        now.nodes.insert(node(name), vec![free(ip)]);
    }
    for member in &mut members {
        member.handle.as_mut().unwrap().reconfigure(now.clone()).unwrap();
    }
    let moved = |member: &Member| {
        let status = member.handle.as_ref().unwrap().status().unwrap();
        let there = |(peer, of): (&NodeId, &membership_io::PeerStatus)| {
            // Who was dialed sees the dialer's address, which is its bound one too.
            of.link.is_some_and(|link| link.to_string() == now.nodes[peer][0])
        };
        status.peers.iter().all(there)
    };
    let end = Instant::now() + PATIENCE;
    while !members.iter().all(moved) {
        assert!(Instant::now() < end, "the links stay where they were");
        std::thread::sleep(Duration::from_millis(20));
    }
    members[0].say("x".repeat(100_000));
    for member in &mut members {
        assert_eq!(member.delivery().payload.len(), 100_000);
    }
    assert_eq!(members.iter().map(views).collect::<Vec<_>>(), before, "no view for that");
    // A fourth node: it is there when the others hear of it.
    now.nodes.insert(node("delta"), all[&node("delta")].clone());
    members.push(Member::start(Options { token: now.token, ..options("delta", &now.nodes) }).unwrap());
    for member in &mut members[..3] {
        member.handle.as_mut().unwrap().reconfigure(now.clone()).unwrap();
    }
    for member in &mut members {
        member.view_of(4);
    }
    // Taken back before alpha's old address is given up: it is received at there as before.
    let (there, here) = (now.nodes[&node("alpha")].clone(), vec![free("127.0.0.5")]);
    for place in [here, there.clone()] {
        now.nodes.insert(node("alpha"), place);
        members[0].handle.as_mut().unwrap().reconfigure(now.clone()).unwrap();
    }
    members[0].say("y".repeat(10));
    for member in &mut members {
        while member.delivery().payload.len() != 10 {}
    }
    let there: SocketAddr = there[0].parse().unwrap();
    assert!(UdpSocket::bind(there).is_err(), "alpha receives at {there}");
    let none = Settings { nodes: BTreeMap::new(), ..now };
    let refused = members[0].handle.as_mut().unwrap().reconfigure(none).unwrap_err();
    assert!(matches!(refused, SpawnError::Unknown(_)), "{refused}");
}

#[test]
fn real_time_is_asked_for_and_what_is_denied_is_a_warning() {
    let bed = Bed::new(&["alpha"]);
    let mut alpha = Member::start(Options { realtime: true, ..bed.options("alpha", 1) }).unwrap();
    alpha.view_of(1);
    let status = alpha.handle.as_ref().unwrap().status().unwrap();
    let warned = alpha.seen.iter().any(|event| matches!(event, Event::Warning(text) if text.contains("LimitRTPRIO")));
    match status.scheduling {
        "SCHED_RR 50" | "nice -20" => assert!(!warned),
        "ordinary" => assert!(warned),
        other => panic!("{other}"),
    }
}

#[test]
fn what_cannot_start_says_why() {
    let bed = Bed::new(&["alpha", "beta"]);
    let refusal = |options: Options| Member::start(options).err().expect("it must not start").to_string();

    let text = refusal(Options { identity: bed.identity("beta"), ..bed.options("alpha", 1) });
    assert!(text.contains("this is node alpha") && text.contains("for beta"), "{text}");

    let text = refusal(Options { me: node("delta"), identity: bed.identity("delta"), ..bed.options("alpha", 1) });
    assert!(text.contains("[nodes.delta]"), "{text}");

    let text = refusal(Options { mtu: Some(500), ..bed.options("alpha", 1) });
    assert!(text.contains("1200"), "{text}");

    let text = refusal(Options { bind: Bind::Configured, ..bed.options("alpha", 1) });
    assert!(text.contains(&bed.address("alpha").to_string()) && text.contains("no other daemon"), "{text}");

    let mut options = bed.options("alpha", 1);
    options.nodes.insert(node("beta"), vec!["beta:port".to_owned()]);
    let text = refusal(options);
    assert!(text.contains("node beta") && text.contains("port number"), "{text}");

    let options = bed.options("alpha", 1);
    std::fs::create_dir_all(&options.state_dir).unwrap();
    std::fs::write(options.state_dir.join("ring-number"), "junk").unwrap();
    let text = refusal(options);
    assert!(text.contains("ring-number") && text.contains("paceline status"), "{text}");
}
