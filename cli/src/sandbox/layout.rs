//! Where a sandbox keeps its files, and the description of it that all its processes read.

use crate::failure::Failure;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The environment variable that names the directory of the sandbox.
pub(crate) const DIRECTORY_VARIABLE: &str = "PACELINE_SANDBOX";

/// The environment variable that a machine gives its daemon: the directory of the node.
pub(crate) const MACHINE_VARIABLE: &str = "PACELINE_SANDBOX_MACHINE";

/// Most bytes of a path that the kernel accepts as the address of a Unix socket.
const MAX_SOCKET_PATH: usize = 107;

/// A sandbox directory. All sockets and files have fixed places below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    dir: PathBuf,
}

/// What `sandbox.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// Name of the cluster.
    pub(crate) cluster: String,
    /// The daemon's program.
    pub(crate) pacelined: PathBuf,
    /// The machines, by name.
    pub(crate) seats: Vec<Seat>,
}

/// One machine of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seat {
    /// The node.
    pub(crate) name: NodeId,
    /// The address its peers know, held by the switch.
    pub(crate) public: SocketAddr,
    /// The address its daemon is bound to, known to the switch alone.
    pub(crate) real: SocketAddr,
}

impl Layout {
    /// The sandbox in this directory, or in the usual one: `$PACELINE_SANDBOX`, else `paceline-sandbox` in
    /// `$XDG_RUNTIME_DIR`, else `/tmp/paceline-sandbox-UID`.
    pub(crate) fn find(dir: Option<&Path>) -> Layout {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let dir = dir
            .map(Path::to_owned)
            .or_else(|| variable(DIRECTORY_VARIABLE))
            .or_else(|| variable("XDG_RUNTIME_DIR").map(|base| base.join("paceline-sandbox")))
            .unwrap_or_else(|| PathBuf::from(format!("/tmp/paceline-sandbox-{}", nix::unistd::getuid())));
        Layout { dir: std::path::absolute(&dir).unwrap_or(dir) }
    }

