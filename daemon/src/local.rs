//! This machine's own file: which node it is, where its keys, its state and its socket are.
//!
//! Everything that all nodes share stands in the cluster file; this one is never replicated.

use anyhow::{Context, Result, bail};
use config::NodeId;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The local file, with its relative paths resolved against its own directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Local {
    /// The name of this node in the cluster file.
    pub node: NodeId,
    /// The cluster file for the very first start; afterwards what the cluster agreed on rules.
    #[serde(default = "default_cluster_file")]
    pub cluster_file: PathBuf,
    /// Where the replicated configuration and the ring number are kept.
    #[serde(default = "default_state_directory")]
    pub state_directory: PathBuf,
    /// `ca.pem`, `node.pem` and `node.key`, made by `paceline cluster init`.
    #[serde(default = "default_keys_directory")]
    pub keys_directory: PathBuf,
    /// The socket on which `paceline` finds this daemon.
    #[serde(default = "default_control_socket")]
    pub control_socket: PathBuf,
    /// Receive here instead of on the node's first address (behind address translation).
    pub bind: Option<SocketAddr>,
    /// Directories with fence agents, first match wins.
    #[serde(default = "default_fence_agents")]
    pub fence_agent_directories: Vec<PathBuf>,
    /// Root of the OCF agents: `OCF_ROOT`.
    #[serde(default = "default_ocf_root")]
    pub ocf_root: PathBuf,
    /// Ask the kernel for real-time scheduling of the ring thread; where that is refused a warning says so.
    #[serde(default = "default_realtime")]
    pub realtime: bool,
}

fn default_cluster_file() -> PathBuf {
    PathBuf::from("cluster.toml")
}
fn default_state_directory() -> PathBuf {
    PathBuf::from("/var/lib/paceline")
}
fn default_keys_directory() -> PathBuf {
    PathBuf::from("keys")
}
fn default_control_socket() -> PathBuf {
    PathBuf::from("/run/paceline/control.sock")
}
fn default_fence_agents() -> Vec<PathBuf> {
    vec![PathBuf::from("/usr/sbin")]
}
fn default_ocf_root() -> PathBuf {
    PathBuf::from("/usr/lib/ocf")
}
fn default_realtime() -> bool {
    true
}

impl Local {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read or says something that is not understood; the message names file, line and column.
    pub fn load(path: &Path) -> Result<Local> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read this machine's own file {} (made by `paceline cluster init`, see --config)",
                path.display()
            )
        })?;
        let mut local: Local = match toml::from_str(&text) {
            Ok(local) => local,
            Err(error) => bail!("{} is not a valid local file: {error}", path.display()),
        };
        let base = path.parent().unwrap_or(Path::new("/"));
        for place in [
            &mut local.cluster_file,
            &mut local.state_directory,
            &mut local.keys_directory,
            &mut local.control_socket,
            &mut local.ocf_root,
        ]
        .into_iter()
        .chain(local.fence_agent_directories.iter_mut())
        {
            if place.is_relative() {
                *place = base.join(&*place);
            }
        }
        Ok(local)
    }
}

#[cfg(test)]
mod tests {
    use super::Local;

    #[test]
    fn relative_paths_belong_to_the_directory_of_the_file() {
        let dir = std::env::temp_dir().join(format!("paceline-local-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("local.toml");
        std::fs::write(&file, "node = \"alpha\"\nstate-directory = \"state\"\n").unwrap();
        let local = Local::load(&file).unwrap();
        assert_eq!(local.state_directory, dir.join("state"));
        assert_eq!(local.ocf_root, std::path::Path::new("/usr/lib/ocf"));

        std::fs::write(&file, "node = \"alpha\"\nstate-dir = \"state\"\n").unwrap();
        let message = format!("{:#}", Local::load(&file).unwrap_err());
        assert!(message.contains("state-dir"), "the unknown option is named: {message}");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_unit_keeps_what_the_next_life_of_a_daemon_needs() {
        let dir = std::env::temp_dir().join(format!("paceline-unit-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("local.toml");
        std::fs::write(&file, "node = \"alpha\"\n").unwrap();
        let local = Local::load(&file).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        // Running jobs are noted beside the socket.
        assert_eq!(local.control_socket.parent(), Some(std::path::Path::new("/run/paceline")));
        let unit = include_str!("../../packaging/pacelined.service");
        for line in
            ["RuntimeDirectory=paceline", "RuntimeDirectoryPreserve=yes", "KillMode=process", "OOMPolicy=continue"]
        {
            assert!(unit.lines().any(|written| written == line), "{line} is not in the unit");
        }
    }
}
