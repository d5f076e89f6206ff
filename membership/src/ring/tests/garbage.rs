//! Peers that are who they say they are and send what nobody should.

use super::world::{World, ms, node};
use crate::fragment::{Chunk, Part};
use crate::frame::*;
use crate::ring::{Input, Notice};
use crate::view::{Incarnation, RingId};
use bytes::Bytes;
use std::time::Duration;

const TOKEN: Duration = Duration::from_millis(300);

/// Numbers that are wrong in every way.
fn number(rng: &mut fastrand::Rng, near: u64) -> u64 {
    match rng.u8(..8) {
        0 => 0,
        1 => u64::MAX,
        2 => u64::MAX - rng.u64(..3),
        3 => 1 << rng.u32(..64),
        4 => rng.u64(..),
        _ => near.saturating_add(rng.u64(..5)).saturating_sub(2),
    }
}

fn rank(rng: &mut fastrand::Rng) -> u16 {
    if rng.u8(..4) == 0 { rng.u16(..) } else { rng.u16(..4) }
}

/// A frame of any kind, close enough to what is expected to get far.
fn nonsense(world: &World, rng: &mut fastrand::Rng) -> Frame {
    let ring = world.view(&node(2)).map_or(1, |v| v.ring.number);
    let lives: Vec<_> = (1..=3).map(|i| world.life(&node(i)).1).collect();
    let life =
        |rng: &mut fastrand::Rng| if rng.u8(..4) == 0 { Incarnation(rng.u64(..)) } else { lives[rng.usize(..3)] };
    let name = |rng: &mut fastrand::Rng| node(rng.usize(1..6));
    let names = |rng: &mut fastrand::Rng| (0..rng.usize(..6)).map(|_| name(rng)).collect::<Vec<_>>();
    match rng.u8(..8) {
        0 => {
            let standings = [Standing::Alive, Standing::Alive, Standing::Silent, Standing::Gone];
            let candidates = (0..rng.usize(..6)).map(|_| Candidate {
                node: name(rng),
                incarnation: life(rng),
                standing: standings[rng.usize(..4)],
            });
            let candidates = candidates.collect();
            let (serial, number) = (number(rng, 50), number(rng, ring));
            Frame::Join(Join {
                incarnation: lives[0],
                serial,
                number,
                fresh: rng.bool(),
                candidates,
                hears: names(rng),
                pace_ms: rng.u32(..),
            })
        }
        1 => {
            let members = (0..rng.usize(..5)).map(|i| {
                let past = rng.bool().then(|| RingId { number: number(rng, ring), representative: name(rng) });
                Member { node: node(i + 1), incarnation: life(rng), past }
            });
            let members = members.collect();
            Frame::Commit(Commit { ring: number(rng, ring + 1), hop: rank(rng), members })
        }
        2 => Frame::Token(Token {
            ring,
            number: number(rng, 500),
            seq: number(rng, 10),
            aru: number(rng, 10),
            setter: rng.bool().then(|| rank(rng)),
            sent: rng.u32(..),
            idle: rng.u8(..),
            requests: (0..rng.usize(..100)).map(|_| Span { start: number(rng, 10), len: rank(rng) }).collect(),
        }),
        3 => {
            let part = [Part::Whole, Part::First { total: rng.u32(..) }, Part::Middle, Part::Last][rng.usize(..4)];
            let chunks = vec![Chunk { part, len: 3 }];
            let head = DataHead { ring, seq: number(rng, 10), sender: rank(rng), chunks };
            Frame::Data(Data { head, payload: Bytes::from_static(b"bad") })
        }
        4 => Frame::Beat(Beat {
            incarnation: lives[0],
            serial: number(rng, 50),
            number: number(rng, ring),
            token: number(rng, 500),
            members: names(rng),
            hears: names(rng),
            pace_ms: rng.u32(..),
        }),
        5 => Frame::Wanted(Wanted { ring }),
        6 => Frame::Leave(Leave { incarnation: life(rng) }),
        _ => {
            let (aru, high) = (number(rng, 5), number(rng, 10));
            let bits = vec![rng.u8(..); rng.usize(..4)];
            Frame::Have(Have {
                ring: ring + rng.u64(..2),
                aru,
                high,
                delivered: number(rng, 5),
                safe: number(rng, 5),
                estranged: rng.bool(),
                bits,
            })
        }
    }
}

/// The world stops judging: with a liar inside the ring its promises do not hold. But nobody panics, nobody grows,
/// nobody stops asking to be called.
#[test]
fn a_lying_member_makes_nobody_panic() {
    for seed in 0..60 {
        let mut world = World::new(3, TOKEN, seed);
        world.judge = false;
        world.start_all();
        world.run(ms(200));
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..400 {
            let frame = nonsense(&world, &mut rng);
            let bytes = frame.encode();
            for to in 2..=3 {
                world.input(&node(to), Input::Frame { from: node(1), bytes: bytes.clone() });
            }
            world.run(ms(rng.u64(..10)));
        }
    }
}

#[test]
fn garbage_is_counted_and_told_now_and_then() {
    let mut world = World::formed(3, TOKEN, 1);
    let good = Frame::Wanted(Wanted { ring: 1 }).encode();
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..5000 {
        let mut bytes: Vec<u8> = if rng.bool() { good.to_vec() } else { vec![0; rng.usize(..200)] };
        rng.fill(&mut bytes);
        world.input(&node(1), Input::Frame { from: node(2), bytes: bytes.into() });
    }
    world.input(&node(1), Input::Frame { from: node(9), bytes: good.clone() });
    assert_eq!(world.ring(&node(1)).status().bad_frames, 5001);
    let told = world.notices.iter().filter(|(_, _, n)| matches!(n, Notice::BadFrame { .. })).count();
    assert_eq!(told, 1, "not a notice for each");
    world.run(TOKEN * 5);
    world.expect_one_view();
    assert_eq!(world.checks.views, 3, "garbage changes no view");
}