    /// The sandbox that a control socket belongs to, if it belongs to one.
    pub(crate) fn of_socket(socket: &Path) -> Option<Layout> {
        let dir = std::path::absolute(socket).ok()?.parent()?.parent()?.to_owned();
        let layout = Layout { dir };
        layout.description_file().is_file().then_some(layout)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn description_file(&self) -> PathBuf {
        self.dir.join("sandbox.json")
    }

    pub(crate) fn cluster_file(&self) -> PathBuf {
        self.dir.join("cluster.toml")
    }

    pub(crate) fn agents(&self) -> PathBuf {
        self.dir.join("agents")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.dir.join("ca")
    }

    pub(crate) fn switch_socket(&self) -> PathBuf {
        self.dir.join("switch.sock")
    }

    pub(crate) fn switch_log(&self) -> PathBuf {
        self.dir.join("switch.log")
    }

    pub(crate) fn node(&self, node: &NodeId) -> PathBuf {
        self.dir.join(node.as_str())
    }

    /// For the services of a node: empty after a power cut, as `/run` of a real machine is.
    pub(crate) fn run(&self, node: &NodeId) -> PathBuf {
        self.node(node).join("run")
    }

    pub(crate) fn machine_socket(&self, node: &NodeId) -> PathBuf {
        self.node(node).join("machine.sock")
    }

    pub(crate) fn machine_log(&self, node: &NodeId) -> PathBuf {
        self.node(node).join("machine.log")
    }

    pub(crate) fn daemon_log(&self, node: &NodeId) -> PathBuf {
        self.node(node).join("daemon.log")
    }

    pub(crate) fn control_socket(&self, node: &NodeId) -> PathBuf {
        self.node(node).join("control.sock")
    }

    pub(crate) fn local_file(&self, node: &NodeId) -> PathBuf {
        self.node(node).join("local.toml")
    }

    /// Whether there is a sandbox here, running or not.
    pub(crate) fn exists(&self) -> bool {
        self.description_file().is_file()
    }

    /// Reads the description.
    pub(crate) fn description(&self) -> Result<Description, Failure> {
        let file = self.description_file();
        let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::refused(format!("there is no sandbox in {}", self.dir.display()))
                .hint("start one with `paceline sandbox up`, or name its directory with --dir"),
            _ => Failure::refused(format!("cannot read {}", file.display())).because(error),
        })?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::refused(format!("{} is damaged", file.display()))
                .because(error)
                .hint("take the sandbox down with `paceline sandbox down` and start a new one")
        })
    }

    /// Makes the directory, for this user alone, and refuses one that is somebody else's or holds something else.
    pub(crate) fn make(&self) -> Result<(), Failure> {
        let shown = self.dir.display();
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        made.map_err(|error| Failure::refused(format!("cannot make the directory {shown}")).because(error))?;
        let found = fs::symlink_metadata(&self.dir)
            .map_err(|error| Failure::refused(format!("cannot look at {shown}")).because(error))?;
        let other_place = "choose another directory with --dir";
        if !found.is_dir() || found.uid() != nix::unistd::getuid().as_raw() {
            return Err(Failure::refused(format!("{shown} is not a directory of this user")).hint(other_place));
        }
        if found.mode() & 0o077 != 0 {
            return Err(Failure::refused(format!(
                "{shown} is open to other users (mode {:03o})",
                found.mode() & 0o777
            ))
            .hint(format!("run `chmod 700 {shown}`, or {other_place}: private keys will be kept there")));
        }
        let strange = fs::read_dir(&self.dir)
            .map_err(|error| Failure::refused(format!("cannot read {shown}")).because(error))?
            .next();
        if strange.is_some() {
            return Err(Failure::refused(format!("{shown} is not empty and is not a sandbox")).hint(other_place));
        }
        Ok(())
    }

    /// Refuses a directory whose socket paths would be longer than the kernel allows.
    pub(crate) fn check_path_lengths(&self, nodes: &[NodeId]) -> Result<(), Failure> {
        let longest = nodes.iter().map(|node| self.machine_socket(node)).max_by_key(|path| path.as_os_str().len());
        match longest {
            Some(path) if path.as_os_str().len() > MAX_SOCKET_PATH => Err(Failure::refused(format!(
                "the socket {} would have a path of {} bytes, and the kernel accepts at most {MAX_SOCKET_PATH}",
                path.display(),
                path.as_os_str().len()
            ))
            .hint("choose a shorter directory with --dir")),
            _ => Ok(()),
        }
    }
}

impl Description {
    /// Writes it into the sandbox; from then on the directory is a sandbox.
    pub(crate) fn save(&self, layout: &Layout) -> Result<(), Failure> {
        let file = layout.description_file();
        let text = serde_json::to_string_pretty(self).expect("names, paths and addresses can be written as JSON");
        fs::write(&file, text)
            .map_err(|error| Failure::refused(format!("cannot write {}", file.display())).because(error))
    }

    /// The seat of this name, or a failure that names those there are.
    pub(crate) fn seat(&self, name: &str) -> Result<&Seat, Failure> {
        self.seats.iter().find(|seat| seat.name.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = self.seats.iter().map(|seat| seat.name.as_str()).collect();
            Failure::refused(format!("the sandbox has no node {name}"))
                .hint(format!("its nodes are {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_that_is_too_long_is_refused_with_its_length() {
        let layout = Layout::find(Some(Path::new(&format!("/tmp/{}", "x".repeat(89)))));
        let node = [NodeId::new("alpha").unwrap()];
        let text = layout.check_path_lengths(&node).unwrap_err().to_string();
        assert!(text.contains("113 bytes") && text.contains("107"), "{text}");
        assert!(Layout::find(Some(Path::new("/tmp/x"))).check_path_lengths(&node).is_ok());
    }

    #[test]
    fn a_directory_open_to_others_or_with_other_things_in_it_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let layout = Layout::find(Some(dir.path()));
        assert!(layout.make().unwrap_err().to_string().contains("mode 755"));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        layout.make().unwrap();
        fs::write(dir.path().join("thesis.txt"), "important").unwrap();
        assert!(layout.make().unwrap_err().to_string().contains("not empty"));
    }
}
