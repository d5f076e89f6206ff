//! `cargo xtask conformance`: the scheduler against recorded answers of the peer; and, in `cargo xtask test`, against
//! the peer's own program.
//!
//! The recordings are not part of the project: they stand beside it (`../shared/conformance`), or where PACELINE_CORPUS
//! says, with a program that compares (`conformance.py`). Without them the check is skipped and says so. What is known
//! to differ stands in `tests/conformance/known.txt` with its reason; a difference that does not stand there is a
//! failure.

use crate::workspace::{cargo, programs, root};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Levels that are held against the list: summary, final state, actions, their order, their timeouts and exit codes,
/// scores.
const LEVELS: [&str; 6] = ["L1a", "L1b", "L2", "L3", "L4", "S"];

const HEAD: &str = "\
# Recorded answers that ours differ from: the case, the levels at which it differs, and why.
# `cargo xtask conformance --update` rewrites the levels and keeps the reasons. A case that is not listed must not differ.
";

#[derive(Args)]
pub struct Options {
    /// Rewrite tests/conformance/known.txt
    #[arg(long)]
    update: bool,
}

/// What came of the comparison.
pub enum Verdict {
    /// The recordings are not there.
    Absent,
    /// Nothing differs that was not known.
    Good,
    /// Something differs that was not known.
    Bad,
}

/// Known differences: levels and reason by case.
type Known = BTreeMap<String, (Vec<String>, String)>;

/// `cargo xtask conformance`.
pub fn run(options: &Options) -> Result<bool> {
    let same = !matches!(compare(options.update)?, Verdict::Bad);
    Ok(same && (options.update || !matches!(changed()?, Verdict::Bad)))
}

/// Compares, and prints the figures.
pub fn compare(update: bool) -> Result<Verdict> {
    let Some(home) = corpus()? else {
        println!(
            "skipped: conformance: no recorded answers beside the project; they are in the source package of Pacemaker, \
             cts/scheduler, and PACELINE_CORPUS names their place"
        );
        return Ok(Verdict::Absent);
    };
    let status = cargo(&["build", "--quiet", "--package", "conformance", "--bin", "paceline-simulate"])
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "paceline-simulate could not be built");
    let found = play(&home)?;
    let path = root().join("tests/conformance/known.txt");
    let known = read_known(&path)?;
    if update {
        write_known(&path, &found, &known)?;
        return Ok(Verdict::Good);
    }
    Ok(judge(&found, &known))
}

/// So many random clusters are shown to the peer in every test run.
const CLUSTERS: &str = "150";

/// Compares answers about random clusters with those of the peer's own program, where it is installed. Differences of a
/// kind that is not written down in `tests/conformance/peer-differences.md` are a failure.
pub fn differential() -> Result<Verdict> {
    if !peer_is_installed("differential") {
        return Ok(Verdict::Absent);
    }
    beside_the_peer(["compare", "0", CLUSTERS].map(OsString::from))
}

/// So many recorded cases with a change are shown to the peer in every test run, from this seed on.
const CHANGED: [&str; 2] = ["300", "300"];

/// Compares answers about recorded cases with a change, where both the recordings and the peer's own program are there.
/// Differences of a kind that is not written down, and plans that our audit refuses, are a failure.
pub fn changed() -> Result<Verdict> {
    let Some(home) = corpus()? else {
        println!("skipped: changed cases: no recorded answers beside the project (see the conformance check)");
        return Ok(Verdict::Absent);
    };
    if !peer_is_installed("changed cases") {
        return Ok(Verdict::Absent);
    }
    let cases = root().join("target/corpus");
    let mut unpack = Command::new("python3");
    unpack.arg(home.join("conformance.py")).arg("unpack").arg(&cases).stdin(Stdio::null());
    let output = unpack.output().context("cannot run python3")?;
    ensure!(output.status.success(), "unpacking the cases failed: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::copy(home.join("manifest.tsv"), cases.join("manifest.tsv")).context("cannot copy the list of cases")?;
    let [first, count] = CHANGED.map(OsString::from);
    beside_the_peer([OsString::from("mutate"), cases.into(), first, count])
}

/// Whether the peer's own program is there; says so when it is not.
fn peer_is_installed(what: &str) -> bool {
    let peer = Command::new("crm_simulate").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if peer.is_err() {
        println!("skipped: {what}: crm_simulate is not installed (Debian package pacemaker-cli-utils)");
    }
    peer.is_ok()
}

/// Runs `paceline-random`.
fn beside_the_peer(arguments: impl IntoIterator<Item = OsString>) -> Result<Verdict> {
    let status = cargo(&["build", "--quiet", "--package", "conformance", "--bin", "paceline-random"])
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "paceline-random could not be built");
    let mut random = Command::new(programs()?.join("paceline-random"));
    let status = random.args(arguments).stdin(Stdio::null()).status();
    let status = status.context("cannot run paceline-random")?;
    Ok(if status.success() { Verdict::Good } else { Verdict::Bad })
}

