//! `cargo xtask bench scheduler`: how many instructions the scheduler needs for clusters from small to large, counted
//! by valgrind, so that a slower scheduler is seen on a busy machine too. The figures are compared with those on file,
//! and with themselves: what a large cluster costs for each action or resource may be little more than in a small one.

use crate::workspace::{cargo, root, target};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Resources of the clusters.
const SIZES: [usize; 4] = [100, 300, 1000, 3000];
/// Nodes of each.
const NODES: usize = 8;
/// What they are in the middle of, and how many times as much a resource or action of the largest may cost as one of
/// the smallest.
const EVENTS: [(&str, f64); 4] = [("cold-start", 1.5), ("node-failure", 1.5), ("steady", 1.5), ("chain", 4.0)];
/// A figure may be so much above the one on file; the allocator alone moves it by a twentieth.
const TOLERANCE: f64 = 0.10;

const HEAD: &str = "\
# Instructions for one schedule, and for reading its file, counted by valgrind: event, resources, actions, schedule, read.
# `cargo xtask bench scheduler --update` rewrites this; a commit that does so says why.
";

#[derive(Args, Default)]
pub struct Options {
    /// Rewrite xtask/bench/scheduler.txt
    #[arg(long)]
    update: bool,
}

/// What was counted for one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    actions: u64,
    schedule: u64,
    read: u64,
}

/// By event and resources.
type Counts = BTreeMap<(String, usize), Count>;

/// Counts, prints, and compares with what is on file: whether nothing became slower. `None` when it cannot be counted
/// here, and then says why.
pub fn run(options: &Options) -> Result<Option<bool>> {
    let known = Command::new("valgrind").arg("--version").stdin(Stdio::null()).output();
    if !known.is_ok_and(|output| output.status.success()) {
        println!("skipped: instructions of the scheduler: valgrind is not installed (apt-get install valgrind)");
        return Ok(None);
    }
    let programs = build()?;
    let mut found = Counts::new();
    println!(
        "{:<13} {:>9} {:>8} {:>14} {:>12} {:>9}",
        "event", "resources", "actions", "instructions", "to read", "each"
    );
    for (event, _) in EVENTS {
        for size in SIZES {
            let count = count(&programs, event, size)?;
            let each = count.each(event, size);
            let Count { actions, schedule, read } = count;
            println!("{event:<13} {size:>9} {actions:>8} {schedule:>14} {read:>12} {each:>9.0}");
            found.insert((event.to_owned(), size), count);
        }
    }
    let path = root().join("xtask/bench/scheduler.txt");
    if options.update {
        write_known(&path, &found)?;
        return Ok(Some(true));
    }
    let mut complaints = grown(&found);
    complaints.extend(slower(&found, &read_known(&path)?));
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    Ok(Some(complaints.is_empty()))
}

impl Count {
    /// Instructions for each action of a cold start, where everything has some; else for each resource.
    fn each(&self, event: &str, size: usize) -> f64 {
        let units = if event == "cold-start" { self.actions.max(1) } else { size as u64 };
        self.schedule as f64 / units as f64
    }
}

/// The program that makes clusters, and the one that is measured, built as it is released.
struct Programs {
    random: PathBuf,
    simulate: PathBuf,
}

fn build() -> Result<Programs> {
    println!("building paceline-simulate as it is released (the first time takes a few minutes) ...");
    for arguments in [&["--bin", "paceline-random"][..], &["--release", "--bin", "paceline-simulate"]] {
        let status = cargo(&["build", "--quiet", "--package", "conformance"]).args(arguments).status();
        ensure!(status.context("cannot run cargo build")?.success(), "{} could not be built", arguments.join(" "));
    }
    let program = |profile: &str, name: &str| target().join(profile).join(name);
    Ok(Programs { random: program("debug", "paceline-random"), simulate: program("release", "paceline-simulate") })
}

/// Counts for one cluster: reading alone, and reading and scheduling.
fn count(programs: &Programs, event: &str, size: usize) -> Result<Count> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join(format!("{event}-{size}.xml"));
    let made = Command::new(&programs.random)
        .args(["large", event, &NODES.to_string(), &size.to_string()])
        .stdin(Stdio::null())
        .output()
        .context("cannot run paceline-random")?;
    ensure!(made.status.success(), "paceline-random made no cluster: {}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(&file, made.stdout).with_context(|| format!("cannot write {}", file.display()))?;
    let (read, _) = instructions(programs, &file, "read")?;
    let (all, said) = instructions(programs, &file, "times")?;
    std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    let actions = said.split_whitespace().zip(said.split_whitespace().skip(1)).find(|(_, word)| *word == "actions");
    let actions =
        actions.and_then(|(number, _)| number.parse().ok()).with_context(|| format!("no actions in: {said}"))?;
    Ok(Count { actions, schedule: all.saturating_sub(read), read })
}

