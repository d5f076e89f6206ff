//! Two releases on one link: they speak what both know, and when there is no such thing, each log says why.

use super::*;

fn bed(alpha: (u8, u8), beta: (u8, u8)) -> Bed {
    let mut bed = Bed::new(&["alpha", "beta"]);
    let of = |(oldest, newest)| Versions { oldest, newest };
    bed.versions = [(node("alpha"), of(alpha)), (node("beta"), of(beta))].into();
    bed
}

#[test]
fn two_releases_speak_the_highest_version_that_both_know() {
    for (alpha, beta) in [((3, 3), (3, 9)), ((3, 9), (2, 3)), ((3, 3), (3, 3))] {
        let bed = bed(alpha, beta);
        let (mut a, mut b) = (bed.good("alpha", 1), bed.good("beta", 1));
        run(&mut [&mut a, &mut b], "links", both_up);
        let now = now();
        assert_eq!(a.links.peers(now)[&node("beta")].version, Some(3));
        assert_eq!(b.links.peers(now)[&node("alpha")].version, Some(3));
    }
}

#[test]
fn releases_that_have_no_version_in_common_are_apart_and_both_logs_name_both() {
    // Whichever of the two is the newer one, and whichever dials.
    for (alpha, beta) in [((3, 3), (4, 9)), ((4, 9), (3, 3))] {
        let bed = bed(alpha, beta);
        let (mut a, mut b) = (bed.good("alpha", 1), bed.good("beta", 1));
        let told = |node: &Node| {
            node.seen.iter().any(|arrival| {
                let (Arrival::Event(LinkEvent::Refused { reason, .. })
                | Arrival::Event(LinkEvent::RefusedByPeer { reason, .. })) = arrival
                else {
                    return false;
                };
                reason.contains("version 3") && reason.contains("versions 4 to 9") && reason.contains("another release")
            })
        };
        run(&mut [&mut a, &mut b], "both are told", |nodes| nodes.iter().all(|node| told(node)));
        assert!(!a.up("beta") && !b.up("alpha"), "the ring never hears of such a peer, so it cannot miss it");
    }
}
