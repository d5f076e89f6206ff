//! `cargo xtask test`: every test there is, one closing line.

use crate::bench::scheduler;
use crate::conformance::{self, Verdict};
use crate::workspace::{build_programs, cargo, programs};
use crate::{packages, tidy};
use anyhow::{Context, Result};
use clap::Args;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[derive(Args)]
pub struct Options {
    /// Leave out format and clippy
    #[arg(long)]
    no_lints: bool,
}

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Count {
    fn check(&mut self, name: &str, good: bool) {
        println!("check {name} ... {}", if good { "ok" } else { "FAILED" });
        if good {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Takes in a closing line of a Rust test program.
    fn take(&mut self, line: &str) -> bool {
        let Some(numbers) = line.trim().strip_prefix("test result: ") else { return false };
        for part in numbers.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
        true
    }
}

/// Runs everything; true when nothing failed.
pub fn run(options: &Options) -> Result<bool> {
    packages::provide();
    let mut count = Count::default();
    count.check("house rules", tidy::run()?);
    if !options.no_lints {
        count.check("format", succeeds(cargo(&["fmt", "--all", "--check"])));
        count.check(
            "clippy",
            succeeds(cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        );
    }
    dependencies(&mut count);
    build_programs()?;
    rust_tests(&mut count)?;
    match conformance::compare(false)? {
        Verdict::Absent => count.skipped += 1,
        Verdict::Good => count.check("conformance: recorded answers of the peer", true),
        Verdict::Bad => count.check("conformance: recorded answers of the peer", false),
    }
    match conformance::differential()? {
        Verdict::Absent => count.skipped += 1,
        Verdict::Good => count.check("differential: answers of the peer about random clusters", true),
        Verdict::Bad => count.check("differential: answers of the peer about random clusters", false),
    }
    match conformance::changed()? {
        Verdict::Absent => count.skipped += 1,
        Verdict::Good => count.check("changed cases: answers of the peer about recorded cases with a change", true),
        Verdict::Bad => count.check("changed cases: answers of the peer about recorded cases with a change", false),
    }
    match scheduler::run(&scheduler::Options::default())? {
        None => count.skipped += 1,
        Some(good) => count.check("instructions of the scheduler", good),
    }
    let me = std::env::current_exe().context("cannot find this program's own file")?;
    let mut demo = Command::new(me);
    demo.arg("demo").arg("--no-build");
    count.check("demo: a service survives a power cut", succeeds(demo));
    println!("\n{} passed, {} failed, {} skipped", count.passed, count.failed, count.skipped);
    Ok(count.failed == 0)
}

/// Advisories, licences and bans of everything we depend on.
fn dependencies(count: &mut Count) {
    if succeeds_quietly(cargo(&["deny", "--version"])) {
        count.check(
            "dependencies (cargo deny)",
            succeeds(cargo(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"])),
        );
    } else {
        println!("skipped: dependencies (cargo deny): cargo-deny is not installed (cargo install cargo-deny)");
        count.skipped += 1;
    }
}

fn succeeds_quietly(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    succeeds(command)
}

fn succeeds(mut command: Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn rust_tests(count: &mut Count) -> Result<()> {
    let mut child = cargo(&["test", "--workspace", "--no-fail-fast"])
        .env("PACELINE_PROGRAMS", programs()?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo test")?;
    let output = child.stdout.take().expect("stdout was piped above");
    let before = count.failed;
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what cargo test says")?;
        count.take(&line);
        println!("{line}");
    }
    let status = child.wait().context("cannot wait for cargo test")?;
    if !status.success() && count.failed == before {
        // It did not even get to a closing line: a build error, or a test program that died.
        println!("cargo test ended with {status}");
        count.failed += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn closing_lines_are_counted() {
        let mut count = Count::default();
        assert!(
            count.take(
                "test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.02s"
            )
        );
        assert!(!count.take("running 3 tests"));
        assert_eq!((count.passed, count.failed, count.skipped), (4, 1, 2));
    }
}
