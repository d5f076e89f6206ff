//! Finding and killing everything that a process has ever started, daemons included.
//!
//! The caller must be a "child subreaper" (see prctl(2)): a descendant whose parent ends then becomes the caller's
//! child instead of slipping away to process 1, so nothing below the caller can leave its tree.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long the processes may take to disappear. Only a process stuck in the kernel takes longer than milliseconds.
const LONGEST: Duration = Duration::from_secs(10);
/// Processes shown by name when they do not die.
const MAX_NAMED: usize = 5;

/// Every descendant of `root`, found by the parent that each process of the system names.
pub(crate) fn descendants(root: Pid) -> BTreeSet<Pid> {
    let mut children: BTreeMap<Pid, Vec<Pid>> = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeSet::new() };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw) else {
            continue;
        };
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        open.extend(children.get(&pid).into_iter().flatten().copied().filter(|child| found.insert(*child)));
    }
    found
}

/// Parent of a process; `None` when it is gone.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may contain anything; behind the last one come state and parent.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}

/// Collects every child that has ended; tells each to `ended`.
pub(crate) fn reap(mut ended: impl FnMut(Pid, WaitStatus)) {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        match status.pid() {
            Some(pid) => ended(pid, status),
            None => break,
        }
    }
}

/// Ends all descendants of this process as a power cut would: none of them runs another instruction once the first
/// pass is through, and none is left when this returns. `pause` waits for news of a child, or the given time.
///
/// # Errors
/// A sentence that names the processes that could not be killed.
pub(crate) fn kill_descendants(
    mut ended: impl FnMut(Pid, WaitStatus),
    mut pause: impl FnMut(Duration),
) -> Result<usize, String> {
    let me = Pid::this();
    let started = Instant::now();
    let mut stopped: BTreeSet<Pid> = BTreeSet::new();
    // Freeze first, so that nothing starts again, or notices, what is killed beside it.
    loop {
        let fresh: Vec<Pid> = descendants(me).into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if fresh.is_empty() || started.elapsed() > LONGEST {
            break;
        }
        for pid in fresh {
            let _ = kill(pid, Signal::SIGSTOP);
            stopped.insert(pid);
        }
    }
    let mut killed = BTreeSet::new();
    let mut forbidden = BTreeSet::new();
    loop {
        reap(&mut ended);
        let left = descendants(me);
        if left.is_empty() {
            return Ok(killed.len());
        }
        for pid in &left {
            match kill(*pid, Signal::SIGKILL) {
                Err(Errno::EPERM) => forbidden.insert(*pid),
                _ => killed.insert(*pid),
            };
        }
        if started.elapsed() > LONGEST {
            let names: Vec<String> = left.iter().take(MAX_NAMED).map(|pid| named(*pid)).collect();
            let reason =
                if forbidden.is_empty() { "they are stuck in the kernel" } else { "they belong to another user" };
            return Err(format!("{} processes cannot be killed ({}): {reason}", left.len(), names.join(", ")));
        }
        pause(Duration::from_millis(2));
    }
}

fn named(pid: Pid) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} {pid}", name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_grandchildren_and_not_itself() {
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line).unwrap();
        let sleep = Pid::from_raw(line.trim().parse().unwrap());
        let shell_pid = Pid::from_raw(i32::try_from(shell.id()).unwrap());
        assert_eq!(descendants(shell_pid), BTreeSet::from([sleep]));
        assert!(descendants(Pid::this()).is_superset(&BTreeSet::from([shell_pid, sleep])));
        kill(sleep, Signal::SIGKILL).unwrap();
        shell.wait().unwrap();
    }
}
