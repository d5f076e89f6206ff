//! `cargo xtask tidy`: the house rules that can be checked, checked. A rule that is not checked is a wish.

mod imports;
mod text;

use crate::workspace::root;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A broken rule.
pub struct Broken {
    /// File, and line where there is one.
    pub place: String,
    /// Which rule, and what to do.
    pub rule: String,
}

/// One tracked text file.
pub struct Source {
    /// Relative to the root.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// Checks everything; true when every rule holds.
pub fn run() -> Result<bool> {
    let sources = sources()?;
    let mut broken = Vec::new();
    text::check(&sources, &mut broken);
    imports::check(root(), &mut broken)?;
    for Broken { place, rule } in &broken {
        println!("{place}: {rule}");
    }
    println!("tidy: {} files, {} broken rules", sources.len(), broken.len());
    Ok(broken.is_empty())
}

/// Every file that git tracks, or that is new and not ignored.
fn sources() -> Result<Vec<Source>> {
    let output = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("cannot run git ls-files")?;
    let mut sources = Vec::new();
    for name in String::from_utf8_lossy(&output.stdout).lines() {
        let path = Path::new(name);
        // A file that was deleted but is still in the index, or that is not text, has no rules.
        if let Ok(text) = std::fs::read_to_string(root().join(path)) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(sources)
}
