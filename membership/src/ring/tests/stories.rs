//! One situation each.

use super::world::{CALM, Weather, World, ms, node};
use crate::ring::{Configuration, Notice};
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
