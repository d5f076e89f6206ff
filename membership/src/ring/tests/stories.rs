//! One situation each.

use super::world::{CALM, Weather, World, ms, node};
use crate::fragment::{Chunk, Part};
use crate::frame::{self, DataHead};
use crate::message::{Channel, Guarantee};
use crate::ring::{Input, Notice};
use config::NodeId;
use std::collections::BTreeSet;
use std::time::Duration;

const TOKEN: Duration = Duration::from_millis(1000);

fn set(nodes: &[usize]) -> BTreeSet<NodeId> {
    nodes.iter().map(|i| node(*i)).collect()
}

/// Runs until exactly `nodes` are together in a view; how long it took.
fn until_view(world: &mut World, nodes: &[usize], limit: Duration) -> Duration {
    let nodes = set(nodes);
    match world.run_until(limit, |w| w.view_of(&nodes)) {
        Some(took) => took,
        None => world.fail(&format!("{nodes:?} did not come together in {limit:?}")),
    }
}

fn all_delivered(world: &World) -> bool {
    world.running().iter().all(|n| world.checks.outstanding(&world.life(n)) == 0)
}

#[test]
fn three_nodes_form_one_view_in_a_few_round_trips() {
    let mut world = World::new(3, TOKEN, 1);
    world.start_all();
    let took = until_view(&mut world, &[1, 2, 3], ms(3000));
    assert!(took < ms(20), "took {took:?}");
    assert_eq!(world.checks.views, 3, "and no other view before it");
}

#[test]
fn a_node_alone_tries_for_the_token_timeout() {
    let mut world = World::new(3, TOKEN, 1);
    world.start(&node(2));
    let took = until_view(&mut world, &[2], ms(3000));
    assert!(took >= TOKEN && took < TOKEN + ms(50), "took {took:?}");
    world.multicast(&node(2), 100);
    assert!(all_delivered(&world), "a view of one needs no network");
    // The others come later: each is in at once.
    world.start(&node(3));
    assert!(until_view(&mut world, &[2, 3], ms(3000)) < ms(60));
    world.start(&node(1));
    assert!(until_view(&mut world, &[1, 2, 3], ms(3000)) < ms(60));
}

#[test]
fn a_crash_costs_the_token_timeout_and_little_more() {
    for victim in 1..=3 {
        for seed in 0..10 {
            let mut world = World::formed(3, TOKEN, seed);
            world.run(ms(seed * 37 + 1000));
            world.crash(&node(victim), false);
            let rest: Vec<_> = (1..=3).filter(|i| *i != victim).collect();
            let took = until_view(&mut world, &rest, ms(5000));
            assert!(took <= TOKEN + ms(50), "took {took:?}");
            assert_eq!(world.checks.views, 3 + 2, "one view, not more");
        }
    }
}

#[test]
fn a_crash_that_the_kernel_tells_costs_round_trips() {
    let mut world = World::formed(3, TOKEN, 1);
    world.crash(&node(1), true);
    let took = until_view(&mut world, &[2, 3], ms(5000));
    assert!(took <= ms(20), "took {took:?}");
}

#[test]
fn a_message_takes_a_round_trip_although_the_ring_is_idle() {
    let mut world = World::formed(3, TOKEN, 1);
    world.run(ms(5000));
    for i in 1..=3 {
        let before = world.checks.deliveries;
        world.multicast(&node(i), 100);
        let took = world.run_until(ms(1000), |w| w.checks.deliveries == before + 3).expect("delivered");
        assert!(took < ms(2), "took {took:?} from n{i}");
        world.run(ms(777));
    }
}

#[test]
fn an_idle_ring_is_quiet() {
    let mut world = World::formed(3, TOKEN, 1);
    let before = world.frames;
    world.run(ms(10_000));
    let per_second = (world.frames - before) / 10;
    assert!(per_second <= 120, "{per_second} frames per second");
}

