//! The power supplies, the switch and the fence device of a sandbox, with a shell script in the place of the daemon.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A daemon that starts services in every way that a service may slip away: in the background, in a session of its own,
/// by a parent that ends at once, and one that ignores SIGTERM.
const DAEMON: &str = r#"#!/bin/sh
home=$(dirname "$2")
sleep 1000 &
echo $! >> "$home/pids"
setsid sh -c 'trap "" TERM HUP; sleep 1000 & echo $! >> "$0/pids"; echo $$ >> "$0/pids"; wait; wait' "$home" &
( setsid sh -c 'sleep 1000 & echo $! >> "$0/pids"' "$home" & )
echo $$ >> "$home/pids"
echo $$ > "$home/daemon.pid"
while [ "$(wc -l < "$home/pids")" -lt 5 ]; do sleep 0.01; done
echo up > "$home/up"
exec sleep 1000
"#;

struct Sandbox {
    /// Removed with the sandbox; also where its sockets are, so its path is short.
    home: tempfile::TempDir,
}

impl Sandbox {
    fn up(guard: bool) -> (Sandbox, Option<std::process::Child>) {
        let home = tempfile::Builder::new().prefix("pl").tempdir_in("/tmp").unwrap();
        let daemon = home.path().join("daemon.sh");
        fs::write(&daemon, DAEMON).unwrap();
        fs::set_permissions(&daemon, fs::Permissions::from_mode(0o755)).unwrap();
        let sandbox = Sandbox { home };
        let mut command = sandbox.command(&["up", "--no-wait", "--pacelined"]);
        command.arg(&daemon);
        let child = if guard {
            let mut child = command.arg("--guard").stdin(Stdio::piped()).spawn().unwrap();
            // Waiting through `wait` would close the pipe.
            let stdin = child.stdin.take();
            assert!(child.wait().unwrap().success());
            child.stdin = stdin;
            Some(child)
        } else {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            None
        };
        for node in ["alpha", "beta", "gamma"] {
            until("the services run", || sandbox.dir().join(node).join("up").exists());
        }
        (sandbox, child)
    }

    fn dir(&self) -> PathBuf {
        self.home.path().join("s")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paceline"));
        let (verb, rest) = arguments.split_first().unwrap();
        command.args(["sandbox", verb, "--dir"]).arg(self.dir()).args(rest).stdin(Stdio::null());
        command
    }

