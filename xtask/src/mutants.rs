//! `cargo xtask mutants`: breaks the ring on purpose, one rule of the protocol at a time, in a copy of the tree, and
//! sees that the simulation of rings notices. A suite that does not would prove nothing; and the ring itself carries no
//! sabotage.

mod list;

use crate::workspace::{cargo, root, target};
use anyhow::{Context, Result, bail};
use clap::Args;
use list::{MUTANTS, Mutant};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

#[derive(Args)]
pub struct Options {
    /// Only those whose names contain this
    name: Option<String>,
    /// Within so many seeds each must be noticed
    #[arg(long, default_value_t = 400)]
    seeds: u64,
}

/// The rings of a mutant: few nodes are enough to get everything wrong, and fast.
const NODES: &str = "4";
/// The packages that the simulation of rings is made of.
const PACKAGES: [&str; 3] = ["config", "membership", "tests/ring"];

/// Tries all; true when each was noticed.
pub fn run(options: &Options) -> Result<bool> {
    let copy = target().join("mutants");
    copy_tree(&copy)?;
    let wanted = |mutant: &&Mutant| options.name.as_ref().is_none_or(|name| mutant.name.contains(name.as_str()));
    println!("| broken on purpose | noticed by | with seed | after |\n|---|---|---|---|");
    let mut good = true;
    for mutant in MUTANTS.iter().filter(wanted) {
        let began = Instant::now();
        let noticed = plant(&copy, mutant).and_then(|()| match mutant.case {
            Some(case) => judge(&copy, case),
            None => simulate(&copy, options.seeds),
        })?;
        restore(&copy, mutant)?;
        let after = began.elapsed().as_secs();
        match noticed {
            Some((rule, seed)) => println!("| {} | `{rule}` | {seed} | {after} s |", mutant.name),
            None => {
                good = false;
                println!("| {} | **nobody** | | {after} s |", mutant.name);
            }
        }
    }
    Ok(good)
}

/// The three packages and a manifest that knows only of them.
fn copy_tree(copy: &Path) -> Result<()> {
    for package in PACKAGES {
        let to = copy.join(package);
        if to.exists() {
            fs::remove_dir_all(&to).with_context(|| format!("cannot remove {}", to.display()))?;
        }
        copy_sources(&root().join(package), &to)?;
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).context("cannot read Cargo.toml")?;
    let (before, rest) = manifest.split_once("members = [").context("Cargo.toml names no members")?;
    let (_, after) = rest.split_once(']').context("the members in Cargo.toml have no end")?;
    let manifest = format!("{before}members = {PACKAGES:?}{after}");
    fs::write(copy.join("Cargo.toml"), manifest).context("cannot write the manifest of the copy")?;
    for file in ["Cargo.lock", "clippy.toml"] {
        fs::copy(root().join(file), copy.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    Ok(())
}

/// A package without the packages inside it.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", from.display()))?.path();
        let target = to.join(path.file_name().context("an entry of a directory has a name")?);
        if path.is_dir() {
            if !path.join("Cargo.toml").exists() {
                copy_sources(&path, &target)?;
            }
        } else {
            fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

fn plant(copy: &Path, mutant: &Mutant) -> Result<()> {
    let path = copy.join("membership/src").join(mutant.file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if text.matches(mutant.from).count() != 1 {
        bail!(
            "{:?} is not once in membership/src/{}: the ring has changed, and xtask/src/mutants/list.rs has to follow",
            mutant.from,
            mutant.file
        );
    }
    fs::write(&path, text.replace(mutant.from, mutant.to)).with_context(|| format!("cannot write {}", path.display()))
}

fn restore(copy: &Path, mutant: &Mutant) -> Result<()> {
    let path = Path::new("membership/src").join(mutant.file);
    fs::copy(root().join(&path), copy.join(&path)).with_context(|| format!("cannot copy {}", path.display()))?;
    Ok(())
}

/// A `cargo` in the copy.
fn beside(copy: &Path, words: &[&str]) -> Command {
    let mut command: Command = cargo(words);
    command.current_dir(copy).env("CARGO_TARGET_DIR", target().join("mutants/target"));
    // What is broken may leave values unused.
    command.env("RUSTFLAGS", "-A warnings");
    command
}

/// The case, when it noticed.
fn judge(copy: &Path, case: &str) -> Result<Option<(String, String)>> {
    let mut command = beside(copy, &["test", "--quiet", "--package", "membership", "--lib", "--", "--exact", case]);
    let output = command.output().context("cannot run the tests of membership")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && text.contains("1 passed") {
        return Ok(None);
    }
    if text.contains("0 passed; 1 failed") {
        let name = case.rsplit("::").next().unwrap_or(case);
        return Ok(Some((name.to_owned(), String::new())));
    }
    bail!("the case {case} did not run:\n{text}\n{}", String::from_utf8_lossy(&output.stderr))
}

/// The rule that noticed, and the seed.
fn simulate(copy: &Path, seeds: u64) -> Result<Option<(String, String)>> {
    let output = beside(copy, &["test", "--quiet", "--package", "rings", "--test", "rings", "--"])
        .args(["--stop", "--nodes", NODES, "--first", "0", "--seeds", &seeds.to_string()])
        .output()
        .context("cannot run the simulation of rings")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(None);
    }
    let told = text.lines().find_map(|line| {
        let (seed, rest) = line.strip_prefix("seed ")?.split_once(": ")?;
        Some((rest.split_once(" does not hold")?.0.to_owned(), seed.to_owned()))
    });
    match told {
        Some(told) => Ok(Some(told)),
        None => bail!("the simulation did not run:\n{text}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}
