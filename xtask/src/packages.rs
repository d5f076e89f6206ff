//! The Debian packages that the system tests need: installed where that is possible, named where it is not.

use std::path::Path;
use std::process::{Command, Stdio};

/// Package, a file that it brings, and what needs it.
const NEEDED: [(&str, &str, &str); 7] = [
    ("iproute2", "/usr/sbin/ip /sbin/ip /bin/ip", "network namespaces"),
    ("nftables", "/usr/sbin/nft", "partitions"),
    ("iputils-arping", "/usr/bin/arping", "address takeover"),
    ("resource-agents", "/usr/lib/ocf/resource.d/heartbeat/IPaddr2", "real OCF agents"),
    ("nginx-light", "/usr/sbin/nginx", "a real web server"),
    ("fence-agents", "/usr/sbin/fence_dummy", "real fence agents"),
    ("valgrind", "/usr/bin/valgrind", "counted instructions"),
];

fn present(files: &str) -> bool {
    files.split(' ').any(|file| Path::new(file).exists())
}

/// Installs what is missing, as root on a machine with apt; elsewhere says what will be left out.
pub fn provide() {
    let missing: Vec<_> = NEEDED.iter().filter(|(_, files, _)| !present(files)).collect();
    if missing.is_empty() {
        return;
    }
    if !nix::unistd::geteuid().is_root() || !Path::new("/usr/bin/apt-get").exists() {
        for (package, _, purpose) in &missing {
            println!("not installed (needs root and apt): {package}; tests with {purpose} are skipped");
        }
        return;
    }
    let names: Vec<&str> = missing.iter().map(|(package, _, _)| *package).collect();
    println!("installing {} ...", names.join(", "));
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Services that packages bring must not start on the machine that runs the tests.
            .env("RUNLEVEL", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&names);
    if !(apt(&["update", "-qq"]) && apt(&install)) {
        println!("apt-get could not install them; the tests that need them are skipped");
    }
}