#[test]
fn a_quick_restart_is_another_member() {
    let mut world = World::formed(3, TOKEN, 1);
    for round in 0..3 {
        for i in 1..=3 {
            let old = world.life(&node(i));
            world.multicast(&node(i), 100);
            world.crash(&node(i), false);
            world.run(ms(20));
            world.start(&node(i));
            let took = until_view(&mut world, &[1, 2, 3], ms(3000));
            assert!(took < ms(60), "round {round}: n{i} was back after {took:?}");
            for j in 1..=3 {
                let view = world.view(&node(j)).unwrap();
                assert_ne!(view.members[&node(i)], old.1);
                assert_eq!(view.came_along.contains(&node(i)), i == j);
            }
            world.run(ms(300));
        }
    }
}

#[test]
fn a_pause_shorter_than_the_token_changes_nothing() {
    let mut world = World::formed(3, TOKEN, 1);
    for i in 1..=3 {
        world.pause(&node(i), ms(700));
        world.run(ms(100));
        world.multicast(&node(1 + i % 3), 100);
        world.run(ms(2000));
        assert!(all_delivered(&world));
    }
    assert_eq!(world.checks.views, 3, "only the first one");
    let paused = world.notices.iter().filter(|(_, _, n)| matches!(n, Notice::Paused { .. })).count();
    assert_eq!(paused, 3);
}

#[test]
fn a_pause_longer_than_the_token_puts_out_the_one_that_slept() {
    let mut world = World::formed(3, TOKEN, 1);
    world.pause(&node(1), ms(3000));
    let took = until_view(&mut world, &[2, 3], ms(2000));
    assert!(took <= TOKEN + ms(50), "took {took:?}");
    world.multicast(&node(2), 100);
    world.multicast(&node(1), 100);
    world.awake();
    until_view(&mut world, &[1, 2, 3], ms(200));
    world.run(ms(100));
    assert!(all_delivered(&world));
    let blamed = world.notices.iter().any(|(_, n, notice)| *n == node(1) && matches!(notice, Notice::TokenLost { .. }));
    assert!(!blamed, "the one that slept does not blame the others");
    assert_eq!(world.view(&node(1)).unwrap().came_along, set(&[1]));
}

#[test]
fn a_one_way_cut_ends_in_a_stable_view() {
    for (from, to) in [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)] {
        let mut world = World::formed(3, TOKEN, 7);
        world.run(ms(500));
        world.cut(&node(from), &node(to));
        world.run(TOKEN * 3);
        let views = world.checks.views;
        world.run(TOKEN * 10);
        assert_eq!(world.checks.views, views, "views change without end, {from} to {to} cut");
        let both = world.names().iter().filter(|n| world.view(n).unwrap().members.len() == 2).count();
        assert_eq!(both, 2, "two of the three can be together");
        world.heal();
        until_view(&mut world, &[1, 2, 3], TOKEN * 5);
    }
}

#[test]
fn members_that_do_not_all_hear_each_other_settle() {
    // n1 and n4 lost sight of each other; n2 and n3 see both.
    for seed in 0..20 {
        let mut world = World::formed(4, TOKEN, seed);
        world.run(ms(seed * 31));
        world.cut(&node(1), &node(4));
        world.cut(&node(4), &node(1));
        world.run(TOKEN * 4);
        let views = world.checks.views;
        world.run(TOKEN * 10);
        assert_eq!(world.checks.views, views, "seed {seed}: views change without end");
        assert!(world.view_of(&set(&[1, 2, 3])), "seed {seed}: the largest set that can be together is");
        world.heal();
        until_view(&mut world, &[1, 2, 3, 4], TOKEN * 5);
    }
}

#[test]
fn a_leave_is_waited_for_by_nobody() {
    for i in 1..=3 {
        let mut world = World::formed(3, TOKEN, 1);
        world.multicast(&node(i), 100);
        world.run(ms(50));
        world.leave(&node(i));
        let rest: Vec<_> = (1..=3).filter(|j| *j != i).collect();
        let took = until_view(&mut world, &rest, ms(3000));
        assert!(took < ms(20), "took {took:?}");
        let told = world.notices.iter().filter(|(_, _, n)| *n == Notice::PeerLeft { peer: node(i) }).count();
        assert_eq!(told, 2);
    }
}

