//! Random clusters from the command line: what must hold, and where the peer answers differently.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use conformance::beside::{self, UNKNOWN};
use conformance::{large, properties, random, recorded, refused, rest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: paceline-random print SEED | properties FIRST COUNT | rest FIRST COUNT | compare FIRST COUNT \
                     (each of these with a FEATURE at its end, which all clusters then have, or with plain) | mutate DIRECTORY FIRST COUNT | mutant DIRECTORY SEED | shrink FILE [MOMENT] \
                     | refused DIRECTORY FIRST COUNT | shrink-refused FILE [MOMENT] | large cold-start|steady|node-failure|chain NODES RESOURCES";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    if let Some(text) = large(&arguments) {
        print!("{text}");
        return ExitCode::SUCCESS;
    }
    if let Some(code) = mutate(&arguments) {
        return code;
    }
    if let Some(code) = refuse(&arguments) {
        return code;
    }
    if let Some(shown) = shown(&arguments) {
        return match shown {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        };
    }
    let printed = arguments.first().is_some_and(|word| word == "print");
    let only = arguments.get(if printed { 2 } else { 3 }).map(String::as_str);
    if let Some(word) = only.filter(|word| *word != "plain" && !random::words().contains(word)) {
        eprintln!("{word}: features are plain, {}", random::words().join(", "));
        return ExitCode::FAILURE;
    }
    match (arguments.first().map(String::as_str), number(1), number(2)) {
        (Some("print"), Some(seed), _) => print!("{}", random::with(seed, only)),
        (Some("properties"), Some(first), Some(count)) => return check(first, count, only),
        (Some("rest"), Some(first), Some(count)) => how_they_rest(first, count, only),
        (Some("compare"), Some(first), Some(count)) => return compare(first, count, only),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// `large EVENT NODES RESOURCES`: a cluster to measure with.
fn large(arguments: &[String]) -> Option<String> {
    let [word, event, nodes, resources] = arguments else { return None };
    let event = large::Event::parse(event).filter(|_| word == "large")?;
    let (nodes, resources) = (nodes.parse().ok()?, resources.parse().ok()?);
    (nodes > 0).then(|| large::cib(event, nodes, resources))
}

fn situation(seed: u64, only: Option<&str>) -> (String, Result<scheduler::situation::Situation, String>) {
    let xml = random::with(seed, only);
    let read = import::read(&xml).map_err(|error| error.to_string());
    let read = read.map(|mut situation| {
        situation.now_ms = random::NOW * 1000;
        situation
    });
    (xml, read)
}

fn check(first: u64, count: u64, only: Option<&str>) -> ExitCode {
    let mut bad = 0;
    let mut again: BTreeMap<properties::Cause, u64> = BTreeMap::new();
    for seed in first..first + count {
        let found = match situation(seed, only).1 {
            Ok(situation) => properties::check(&situation, seed),
            Err(problem) => properties::Found { wrong: vec![problem], ..properties::Found::default() },
        };
        bad += u32::from(!found.wrong.is_empty());
        for line in found.wrong {
            println!("{seed}: {line}");
        }
        for line in found.doubts {
            println!("{seed}: doubt: {line}");
        }
        found.causes.into_iter().for_each(|cause| *again.entry(cause).or_default() += 1);
    }
    for (cause, count) in again {
        println!("{count} more transitions because of {cause:?}");
    }
    println!("{bad} of {count} clusters have an answer that breaks a rule");
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many transitions clusters need until nothing is left to do, and what those do that need more than one.
fn how_they_rest(first: u64, count: u64, only: Option<&str>) {
    let mut needed: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + count {
        let Ok(situation) = situation(seed, only).1 else { continue };
        let course = rest::course(&situation, None, |_, _, _| {});
        let number = course.transitions.len();
        let end = if course.end == rest::End::Rest { String::new() } else { format!(", {:?}", course.end) };
        *needed.entry(format!("{number}{end}")).or_default() += 1;
        if number > 1 {
            for (at, actions) in course.transitions.iter().enumerate() {
                println!("{seed} {}/{number}{end}: {}", at + 1, actions.done.join(", "));
            }
        }
    }
    for (number, clusters) in needed {
        println!("{clusters} clusters need {number} transitions");
    }
}

/// Differences in the order of the same actions, which is not looked through yet for random clusters.
const OTHER_ORDER: &str = "another order of the same actions";

/// Fails when an answer differs in a way that is not written down in `peer-differences.md`.
fn compare(first: u64, count: u64, only: Option<&str>) -> ExitCode {
    let mut classes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let file = scratch();
    for seed in first..first + count {
        let found = beside::compare(&random::with(seed, only), random::NOW_TEXT, &file);
        let Some(class) = found.class else { continue };
        if class == UNKNOWN {
            found.lines.iter().for_each(|line| println!("{seed}: {line}"));
        }
        let class = if class == UNKNOWN && found.same_actions { OTHER_ORDER } else { class };
        classes.entry(class).or_default().push(seed.to_string());
    }
    let _ = std::fs::remove_file(&file);
    for (class, seeds) in &classes {
        println!("{:4} {class}: {}", seeds.len(), seeds.join(" "));
    }
    let different: usize = classes.values().map(Vec::len).sum();
    println!("{different} of {count} answers differ");
    if classes.contains_key(UNKNOWN) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Where the peer finds what it is asked about.
fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("paceline-random-{}.xml", std::process::id()))
}

/// `mutate DIRECTORY FIRST COUNT`: recorded cases with a change, each shown to both.
fn mutate(arguments: &[String]) -> Option<ExitCode> {
    let [word, directory, first, count] = arguments else { return None };
    let (first, count) = (first.parse::<u64>().ok()?, count.parse::<u64>().ok()?);
    (word == "mutate").then(|| {
        match recorded::mutate(Path::new(directory), first..first + count, &scratch(), |line| println!("{line}")) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        }
    })
}

