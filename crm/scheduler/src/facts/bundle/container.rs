//! What a bundle's container program is called with. Histories carry fingerprints of these parameters: they must come
//! out the same, to the letter, as from the cluster that recorded them.

use super::Network;
use crate::situation;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the key of the connection to the node inside is kept, outside and inside.
const KEY: &str = "/etc/pacemaker/authkey";
/// Where the logs of containers are kept.
const LOGS: &str = "/var/log/pacemaker/bundles";
/// What runs in a container that has a primitive inside, when nothing else is asked for.
const EXECUTOR: &str = "/usr/sbin/pacemaker-remoted";

/// The parameters of the container of replica `index`.
pub(crate) fn params(
    bundle: &str,
    parts: &situation::Bundle,
    network: &Network,
    index: u32,
) -> BTreeMap<String, String> {
    let container = &parts.container;
    let inside = parts.primitive.is_some();
    let mounts = mounts(bundle, parts, index);
    let own: Vec<&str> = mounts.iter().filter(|mount| mount.of_replica).map(|mount| mount.source.as_str()).collect();
    let mut params: BTreeMap<String, String> = [
        ("image", container.image.as_str()),
        ("allow_pull", "true"),
        ("force_kill", "false"),
        ("reuse", "false"),
        ("monitor_cmd", "/bin/true"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect();
    params.insert("mount_points".into(), own.join(","));
    params.insert("run_opts".into(), run_options(bundle, parts, network, index, &mounts));
    if let Some(command) = container.run_command.as_deref().or(inside.then_some(EXECUTOR)) {
        params.insert("run_cmd".into(), command.to_string());
    }
    params
}

/// One directory that a replica sees.
struct Mounted<'m> {
    source: String,
    target: &'m str,
    options: Option<&'m str>,
    /// The directory is this replica's alone.
    of_replica: bool,
}

fn mounts<'m>(bundle: &str, parts: &'m situation::Bundle, index: u32) -> Vec<Mounted<'m>> {
    let written = parts.storage.iter().filter_map(|mount| {
        let source = match (&mount.source_dir, &mount.source_dir_root) {
            (Some(directory), _) => directory.clone(),
            (None, Some(root)) => format!("{root}/{bundle}-{index}"),
            (None, None) => return None,
        };
        let of_replica = mount.source_dir.is_none();
        Some(Mounted { source, target: &mount.target_dir, options: mount.options.as_deref(), of_replica })
    });
    let mut mounts: Vec<Mounted<'m>> = written.collect();
    if parts.primitive.is_some() {
        mounts.push(Mounted { source: KEY.into(), target: KEY, options: None, of_replica: false });
        let source = format!("{LOGS}/{bundle}-{index}");
        mounts.push(Mounted { source, target: "/var/log", options: None, of_replica: true });
    }
    mounts
}

fn run_options(
    bundle: &str,
    parts: &situation::Bundle,
    network: &Network,
    index: u32,
    mounts: &[Mounted<'_>],
) -> String {
    let container = &parts.container;
    let mut text = String::new();
    let mut add = |words: std::fmt::Arguments<'_>| text.write_fmt(words).expect("a string takes everything");
    if container.technology == "docker" {
        add(format_args!(" --restart=no"));
    }
    if network.addressed {
        add(format_args!(" -h {bundle}-{index}"));
    }
    add(format_args!(" -e PCMK_stderr=1"));
    if let Some(name) = &container.network {
        add(format_args!(" --net={name}"));
    }
    add(format_args!(" -e PCMK_remote_port={}", network.control_port));
    for mount in mounts {
        add(format_args!(" -v {}:{}", mount.source, mount.target));
        if let Some(options) = mount.options {
            add(format_args!(":{options}"));
        }
    }
    for (outside, inside) in ports(parts, network) {
        match network.address(index) {
            Some(address) => add(format_args!(" -p {address}:{outside}:{inside}")),
            None if container.network.as_deref() == Some("host") => {}
            None => add(format_args!(" -p {outside}:{inside}")),
        }
    }
    if let Some(options) = &container.options {
        add(format_args!(" {options}"));
    }
    add(format_args!(" "));
    if network.add_host {
        for (number, address) in network.addresses.iter().enumerate() {
            if let Some(address) = address {
                add(format_args!(" --add-host={bundle}-{number}:{address}"));
            }
        }
    }
    text
}

/// Ports that are passed through, outside and inside: the written ones, then the one of the connection.
fn ports<'p>(parts: &'p situation::Bundle, network: &'p Network) -> Vec<(&'p str, &'p str)> {
    let written = parts.network.iter().flat_map(|network| &network.ports);
    let mut ports: Vec<(&str, &str)> = written
        .filter_map(|it| match (&it.port, &it.range) {
            (Some(port), _) => Some((port.as_str(), it.internal_port.as_deref().unwrap_or(port))),
            (None, Some(range)) => Some((range.as_str(), range.as_str())),
            (None, None) => None,
        })
        .collect();
    if parts.primitive.is_some() {
        ports.push((&network.control_port, &network.control_port));
    }
    ports
}