#[test]
fn the_unsent_goes_out_in_the_next_view() {
    let mut world = World::formed(3, TOKEN, 3);
    // More than some rotations can carry, in pieces, when the view ends.
    for i in [1, 2] {
        (0..20).for_each(|_| world.multicast(&node(i), 100_000));
    }
    world.run(ms(2));
    assert!(!all_delivered(&world), "the test cuts in too late");
    world.crash(&node(3), true);
    until_view(&mut world, &[1, 2], ms(3000));
    world.run(ms(500));
    assert!(all_delivered(&world));
}

#[test]
fn the_longest_message_is_one_message() {
    let mut world = World::formed(3, TOKEN, 1);
    world.weather = Weather { loss: 0.01, ..CALM };
    world.multicast(&node(2), crate::ring::MAX_MESSAGE);
    world.multicast(&node(2), 30);
    let took = world.run_until(ms(10_000), |w| w.checks.deliveries == 6).expect("delivered");
    assert!(took < ms(5000), "took {took:?}");
    assert_eq!(world.checks.views, 3);
}

#[test]
fn all_get_their_share_of_the_ring() {
    for frame_limit in [1200, 60_000] {
        let mut world = World::new(3, TOKEN, 1);
        world.frame_limit = frame_limit;
        world.start_all();
        world.run(ms(200));
        let names = world.names();
        // The first and the last at once, the second when the others are in full swing.
        let rounds: u64 = if frame_limit == 1200 { 300 } else { 2000 };
        [0, 2].iter().for_each(|i| (0..rounds * 3).for_each(|_| world.multicast(&names[*i], 8000)));
        world.run(ms(1));
        (0..rounds).for_each(|_| world.multicast(&names[1], 8000));
        let left = |w: &World, i: usize| w.checks.outstanding(&w.life(&names[i]));
        let before = left(&world, 0).min(left(&world, 2));
        world.run_until(ms(10_000), |w| left(w, 1) == 0).expect("the second is not starved");
        let others = [0, 2].map(|i| before.saturating_sub(left(&world, i)));
        let fair = (rounds * 3 / 4)..=(rounds * 5 / 4);
        assert!(others.iter().all(|count| fair.contains(count)), "{others:?} while the second sent {rounds}");
    }
}

#[test]
fn every_fifth_frame_lost_changes_no_view() {
    for seed in 0..5 {
        let mut world = World::formed(3, TOKEN, seed);
        world.weather = Weather { loss: 0.2, duplicates: 0.02, late: 0.05, delay_us: (80, 500) };
        for second in 0..60 {
            for i in 1..=3 {
                if second % 3 != 0 {
                    (0..10).for_each(|_| world.multicast(&node(i), 500));
                }
            }
            world.run(ms(1000));
        }
        assert_eq!(world.checks.views, 3, "seed {seed}: {}", world.trace.join("\n"));
        world.weather = CALM;
        world.run(ms(500));
        assert!(all_delivered(&world));
    }
}

#[test]
fn sixty_four_nodes_with_long_names_find_each_other() {
    let tail = "-in-the-second-rack-of-the-third-row.datacenter.example.org";
    let mut world = World::with_names(64, tail, TOKEN, 1);
    world.weather = Weather { loss: 0.002, ..CALM };
    world.start_all();
    let took = world.run_until(TOKEN * 3, |w| w.checks.views == 64).expect("they come together");
    assert!(took < ms(300) && world.one_view(), "took {took:?}");
    let speaker = world.names()[7].clone();
    world.multicast(&speaker, 3000);
    world.run_until(ms(100), |w| w.checks.deliveries == 64).expect("delivered");
}

#[test]
fn a_crowd_with_long_names_survives_a_loss() {
    let tail = "-in-the-second-rack-of-the-third-row.datacenter.example.org";
    let mut world = World::with_names(20, tail, TOKEN, 1);
    world.weather = Weather { loss: 0.01, ..CALM };
    world.start_all();
    world.run_until(TOKEN * 3, World::one_view).expect("they come together");
    let victim = world.names()[7].clone();
    world.crash(&victim, false);
    let took = world.run_until(TOKEN * 3, World::one_view).expect("the rest goes on");
    assert!(took < TOKEN + ms(200), "took {took:?}");
    world.running().iter().for_each(|node| world.multicast(node, 3000));
    world.run_until(ms(1000), all_delivered).expect("delivered");
}