    fn say(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn pids(&self, node: &str) -> Vec<i32> {
        let text = fs::read_to_string(self.dir().join(node).join("pids")).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Calls the fence-agent.
    fn fence(&self, input: &str) -> Output {
        let mut child = Command::new(self.dir().join("agents/fence_sandbox"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("socket-dir={}\n{input}", self.dir().display());
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}

fn runs(pid: i32) -> bool {
    // A zombie has ended, whoever has not noticed yet.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits for something in another process that has no event to wait for.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn a_power_cut_takes_everything_and_only_of_that_node() {
    let (sandbox, _) = Sandbox::up(false);
    let (alpha, beta) = (sandbox.pids("alpha"), sandbox.pids("beta"));
    assert!(alpha.len() == 5 && alpha.iter().chain(&beta).all(|pid| runs(*pid)));
    assert!(sandbox.say(&["kill", "alpha"]).contains("alpha: plug pulled, "));
    assert!(alpha.iter().all(|pid| !runs(*pid)), "a service has survived the power cut");
    assert!(beta.iter().all(|pid| runs(*pid)));
    assert!(sandbox.say(&["status"]).contains("plug pulled"));
    let down = sandbox.say(&["down"]);
    assert!(down.contains("is gone") && !exists(&sandbox.dir()));
    assert!(beta.iter().all(|pid| !runs(*pid)));
}

#[test]
fn services_outlive_their_daemon_and_start_brings_it_back() {
    let (sandbox, _) = Sandbox::up(false);
    let services = sandbox.pids("beta");
    let daemon = fs::read_to_string(sandbox.dir().join("beta/daemon.pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", daemon.trim()]).status().unwrap().success());
    until("the death is noticed", || sandbox.say(&["status"]).contains("DAEMON DEAD (killed by SIGKILL)"));
    assert_eq!(services.iter().filter(|pid| runs(**pid)).count(), 4);
    let started = sandbox.say(&["start", "beta"]);
    assert!(started.contains("beta: on, pacelined is process") && !started.contains(daemon.trim()));
}

#[test]
fn the_fence_device_confirms_only_what_the_machine_has_confirmed() {
    let (sandbox, _) = Sandbox::up(false);
    let services = sandbox.pids("gamma");
    assert_eq!(sandbox.fence("action=status\nplug=gamma\n").status.code(), Some(0));
    assert_eq!(sandbox.fence("action=off\nplug=gamma\n").status.code(), Some(0));
    assert!(services.iter().all(|pid| !runs(*pid)));
    assert_eq!(sandbox.fence("action=status\nplug=gamma\n").status.code(), Some(2));
    assert_eq!(sandbox.fence("action=on\nplug=gamma\n").status.code(), Some(0));
    assert_eq!(sandbox.fence("action=status\nplug=gamma\n").status.code(), Some(0));
    // Without a plug it goes off and stays off, and off is what a reboot for fencing has to prove.
    sandbox.say(&["kill", "gamma"]);
    assert_eq!(sandbox.fence("action=reboot\nplug=gamma\n").status.code(), Some(0));
    assert_eq!(sandbox.fence("action=status\nplug=gamma\n").status.code(), Some(2));
    assert_eq!(sandbox.fence("action=on\nplug=gamma\n").status.code(), Some(1));
    let list = sandbox.fence("action=list\n");
    assert_eq!(String::from_utf8_lossy(&list.stdout), "alpha,\nbeta,\ngamma,\n");
    assert_eq!(sandbox.fence("action=monitor\n").status.code(), Some(0));
}

#[test]
fn a_dead_power_supply_is_a_failure_and_down_still_cleans_up() {
    let (sandbox, _) = Sandbox::up(false);
    let alpha = sandbox.pids("alpha");
    let daemon = fs::read_to_string(sandbox.dir().join("alpha/daemon.pid")).unwrap();
    let daemon = daemon.trim();
    let stat = fs::read_to_string(format!("/proc/{daemon}/stat")).unwrap();
    let machine = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().to_owned();
    assert!(Command::new("kill").args(["-KILL", &machine]).status().unwrap().success());
    until("the machine is gone", || !runs(machine.parse().unwrap()));
    let fenced = sandbox.fence("action=off\nplug=alpha\n");
    assert_eq!(fenced.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&fenced.stderr).contains("does not answer"));
    assert!(sandbox.say(&["status"]).contains("BROKEN"));
    sandbox.say(&["down"]);
    assert!(!exists(&sandbox.dir()));
    until("all it had started is gone", || alpha.iter().all(|pid| !runs(*pid)));
}

#[test]
fn nothing_is_left_when_the_guard_goes() {
    let (sandbox, guard) = Sandbox::up(true);
    let pids: Vec<i32> = ["alpha", "beta", "gamma"].iter().flat_map(|node| sandbox.pids(node)).collect();
    assert!(pids.iter().all(|pid| runs(*pid)));
    drop(guard.unwrap().stdin.take());
    until("all services are gone", || pids.iter().all(|pid| !runs(*pid)));
    until("the directory is gone", || !exists(&sandbox.dir()));
}

#[test]
fn cut_and_heal_are_seen_and_a_second_sandbox_in_the_same_place_is_refused() {
    let (sandbox, _) = Sandbox::up(false);
    sandbox.say(&["cut", "beta"]);
    assert!(sandbox.say(&["status"]).contains("CUT OFF"));
    sandbox.say(&["heal", "beta"]);
    assert!(!sandbox.say(&["status"]).contains("CUT OFF"));
    let again = sandbox.command(&["up"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already up"));
    let nobody = sandbox.command(&["kill", "omega"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("alpha, beta, gamma"));
}
