//! Where the tree and its programs are, and how cargo is called.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the source tree.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The directory that holds `paceline`, `pacelined`, `paceline-arbiter` and this program.
pub fn programs() -> Result<PathBuf> {
    let me = std::env::current_exe().context("cannot find this program's own file")?;
    me.parent().map(Path::to_owned).context("this program's file has no directory")
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A cargo command at the root of the tree.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    command
}

/// Builds `paceline` and `pacelined`, telling so when it takes a while.
pub fn build_programs() -> Result<()> {
    println!("building paceline and pacelined (the first time takes a few minutes) ...");
    let status = cargo(&["build", "--package", "cli", "--package", "daemon", "--package", "arbiter-io", "--bins"])
        .status()
        .context("cannot run cargo build")?;
    if !status.success() {
        bail!("cargo build failed; see above");
    }
    Ok(())
}