/// How many instructions `paceline-simulate` needs for a file, and what it says.
fn instructions(programs: &Programs, file: &Path, format: &str) -> Result<(u64, String)> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(&programs.simulate)
        .arg("--cib")
        .arg(file)
        .args(["--now", "2026-01-01T00:00:00Z", "--format", format])
        .stdin(Stdio::null())
        .output()
        .context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "paceline-simulate failed under valgrind: {said}");
    let Some(count) = refs(&said) else { bail!("valgrind counted nothing: {said}") };
    Ok((count, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The count in what valgrind says: `==123== I   refs:      1,234,567`.
fn refs(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("refs:") && line.contains(" I "))?;
    line.rsplit(' ').next()?.replace(',', "").parse().ok()
}

fn read_known(path: &Path) -> Result<Counts> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not as `--update` writes it", path.display()))
}

fn parse(text: &str) -> Option<Counts> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [event, size, actions, schedule, read] = words[..] else { return None };
            let count =
                Count { actions: actions.parse().ok()?, schedule: schedule.parse().ok()?, read: read.parse().ok()? };
            Some(((event.to_owned(), size.parse().ok()?), count))
        })
        .collect()
}

fn write_known(path: &Path, found: &Counts) -> Result<()> {
    let mut text = HEAD.to_owned();
    for ((event, size), Count { actions, schedule, read }) in found {
        writeln!(text, "{event} {size} {actions} {schedule} {read}")?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Where the cost of one grows with how many there are.
fn grown(found: &Counts) -> Vec<String> {
    let mut complaints = Vec::new();
    for (event, most) in EVENTS {
        let each = |size: usize| found.get(&(event.to_owned(), size)).map(|count| count.each(event, size));
        let (Some(small), Some(large)) = (each(SIZES[0]), each(SIZES[SIZES.len() - 1])) else { continue };
        if large > small * most {
            complaints.push(format!(
                "{event}: one costs {large:.0} instructions among {}, {small:.0} among {}: more than {most} times as much",
                SIZES[SIZES.len() - 1],
                SIZES[0]
            ));
        }
    }
    complaints
}

/// What needs more than on file.
fn slower(found: &Counts, known: &Counts) -> Vec<String> {
    let mut complaints = Vec::new();
    for ((event, size), now) in found {
        let Some(before) = known.get(&(event.clone(), *size)) else {
            complaints.push(format!("{event} {size} is not on file: cargo xtask bench scheduler --update"));
            continue;
        };
        for (what, now, before) in [("the schedule", now.schedule, before.schedule), ("reading", now.read, before.read)]
        {
            let change = now as f64 / before as f64 - 1.0;
            let percent = change * 100.0;
            if change > TOLERANCE {
                complaints.push(format!("{event} {size}: {what} needs {percent:.1} % more instructions than on file"));
            } else if change < -TOLERANCE {
                println!("note: {event} {size}: {what} needs {:.1} % fewer: bench scheduler --update", -percent);
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(figures: &[(&str, usize, u64, u64)]) -> Counts {
        let count = |&(event, size, actions, schedule): &(&str, usize, u64, u64)| {
            ((event.to_owned(), size), Count { actions, schedule, read: 1000 })
        };
        figures.iter().map(count).collect()
    }

    #[test]
    fn the_count_of_valgrind_is_found() {
        assert_eq!(refs("==7== \n==7== I   refs:      1,234,567\n"), Some(1_234_567));
        assert_eq!(refs("==7== I refs:        99\n"), Some(99));
        assert_eq!(refs("killed"), None);
    }

    #[test]
    fn a_quadratic_scheduler_and_a_slower_one_are_complained_about() {
        let good = counts(&[("steady", 100, 0, 100_000), ("steady", 3000, 0, 4_000_000)]);
        assert!(grown(&good).is_empty());
        let quadratic = counts(&[("steady", 100, 0, 100_000), ("steady", 3000, 0, 90_000_000)]);
        assert_eq!(grown(&quadratic).len(), 1);
        assert!(slower(&good, &good).is_empty());
        assert_eq!(slower(&quadratic, &good).len(), 1);
        assert_eq!(slower(&good, &Counts::new()).len(), 2, "what is not on file");
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(
            parse("# head\nsteady 100 0 5 6\n"),
            Some(Counts::from([(("steady".to_owned(), 100), Count { actions: 0, schedule: 5, read: 6 })]))
        );
        assert_eq!(parse("steady 100 0 5\n"), None);
    }
}
