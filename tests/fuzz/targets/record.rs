//! A recording of a ring, as somebody may have sent it.
//!
//! The state in a recording is what a ring believes of itself, like its own memory. So it is only read here, and what
//! is played are steps alone, from the state of a good recording.

use super::{BINARY, KIB, Target, ms, ring};
use membership::{About, Detail, RECORDED, Recorder, Recording, Replay, Timeline};
use std::sync::OnceLock;

/// Bytes of a file before its body: label, format, checksum.
const SEAL: usize = 21 + 2 + 8;
/// Steps played of one input.
const STEPS: usize = 300;

pub(super) fn target() -> Target {
    let longest = 8 * KIB;
    Target { name: "record", run, examples, longest, memory: (2304 * KIB, 1024), time: (ms(300), ms(100)), ..BINARY }
}

/// A recording that begins in the middle of a view.
fn good() -> &'static Recording {
    static GOOD: OnceLock<Recording> = OnceLock::new();
    GOOD.get_or_init(|| {
        let (mut ring, mut now, inputs) = ring::inputs();
        let mut recorder = Recorder::new(&ring, RECORDED);
        for input in inputs.into_iter().take(40) {
            now += ms(1);
            recorder.step(&mut ring, now, input);
        }
        let node = config::NodeId::new("n1").expect("a valid name");
        recorder.recording(About { release: "1".to_owned(), node, reason: "a test".to_owned(), written_ms: 1 })
    })
}

fn examples() -> Vec<Vec<u8>> {
    let body = good().encode()[SEAL..].to_vec();
    let steps = good().steps();
    vec![body, steps.clone(), steps[..steps.len() / 4].to_vec(), good().encode()]
}

fn run(input: &[u8]) -> Result<(), String> {
    // As a file: a seal that fits is hardly ever made up, so the body is also tried without it.
    let sealed = Recording::decode(input).ok();
    let (body, played) = good().made_up(input);
    for recording in sealed.into_iter().chain(body) {
        let written = recording.encode();
        if Recording::decode(&written).map(|again| again.encode()).ok() != Some(written) {
            return Err("a recording that is written again reads differently".to_owned());
        }
        // Whether its state is one; it is not played.
        drop(Replay::new(&recording));
    }
    let mut timeline = Timeline::new(&played, Detail::Steps);
    let mut replay = Replay::new(&played).map_err(|error| error.to_string())?;
    for _ in 0..STEPS {
        let Some(Ok(step)) = replay.next() else { break };
        timeline.tell(&step, &replay.status());
    }
    Ok(())
}