/// `refused DIRECTORY FIRST COUNT`: recorded cases with a change whose answer is not carried out.
fn refuse(arguments: &[String]) -> Option<ExitCode> {
    let [word, directory, first, count] = arguments else { return None };
    let (first, count) = (first.parse::<u64>().ok()?, count.parse::<u64>().ok()?);
    if word != "refused" {
        return None;
    }
    let made = match recorded::made(Path::new(directory), first..first + count) {
        Ok(made) => made,
        Err(problem) => {
            eprintln!("{problem}");
            return Some(ExitCode::FAILURE);
        }
    };
    let mut bad = 0;
    for made in made {
        let found = made.and_then(|made| Ok((refused::refused(&made)?, made)));
        match found {
            Ok((Some(refused), made)) => {
                let (left, all) = refused.left;
                println!("{}; {left} of {all} actions are left", made.name);
                refused.violations.iter().take(10).for_each(|line| println!("    {line}"));
            }
            Ok((None, _)) => continue,
            Err(problem) => println!("{problem}"),
        }
        bad += 1;
    }
    println!("{bad} of {count} answers are refused");
    Some(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `mutant DIRECTORY SEED`, `shrink FILE [MOMENT]`: a CIB to look at.
fn shown(arguments: &[String]) -> Option<Result<String, String>> {
    match arguments {
        [word, directory, seed] if word == "mutant" => Some(recorded::mutant(Path::new(directory), seed.parse().ok()?)),
        [word, file] if word == "shrink" => Some(recorded::smaller(Path::new(file), random::NOW_TEXT, &scratch())),
        [word, file, now] if word == "shrink" => Some(recorded::smaller(Path::new(file), now, &scratch())),
        [word, file] if word == "shrink-refused" => Some(smaller_refused(file, random::NOW_TEXT)),
        [word, file, now] if word == "shrink-refused" => Some(smaller_refused(file, now)),
        _ => None,
    }
}

fn smaller_refused(file: &str, now: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("reading {file}: {error}"))?;
    refused::smaller(&text, now)
}
