//! Keys and authorities that are replaced while links stand, certificates that are revoked, and packets that somebody
//! kept and sends again.

use super::changes::{pair, same, undisturbed};
use super::*;
use config::write_fingerprint;

/// The fingerprint of the certificate that `of` has seen of `peer`, as text.
fn seen(of: &Node, peer: &str) -> String {
    write_fingerprint(&of.links.peers[&node(peer)].certificate.as_ref().unwrap().fingerprint)
}

fn own(identity: &Identity) -> String {
    write_fingerprint(&identity.about().fingerprint)
}

/// Gives both these keys, one after the other, and waits until each has seen the other's.
fn renew(alpha: &mut Node, beta: &mut Node, keys: [&Identity; 2]) {
    for first in [true, false] {
        let (node, identity) = if first { (&mut *alpha, keys[0]) } else { (&mut *beta, keys[1]) };
        node.links.renew(now(), identity.clone()).unwrap();
        run(&mut [&mut *alpha, &mut *beta], "a connection with the new keys", |nodes| {
            let settled = |node: &Node| node.links.connections.values().all(|c| !c.outdated && c.is_open());
            settled(nodes[0]) && settled(nodes[1])
        });
    }
    assert_eq!((seen(alpha, "beta"), seen(beta, "alpha")), (own(keys[1]), own(keys[0])));
}

#[test]
fn keys_are_replaced_and_nobody_notices() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = pair(&bed);
    let fresh = ["alpha", "beta"].map(|name| bed.identity(name));
    renew(&mut alpha, &mut beta, [&fresh[0], &fresh[1]]);
    assert!(undisturbed(&alpha) && undisturbed(&beta), "{:#?} {:#?}", alpha.seen, beta.seen);
    let refused = alpha.links.renew(now(), bed.identity("beta")).unwrap_err();
    assert!(refused.contains("beta"), "{refused}");
    alpha.send("beta", b"PL still here");
    run(&mut [&mut alpha, &mut beta], "a frame", |nodes| nodes[1].frames().len() == 1);
}

#[test]
fn the_authority_is_replaced_and_then_the_old_one_opens_nothing() {
    let mut bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = pair(&bed);
    let before = ["alpha", "beta"].map(|name| bed.identity(name));
    let next = bed.authority.successor("test").unwrap();
    let of = |authority: &Authority, name: &str| authority.issue(&node(name)).unwrap().identity();
    // Trust the new one too, with the certificates of the old one.
    let both = [&before[0], &before[1]].map(|identity| identity.clone().trusting_as(&of(&next, "alpha")));
    renew(&mut alpha, &mut beta, [&both[0], &both[1]]);
    // Certificates of the new one.
    let new = ["alpha", "beta"].map(|name| of(&next, name));
    renew(&mut alpha, &mut beta, [&new[0], &new[1]]);
    // And no trust in the old one.
    let next = next.settled();
    let last = ["alpha", "beta"].map(|name| of(&next, name));
    renew(&mut alpha, &mut beta, [&last[0], &last[1]]);
    assert!(undisturbed(&alpha) && undisturbed(&beta), "{:#?} {:#?}", alpha.seen, beta.seen);
    // Who has slept through it all is refused, and a daemon that trusts it no more ends what stands with it.
    beta.links.goodbye(now());
    let mut late = bed.node("beta", 3, &before[1]);
    run(&mut [&mut alpha, &mut late], "the old certificate is refused", |nodes| !nodes[0].refusals().is_empty());
    assert!(!alpha.up("beta"));
    bed.authority = next;
}

#[test]
fn who_is_not_trusted_any_more_loses_its_connection_at_once() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = pair(&bed);
    let next = bed.authority.successor("test").unwrap().settled();
    alpha.links.renew(now(), next.issue(&node("alpha")).unwrap().identity()).unwrap();
    assert!(!alpha.up("beta"));
    run(&mut [&mut alpha, &mut beta], "beta hears why", |nodes| {
        nodes[1].seen.iter().any(|arrival| {
            matches!(arrival, Arrival::Event(LinkEvent::Down { reason, .. }) if reason.contains("authority any more"))
        })
    });
}

#[test]
fn a_handshake_that_is_under_way_when_its_authority_is_dropped_opens_nothing() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    let greets = |node: &Node| node.links.connections.values().any(|c| matches!(c.stage, Stage::Greeting { .. }));
    let end = now() + PATIENCE;
    while !greets(&alpha) {
        assert!(now() < end && !alpha.up("beta"), "nobody greets");
        // One step at a time: alpha stops where TLS is through and beta's hello is not read.
        beta.turn();
        alpha.turn();
        advance(TICK);
    }
    let next = bed.authority.successor("test").unwrap().settled();
    alpha.links.renew(now(), next.issue(&node("alpha")).unwrap().identity()).unwrap();
    run(&mut [&mut alpha, &mut beta], "it is refused", |nodes| !nodes[0].refusals().is_empty());
    assert!(!alpha.up("beta") && alpha.refusals()[0].contains("authority any more"), "{:?}", alpha.refusals());
}

