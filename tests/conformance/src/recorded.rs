//! Recorded cases of the peer's own tests, each with a change, shown to us and to the peer. They stand beside the
//! project (`conformance.py unpack DIRECTORY`); a case counts where both give the same answer before the change.

use crate::beside::{self, Difference, UNKNOWN};
use crate::element::Element;
use crate::mutate;
use crate::shrink;
use fastrand::Rng;
use scheduler::rule::date;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// One case: its name, and the moment it is looked at.
struct Case {
    name: String,
    now: String,
}

/// What a seed makes of the recorded cases.
struct Mutant {
    case: String,
    now: String,
    before: String,
    after: String,
    changes: Vec<String>,
}

/// A recorded case with a change.
pub struct Made {
    /// The seed, the case, and what changed.
    pub name: String,
    /// The moment it is looked at (ISO 8601).
    pub now: String,
    /// The CIB.
    pub xml: String,
}

/// The cases of an unpacked directory, by name.
fn cases(directory: &Path) -> Result<Vec<Case>, String> {
    let path = directory.join("manifest.tsv");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!(
            "reading {}: {error}\nThe recorded cases are not part of the project: they are in the source package of \
             Pacemaker, cts/scheduler; name the directory they were unpacked to",
            path.display()
        )
    })?;
    let read = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        Some(Case { name: (*columns.first()?).to_string(), now: (*columns.get(4)?).to_string() })
    };
    let mut cases: Vec<Case> = text.lines().skip(1).filter_map(read).collect();
    cases.retain(|case| directory.join("xml").join(format!("{}.xml", case.name)).is_file());
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    if cases.is_empty() { Err(format!("{} has no case", directory.display())) } else { Ok(cases) }
}

/// The case that a seed chooses, and what it makes of it.
fn make(directory: &Path, cases: &[Case], seed: u64) -> Result<Mutant, String> {
    let case = &cases[Rng::with_seed(seed).usize(0..cases.len())];
    let file = directory.join("xml").join(format!("{}.xml", case.name));
    let text = std::fs::read_to_string(&file).map_err(|error| format!("reading {}: {error}", file.display()))?;
    let mut cib = Element::read(&text)?;
    // Failures are counted for each operation since 3.0.13, and the recordings are written so; older versions make
    // 2.1.5 look for other names, and newer ones than its own make it refuse to play a transition.
    cib.set("crm_feature_set", "3.16.1");
    mutate::fence_at_once(&mut cib);
    mutate::members_without_moments(&mut cib);
    let before = cib.write();
    let moment = date::moment(&case.now).ok_or_else(|| format!("{}: {} is not a moment", case.name, case.now))?;
    let changes = mutate::mutate(&mut cib, seed, moment);
    Ok(Mutant { case: case.name.clone(), now: case.now.clone(), before, after: cib.write(), changes })
}

/// Of a difference so many lines are shown.
const SHOWN: usize = 24;

/// Compares the answers about what each seed makes, and says what differs as it goes. Whether all differences belong to
/// a known class.
///
/// # Errors
/// When there are no cases, or one of them cannot be read.
pub fn mutate(directory: &Path, seeds: Range<u64>, file: &Path, mut say: impl FnMut(String)) -> Result<bool, String> {
    let cases = cases(directory)?;
    let mut before: BTreeMap<String, Difference> = BTreeMap::new();
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut compared = 0;
    for seed in seeds {
        let it = make(directory, &cases, seed)?;
        let known = before.entry(it.case.clone()).or_insert_with(|| beside::compare(&it.before, &it.now, file));
        if !known.same_actions || it.changes.is_empty() {
            continue;
        }
        let found = beside::compare(&it.after, &it.now, file);
        // Not every change fits every schema.
        if found.lines.iter().any(|line| line.contains("validity error")) {
            continue;
        }
        compared += 1;
        // An order that the peer has changed since is not new.
        if found.same_actions && !known.lines.is_empty() {
            continue;
        }
        let Some(class) = found.class else { continue };
        *classes.entry(class).or_default() += 1;
        if class == UNKNOWN {
            say(format!("{seed} {}: {}", it.case, it.changes.join("; ")));
            found.lines.iter().take(SHOWN).for_each(|line| say(format!("    {line}")));
        }
    }
    let _ = std::fs::remove_file(file);
    for (class, count) in &classes {
        say(format!("{count:4} {class}"));
    }
    say(format!("{} of {compared} answers differ", classes.values().sum::<usize>()));
    Ok(!classes.contains_key(UNKNOWN))
}

/// What a seed makes, and the moment it is looked at.
///
/// # Errors
/// When there are no cases, or the one chosen cannot be read.
pub fn made(directory: &Path, seeds: Range<u64>) -> Result<impl Iterator<Item = Result<Made, String>>, String> {
    let cases = cases(directory)?;
    let directory = directory.to_path_buf();
    Ok(seeds.map(move |seed| {
        let it = make(&directory, &cases, seed)?;
        let name = format!("{seed} {}: {}", it.case, it.changes.join("; "));
        Ok(Made { name, now: it.now, xml: it.after })
    }))
}

/// What a seed makes, to look at.
///
/// # Errors
/// When there are no cases, or the one chosen cannot be read.
pub fn mutant(directory: &Path, seed: u64) -> Result<String, String> {
    let it = make(directory, &cases(directory)?, seed)?;
    Ok(format!("<!-- {} at {}: {} -->\n{}", it.case, it.now, it.changes.join("; "), it.after))
}

/// The CIB in a file without all that the difference does not need.
///
/// # Errors
/// When it cannot be read, or when there is no difference.
pub fn smaller(path: &Path, now: &str, file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    let cib = Element::read(&text)?;
    let first = beside::compare(&cib.write(), now, file);
    if first.lines.is_empty() {
        return Err(format!("{}: nothing differs", path.display()));
    }
    // Of the first difference one line is kept; others come and go with what is taken away. Without any device nothing
    // at all would be managed, which is another cluster.
    let device = |cib: &Element| !cib.paths(|it| it.name == "primitive" && it.get("class") == "stonith").is_empty();
    let devices = device(&cib);
    let small = shrink::shrink(cib, |cib| {
        if device(cib) != devices {
            return false;
        }
        let found = beside::compare(&cib.write(), now, file);
        found.class == first.class && found.lines.contains(&first.lines[0])
    });
    let found = beside::compare(&small.write(), now, file);
    let _ = std::fs::remove_file(file);
    Ok(format!("<!--\n{}\n-->\n{}", found.lines.join("\n").replace("--", "- -"), small.write()))
}
