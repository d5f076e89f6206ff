//! Ten thousand random clusters: every answer about them keeps the rules that hold for any cluster.
#![allow(clippy::disallowed_methods)]

use conformance::{properties, random};

const CLUSTERS: u64 = 10_000;
/// So many of them may go round in circles: with little or no stickiness, where a resource should be can depend on
/// where it is now (capacity that it takes itself, a colocation that pulls both ways). See `peer-differences.md`.
const RESTLESS: usize = 20;
/// Threads that share them.
const SHARES: u64 = 2;

#[test]
fn every_answer_keeps_the_rules() {
    let shares: Vec<_> = (0..SHARES).map(|share| std::thread::spawn(move || check(share))).collect();
    let wrong: Vec<String> =
        shares.into_iter().flat_map(|share| share.join().expect("a share ran to its end")).collect();
    let (restless, broken): (Vec<_>, Vec<_>) = wrong.into_iter().partition(|line| line.contains(properties::RESTLESS));
    assert!(broken.is_empty(), "{} answers break a rule:\n{}", broken.len(), broken.join("\n"));
    assert!(restless.len() <= RESTLESS * 2, "{} answers lead to no rest:\n{}", restless.len(), restless.join("\n"));
}

fn check(share: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    for seed in (share..CLUSTERS).step_by(usize::try_from(SHARES).expect("a few")) {
        let checked = std::panic::catch_unwind(|| match import::read(&random::cib(seed)) {
            Ok(mut situation) => {
                situation.now_ms = random::NOW * 1000;
                properties::violations(&situation, seed)
            }
            Err(problem) => vec![problem.to_string()],
        });
        let lines = checked.unwrap_or_else(|_| vec!["the scheduler panics".to_string()]);
        wrong.extend(lines.into_iter().map(|line| format!("seed {seed}: {line}")));
    }
    wrong
}

#[test]
fn equal_seeds_give_equal_clusters() {
    assert_eq!(random::cib(7), random::cib(7));
    assert_ne!(random::cib(7), random::cib(8));
}
