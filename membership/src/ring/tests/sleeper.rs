//! Who slept past the token timeout, and those who went on without it: coming back, it must not talk them apart.

use super::world::{World, ms, node};
use crate::frame::{Candidate, Frame, Join, Standing};
use crate::ring::Input;
use std::time::Duration;

const TOKEN: Duration = Duration::from_millis(1000);

/// The first of three sleeps, and the other two have gone on without it.
fn gone_on() -> World {
    let mut world = World::formed(3, TOKEN, 1);
    world.run(ms(300));
    world.pause(&node(1), ms(2500));
    let rest = [node(2), node(3)].into();
    world.run_until(ms(2000), |world| world.view_of(&rest)).expect("the two go on");
    world
}

#[test]
fn a_sleeper_listens_before_it_speaks() {
    let mut world = gone_on();
    world.verbose = true;
    let before = world.trace.len();
    world.awake();
    world.run(ms(5));
    // In its sockets waits what the others said while it slept, and that they gave it up. An invitation sent before it
    // has read on is one that it takes back at once, and each of them may act on another of the two.
    let invites = |line: &&String| line.contains("n1 to ") && line.contains("Join(");
    let early: Vec<&String> = world.trace[before..].iter().filter(invites).collect();
    assert!(early.is_empty(), "it speaks before it has listened: {early:#?}");
    world.run_until(ms(3000), World::one_view).expect("they come together");
    let apart =
        |line: &&String| (line.contains("n2 installs") || line.contains("n3 installs")) && !line.contains("n2 n3 with");
    assert_eq!(world.trace[before..].iter().find(apart), None, "the two that were awake were never apart");
}

#[test]
fn a_view_does_not_open_for_somebody_who_has_given_it_up() {
    let mut world = gone_on();
    let views = world.checks.views;
    let life = |index: usize| world.life(&node(index));
    // It hears all and wants one of the two, but not the other.
    let candidates = [(1, Standing::Alive), (2, Standing::Silent), (3, Standing::Alive)];
    let candidate = |(index, standing)| Candidate { node: node(index), incarnation: life(index).1, standing };
    let join = Join {
        incarnation: life(1).1,
        serial: 1_000_000,
        number: 1,
        fresh: false,
        candidates: candidates.map(candidate).to_vec(),
        hears: vec![node(2), node(3)],
        pace_ms: 1000,
    };
    // The third hears it and tells the second so: nothing else speaks against a merge.
    for index in [3, 2] {
        let bytes = Frame::Join(join.clone()).encode();
        world.input(&node(index), Input::Frame { from: node(1), bytes });
        world.run(ms(150));
        assert_eq!(world.ring(&node(index)).status().phase, "operate", "n{index}");
    }
    world.run(ms(300));
    assert_eq!(world.checks.views, views, "their view stands");
}
