//! Options that change while rings run: at slightly different times, during faults, and while somebody is away.

use super::seeds::{act, seeds, settle};
use super::world::{Weather, World, ms, node};
use config::NodeId;
use std::collections::BTreeSet;
use std::time::Duration;

fn set(nodes: &[usize]) -> BTreeSet<NodeId> {
    nodes.iter().map(|i| node(*i)).collect()
}

/// One member after the other learns of the new token timeout, `apart` from each other.
fn retime(world: &mut World, token: Duration, apart: Duration) {
    for name in world.names() {
        let nodes = world.names().into_iter().collect();
        world.configure(&name, &nodes, token);
        world.run(apart);
    }
}

#[test]
fn a_new_token_timeout_costs_no_view_and_rules_at_once() {
    for (old, new) in [(1000, 300), (300, 1000), (300, 10_000), (10_000, 300)] {
        for seed in 0..10 {
            let mut world = World::formed(3, ms(old), seed);
            world.weather = Weather { loss: 0.02, ..world.weather };
            world.run(ms(seed * 37 + 1000));
            let views = world.checks.views;
            retime(&mut world, ms(new), ms(seed * 40));
            world.run(ms(old.max(new) * 2));
            assert_eq!(world.checks.views, views, "{old} to {new}, seed {seed}: another view");
            world.weather.loss = 0.0;
            world.crash(&node(2), false);
            let rest = set(&[1, 3]);
            let limit = ms(new).mul_f64(1.15) + ms(100);
            if world.run_until(limit, |w| w.view_of(&rest)).is_none() {
                world.fail(&format!("{old} to {new}, seed {seed}: the crash is not detected in {limit:?}"));
            }
        }
    }
}

#[test]
fn who_comes_back_with_an_older_token_timeout_gets_along() {
    for (now, older) in [(300, 5000), (5000, 300)] {
        let mut world = World::formed(3, ms(1000), 7);
        world.leave(&node(3));
        let rest = set(&[1, 2]);
        assert!(world.run_until(ms(1000), |w| w.view_of(&rest)).is_some());
        let all = world.names().into_iter().collect();
        for index in [1, 2] {
            world.configure(&node(index), &all, ms(now));
        }
        world.configure(&node(3), &all, ms(older));
        world.run(ms(1000));
        world.start(&node(3));
        if world.run_until(ms(600), World::one_view).is_none() {
            world.fail(&format!("{older} beside {now}: it is not taken in"));
        }
        let views = world.checks.views;
        world.run(ms(20_000));
        assert_eq!(world.checks.views, views, "{older} beside {now}: another view");
        world.configure(&node(3), &all, ms(now));
        world.run(ms(1000));
        assert_eq!(world.checks.views, views, "{older} to {now}: another view");
    }
}

#[test]
fn a_node_is_added_without_a_view_before_it_comes() {
    let mut world = World::new(4, ms(1000), 3);
    let three = set(&[1, 2, 3]);
    for name in &three {
        world.configure(name, &three, ms(1000));
        world.start(name);
    }
    assert!(world.run_until(ms(500), |w| w.view_of(&three)).is_some());
    let views = world.checks.views;
    world.start(&node(4));
    world.run(ms(5000));
    assert!(world.view_of(&three), "it is not one of them yet");
    assert_eq!(world.checks.views, views + 1, "its view of itself, and no other");
    let four = set(&[1, 2, 3, 4]);
    for name in &three {
        world.configure(name, &four, ms(1000));
        world.run(ms(30));
    }
    if world.run_until(ms(1000), |w| w.view_of(&four)).is_none() {
        world.fail("the new node is not taken in");
    }
}

#[test]
fn one_who_is_away_is_removed_without_a_view_and_a_member_with_one() {
    let mut world = World::formed(4, ms(1000), 3);
    world.leave(&node(4));
    let three = set(&[1, 2, 3]);
    assert!(world.run_until(ms(500), |w| w.view_of(&three)).is_some());
    let views = world.checks.views;
    for name in &three {
        world.configure(name, &three, ms(1000));
    }
    world.start(&node(4));
    world.run(ms(5000));
    assert!(world.view_of(&three) && world.checks.views == views + 1, "it comes back and stays alone");
    let two = set(&[1, 2]);
    for name in &two {
        world.configure(name, &two, ms(1000));
    }
    if world.run_until(ms(1000), |w| w.view_of(&two)).is_none() {
        world.fail("the member that was removed is still there");
    }
}

#[test]
fn any_seed_with_changes_keeps_the_rules_and_comes_together() {
    for seed in seeds() {
        run(seed);
    }
}

fn run(seed: u64) {
    let mut plan = fastrand::Rng::with_seed(seed ^ 0xc4a6e);
    let tokens = [300, 1000, 3000].map(ms);
    let mut token = tokens[plan.usize(..3)];
    let mut world = World::new(plan.usize(2..=5), token, seed);
    world.verbose = seeds().count() == 1;
    world.weather.loss = if plan.bool() { 0.0 } else { plan.f64() * 0.1 };
    let all: BTreeSet<NodeId> = world.names().into_iter().collect();
    for name in &all {
        if plan.u8(..4) > 0 {
            world.start(name);
        }
    }
    for _ in 0..plan.usize(10..30) {
        match plan.u8(..4) {
            0 => token = tokens[plan.usize(..3)],
            1 => {
                // Some hear of it now, some later, and who is away not at all.
                for name in world.running() {
                    let gone = all.iter().filter(|other| **other != name && plan.u8(..8) == 0);
                    let gone: BTreeSet<NodeId> = gone.cloned().collect();
                    let nodes = all.difference(&gone).cloned().collect();
                    world.configure(&name, &nodes, token);
                    world.run(ms(plan.u64(..20)));
                }
            }
            _ => act(&mut world, &mut plan, token),
        }
        world.run(ms(plan.u64(..1000)));
    }
    for name in &all {
        world.configure(name, &all, token);
    }
    settle(&mut world, token, seed);
}
