//! Ports that are closed, and those that are only said to be.

use super::*;
use crate::link::closed::Complaint;

fn down(node: &Node, peer: &str) -> bool {
    node.seen.iter().any(|arrival| matches!(arrival, Arrival::Down(down) if down.as_str() == peer))
}

/// Alpha and beta with a link that both have tried, and nobody else who holds their ports.
fn pair() -> (Node, Node) {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    run(&mut [&mut alpha, &mut beta], "links that work", |nodes| {
        nodes.iter().all(|node| node.links.peers.values().flat_map(|peer| &peer.paths).any(|path| path.health.up))
    });
    (alpha, beta)
}

#[test]
fn a_process_that_dies_is_noticed_long_before_a_timeout() {
    for dies in [0, 1] {
        let (alpha, beta) = pair();
        let (mut rest, victim, name) = if dies == 0 { (beta, alpha, "alpha") } else { (alpha, beta, "beta") };
        drop(victim);
        let start = now();
        run(&mut [&mut rest], "down", |nodes| down(nodes[0], name));
        assert!(now() - start < TOKEN / 2, "{:?}", now() - start);
        assert!(!rest.up(name));
    }
}

#[test]
fn what_is_only_said_of_a_peer_that_speaks_is_not_believed() {
    let (mut alpha, mut beta) = pair();
    let connection = alpha.links.connections.values().find(|c| c.is_open()).unwrap();
    let (to, label) = (connection.remote, connection.label.unwrap());
    let mut head = [0x40; 9];
    for _ in 0..10 {
        alpha.links.port_closed(now(), &Complaint { to, head });
    }
    assert!(alpha.links.peers[&node("beta")].suspicion.is_none(), "it names no packet of ours");
    head[1..].copy_from_slice(&label);
    for _ in 0..10 {
        alpha.links.port_closed(now(), &Complaint { to, head });
    }
    assert!(alpha.links.peers[&node("beta")].suspicion.is_some());
    run(&mut [&mut alpha, &mut beta], "the suspicion is over", |nodes| {
        nodes[0].links.peers[&node("beta")].suspicion.is_none()
    });
    assert!(!down(&alpha, "beta") && alpha.up("beta"));
}

#[test]
fn one_answer_is_no_proof_although_nobody_speaks() {
    let (mut alpha, beta) = pair();
    let connection = alpha.links.connections.values().find(|c| c.is_open()).unwrap();
    let (to, label) = (connection.remote, connection.label.unwrap());
    let mut head = [0x40; 9];
    head[1..].copy_from_slice(&label);
    alpha.links.port_closed(now(), &Complaint { to, head });
    // Beta is there and does nothing, as a stopped process.
    run(&mut [&mut alpha], "the suspicion is over", |nodes| nodes[0].links.peers[&node("beta")].suspicion.is_none());
    assert!(!down(&alpha, "beta") && alpha.up("beta"));
    drop(beta);
}

#[test]
fn all_working_links_must_be_closed() {
    let mut pair = paths::pair(LinkMode::Passive);
    pair.until_links([true, true]);
    // What beta has said before has come; from now on it says nothing.
    let quiet = now() + TOKEN / 6;
    run(&mut [&mut pair.alpha], "quiet", |_| now() >= quiet);
    let open: Vec<_> = pair.alpha.links.connections.values().filter(|c| c.is_open()).collect();
    let (to, label) = (open[0].remote, open[0].label.unwrap());
    let mut head = [0x40; 9];
    head[1..].copy_from_slice(&label);
    for _ in 0..10 {
        pair.alpha.links.port_closed(now(), &Complaint { to, head });
    }
    let mut alpha = pair.alpha;
    assert!(alpha.links.peers[&node("beta")].suspicion.is_some());
    run(&mut [&mut alpha], "the suspicion is over", |nodes| nodes[0].links.peers[&node("beta")].suspicion.is_none());
    assert!(!down(&alpha, "beta"));
}
