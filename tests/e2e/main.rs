//! The real programs on real parts: loopback sandboxes for everybody, hosts in network namespaces for root.
//!
//! Three programs in one file. Called as `fence_hosts` it is the fence agent of the test hosts; called with
//! `host-init` it is the first process of a test host; otherwise it runs the tests.

// This is the world itself, not a machine in it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::print_stderr)]

mod agents;
mod arbiter;
mod blackout;
mod change;
mod client;
mod command;
mod disk;
mod failover;
mod fence;
mod groups;
mod hosts;
mod init;
mod input;
mod observer;
mod operator;
mod pause;
mod programs;
mod questions;
mod ring;
mod sandbox;
mod watch;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

/// What a test needs beyond the built programs.
enum Needs {
    /// Nothing: any user, anywhere.
    Nothing,
    /// These files, of packages.
    Files(&'static [&'static str]),
    /// Root, namespaces and these files.
    Root(&'static [&'static str]),
}

impl Needs {
    /// Why it cannot be had here.
    fn missing(&self) -> Option<String> {
        match self {
            Needs::Nothing => None,
            Needs::Files(files) => absent(files),
            Needs::Root(_) if !nix::unistd::geteuid().is_root() => Some("needs root (network namespaces)".into()),
            Needs::Root(files) => absent(files),
        }
    }
}

/// Which of these files are not there.
fn absent(files: &[&str]) -> Option<String> {
    let absent: Vec<_> = files.iter().copied().filter(|file| !std::path::Path::new(file).exists()).collect();
    (!absent.is_empty()).then(|| format!("not installed: {}", absent.join(", ")))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let me = arguments.next().unwrap_or_default();
    if me.ends_with("fence_hosts") {
        return fence::agent();
    }
    if arguments.next().as_deref() == Some("host-init") {
        return init::run(arguments.collect());
    }
    let root = [
        "/usr/sbin/nft",
        "/usr/sbin/nginx",
        "/usr/lib/ocf/resource.d/heartbeat/IPaddr2",
        "/usr/lib/ocf/resource.d/heartbeat/nginx",
    ];
    let root: &'static [&'static str] = Box::leak(Box::new(root));
    type Test = fn() -> Result<(), String>;
    let all: &[(&str, Needs, Test)] = &[
        ("hosts: power cut of the node with the address", Needs::Root(root), failover::power_cut),
        ("hosts: partition of the node with the address", Needs::Root(root), failover::partition),
        ("input: a file with several mistakes", Needs::Nothing, input::malformed_file),
        ("input: garbage on the port of the ring", Needs::Nothing, input::garbage),
        ("input: a node with a foreign certificate", Needs::Nothing, input::foreign_certificate),
        ("input: garbage on the control socket", Needs::Nothing, input::control_socket),
        ("input: damaged files of a machine", Needs::Nothing, input::damaged_files),
        ("agents: one that is not installed", Needs::Nothing, agents::unknown),
        ("agents: a monitor that hangs", Needs::Nothing, agents::hanging_monitor),
        ("agents: twenty megabytes of output", Needs::Nothing, agents::noisy),
        ("agents: a start that fails with 255", Needs::Nothing, agents::failing_start),
        ("agents: a stop that hangs", Needs::Nothing, agents::hanging_stop),
        ("agents: scripts that break the rules", Needs::Nothing, agents::unruly_scripts),
        ("agents: one that notes attributes", Needs::Files(&[agents::STATEFUL]), agents::attributes),
        ("agents: a promotable clone", Needs::Files(&[agents::STATEFUL]), agents::promotable),
        ("disk: full on one node, then on two", Needs::Root(&[]), disk::full),
        ("disk: a restart on a full one", Needs::Root(&[]), disk::restart_on_full),
        ("pause: shorter than the token timeout", Needs::Nothing, pause::short),
        ("pause: the DC for good", Needs::Nothing, pause::frozen_dc),
        ("pause: a member for good", Needs::Nothing, pause::frozen_member),
        ("pause: with a broken fence device", Needs::Nothing, pause::sleepwalker),
        ("command: nobody to ask, nobody to agree", Needs::Nothing, command::nobody),
        ("command: twice the same, and fast", Needs::Nothing, command::twice_and_fast),
        ("operator: every command", Needs::Nothing, operator::commands),
        ("ring: seen by an operator, recorded and replayed", Needs::Nothing, ring::seen_and_replayed),
        ("operator: the history of a power cut", Needs::Nothing, operator::history),
        ("operator: a fencing confirmed by hand", Needs::Nothing, operator::confirmed_by_hand),
        ("questions: of the running cluster", Needs::Nothing, questions::of_the_running_cluster),
        ("questions: tickets", Needs::Nothing, questions::tickets),
        ("questions: a file beyond this version", Needs::Nothing, questions::beyond),
        ("arbiter: a partition", Needs::Nothing, arbiter::partition),
        ("arbiter: away, and back while the cluster is broken", Needs::Nothing, arbiter::away),
        ("arbiter: two clusters, each loses another node", Needs::Nothing, arbiter::two_clusters),
        ("arbiter: who is refused, and why", Needs::Nothing, arbiter::refused),
        ("arbiter: a certificate that is revoked", Needs::Nothing, arbiter::keys::revoked),
        ("arbiter: another fingerprint", Needs::Nothing, arbiter::keys::another_fingerprint),
        ("arbiter: commands that say which half goes on", Needs::Nothing, arbiter::keys::heuristics),
        ("groups: programs come and go", Needs::Nothing, groups::come_and_go),
        ("groups: a reader that sleeps", Needs::Nothing, groups::slow_reader),
        ("groups: the client in the documentation", Needs::Files(&["/usr/bin/python3"]), groups::python),
        ("blackout: all nodes at once", Needs::Nothing, blackout::everything),
        ("change: times and addresses", Needs::Nothing, change::times_and_addresses),
        ("change: a fourth node", Needs::Nothing, change::a_fourth_node),
        ("change: keys and authorities", Needs::Nothing, change::keys),
    ];
    let trials = all
        .iter()
        .map(|&(name, ref needs, test)| {
            let missing = needs.missing().or_else(programs::missing);
            if let Some(reason) = &missing {
                println!("skipped: {name}: {reason}");
            }
            Trial::test(name, move || test().map_err(Failed::from)).with_ignored_flag(missing.is_some())
        })
        .collect();
    let mut arguments = Arguments::from_args();
    // Each of them fills the machine; side by side they would only measure each other.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}
