//! What peers send, and what is stored: bytes, JSON between programs, certificates and keys.

use super::{BINARY, KIB, TEXT, Target, ms, ring, same};
use arbiter::{Answer, FromArbiter, FromNode, Hello, Heuristics, Report};
use bytes::Bytes;
use config::{Algorithm, NodeId, TieBreaker};
use crm::cib::{Durable, Generation, Status};
use crm::control::{Request, Response};
use membership::wire::Seen;
use membership::{Incarnation, RingId, codec};
use membership_io::{Authority, Identity};
use scheduler::situation::Situation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Of JSON.
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "false",
    "\\u0000",
    "\\ud800",
    "1e999",
    "-0",
    "0.1",
    "\"request\":",
    "\"response\":",
    "\"kind\":",
    "\"text\":",
    "\"node\":",
    "\"resource\":",
    "\"base\":",
    "\"generation\":{\"view\":1,\"index\":2}",
    "\"overrides\":",
    "[[[[[[[[",
    "{\"a\":",
];

pub(super) fn targets() -> Vec<Target> {
    let json = Target { words: JSON, longest: 16 * KIB, ..TEXT };
    vec![
        Target { name: "frame", run: frame, examples: ring::frames, memory: (1152 * KIB, 64), ..BINARY },
        // Lists in lists: each may ask for a mebibyte, see the codec.
        Target { name: "codec", run: values, examples: value_examples, memory: (2304 * KIB, 64), ..BINARY },
        Target { name: "hello", run: hello, examples: hello_examples, longest: KIB, ..BINARY },
        Target { name: "message", run: message, words: JSON, memory: (2304 * KIB, 64), ..BINARY },
        Target { name: "arbiter", run: arbiter, examples: arbiter_examples, longest: 4 * KIB, ..BINARY },
        Target { name: "ring-number", run: ring_number, words: &["ring-number ", "\n"], longest: KIB, ..BINARY },
        Target { name: "durable", run: json_of::<Durable>, examples: durable_examples, ..json.clone() },
        Target { name: "status", run: json_of::<Status>, ..json.clone() },
        Target { name: "request", run: json_of::<Request>, examples: request_examples, ..json.clone() },
        Target { name: "response", run: json_of::<Response>, ..json.clone() },
        Target { name: "situation", run: json_of::<Situation>, examples: situation_examples, ..json },
        Target { name: "identity", run: identity, examples: identity_examples, time: (ms(500), ms(50)), ..BINARY },
        Target { name: "authority", run: authority, examples: authority_examples, time: (ms(500), ms(50)), ..BINARY },
    ]
}

fn frame(input: &[u8]) -> Result<(), String> {
    let Ok(seen) = Seen::read(&Bytes::copy_from_slice(input)) else { return Ok(()) };
    same("a frame", &seen, Seen::read(&seen.bytes()).as_ref().map_err(Clone::clone))
}

// ---- the codec ----

/// A value of every shape that messages are made of.
type Shapes = (
    BTreeMap<String, (u64, Option<i32>)>,
    Vec<Vec<u8>>,
    Vec<(u64, u64, u64, u64)>,
    Box<Result<NodeId, bool>>,
    (char, i128, f64, [u16; 3]),
);

fn values(input: &[u8]) -> Result<(), String> {
    let Ok((value, used)) = codec::decode_prefix::<Shapes>(input, 16 * KIB) else { return Ok(()) };
    if value.4.2.is_nan() {
        return Ok(());
    }
    let bytes = codec::encode(&value).map_err(|error| error.to_string())?;
    if used > input.len() {
        return Err("more bytes were used than there are".to_owned());
    }
    let again = codec::decode::<Shapes>(&bytes, 64 * KIB);
    same("a value", &value, again.as_ref().map_err(ToString::to_string))
}

fn value_examples() -> Vec<Vec<u8>> {
    let node = NodeId::new("alpha").expect("a valid name");
    let few: Shapes = (BTreeMap::new(), vec![], vec![], Box::new(Err(true)), ('x', -1, 0.5, [1, 2, 3]));
    let map = (0..20).map(|i| (format!("key-{i}"), (1 << i, (i % 2 == 0).then_some(-i)))).collect();
    let many: Shapes = (
        map,
        vec![vec![7; 40]; 3],
        vec![(1, 300, 70_000, u64::MAX); 9],
        Box::new(Ok(node)),
        ('ü', i128::MAX, -1e300, [0, 255, 65_535]),
    );
    [few, many].iter().map(|value| codec::encode(value).expect("all of it has a wire form")).collect()
}

// ---- the links ----

fn hello(input: &[u8]) -> Result<(), String> {
    let Ok(written) = membership_io::fuzzing::hello(input) else { return Ok(()) };
    let again = membership_io::fuzzing::hello(&written);
    same("a hello", &written, again.as_ref().map_err(Clone::clone))
}

fn hello_examples() -> Vec<Vec<u8>> {
    vec![b"paceline\x02\x02\x01\x02\x03\x04\x05\x06\x07\x08\x00\x05alpha\x04shop".to_vec()]
}

fn arbiter(input: &[u8]) -> Result<(), String> {
    if let Ok(said) = arbiter::decode::<FromNode>(input) {
        // A report that makes no sense is refused by the court, not by the decoder.
        if let FromNode::Report(report) = &said {
            drop(report.check(&report.ring.representative));
        }
        same(
            "a node's message",
            &said,
            arbiter::decode(&arbiter::encode(&said)).as_ref().map_err(ToString::to_string),
        )?;
    }
    let Ok(said) = arbiter::decode::<FromArbiter>(input) else { return Ok(()) };
    same("an answer", &said, arbiter::decode(&arbiter::encode(&said)).as_ref().map_err(ToString::to_string))
}

