//! A ring that stands, and what a member that lies may send to it.
//!
//! An input is a row of records: what (u8), length (u16, little endian), bytes. The ring is the first of three, copied
//! anew for each input, so that every input meets the same state.

use super::{BINARY, KIB, Target, ms};
use bytes::Bytes;
use config::NodeId;
use membership::{Incarnation, Input, Output, Ring, RingOptions};
use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Names so long that what is said about all members takes several packets.
const TAIL: &str = "-in-the-second-rack-of-the-third-row.datacenter.example.org";
const FRAME_LIMIT: usize = 512;
/// Most bytes that one input may make a ring send: what it repeats of a view, and a visit of the token.
const ANSWER: usize = 2 * 1024 * KIB;
/// Where the records of frames from each peer begin.
const SECOND: u8 = 0;
const THIRD: u8 = 1;

pub(super) fn target() -> Target {
    Target { name: "ring", run, examples, memory: (1280 * KIB, 256), time: (ms(200), ms(100)), ..BINARY }
}

fn node(index: usize) -> NodeId {
    NodeId::new(&format!("n{index}{TAIL}")).expect("a valid name")
}

/// The first of three, and what came to it afterwards: from whom, and the frame.
struct Standing {
    ring: Ring,
    now: Instant,
    heard: Vec<(usize, Bytes)>,
}

fn standing() -> &'static Standing {
    static STANDING: OnceLock<Standing> = OnceLock::new();
    STANDING.get_or_init(|| {
        let mut trio = Trio::new();
        trio.run(Duration::from_millis(600));
        let (ring, now) = (trio.rings[&node(1)].clone(), trio.now);
        assert_eq!(ring.status().phase, "operate", "three rings without faults form a view");
        trio.heard.clear();
        for (len, from) in [(10, 2), (3000, 3), (700, 2), (1, 3)] {
            trio.step(&node(from), Input::Multicast(vec![7; len].into()));
        }
        trio.run(Duration::from_millis(20));
        // Those who gather anew say things that a standing view never hears.
        trio.step(&node(3), Input::LinkDown(node(1)));
        trio.run(Duration::from_millis(60));
        trio.step(&node(2), Input::Leave);
        trio.run(Duration::from_millis(10));
        Standing { ring, now, heard: trio.heard }
    })
}

/// Three rings and a perfect wire.
struct Trio {
    rings: BTreeMap<NodeId, Ring>,
    now: Instant,
    wire: VecDeque<(NodeId, NodeId, Bytes)>,
    heard: Vec<(usize, Bytes)>,
}

impl Trio {
    fn new() -> Trio {
        let now = Instant::now();
        let nodes: Vec<NodeId> = (1..=3).map(node).collect();
        let ring = |(index, me): (usize, &NodeId)| {
            let options = RingOptions {
                me: me.clone(),
                incarnation: Incarnation(100 + index as u64),
                nodes: nodes.iter().cloned().collect(),
                token: Duration::from_millis(300),
                frame_limit: FRAME_LIMIT,
                ring_number_floor: 0,
                seed: 1,
            };
            (me.clone(), Ring::new(options, now))
        };
        Trio { rings: nodes.iter().enumerate().map(ring).collect(), now, wire: VecDeque::new(), heard: Vec::new() }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            while let Some((from, to, bytes)) = self.wire.pop_front() {
                if to == node(1) {
                    self.heard.push((if from == node(2) { 2 } else { 3 }, bytes.clone()));
                }
                self.step(&to, Input::Frame { from, bytes });
            }
            self.now += Duration::from_millis(1);
            for me in self.rings.keys().cloned().collect::<Vec<_>>() {
                if self.rings[&me].deadline().is_some_and(|at| at <= self.now) {
                    self.step(&me, Input::Wake);
                }
            }
        }
    }

    fn step(&mut self, me: &NodeId, input: Input) {
        let ring = self.rings.get_mut(me).expect("one of three");
        for output in ring.step(self.now, input) {
            match output {
                Output::Send { to, bytes } => self.wire.push_back((me.clone(), to, bytes)),
                Output::Broadcast(bytes) => {
                    let others = self.rings.keys().filter(|to| *to != me);
                    self.wire.extend(others.map(|to| (me.clone(), to.clone(), bytes.clone())));
                }
                Output::StoreRingNumber(number) => self.wire_number(me, number),
                _ => {}
            }
        }
    }

    fn wire_number(&mut self, me: &NodeId, number: u64) {
        self.step(&me.clone(), Input::RingNumberStored(number));
    }
}

/// The frames alone: examples for the decoder of frames.
pub(super) fn frames() -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = standing().heard.iter().map(|(_, bytes)| bytes.to_vec()).collect();
    frames.dedup_by_key(|frame| frame.first_chunk::<8>().copied());
    frames
}

/// A ring that stands, the time, and what it is told next.
pub(super) fn inputs() -> (Ring, Instant, Vec<Input>) {
    let Standing { ring, now, heard } = standing();
    let input = |(from, bytes): &(usize, Bytes)| Input::Frame { from: node(*from), bytes: bytes.clone() };
    (ring.clone(), *now, heard.iter().map(input).collect())
}

fn record(what: u8, bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("shorter than the frame limit");
    [&[what], len.to_le_bytes().as_slice(), bytes].concat()
}

fn examples() -> Vec<Vec<u8>> {
    let of = |(from, bytes): &(usize, Bytes)| record(if *from == 2 { SECOND } else { THIRD }, bytes);
    let all: Vec<Vec<u8>> = standing().heard.iter().map(of).collect();
    let pieces = all.chunks(6).map(<[Vec<u8>]>::concat);
    pieces.chain([all.iter().take(60).flatten().copied().collect()]).collect()
}

fn run(mut input: &[u8]) -> Result<(), String> {
    let Standing { ring, now, .. } = standing();
    let (mut ring, mut now) = (ring.clone(), *now);
    while let Some((&[what, low, high], rest)) = input.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([low, high]));
        let (bytes, rest) = rest.split_at(len.min(rest.len()));
        input = rest;
        let frame = |from| Input::Frame { from: node(from), bytes: Bytes::copy_from_slice(bytes) };
        let next = match what % 12 {
            THIRD | 3 | 5 => frame(3),
            6 => Input::Multicast(Bytes::copy_from_slice(bytes).into()),
            7 => Input::LinkDown(node(2)),
            8 => Input::LinkUp(node(2)),
            9 => Input::RingNumberStored(u64::from(low)),
            10 | 11 => {
                now += Duration::from_millis(u64::from(low));
                Input::Wake
            }
            _ => frame(2),
        };
        let outputs = ring.step(now, next);
        if ring.deadline().is_none_or(|at| at <= now) {
            return Err("a ring does not ask to be called, or at once".to_owned());
        }
        let size = |output: &Output| match output {
            Output::Send { bytes, .. } | Output::Broadcast(bytes) => bytes.len(),
            _ => 0,
        };
        if let Some(long) = outputs.iter().map(size).find(|size| *size > FRAME_LIMIT) {
            return Err(format!("a packet of {long} bytes, the links carry {FRAME_LIMIT}"));
        }
        if outputs.iter().map(size).sum::<usize>() > ANSWER {
            return Err(format!("one input is answered with more than {ANSWER} bytes"));
        }
    }
    Ok(())
}
