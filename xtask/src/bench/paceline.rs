//! Our own ring under test: `ring-bench`, an example of membership-io, built for release.

use super::System;
use super::member::Member;
use super::wires::Wires;
use crate::workspace::{cargo, programs};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// IP and UDP headers, with room for IPv6.
const HEADERS: u16 = 48;

pub struct Paceline {
    program: PathBuf,
    mtu: u16,
}

impl Paceline {
    /// Builds the node under test, for networks of this MTU.
    pub fn build(mtu: u16) -> Result<Paceline> {
        println!("building the node under test for release ...");
        let status = cargo(&["build", "--release", "--package", "membership-io", "--example", "ring-bench"]).status();
        if !status.context("cannot run cargo build")?.success() {
            bail!("cargo build failed; see above");
        }
        let target = programs()?.parent().context("the programs lie in a target directory")?.to_owned();
        Ok(Paceline { program: target.join("release/examples/ring-bench"), mtu: mtu - HEADERS })
    }
}

impl System for Paceline {
    fn name(&self) -> &'static str {
        "paceline"
    }

    fn start(&self, wires: &Wires, _count: usize) -> Result<Vec<Member>> {
        let directory = std::env::temp_dir().join(format!("paceline-bench-{}", std::process::id()));
        let program = self.program.display().to_string();
        let names = wires.names();
        let made = std::process::Command::new(&self.program).arg("keys").arg(&directory).args(&names).status();
        if !made.with_context(|| format!("cannot run {program}"))?.success() {
            bail!("{program} could not make keys");
        }
        let places: Vec<String> =
            names.iter().enumerate().map(|(node, name)| format!("{name}={}", wires.address(node))).collect();
        let start = |(node, name): (usize, &String)| {
            let mut command = wires.command(node, &program);
            command.arg("node").arg(&directory).arg(name).arg(self.mtu.to_string()).args(&places);
            Member::start(name, &mut command, Vec::new())
        };
        names.iter().enumerate().map(start).collect()
    }

    fn carries(&self, _size: u64) -> bool {
        true
    }
}

impl Drop for Paceline {
    fn drop(&mut self) {
        let directory = std::env::temp_dir().join(format!("paceline-bench-{}", std::process::id()));
        // Keys of a cluster that is gone.
        let _ = std::fs::remove_dir_all(directory);
    }
}