#[test]
fn a_revoked_certificate_ends_its_connection_and_another_one_comes_back() {
    // Revoked by the dialer and by the accepter.
    for (revoker, name) in [("alpha", "beta"), ("beta", "alpha")] {
        let bed = Bed::new(&["alpha", "beta"]);
        let (mut alpha, mut beta) = pair(&bed);
        let (by, of) = if revoker == "alpha" { (&mut alpha, &mut beta) } else { (&mut beta, &mut alpha) };
        let revoked = by.links.peers[&node(name)].certificate.as_ref().unwrap().fingerprint;
        let change = LinkChange { revoked: [revoked].into(), ..same(by) };
        by.links.change(now(), change).unwrap();
        assert!(!by.up(name));
        let told = |node: &Node| {
            node.seen.iter().any(|arrival| match arrival {
                Arrival::Event(LinkEvent::Down { reason, .. } | LinkEvent::RefusedByPeer { reason, .. }) => {
                    reason.contains("was revoked")
                }
                _ => false,
            })
        };
        run(&mut [&mut *by, &mut *of], "it is told why", |nodes| told(nodes[1]));
        let end = now() + 3 * TOKEN;
        run(&mut [&mut *by, &mut *of], "time passes", |nodes| {
            assert!(!nodes[0].up(name), "a revoked certificate opens a link");
            now() >= end
        });
        of.links.renew(now(), bed.identity(name)).unwrap();
        run(&mut [by, of], "another certificate", |nodes| nodes[0].up(name) && nodes[1].up(revoker));
    }
}

#[test]
fn a_cluster_with_the_same_name_and_authority_but_another_id_is_refused() {
    let bed = Bed::new(&["alpha", "beta"]);
    let mut alpha = bed.good("alpha", 1);
    let other = Authority::create("test").unwrap();
    let twin = bed.authority.with_the_id_of(&other);
    let mut beta = bed.node("beta", 2, &twin.issue(&node("beta")).unwrap().identity());
    run(&mut [&mut alpha, &mut beta], "both refuse", |nodes| {
        !nodes[0].refusals().is_empty() && nodes[1].refused_by_peer() || !nodes[1].refusals().is_empty()
    });
    let all = [alpha.refusals(), beta.refusals()].concat();
    assert!(all.iter().all(|reason| reason.contains("of another cluster")), "{all:?}");
    assert!(!alpha.up("beta") && !beta.up("alpha"));
}

#[test]
fn packets_that_somebody_kept_and_sends_again_do_nothing() {
    let bed = Bed::new(&["alpha", "beta"]);
    let (mut alpha, mut beta) = (bed.good("alpha", 1), bed.good("beta", 2));
    // Somebody between the two who passes everything on and keeps what alpha says.
    let (front, back) = (port(), port());
    front.set_nonblocking(true).unwrap();
    back.set_nonblocking(true).unwrap();
    let target = bed.address("beta");
    alpha.links.set_addresses(now(), &node("beta"), vec![vec![front.local_addr().unwrap()]]);
    let dark = port();
    beta.links.set_addresses(now(), &node("alpha"), vec![vec![dark.local_addr().unwrap()]]);
    let (mut kept, mut buffer, mut way) = (Vec::new(), vec![0; 65_536], None);
    let mut pass = |kept: &mut Vec<Vec<u8>>| {
        while let Ok((length, from)) = front.recv_from(&mut buffer) {
            way = Some(from);
            kept.push(buffer[..length].to_vec());
            back.send_to(&buffer[..length], target).unwrap();
        }
        while let Ok((length, _)) = back.recv_from(&mut buffer) {
            front.send_to(&buffer[..length], way.expect("beta only answers")).unwrap();
        }
    };
    run(&mut [&mut alpha, &mut beta], "links", |nodes| {
        pass(&mut kept);
        both_up(nodes)
    });
    for _ in 0..20 {
        alpha.send("beta", b"PL once only");
    }
    run(&mut [&mut alpha, &mut beta], "frames", |nodes| {
        pass(&mut kept);
        nodes[1].frames().len() == 20
    });
    let (before, packets) = (beta.seen.len(), kept.clone());
    for _ in 0..2 {
        for packet in &packets {
            back.send_to(packet, target).unwrap();
        }
    }
    let end = now() + 4 * TOKEN;
    run(&mut [&mut alpha, &mut beta], "time passes", |_| {
        pass(&mut kept);
        now() >= end
    });
    assert_eq!(beta.frames().len(), 20, "no frame twice");
    let news: Vec<_> = beta.seen[before..].iter().filter(|arrival| !is_up(arrival)).collect();
    assert!(news.is_empty(), "{news:#?}");
    assert!(alpha.up("beta") && beta.up("alpha"));
    assert!(packets.len() > 4, "{}", packets.len());
    // Also to the next life of the daemon, which has the same keys.
    let keys = bed.identity("beta");
    drop(beta);
    let mut beta = bed.node("beta", 3, &keys);
    beta.links.set_addresses(now(), &node("alpha"), vec![vec![dark.local_addr().unwrap()]]);
    for packet in &packets {
        back.send_to(packet, target).unwrap();
    }
    let end = now() + 2 * TOKEN;
    run(&mut [&mut beta], "time passes", |_| now() >= end);
    assert!(beta.frames().is_empty() && !beta.up("alpha"));
}

fn is_up(arrival: &Arrival) -> bool {
    matches!(arrival, Arrival::Event(LinkEvent::Up { .. }) | Arrival::Up(_))
}
