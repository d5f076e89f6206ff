//! A CIB that goes through a cluster file of our own decides the same: random clusters, and the recorded cases where
//! they are there (`PACELINE_CORPUS` names a folder with `manifest.tsv` and `cases.tar.xz`).
// The recordings lie in an archive, and tar is a program.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stderr)]

use conformance::random;
use scheduler::rule::date;
use scheduler::schedule::{ActionKind, Schedule, ScheduledAction};
use scheduler::situation::Situation;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How alike two decisions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// The file's own checks refuse it.
    Refused,
    /// Something else is done or placed.
    Different,
    /// Marks that carry order have other names, since resources without a name of their own got one.
    ButForMarks,
    /// In all.
    Equal,
}

fn through_a_file(situation: &Situation) -> (Likeness, String) {
    let written = import::cluster_file(situation, "imported");
    let again = match import::with_cluster_file(situation, &written.text) {
        Ok(again) => again,
        Err(problems) => return (Likeness::Refused, problems.join("; ")),
    };
    let (before, after) = (scheduler::schedule(situation), scheduler::schedule(&again));
    for (real, likeness) in [(true, Likeness::Different), (false, Likeness::ButForMarks)] {
        let (one, other) = (words(&before, situation, real), words(&after, &again, real));
        if one != other {
            let lost: Vec<&String> = one.iter().filter(|line| !other.contains(line)).take(4).collect();
            let new: Vec<&String> = other.iter().filter(|line| !one.contains(line)).take(4).collect();
            return (likeness, format!("only before: {lost:?}, only after: {new:?}"));
        }
    }
    (Likeness::Equal, String::new())
}

/// Marks of which some members are enough are called after their order or set, which in a file is named by its line:
/// called here after its place among all orders, `one-or-more:set 1 of order 0`.
fn mark_names(situation: &Situation) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (place, order) in situation.configuration.constraints.orders.iter().enumerate() {
        names.insert(format!("clone-one-or-more:{}", order.id), format!("clone-one-or-more:order {place}"));
        for (index, set) in order.sets.iter().enumerate() {
            names.insert(format!("one-or-more:{}", set.id), format!("one-or-more:set {index} of order {place}"));
        }
    }
    names
}

/// What a schedule decides, sorted; with `real`, without marks and orders.
fn words(schedule: &Schedule, situation: &Situation, real: bool) -> Vec<String> {
    let marks = mark_names(situation);
    let name = |it: &ScheduledAction| {
        let resource = it.resource.as_deref().unwrap_or("-");
        let node = it.node.as_deref().unwrap_or("-");
        let (every, timeout, exit) = (it.interval_ms, it.timeout_ms, it.target_rc);
        let mark = marks.get(&it.operation).filter(|_| it.kind == ActionKind::Pseudo);
        let operation = mark.unwrap_or(&it.operation);
        format!("{operation} {resource} {node} {every} {timeout} {exit} {:?} {:?}", it.notify, it.migration)
    };
    let names: BTreeMap<u32, String> = schedule.actions.iter().map(|it| (it.id, name(it))).collect();
    let mut words: Vec<String> = schedule
        .actions
        .iter()
        .filter(|it| !real || it.kind != ActionKind::Pseudo)
        .map(|it| {
            let mut after: Vec<&str> = it.after.iter().filter_map(|id| names.get(id)).map(String::as_str).collect();
            after.sort_unstable();
            if real { names[&it.id].clone() } else { format!("{} after {}", names[&it.id], after.join(", ")) }
        })
        .collect();
    words.extend(schedule.placements.iter().map(|it| format!("{} on {:?} as {}", it.resource, it.node, it.role)));
    words.extend(
        schedule.scores.iter().map(|it| format!("{} {} {:?} {}", it.resource, it.node, it.score, it.promotion)),
    );
    words.sort_unstable();
    words
}

#[test]
fn random_clusters_decide_the_same_from_a_file() {
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for seed in 0..400 {
        let mut situation = import::read(&random::cib(seed)).expect("a CIB");
        situation.now_ms = random::NOW * 1000;
        let (likeness, why) = through_a_file(&situation);
        if likeness == Likeness::Refused && why.contains("and mandatory in") {
            refused += 1;
        } else if likeness != Likeness::Equal {
            wrong.push(format!("seed {seed}: {likeness:?}: {why}"));
        }
    }
    // A ban that contradicts a mandatory place is an error in a cluster file.
    assert!(refused <= 4, "{refused} clusters are refused as contradictory");
    assert!(wrong.is_empty(), "{} clusters decide otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

/// Of 503 recorded cases: those that decide the same to the letter, or but for marks, and those that are refused.
const EQUAL: usize = 502;
const LIKE: usize = 502;

#[test]
fn recorded_cases_decide_the_same_from_a_file() {
    let Some(corpus) = std::env::var_os("PACELINE_CORPUS").map(PathBuf::from) else {
        eprintln!(
            "skipped: the recorded cases are part of the peer's source package (cts/scheduler); PACELINE_CORPUS names \
                   a folder with manifest.tsv and cases.tar.xz"
        );
        return;
    };
    let manifest = std::fs::read_to_string(corpus.join("manifest.tsv")).expect("PACELINE_CORPUS has a manifest.tsv");
    let cases = std::env::temp_dir().join(format!("paceline-import-{}", std::process::id()));
    std::fs::create_dir_all(&cases).expect("a place for the cases");
    let mut unpack = std::process::Command::new("tar");
    let unpacked = unpack.arg("-xJf").arg(corpus.join("cases.tar.xz")).arg("-C").arg(&cases).status();
    assert!(unpacked.is_ok_and(|status| status.success()), "cannot unpack {}/cases.tar.xz", corpus.display());
    let (mut equal, mut like, mut all) = (0, 0, 0);
    let mut wrong = Vec::new();
    for line in manifest.lines().skip(1) {
        let mut columns = line.split('\t');
        let (name, now) = (columns.next().unwrap_or_default(), columns.nth(3).unwrap_or_default());
        let Ok(text) = std::fs::read_to_string(cases.join("xml").join(format!("{name}.xml"))) else { continue };
        let mut situation = import::read(&text).expect("a recorded CIB");
        situation.now_ms = date::moment(now).map_or(situation.now_ms, |seconds| seconds * 1000);
        let (likeness, why) = through_a_file(&situation);
        all += 1;
        equal += usize::from(likeness == Likeness::Equal);
        like += usize::from(likeness >= Likeness::ButForMarks);
        if likeness < Likeness::Equal {
            wrong.push(format!("{name}: {likeness:?}: {why}"));
        }
    }
    std::fs::remove_dir_all(&cases).expect("the cases were put there");
    let said = format!("of {all} cases {equal} decide the same, {like} but for marks:\n{}", wrong.join("\n"));
    assert!(all >= 503 && equal >= EQUAL && like >= LIKE, "{said}");
}