/// Where the recordings are.
fn corpus() -> Result<Option<PathBuf>> {
    let place = match std::env::var_os("PACELINE_CORPUS") {
        Some(place) => PathBuf::from(place),
        None => root().join("../shared/conformance"),
    };
    Ok(place.join("conformance.py").is_file().then_some(place))
}

/// Plays every case: the levels that each one misses.
fn play(home: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let target = root().join("target");
    std::fs::create_dir_all(&target).context("cannot make the target directory")?;
    let answer = target.join("conformance.json");
    let tool = programs()?.join("paceline-simulate");
    let tool = format!("{} --cib {{cib}} --now {{now}} --format json", tool.display());
    let mut python = Command::new("python3");
    python.arg(home.join("conformance.py")).args(["run", "--tool", &tool, "--json"]).arg(&answer);
    let output = python.stdin(Stdio::null()).output().context("cannot run python3")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the comparison failed: {}", String::from_utf8_lossy(&output.stderr));
    for line in said.lines().take_while(|line| !line.starts_with("by feature")) {
        println!("{line}");
    }
    let text = std::fs::read_to_string(&answer).context("cannot read the result of the comparison")?;
    let result: serde_json::Value = serde_json::from_str(&text).context("the result of the comparison is not JSON")?;
    let Some(cases) = result["cases"].as_array() else { bail!("the result of the comparison has no cases") };
    ensure!(cases.len() > 100, "only {} cases were compared", cases.len());
    let mut found = BTreeMap::new();
    for case in cases {
        let name = case["name"].as_str().context("a case without a name")?;
        let missed = LEVELS.iter().filter(|level| case["ok"][**level].as_bool() != Some(true));
        found.insert(name.to_owned(), missed.map(|level| (*level).to_owned()).collect());
    }
    Ok(found)
}

fn read_known(path: &Path) -> Result<Known> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    Ok(lines
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let name = words.next().unwrap_or_default().to_owned();
            let levels = words.next().unwrap_or_default().split(',').map(str::to_owned).collect();
            (name, (levels, words.next().unwrap_or_default().trim().to_owned()))
        })
        .collect())
}

fn write_known(path: &Path, found: &BTreeMap<String, Vec<String>>, known: &Known) -> Result<()> {
    let mut text = HEAD.to_owned();
    for (name, missed) in found.iter().filter(|(_, missed)| !missed.is_empty()) {
        let reason = known.get(name).map_or("not looked at yet", |(_, reason)| reason.as_str());
        writeln!(text, "{name} {} {reason}", missed.join(","))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn judge(found: &BTreeMap<String, Vec<String>>, known: &Known) -> Verdict {
    let mut verdict = Verdict::Good;
    for (name, missed) in found {
        let listed = known.get(name).map_or(&[][..], |(levels, _)| levels.as_slice());
        let fresh: Vec<&str> = missed.iter().filter(|level| !listed.contains(level)).map(String::as_str).collect();
        if !fresh.is_empty() {
            println!("{name} differs at {}, and did not before", fresh.join(", "));
            verdict = Verdict::Bad;
        }
        let gone: Vec<&str> = listed.iter().filter(|level| !missed.contains(level)).map(String::as_str).collect();
        if !gone.is_empty() {
            println!("note: {name} does not differ at {} any more: cargo xtask conformance --update", gone.join(", "));
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::{Known, Verdict, judge};
    use std::collections::BTreeMap;

    #[test]
    fn only_what_is_listed_may_differ() {
        let known: Known = BTreeMap::from([("a".to_owned(), (vec!["L1b".to_owned()], "ours".to_owned()))]);
        let found = |name: &str, levels: &[&str]| {
            BTreeMap::from([(name.to_owned(), levels.iter().map(|level| (*level).to_owned()).collect::<Vec<_>>())])
        };
        assert!(matches!(judge(&found("a", &["L1b"]), &known), Verdict::Good));
        assert!(matches!(judge(&found("a", &[]), &known), Verdict::Good));
        assert!(matches!(judge(&found("a", &["L1b", "L2"]), &known), Verdict::Bad));
        assert!(matches!(judge(&found("b", &["S"]), &known), Verdict::Bad));
    }
}
