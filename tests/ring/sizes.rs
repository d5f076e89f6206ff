//! How times grow with the number of nodes.

use crate::checks::Violation;
use crate::network::Weather;
use crate::world::{Detail, MS, Shape, World};
use std::time::{Duration, Instant};

/// What a step of a ring costs in this table, in microseconds.
const COST: u64 = 5;
/// A switched network with 100 us from process to process.
const WIRE: Weather = Weather { delay: 90, jitter: 20, loss: 0.0, twice: 0.0, late: 0.0, damaged: 0.0 };

/// Times of one size, in microseconds.
struct Row {
    nodes: usize,
    formed: u64,
    token: u64,
    message: u64,
    lost: u64,
    back: u64,
    idle: u64,
}

/// Prints the table; false when a size does not form.
pub fn table(dawn: Instant) -> bool {
    println!(
        "| nodes | start to view | token round, loaded | message, idle ring | crash to view | rejoin | frames/s, idle |"
    );
    println!(
        "|------:|--------------:|--------------------:|-------------------:|--------------:|-------:|---------------:|"
    );
    let ms = |micros: u64| format!("{:.1} ms", micros as f64 / MS as f64);
    for nodes in [2, 3, 4, 5, 8, 12, 16, 24, 32, 48, 64] {
        match measure(nodes, dawn) {
            Ok(Row { nodes, formed, token, message, lost, back, idle }) => println!(
                "| {nodes} | {} | {} | {} | {} | {} | {idle} |",
                ms(formed),
                ms(token),
                ms(message),
                ms(lost),
                ms(back)
            ),
            Err(Violation { rule, text }) => {
                println!("{nodes} nodes: {rule}: {text}");
                return false;
            }
        }
    }
    true
}

fn measure(nodes: usize, dawn: Instant) -> Result<Row, Violation> {
    let shape = Shape { nodes, tail: "", token: Duration::from_millis(1000), frame_limit: 1200 };
    let mut world = World::new(&shape, 1, dawn, Detail::Nothing, 1);
    world.network.weather = WIRE;
    for at in 0..nodes {
        world.start(at)?;
        world.hosts[at].cost = COST;
    }
    let formed = until(&mut world, World::one_view)?;
    world.run(2_000 * MS)?;
    let before = world.frames;
    world.run(2_000 * MS)?;
    let idle = (world.frames - before) / 2;
    let mut message = 0;
    for _ in 0..5 {
        world.run(377 * MS)?;
        world.multicast(nodes / 2, 100)?;
        message = message.max(until(&mut world, |world| world.outstanding() == 0)?);
    }
    let token = loaded(&mut world)?;
    world.crash(nodes - 1, false);
    let lost = until(&mut world, World::one_view)?;
    world.run(1_000 * MS)?;
    world.start(nodes - 1)?;
    world.hosts[nodes - 1].cost = COST;
    let back = until(&mut world, World::one_view)?;
    Ok(Row { nodes, formed, token, message, lost, back, idle })
}

/// The mean time of a rotation while everybody always has something to say.
fn loaded(world: &mut World) -> Result<u64, Violation> {
    let tokens = |world: &World| world.hosts[0].ring.as_ref().map_or(0, |ring| ring.status().tokens);
    for _ in 0..20 {
        speak(world)?;
    }
    let (before, began) = (tokens(world), world.now);
    for _ in 0..200 {
        speak(world)?;
    }
    let rounds = (tokens(world) - before).max(1);
    let took = world.now - began;
    until(world, |world| world.outstanding() == 0)?;
    Ok(took / rounds)
}

fn speak(world: &mut World) -> Result<(), Violation> {
    for at in world.running() {
        if world.hosts[at].ring.as_ref().is_some_and(|ring| ring.queued() < 4) {
            world.multicast(at, 200)?;
        }
    }
    world.run(MS)
}

fn until(world: &mut World, done: impl Fn(&World) -> bool) -> Result<u64, Violation> {
    let began = world.now;
    while !done(world) {
        world.run(MS / 10)?;
        if world.now > began + 30_000 * MS {
            return Err(Violation { rule: "sizes", text: "nothing comes of it within 30 s".to_owned() });
        }
    }
    Ok(world.now - began)
}