#[test]
fn a_slow_disk_delays_the_first_view_only() {
    let mut world = World::new(3, TOKEN, 1);
    world.disk = ms(700);
    world.start_all();
    let took = until_view(&mut world, &[1, 2, 3], ms(3000));
    assert!(took >= ms(700) && took < ms(900), "took {took:?}");
    world.run(ms(2000));
    world.crash(&node(3), true);
    let took = until_view(&mut world, &[1, 2], ms(3000));
    assert!(took < ms(20), "took {took:?}");
}

#[test]
fn a_node_with_a_full_disk_disturbs_nobody_and_comes_in_when_there_is_room() {
    for i in 1..=3 {
        let mut world = World::formed(3, TOKEN, 1);
        world.crash(&node(i), true);
        let rest: Vec<_> = (1..=3).filter(|j| *j != i).collect();
        until_view(&mut world, &rest, ms(3000));
        world.run(ms(1000));
        world.fill(&node(i));
        world.start(&node(i));
        let (views, notices) = (world.checks.views, world.notices.len());
        world.run(TOKEN * 60);
        assert_eq!(world.checks.views, views, "n{i} changed the view of the others");
        assert_eq!(world.notices[notices..], [], "it was noticed");
        assert!(world.view(&node(i)).is_none(), "without a number it is in no view");
        world.free(&node(i));
        let took = until_view(&mut world, &[1, 2, 3], TOKEN);
        assert!(took < ms(60), "took {took:?}");
        assert_eq!(world.checks.views, views + 3, "one, and no other before it");
    }
}

/// A peer comes from so far ahead that its reserve of numbers does not reach: the others go on without it, once, and it
/// waits in silence.
#[test]
fn a_disk_that_stays_full_costs_its_node_the_membership_once() {
    let mut world = World::formed(3, TOKEN, 1);
    world.fill(&node(2));
    world.crash(&node(3), true);
    until_view(&mut world, &[1, 2], ms(3000));
    world.lift(&node(3), 100_000);
    world.start(&node(3));
    until_view(&mut world, &[1, 3], TOKEN * 3);
    let (views, notices) = (world.checks.views, world.notices.len());
    world.run(TOKEN * 60);
    assert_eq!(world.checks.views, views, "n2 changed the view of the others");
    assert_eq!(world.notices[notices..], [], "it was noticed");
    world.free(&node(2));
    let took = until_view(&mut world, &[1, 2, 3], TOKEN);
    assert!(took < ms(60), "took {took:?}");
    assert_eq!(world.checks.views, views + 1 + 3, "one of its own, as it was given up, and one of all");
}

#[test]
fn what_comes_after_a_gap_that_nobody_fills_is_transitional() {
    // n3's packets have their places in the order, but nobody gets them; those of n1 and n2 come after.
    for seed in 0..20 {
        let mut world = World::formed(3, TOKEN, seed);
        world.run(ms(seed * 7));
        world.mute.insert(node(3));
        (0..3).for_each(|_| world.multicast(&node(3), 900));
        world.run(ms(2));
        (1..=2).for_each(|i| world.multicast(&node(i), 900));
        world.run(ms(2));
        assert!(!all_delivered(&world), "delivered over a gap");
        world.crash(&node(3), true);
        until_view(&mut world, &[1, 2], ms(3000));
        assert!(all_delivered(&world), "before the view");
        assert_eq!(world.checks.transitional(), 4);
    }
}

