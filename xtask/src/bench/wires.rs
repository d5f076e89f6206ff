//! The network of a measurement: one namespace per node, joined by a bridge in another one.

use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};

/// Every namespace and interface of this bench begins so. One bench at a time: the next one clears what was left.
const PREFIX: &str = "plbench";

/// The namespaces go with this value.
pub struct Wires {
    count: usize,
}

impl Wires {
    /// Lays the wires for `count` nodes.
    pub fn lay(count: usize, mtu: u16) -> Result<Wires> {
        clear();
        let wires = Wires { count };
        let switch = format!("{PREFIX}sw");
        ip(&format!("netns add {switch}"))?;
        ip(&format!("-n {switch} link add br0 mtu {mtu} type bridge"))?;
        ip(&format!("-n {switch} link set br0 up"))?;
        for node in 0..count {
            let (space, port) = (wires.space(node), format!("port{node}"));
            ip(&format!("netns add {space}"))?;
            ip(&format!("-n {space} link set lo up"))?;
            ip(&format!("-n {space} link add eth0 mtu {mtu} type veth peer name {port} mtu {mtu} netns {switch}"))?;
            ip(&format!("-n {switch} link set {port} master br0 up"))?;
            ip(&format!("-n {space} address add {}/24 dev eth0", wires.address(node)))?;
            ip(&format!("-n {space} link set eth0 up"))?;
        }
        Ok(wires)
    }

    fn space(&self, node: usize) -> String {
        format!("{PREFIX}{}", node + 1)
    }

    /// The address of a node.
    pub fn address(&self, node: usize) -> String {
        format!("10.88.77.{}", node + 1)
    }

    /// A program to be run in the namespace of a node. It has mounts of its own and dies with this process.
    pub fn command(&self, node: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(node), "setpriv", "--pdeathsig", "KILL", program]);
        command
    }

    /// How the nodes are called.
    pub fn names(&self) -> Vec<String> {
        (0..self.count).map(|node| format!("n{}", node + 1)).collect()
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        clear();
    }
}

fn clear() {
    let Ok(list) = Command::new("ip").args(["netns", "list"]).output() else { return };
    for line in String::from_utf8_lossy(&list.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if name.starts_with(PREFIX) {
            // Complained about by the next attempt to lay wires, if it matters.
            let _ = Command::new("ip").args(["netns", "delete", name]).stderr(Stdio::null()).status();
        }
    }
}

fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip").args(arguments.split_whitespace()).output();
    let output = output.context("cannot run `ip` (package iproute2)")?;
    if !output.status.success() {
        bail!("`ip {arguments}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
