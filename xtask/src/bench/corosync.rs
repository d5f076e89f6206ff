//! The peer under test: corosync as it is packaged, links encrypted, driven by a small client of its library.

use super::System;
use super::member::Member;
use super::wires::Wires;
use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Its library takes no longer message (peer: 1 MiB less its headers).
const LONGEST: u64 = 1_000_000;

pub struct Corosync {
    directory: PathBuf,
}

impl Corosync {
    /// Builds the client; an inner error says why there is no peer on this machine.
    pub fn find() -> Result<Result<Corosync, String>> {
        let missing: Vec<&str> =
            [("/usr/sbin/corosync", "corosync"), ("/usr/include/corosync/cpg.h", "libcpg-dev"), ("/usr/bin/cc", "gcc")]
                .into_iter()
                .filter(|(file, _)| !Path::new(file).exists())
                .map(|(_, package)| package)
                .collect();
        if !missing.is_empty() {
            return Ok(Err(format!("not installed: {} (apt-get install)", missing.join(", "))));
        }
        let directory = std::env::temp_dir().join(format!("paceline-bench-peer-{}", std::process::id()));
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let peer = Corosync { directory };
        let source = root().join("xtask/bench/peer/cpg_client.c");
        let built = Command::new("cc").args(["-O2", "-o"]).arg(peer.client()).arg(&source).arg("-lcpg").status();
        if !built.context("cannot run cc")?.success() {
            bail!("{} does not compile", source.display());
        }
        Ok(Ok(peer))
    }

    fn client(&self) -> PathBuf {
        self.directory.join("cpg_client")
    }

    /// The settings of a node; all of them share a key.
    fn configure(&self, wires: &Wires) -> Result<PathBuf> {
        let etc = self.directory.join("etc");
        fs::create_dir_all(&etc).with_context(|| format!("cannot make {}", etc.display()))?;
        let mut key = vec![0; 256];
        std::io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut key).context("no randomness")?;
        fs::write(etc.join("authkey"), key)?;
        let nodes: String = (0..wires.names().len())
            .map(|node| {
                let id = node + 1;
                format!("  node {{\n    nodeid: {id}\n    name: n{id}\n    ring0_addr: {}\n  }}\n", wires.address(node))
            })
            .collect();
        let text = format!(
            "totem {{\n  version: 2\n  cluster_name: bench\n  transport: knet\n  crypto_cipher: aes256\n  \
             crypto_hash: sha256\n}}\nnodelist {{\n{nodes}}}\nquorum {{\n  provider: corosync_votequorum\n}}\n\
             logging {{\n  to_stderr: no\n  to_syslog: no\n  to_logfile: yes\n  logfile: /run/corosync.log\n}}\n"
        );
        fs::write(etc.join("corosync.conf"), text)?;
        Ok(etc)
    }
}

impl System for Corosync {
    fn name(&self) -> &'static str {
        "peer"
    }

    fn start(&self, wires: &Wires, _count: usize) -> Result<Vec<Member>> {
        let etc = self.configure(wires)?;
        let mut members = Vec::new();
        for (node, name) in wires.names().iter().enumerate() {
            // Its state and its lock file are those of this namespace.
            let script = format!(
                "mount --bind {} /etc/corosync && mount -t tmpfs none /var/lib/corosync && mount -t tmpfs none /run \
                 && exec corosync -f",
                etc.display()
            );
            let daemon = wires
                .command(node, "sh")
                .args(["-c", &script])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .context("cannot start corosync")?;
            let client = self.client().display().to_string();
            members.push(Member::start(name, &mut wires.command(node, &client), vec![daemon])?);
        }
        Ok(members)
    }

    fn carries(&self, size: u64) -> bool {
        size <= LONGEST
    }
}

impl Drop for Corosync {
    fn drop(&mut self) {
        // Settings and client of a cluster that is gone.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
