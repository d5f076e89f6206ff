//! What a ring did is done again, also when the recording begins in the middle; what was tampered with is told.

use super::*;
use crate::frame;
use crate::ring::{MAX_MESSAGE, RingOptions};
use crate::view::Incarnation;
use config::NodeId;
use std::collections::{BTreeMap, VecDeque};

const MS: Duration = Duration::from_millis(1);

fn node(index: usize) -> NodeId {
    NodeId::new(&format!("n{index}")).unwrap()
}

fn about() -> About {
    About { release: "1".to_owned(), node: node(1), reason: "a test".to_owned(), written_ms: 0 }
}

/// Two rings and a wire; the first is recorded.
struct Pair {
    rings: BTreeMap<NodeId, Ring>,
    recorder: Recorder,
    now: Instant,
    wire: VecDeque<(NodeId, NodeId, Bytes)>,
}

impl Pair {
    fn new(limit: usize) -> Pair {
        #[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of virtual time")]
        let now = Instant::now();
        let ring = |index| {
            let options = RingOptions {
                me: node(index),
                incarnation: Incarnation(index as u64),
                nodes: [node(1), node(2)].into(),
                token: 300 * MS,
                frame_limit: 1200,
                ring_number_floor: 0,
                seed: 7,
            };
            (node(index), Ring::new(options, now))
        };
        let rings = BTreeMap::from([ring(1), ring(2)]);
        let recorder = Recorder::new(&rings[&node(1)], limit);
        Pair { rings, recorder, now, wire: VecDeque::new() }
    }

    fn step(&mut self, me: &NodeId, input: Input) {
        let Some(ring) = self.rings.get_mut(me) else { return };
        let outputs =
            if *me == node(1) { self.recorder.step(ring, self.now, input) } else { ring.step(self.now, input) };
        let other = if *me == node(1) { node(2) } else { node(1) };
        for output in outputs {
            match output {
                Output::Send { bytes, .. } | Output::Broadcast(bytes) => {
                    self.wire.push_back((me.clone(), other.clone(), bytes));
                }
                Output::StoreRingNumber(number) => self.step(me, Input::RingNumberStored(number)),
                _ => {}
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            while let Some((from, to, bytes)) = self.wire.pop_front() {
                self.step(&to, Input::Frame { from, bytes });
            }
            self.now += MS;
            for me in [node(1), node(2)] {
                if self.rings.get(&me).and_then(Ring::deadline).is_some_and(|at| at <= self.now) {
                    self.step(&me, Input::Wake);
                }
            }
        }
    }

    fn recording(&self) -> Recording {
        self.recorder.recording(about())
    }
}

/// A start, traffic in both directions, and the loss of the second node.
fn story(limit: usize) -> Pair {
    let mut pair = Pair::new(limit);
    pair.run(300 * MS);
    for round in 0..20 {
        for (from, len) in [(1, 10), (2, 30_000), (1, 3000)] {
            pair.step(&node(from), Input::Multicast(vec![0xa5; len + round].into()));
        }
        pair.run(20 * MS);
    }
    // In the middle of what it says.
    pair.step(&node(2), Input::Multicast(vec![0xa5; 500_000].into()));
    pair.run(2 * MS);
    pair.rings.remove(&node(2));
    pair.run(1000 * MS);
    pair
}

/// How many steps are the same, and the first that is not.
fn play(recording: &Recording) -> (u64, Option<u64>) {
    let mut same = 0;
    for step in Replay::new(recording).unwrap() {
        let step = step.unwrap();
        if !step.same {
            return (same, Some(step.number));
        }
        same += 1;
    }
    (same, None)
}

#[test]
fn what_was_recorded_from_the_start_is_done_again() {
    let recording = story(RECORDED).recording();
    assert_eq!(recording.began, Duration::ZERO);
    let again = Recording::decode(&recording.encode()).unwrap();
    assert_eq!((&again.about, again.began, again.steps()), (&recording.about, recording.began, recording.steps()));
    let (steps, diverged) = play(&again);
    assert!(steps > 500 && diverged.is_none(), "{steps} steps, then {diverged:?}");
}

#[test]
fn a_recording_in_many_pieces_is_one_file() {
    let mut pair = Pair::new(RECORDED);
    for _ in 0..600 {
        pair.step(&node(2), Input::Multicast(vec![0xa5; 3000].into()));
        pair.run(MS);
    }
    let recording = pair.recording();
    assert!(recording.steps.len() > 2, "{} pieces", recording.steps.len());
    let again = Recording::decode(&recording.encode()).unwrap();
    assert!(again.steps() == recording.steps() && again.encode() == recording.encode());
    assert_eq!(play(&recording), play(&again));
    assert_eq!(play(&recording).1, None);
}

#[test]
fn a_recording_begins_in_the_middle_and_is_done_again_from_there() {
    // Chapters end wherever they are full: while messages are on their way, cut in pieces, waiting to be sent.
    for limit in (500..20_000).step_by(700) {
        let pair = story(limit);
        let recording = pair.recording();
        assert!(recording.began > Duration::ZERO, "limit {limit}");
        assert!(recording.steps().len() < limit + 4000, "limit {limit}: {} bytes", recording.steps().len());
        assert!(recording.steps().len() >= limit / 2, "limit {limit}: half of it is there to look back on");
        let (steps, diverged) = play(&recording);
        assert!(steps > 0 && diverged.is_none(), "limit {limit}: {steps} steps, then {diverged:?}");
        let mut replay = Replay::new(&recording).unwrap();
        assert_eq!(replay.by_ref().map(|step| step.unwrap().at).last(), Some(pair.recorder.last));
        let (now, then) = (pair.rings[&node(1)].status(), replay.status());
        assert_eq!((now.phase, now.silence, now.queued), (then.phase, then.silence, then.queued));
    }
}

#[test]
fn the_content_of_messages_is_in_no_recording() {
    for limit in [1000, 5000, RECORDED] {
        let mut pair = story(limit);
        // Also of what waits.
        pair.step(&node(1), Input::LinkDown(node(2)));
        pair.step(&node(1), Input::Multicast(vec![0xa5; 70_000].into()));
        let bytes = pair.recording().encode();
        assert!(!bytes.windows(12).any(|part| part == [0xa5; 12]), "limit {limit}");
    }
}

#[test]
fn where_a_replay_is_not_the_same_is_told() {
    let recording = story(RECORDED).recording();
    let (count, _) = play(&recording);
    // Somebody makes the first token of the second node another frame.
    let mut steps = recording.steps();
    let token = steps.windows(4).position(|part| part == [b'P', b'L', 1, 3]).unwrap();
    steps[token + 3] = 6;
    let (same, diverged) = play(&Recording { steps: vec![steps.into()], ..recording.clone() });
    assert!(same > 3 && same < count && diverged == Some(same + 1), "{same} of {count}, {diverged:?}");
    // A step that is cut short.
    let mut steps = recording.steps();
    steps.truncate(steps.len() - 3);
    let cut = Recording { steps: vec![steps.into()], ..recording };
    let last = Replay::new(&cut).unwrap().last().unwrap();
    assert!(last.unwrap_err().to_string().contains(&format!("step {count} cannot be read")));
}

#[test]
fn files_that_are_not_whole_are_refused() {
    let bytes = story(2000).recording().encode();
    for end in [0, 10, 21, 22, 30, 31, bytes.len() / 2, bytes.len() - 1] {
        assert!(Recording::decode(&bytes[..end]).is_err(), "{end}");
    }
    let mut other = bytes.clone();
    other[21] = 9;
    assert!(matches!(Recording::decode(&other), Err(RecordError::Format(9))));
    for at in [23, 40, bytes.len() / 2, bytes.len() - 1] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert!(matches!(Recording::decode(&other), Err(RecordError::Damaged)), "{at}");
    }
}