/// A packet of a lost node comes so late that it reaches one of those who go on while they compare what they hold, or
/// when they have. Whoever took it then would deliver what the other never gets.
#[test]
fn what_a_lost_node_says_while_the_others_compare_is_not_taken() {
    let mut met = 0;
    for delay in (0..600).step_by(10) {
        let mut world = World::formed(3, TOKEN, 1);
        let ring = world.view(&node(1)).unwrap().ring.number;
        let message: Vec<u8> = [3, world.life(&node(3)).1.0, 1].into_iter().flat_map(u64::to_be_bytes).collect();
        let chunks = vec![Chunk { part: Part::Whole, len: u32::try_from(message.len()).unwrap() }];
        let (late, _) = frame::encode_data(&DataHead { ring, seq: 1, sender: 2, chunks }, &[message.into()]);
        world.crash(&node(3), true);
        let comparing = |world: &World| world.ring(&node(1)).status().phase == "recover";
        world.run_until(ms(100), comparing).expect("the two agree on a view");
        world.run(Duration::from_micros(delay));
        met += usize::from(comparing(&world));
        world.input(&node(1), Input::Frame { from: node(3), bytes: late });
        until_view(&mut world, &[1, 2], ms(3000));
    }
    assert!(met > 5, "{met} came in that time");
}

#[test]
fn a_full_queue_is_told() {
    let mut world = World::formed(2, TOKEN, 1);
    let big = crate::ring::MAX_MESSAGE;
    world.cut(&node(1), &node(2));
    for _ in 0..4 {
        assert!(world.ring(&node(1)).can_accept(Channel::Cluster, big));
        world.multicast(&node(1), big);
    }
    assert!(!world.ring(&node(1)).can_accept(Channel::Cluster, big));
    assert!(!world.ring(&node(2)).can_accept(Channel::Cluster, big + 1), "longer than any message may be");
    world.multicast(&node(1), big);
    assert!(world.notices.iter().any(|(_, _, n)| matches!(n, Notice::Refused { len, .. } if *len == big)));
}

#[test]
fn a_peer_called_gone_by_mistake_comes_back() {
    let mut world = World::formed(3, TOKEN, 1);
    world.input(&node(1), Input::LinkDown(node(3)));
    world.run(ms(50));
    assert!(!world.view(&node(1)).unwrap().contains(&node(3)));
    until_view(&mut world, &[1, 2, 3], TOKEN * 5);
    let views = world.checks.views;
    world.run(TOKEN * 5);
    assert_eq!(world.checks.views, views);
}

/// Nobody waits for a timer: the token that carries a safe message around does not rest before all know that all have
/// it.
#[test]
fn a_safe_message_on_an_idle_ring_takes_a_few_rotations_and_no_timer() {
    for nodes in [2, 3, 5] {
        let mut world = World::formed(nodes, TOKEN, 5);
        let mut took = |guarantee| {
            let all = (1..=nodes).map(|from| {
                world.run(ms(977));
                let wanted = world.checks.deliveries + nodes as u64;
                world.send_as(&node(from), 100, guarantee);
                world.run_until(ms(50), |world| world.checks.deliveries == wanted).expect("it arrives everywhere")
            });
            all.max().expect("at least one")
        };
        let (agreed, safe) = (took(Guarantee::Agreed), took(Guarantee::Safe));
        // 100 us from node to node: asking for the token, then two rotations, and the rest of a third one.
        let rotation = Duration::from_micros(120) * u32::try_from(nodes).unwrap();
        assert!(safe > agreed && safe <= rotation * 3 + ms(1), "{nodes} nodes: {agreed:?} agreed, {safe:?} safe");
    }
}

/// The token stops half way round: some know that all have a safe message, some do not. Whoever goes on agrees.
#[test]
fn what_is_to_be_safe_is_regular_only_when_somebody_knows_that_all_have_it() {
    let (mut regular, mut transitional) = (0, 0);
    for cut_after in (0..1500).step_by(20) {
        let mut world = World::formed(3, TOKEN, 7);
        world.run(ms(500));
        world.send_as(&node(2), 100, Guarantee::Safe);
        world.multicast(&node(2), 100);
        world.run(Duration::from_micros(cut_after));
        world.partition(&set(&[1]));
        until_view(&mut world, &[2, 3], ms(2000));
        match world.checks.transitional() {
            0 => regular += 1,
            _ => transitional += 1,
        }
        assert_eq!(world.checks.broken, Vec::<String>::new(), "cut after {cut_after} us");
    }
    assert!(regular > 5 && transitional > 5, "{regular} and {transitional}");
}
