//! Ten thousand random clusters: every answer about them keeps the rules that hold for any cluster.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use conformance::properties::{self, Cause, Found};
use conformance::random;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const CLUSTERS: u64 = 10_000;

/// Threads that share them.
const SHARES: u64 = 2;

/// All answers about one small cluster take a few milliseconds; on a busy machine some hundred.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many of the clusters may need another transition, by cause. One is enough for the others.
const AGAIN: [(Cause, usize); 7] = [
    (Cause::Fenced, 80),
    (Cause::Room, 135),
    (Cause::FencedAndRoom, 5),
    (Cause::Asked, 20),
    (Cause::Ended, 20),
    (Cause::Locked, 20),
    (Cause::Moved, 35),
];

#[test]
fn every_answer_keeps_the_rules() {
    let shares: Vec<_> = (0..SHARES).map(|share| std::thread::spawn(move || check(share))).collect();
    let found: Vec<Found> =
        shares.into_iter().flat_map(|share| share.join().expect("a share ran to its end")).collect();
    let broken: Vec<&String> = found.iter().flat_map(|it| &it.wrong).collect();
    let shown: Vec<&str> = broken.iter().take(40).map(|line| line.as_str()).collect();
    assert!(broken.is_empty(), "{} rules are broken:\n{}", broken.len(), shown.join("\n"));
    let mut again: BTreeMap<Cause, usize> = BTreeMap::new();
    found.iter().flat_map(|it| &it.causes).for_each(|&cause| *again.entry(cause).or_default() += 1);
    let doubted: Vec<&String> = found.iter().flat_map(|it| it.doubts.first()).collect();
    assert!(doubted.is_empty(), "the audit doubts {} clusters: {doubted:#?}", doubted.len());
    for (cause, limit) in AGAIN {
        let count = again.get(&cause).copied().unwrap_or_default();
        println!("{count} clusters need another transition ({cause:?}), {limit} may");
        assert!(count <= limit, "{count} clusters need another transition ({cause:?}), and {limit} may");
    }
}

fn check(share: u64) -> Vec<Found> {
    let mut all = Vec::new();
    for seed in (share..CLUSTERS).step_by(usize::try_from(SHARES).expect("a few")) {
        let began = Instant::now();
        let checked = std::panic::catch_unwind(|| match import::read(&random::cib(seed)) {
            Ok(mut situation) => {
                situation.now_ms = random::NOW * 1000;
                properties::check(&situation, seed)
            }
            Err(problem) => Found { wrong: vec![problem.to_string()], ..Found::default() },
        });
        let panics = |_| Found { wrong: vec!["the scheduler panics".to_string()], ..Found::default() };
        let mut found = checked.unwrap_or_else(panics);
        let took = began.elapsed();
        if took > PATIENCE {
            found.wrong.push(format!("it took {took:?}"));
        }
        for line in found.wrong.iter_mut().chain(&mut found.doubts) {
            line.insert_str(0, &format!("seed {seed}: "));
        }
        all.push(found);
    }
    all
}

#[test]
fn equal_seeds_give_equal_clusters() {
    assert_eq!(random::cib(7), random::cib(7));
    assert_ne!(random::cib(7), random::cib(8));
}
