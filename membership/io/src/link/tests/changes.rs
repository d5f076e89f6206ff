//! Links that change while they are used.

use super::*;

/// What a change leaves as it is.
pub(super) fn same(node: &Node) -> LinkChange {
    let options = &node.links.options;
    LinkChange {
        peers: options.peers.clone(),
        token: options.token,
        mtu: options.mtu,
        mode: options.mode,
        revoked: node.links.identity.revoked().clone(),
        sockets: Vec::new(),
        ends: None,
    }
}

/// Whether nobody was told of a link that came or went.
pub(super) fn undisturbed(node: &Node) -> bool {
    !node.seen.iter().any(|arrival| matches!(arrival, Arrival::Down(_) | Arrival::Event(_)))
}

/// The remote addresses of the connections of a node, the used one and all others.
fn remotes(node: &Node) -> Vec<SocketAddr> {
    node.links.connections.values().filter(|connection| connection.is_open()).map(|c| c.remote).collect()
}

pub(super) fn pair(bed: &Bed) -> (Node, Node) {
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    let works = |nodes: &[&mut Node]| {
        let up = |node: &Node| node.links.peers.values().all(|peer| peer.paths.iter().all(|path| path.health.up));
        both_up(nodes) && up(nodes[0]) && up(nodes[1])
    };
    run(&mut [&mut alpha, &mut beta], "links", works);
    (alpha.seen, beta.seen) = (Vec::new(), Vec::new());
    (alpha, beta)
}

/// Moves `mover` to another address, and says so to both, to `first` first.
fn moves(mover: &str, first: &str) {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = pair(&bed);
    let (socket, before) = (port(), bed.address(mover));
    let after = socket.local_addr().unwrap();
    let stays = if mover == "alpha" { "beta" } else { "alpha" };
    let moved = |alpha: &mut Node, beta: &mut Node, who: &str| {
        let node = if who == "alpha" { alpha } else { beta };
        if who == mover {
            let socket = Socket::new(socket.try_clone().unwrap(), 0).unwrap().0;
            let change = LinkChange { sockets: vec![socket], ends: Some([(after, 0)].into()), ..same(node) };
            node.links.change(now(), change).unwrap();
        } else {
            node.links.set_addresses(now(), &super::node(mover), vec![vec![after]]);
        }
    };
    moved(&mut alpha, &mut beta, first);
    let end = now() + TOKEN;
    run(&mut [&mut alpha, &mut beta], "time passes", |_| now() >= end);
    assert!(alpha.up("beta") && beta.up("alpha"));
    let second = if first == "alpha" { "beta" } else { "alpha" };
    moved(&mut alpha, &mut beta, second);
    run(&mut [&mut alpha, &mut beta], "both use the new address", |nodes| {
        let of = |name: &str| if name == "alpha" { &nodes[0] } else { &nodes[1] };
        remotes(of(stays)) == [after] && of(mover).links.sockets.len() == 1
    });
    assert_ne!(before, after);
    let moved = if mover == "alpha" { &alpha } else { &beta };
    assert_eq!(moved.links.sockets.values().map(Socket::address).collect::<Vec<_>>(), [after], "the old one is closed");
    let told: Vec<_> = [&alpha, &beta].into_iter().filter(|node| !undisturbed(node)).map(|node| &node.seen).collect();
    // Who was told first may have found nobody at the new address at first.
    let unreachable = |arrival: &Arrival| matches!(arrival, Arrival::Event(LinkEvent::Unreachable { .. }));
    let told: Vec<_> = told.into_iter().flatten().filter(|arrival| !unreachable(arrival)).collect();
    assert!(told.iter().all(|arrival| matches!(arrival, Arrival::Up(_))), "{told:#?}");
}

#[test]
fn a_dialer_moves_to_another_address_unnoticed() {
    moves("alpha", "alpha");
    moves("alpha", "beta");
}

#[test]
fn an_accepter_moves_to_another_address_unnoticed() {
    moves("beta", "beta");
    moves("beta", "alpha");
}

#[test]
fn another_packet_size_comes_with_another_connection_and_is_used_only_then() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = pair(&bed);
    let big = LinkChange { mtu: Some(8952), ..same(&alpha) };
    alpha.links.change(now(), big).unwrap();
    assert!(alpha.links.carries() < 1452, "the connection that stands carries no more");
    run(&mut [&mut alpha, &mut beta], "the new size", |nodes| nodes[0].links.carries() == frame_limit(8952));
    alpha.links.send(now(), &node("beta"), Bytes::from(vec![7; frame_limit(8952)]));
    run(&mut [&mut alpha, &mut beta], "the big frame", |nodes| nodes[1].frames().len() == 1);
    let small = LinkChange { mtu: Some(1452), ..same(&alpha) };
    alpha.links.change(now(), small).unwrap();
    assert_eq!(alpha.links.carries(), frame_limit(1452), "at once");
    assert!(undisturbed(&alpha) && undisturbed(&beta));
}