#[test]
fn the_timeline_tells_why_the_view_changed() {
    let recording = story(RECORDED).recording();
    let mut timeline = Timeline::new(&recording, Detail::Events);
    let mut replay = Replay::new(&recording).unwrap();
    let mut lines = Vec::new();
    while let Some(step) = replay.next() {
        lines.extend(timeline.tell(&step.unwrap(), &replay.status()));
    }
    lines.extend(timeline.end());
    let text = lines.join("\n");
    for part in [
        "view 1/n1: n1, n2",
        "n2 was not heard for 225 ms",
        "the token was lost 270 ms ago; last heard: n2 300 ms ago",
        "-n2",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    assert!(lines.len() < 60, "{} lines for a short story", lines.len());
}

#[test]
fn of_a_data_frame_only_the_payload_is_left_out() {
    let head = frame::DataHead {
        ring: 300,
        seq: 70_000,
        sender: 3,
        chunks: vec![crate::fragment::Chunk { part: crate::fragment::Part::First { total: 9000 }, len: 500 }],
    };
    let payload = Bytes::from(vec![1; 500]);
    let (bytes, start) = frame::encode_data(&head, &[payload]);
    assert_eq!(frame::told(&bytes), start);
    assert_eq!(frame::told(&bytes[..bytes.len() - 1]), bytes.len() - 1, "what makes no sense is kept whole");
}

#[test]
fn the_length_of_a_message_in_a_recording_takes_no_memory() {
    let read = |len: usize| {
        let mut bytes = Vec::new();
        step::write(&mut bytes, MS, &Input::Multicast(Bytes::from(vec![1; len]).into()));
        bytes.extend_from_slice(&[0; 4]);
        let (step, used) = step::read(&bytes.clone().into()).unwrap();
        assert_eq!(used, bytes.len());
        let Input::Multicast(message) = step.input else { panic!("a message") };
        message.payload
    };
    let short = read(7);
    assert_eq!(short, [0; 7][..]);
    for (len, expected) in [(MAX_MESSAGE, MAX_MESSAGE), (MAX_MESSAGE + 1, MAX_MESSAGE + 1), (64 << 20, MAX_MESSAGE + 1)]
    {
        let long = read(len);
        assert_eq!(long.len(), expected, "of {len}: as long as it was, or too long");
        assert_eq!(long.as_ptr(), short.as_ptr(), "all of them lie in the same place");
    }
}
