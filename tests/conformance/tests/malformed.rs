//! Damaged input: a clear error or an answer, never a panic and never without end. CIBs, cluster files and saved
//! states of random clusters are damaged at random; equal seeds give equal damage.
#![allow(clippy::disallowed_methods)]

use conformance::random;
use fastrand::Rng;
use scheduler::audit::audit;
use scheduler::situation::Situation;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

/// Texts of each kind.
const TEXTS: u64 = 600;

/// A damaged text of some kilobytes is read and answered in milliseconds; on a busy machine in some hundred.
const PATIENCE: Duration = Duration::from_secs(5);

/// Numbers that nobody writes.
const ABSURD: [&str; 8] =
    ["-1", "99999999999999999999", "-9223372036854775808", "INFINITY", "1e400", "", "\u{0}", "\u{1F600}"];

/// Damages a text: bytes, pieces, numbers and names of its own, until it is damaged enough.
fn damage(rng: &mut Rng, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.usize(1..=4) {
        if bytes.len() < 8 {
            break;
        }
        let at = rng.usize(0..bytes.len());
        match rng.u32(0..9) {
            0 => bytes[at] ^= 1 << rng.u32(0..8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..bytes.len().min(at + rng.usize(1..200)))),
            3 => {
                let piece = bytes[at..bytes.len().min(at + rng.usize(1..400))].to_vec();
                let to = rng.usize(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            4 => number(rng, &mut bytes, at),
            5 | 6 => name(rng, &mut bytes, at),
            7 => {
                let line = line_of(&bytes, at);
                bytes.drain(line);
            }
            _ => nest(rng, &mut bytes, at),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The line around a place.
fn line_of(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let begin = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
    let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |after| at + after + 1);
    begin..end
}

/// Puts something absurd in the place of the next number.
fn number(rng: &mut Rng, bytes: &mut Vec<u8>, at: usize) {
    let Some(begin) = bytes[at..].iter().position(u8::is_ascii_digit).map(|after| at + after) else { return };
    let end = bytes[begin..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |after| begin + after);
    bytes.splice(begin..end, ABSURD[rng.usize(0..ABSURD.len())].bytes());
}

/// Puts one quoted text of the file in the place of another, so that names point in circles, or to nothing.
fn name(rng: &mut Rng, bytes: &mut Vec<u8>, at: usize) {
    let quoted = |from: usize| {
        let begin = from + bytes[from..].iter().position(|&byte| byte == b'"')? + 1;
        let end = begin + bytes[begin..].iter().position(|&byte| byte == b'"')?;
        Some(begin..end)
    };
    let Some((one, other)) = quoted(at).zip(quoted(rng.usize(0..bytes.len()))) else { return };
    let text = bytes[other].to_vec();
    bytes.splice(one, text);
}

/// Opens much and closes nothing, or closes what was never opened.
fn nest(rng: &mut Rng, bytes: &mut Vec<u8>, at: usize) {
    let piece =
        ["<group id=\"n\">", "</group>", "[[", "{\"a\":", "(", "<clone id=\"c\"><group id=\"g\">", "]", "\"\"\""];
    let deep = piece[rng.usize(0..piece.len())].repeat([1, 3, 2000][rng.usize(0..3)]);
    bytes.splice(at..at, deep.bytes());
}

/// Reads damaged texts made from those of random clusters, and schedules what can be read.
fn survive(kind: &str, text: impl Fn(u64) -> String, read: impl Fn(u64, &str) -> Option<Situation>) {
    let (mut wrong, mut answers) = (Vec::new(), 0);
    let read = std::panic::AssertUnwindSafe(read);
    for seed in 0..TEXTS {
        let damaged = damage(&mut Rng::with_seed(seed ^ 0xDA3A6E), &text(seed));
        let began = Instant::now();
        let outcome = catch_unwind(|| {
            let read = &read;
            (read.0)(seed, &damaged).map(|situation| audit(&situation, &scheduler::schedule(&situation)).len())
        });
        match outcome {
            Ok(answer) => answers += u64::from(answer.is_some()),
            Err(_) => wrong.push(format!("{kind} {seed}: panics")),
        }
        if began.elapsed() > PATIENCE {
            wrong.push(format!("{kind} {seed}: took {:?}", began.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (some, most) = (TEXTS / 100, TEXTS - TEXTS / 20);
    assert!((some..most).contains(&answers), "{answers} damaged {kind}s of {TEXTS} could be read: too few or too many");
}

fn situation(seed: u64) -> Situation {
    let mut situation = import::read(&random::cib(seed)).expect("a CIB");
    situation.now_ms = random::NOW * 1000;
    situation
}

#[test]
fn damaged_cibs_are_refused_or_answered() {
    survive("CIB", random::cib, |_, text| import::read(text).ok());
}

#[test]
fn damaged_cluster_files_are_refused_or_answered() {
    let file = |seed| import::cluster_file(&situation(seed), "imported").text;
    survive("cluster file", file, |seed, text| import::with_cluster_file(&situation(seed), text).ok());
}

#[test]
fn damaged_states_are_refused_or_answered() {
    let state = |seed| serde_json::to_string_pretty(&situation(seed)).expect("a state can be written");
    survive("state", state, |_, text| serde_json::from_str(text).ok());
}

/// Errors say where and what.
#[test]
fn what_is_wrong_is_said() {
    let deep = format!("<cib>{}", "<a>".repeat(100_000));
    for (text, word) in
        [("", "line"), ("<cib", "line"), ("<cib><configuration>", "line"), ("<other/>", "cib"), (&deep, "line")]
    {
        let error = import::read(text).expect_err("is no CIB").to_string();
        assert!(error.contains(word), "{error}");
    }
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(import::with_cluster_file(&situation(1), &deep).is_err());
}