#[test]
fn a_node_is_added_and_one_that_is_removed_is_told_why() {
    let bed = Bed::new(&["alpha", "beta", "gamma"]);
    let (mut alpha, mut beta, mut gamma) = (bed.good("alpha", 1), bed.good("beta", 2), bed.good("gamma", 3));
    let two: BTreeSet<NodeId> = [node("alpha"), node("beta")].into();
    for node in [&mut alpha, &mut beta] {
        let change = LinkChange { peers: two.clone(), ..same(node) };
        node.links.change(now(), change).unwrap();
    }
    run(&mut [&mut alpha, &mut beta, &mut gamma], "gamma is refused", |nodes| !nodes[1].refusals().is_empty());
    let three: BTreeSet<NodeId> = bed.ports.keys().cloned().collect();
    for node in [&mut alpha, &mut beta] {
        let change = LinkChange { peers: three.clone(), ..same(node) };
        node.links.change(now(), change).unwrap();
        node.links.set_addresses(now(), &super::node("gamma"), vec![vec![bed.address("gamma")]]);
    }
    run(&mut [&mut alpha, &mut beta, &mut gamma], "gamma is taken in", |nodes| {
        nodes[0].up("gamma") && nodes[1].up("gamma") && nodes[2].up("alpha") && nodes[2].up("beta")
    });
    let change = LinkChange { peers: two, ..same(&alpha) };
    alpha.links.change(now(), change).unwrap();
    run(&mut [&mut alpha, &mut beta, &mut gamma], "gamma loses alpha and hears why", |nodes| {
        let why = |arrival: &Arrival| matches!(arrival, Arrival::Event(LinkEvent::Down { reason, .. }) if reason.contains("no node of this cluster any more"));
        !nodes[2].up("alpha") && nodes[2].seen.iter().any(why)
    });
    assert!(!alpha.links.peers.contains_key(&node("gamma")));
    assert!(alpha.seen.iter().any(|arrival| matches!(arrival, Arrival::Down(peer) if *peer == node("gamma"))));
}

#[test]
fn one_whose_address_is_not_the_known_one_is_found_by_its_knock() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut alpha = bed.good("alpha", 1);
    // Alpha dials where beta is not any more.
    let elsewhere = port();
    let address = elsewhere.local_addr().unwrap();
    let mut beta = bed.node_on("beta", 2, &bed.identity("beta"), elsewhere);
    run(&mut [&mut alpha, &mut beta], "links", both_up);
    assert_eq!(remotes(&alpha), [address]);
    let end = now() + 5 * TOKEN;
    run(&mut [&mut alpha, &mut beta], "time passes", |_| now() >= end);
    assert!(alpha.up("beta") && beta.up("alpha"), "and it stays");
}

#[test]
fn without_a_configured_size_packets_are_as_large_as_the_way_takes() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = pair(&bed);
    for node in [&mut alpha, &mut beta] {
        let change = LinkChange { mtu: None, ..same(node) };
        node.links.change(now(), change).unwrap();
    }
    let carries =
        |node: &Node, size: u16| node.links.carries() >= frame_limit(size) && node.links.carries() < usize::from(size);
    // Loopback takes more than jumbo frames.
    run(&mut [&mut alpha, &mut beta], "jumbo frames", |nodes| carries(nodes[0], 8952) && carries(nodes[1], 8952));
    alpha.links.send(now(), &node("beta"), Bytes::from(vec![7; frame_limit(8952)]));
    run(&mut [&mut alpha, &mut beta], "the big frame", |nodes| nodes[1].frames().len() == 1);
    assert!(undisturbed(&alpha) && undisturbed(&beta));
}

#[test]
fn a_size_that_does_not_pass_is_given_up_for_a_smaller_one() {
    // A network between the two that loses packets above 1300 bytes, without a word.
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    let (front, back, dark) = (port(), port(), port());
    for socket in [&front, &back] {
        socket.set_nonblocking(true).unwrap();
    }
    let target = bed.address("beta");
    for (node, peer, place) in [(&mut alpha, "beta", &front), (&mut beta, "alpha", &dark)] {
        node.links.options.mtu = None;
        node.links.set_addresses(now(), &super::node(peer), vec![vec![place.local_addr().unwrap()]]);
    }
    let (mut buffer, mut way, mut limit) = (vec![0; 65_536], None, usize::MAX);
    let mut pass = |limit: usize| {
        while let Ok((length, from)) = front.recv_from(&mut buffer) {
            way = Some(from);
            if length <= limit {
                back.send_to(&buffer[..length], target).unwrap();
            }
        }
        while let Ok((length, _)) = back.recv_from(&mut buffer) {
            if length <= limit {
                front.send_to(&buffer[..length], way.expect("beta only answers")).unwrap();
            }
        }
    };
    let up = |nodes: &[&mut Node]| nodes[0].links.peers[&node("beta")].paths[0].health.up;
    run(&mut [&mut alpha, &mut beta], "a link of the full size", |nodes| {
        pass(limit);
        up(nodes) && nodes[0].links.carries() >= frame_limit(8952)
    });
    limit = 1300;
    run(&mut [&mut alpha, &mut beta], "a link of a smaller size", |nodes| {
        pass(limit);
        let small = |node: &Node| node.links.carries() >= frame_limit(1200) && node.links.carries() < 1200;
        up(nodes) && small(nodes[0]) && small(nodes[1])
    });
    let narrow = |arrival: &Arrival| matches!(arrival, Arrival::Event(LinkEvent::Down { reason, .. }) if reason.contains("smaller ones are tried"));
    assert!(alpha.seen.iter().any(narrow), "{:#?}", alpha.seen);
}