fn arbiter_examples() -> Vec<Vec<u8>> {
    let node = |name| NodeId::new(name).expect("a valid name");
    let ring = RingId { number: 300, representative: node("alpha") };
    let hello = Hello { cluster: "shop".to_owned(), node: node("alpha"), incarnation: Incarnation(7) };
    let report = Report {
        ring: ring.clone(),
        members: [node("alpha"), node("beta")].into(),
        blank: [node("beta")].into(),
        stored: true,
        votes: [(node("alpha"), 1), (node("beta"), 1)].into(),
        algorithm: Algorithm::Split,
        tie_breaker: TieBreaker::Node(node("beta")),
        revoked: [[7; 32]].into(),
        heuristics: Heuristics::Passed(2),
    };
    let denied = Answer::Denied("the vote is elsewhere".to_owned());
    vec![
        arbiter::encode(&FromNode::Hello(hello)),
        arbiter::encode(&FromNode::Report(Box::new(report))),
        arbiter::encode(&FromArbiter::Answer(ring.clone(), denied)),
        arbiter::encode(&FromArbiter::Answer(ring, Answer::Granted)),
    ]
}

fn message(input: &[u8]) -> Result<(), String> {
    let Ok(written) = crm::recode(input) else { return Ok(()) };
    let again = crm::recode(&written);
    same("a message", &written, again.as_ref().map_err(Clone::clone))
}

fn ring_number(input: &[u8]) -> Result<(), String> {
    let Some(number) = membership_io::fuzzing::ring_number(input) else { return Ok(()) };
    let again = membership_io::fuzzing::ring_number(format!("ring-number {number}\n").as_bytes());
    same("a ring number", &number, again.as_ref().ok_or("refused".to_owned()))
}

// ---- JSON ----

fn json_of<T: DeserializeOwned + Serialize + PartialEq>(input: &[u8]) -> Result<(), String> {
    let Ok(value) = serde_json::from_slice::<T>(input) else { return Ok(()) };
    let text = serde_json::to_vec(&value).map_err(|error| format!("what was read cannot be written: {error}"))?;
    same("what was read", &value, serde_json::from_slice(&text).as_ref().map_err(ToString::to_string))
}

fn written(values: &[impl Serialize]) -> Vec<Vec<u8>> {
    values.iter().map(|value| serde_json::to_vec(value).expect("it has a JSON form")).collect()
}

fn durable_examples() -> Vec<Vec<u8>> {
    let (generation, text) = (Generation { view: 12, index: 3 }, config::EXAMPLE);
    written(&[serde_json::json!({ "generation": generation, "text": text, "overrides": {}, "attributes": {} })])
}

fn request_examples() -> Vec<Vec<u8>> {
    let text = config::EXAMPLE.to_owned();
    let base = Some(Generation { view: 12, index: 3 });
    written(&[Request::Status, Request::Plan { text: text.clone() }, Request::Apply { text, base }])
}

fn situation_examples() -> Vec<Vec<u8>> {
    let config = config::parse(config::EXAMPLE).config;
    written(&config.map(|config| Situation::just_started(config.written, 0)).into_iter().collect::<Vec<_>>())
}

// ---- certificates and keys ----

/// Valid files to put a mutated one among; made once.
fn keys() -> &'static Path {
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    KEYS.get_or_init(|| {
        let directory = std::env::temp_dir().join(format!("paceline-fuzz-keys-{}", std::process::id()));
        let authority = Authority::create("shop").expect("a name like any other");
        let node = authority.issue(&NodeId::new("alpha").expect("a valid name")).expect("the authority is valid");
        authority.save(&directory).expect("a directory of our own");
        node.save(&directory).expect("a directory of our own");
        directory
    })
}

/// The first byte says which file the others are the content of.
fn with_one_replaced(input: &[u8], files: &[&str], load: impl FnOnce(&Path)) {
    let Some((which, content)) = input.split_first() else { return };
    let path = keys().join(files[usize::from(*which) % files.len()]);
    let valid = fs::read(&path).expect("made above");
    replace(&path, content);
    load(keys());
    replace(&path, &valid);
}

fn replace(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("a directory of our own");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a file of our own");
}

const NODE_FILES: [&str; 3] = ["node.key", "node.pem", "ca.pem"];
const CA_FILES: [&str; 2] = ["ca.key", "ca.pem"];

fn each(files: &[&str]) -> Vec<Vec<u8>> {
    let content = |file: &&str| fs::read(keys().join(file)).expect("made above");
    (0u8..).zip(files).map(|(which, file)| [vec![which], content(file)].concat()).collect()
}

fn identity(input: &[u8]) -> Result<(), String> {
    // Nearly all are refused; what counts is how.
    with_one_replaced(input, &NODE_FILES, |directory| drop(Identity::load(directory)));
    Ok(())
}

fn identity_examples() -> Vec<Vec<u8>> {
    each(&NODE_FILES)
}

fn authority(input: &[u8]) -> Result<(), String> {
    with_one_replaced(input, &CA_FILES, |directory| drop(Authority::load(directory)));
    Ok(())
}

fn authority_examples() -> Vec<Vec<u8>> {
    each(&CA_FILES)
}
