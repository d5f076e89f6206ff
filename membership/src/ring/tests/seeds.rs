//! Random faults by seed: safety after every step, then the faults stop and all must come together in bounded time.
//!
//! `SEEDS=5000` runs that many, `SEEDS=17..18` those; a failing one prints its trace.

use super::Sabotage;
use super::world::{Weather, World, ms};
use config::NodeId;
use std::collections::BTreeSet;
use std::time::Duration;

const USUAL: u64 = 250;

pub(super) fn seeds() -> std::ops::Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "a way for people to ask for more, or for one again")]
    let asked = std::env::var("SEEDS").unwrap_or_default();
    match asked.split_once("..") {
        Some((from, to)) => from.parse().expect("SEEDS=from..to")..to.parse().expect("SEEDS=from..to"),
        None => 0..asked.parse().unwrap_or(USUAL),
    }
}

#[test]
fn any_seed_keeps_the_rules_and_comes_together() {
    for seed in seeds() {
        run(seed, None);
    }
}

/// What the checks say when `sabotage` is at work in the world of this seed.
fn verdict(sabotage: Sabotage, seed: u64) -> Option<String> {
    let said = std::panic::catch_unwind(|| run(seed, Some(sabotage))).err()?;
    let said = said.downcast_ref::<String>().and_then(|text| text.lines().next());
    Some(said.unwrap_or_default().to_owned())
}

#[test]
fn planted_bugs_are_caught() {
    let planted = [
        (Sabotage::DeliverBeforeGap, "no gaps"),
        (Sabotage::SkipRecovery, "virtual synchrony"),
        (Sabotage::ReuseRingNumber, "ring numbers grow"),
        (Sabotage::TokenForgetsRest, "total order"),
    ];
    for (sabotage, rule) in planted {
        // It may meet another rule first in some.
        let mut verdicts = (0..40).filter_map(|seed| verdict(sabotage, seed));
        assert!(verdicts.any(|verdict| verdict.contains(rule)), "{sabotage:?} is not caught by the rule of {rule}");
    }
}

fn run(seed: u64, sabotage: Option<Sabotage>) {
    let mut plan = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let token = ms(*[300, 1000, 1000].get(plan.usize(..3)).unwrap());
    // Some with packets so small and names so long that what is said about all members takes several packets.
    let small = plan.u8(..3) == 0;
    let tail = if small { "-in-the-second-rack-of-the-third-row.datacenter.example.org" } else { "" };
    let mut world = World::with_names(plan.usize(2..=5), tail, token, seed);
    world.frame_limit = if small { 512 } else { 1200 };
    world.verbose = seeds().count() == 1;
    world.sabotage = sabotage;
    world.disk = ms(plan.u64(0..40));
    world.weather = Weather {
        loss: if plan.bool() { 0.0 } else { plan.f64() * 0.1 },
        duplicates: plan.f64() * 0.05,
        late: plan.f64() * 0.2,
        delay_us: (80, plan.u64(100..2000)),
    };
    for node in world.names() {
        if plan.u8(..4) > 0 {
            world.start(&node);
        }
    }
    for _ in 0..plan.usize(10..40) {
        act(&mut world, &mut plan, token);
        let pause = match plan.u8(..3) {
            0 => plan.u64(0..5),
            1 => plan.u64(0..200),
            _ => plan.u64(0..2 * u64::try_from(token.as_millis()).unwrap()),
        };
        world.run(ms(pause));
    }
    settle(&mut world, token, seed);
}

pub(super) fn act(world: &mut World, plan: &mut fastrand::Rng, token: Duration) {
    let names = world.names();
    let node = names[plan.usize(..names.len())].clone();
    match plan.u8(..20) {
        0..=9 => {
            for node in world.running() {
                for _ in 0..plan.usize(..30) {
                    let len = if plan.u8(..20) == 0 { plan.usize(..20_000) } else { plan.usize(..800) };
                    world.multicast(&node, len);
                }
                if plan.bool() {
                    world.run(ms(plan.u64(..3)));
                }
            }
        }
        10 | 11 if world.up(&node) => world.crash(&node, plan.bool()),
        12 | 13 => {
            if world.up(&node) {
                world.crash(&node, plan.bool());
                world.run(ms(plan.u64(..100)));
            }
            if !world.up(&node) {
                world.start(&node);
            }
        }
        14 => {
            let side: BTreeSet<NodeId> = names.into_iter().filter(|_| plan.bool()).collect();
            world.partition(&side);
        }
        15 => {
            let other = names[plan.usize(..names.len())].clone();
            world.cut(&node, &other);
        }
        16 | 17 => world.heal(),
        18 if world.up(&node) => world.pause(&node, token.mul_f64(plan.f64() * 2.0)),
        19 if world.up(&node) && plan.bool() => world.leave(&node),
        _ => {}
    }
}

/// The faults stop.
pub(super) fn settle(world: &mut World, token: Duration, seed: u64) {
    world.heal();
    world.weather = super::world::CALM;
    world.start_all();
    world.awake();
    if world.run_until(token * 5, World::one_view).is_none() {
        world.fail(&format!("seed {seed}: no common view in time after the faults ended"));
    }
    for node in world.names() {
        world.multicast(&node, 50);
    }
    let done = |w: &World| w.running().iter().all(|n| w.checks.outstanding(&w.life(n)) == 0);
    if world.run_until(token * 2, done).is_none() {
        world.fail(&format!("seed {seed}: a message did not come back to its sender"));
    }
    let views = world.checks.views;
    world.run(token * 3);
    if world.checks.views != views {
        world.fail(&format!("seed {seed}: views change although nothing happens"));
    }
}
