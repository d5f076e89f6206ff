//! The ring thread comes first on its host: a token that waits for a CPU looks like a lost node to everybody else.
//!
//! Tried in this order, and none of it can make the daemon fail: SCHED_RR at priority 50, else nice -20, else a
//! warning. Only the calling thread is raised; what it forks is not. Memory is locked only where the limit cannot get
//! in the way of an allocation, and only the pages that are really used.

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::fs;
use std::io;
use std::time::Duration;

const PRIORITY: libc::c_int = 50;
const NICE: libc::c_int = -20;
/// A limit of locked memory from which on the daemon will never meet it.
const PLENTY: u64 = 4 << 30;
/// Without real-time scheduling, gaps of 200 ms are seen on a busy host: a shorter token than this is a gamble.
const SAFE_TOKEN: Duration = Duration::from_millis(500);
/// CAP_IPC_LOCK: the limit of locked memory does not bind.
const CAP_IPC_LOCK: u64 = 1 << 14;

/// What was obtained, as [`crate::Status::scheduling`] shows it, and what should be said about it.
pub(crate) fn claim(token: Duration) -> (&'static str, Option<String>) {
    lock_memory();
    let Err(refused) = round_robin() else { return ("SCHED_RR 50", None) };
    if renice().is_ok() {
        let warning = format!(
            "token = {} ms is short for a ring thread without real-time scheduling (SCHED_RR: {refused}); \
             allow it with LimitRTPRIO=50 in the daemon's systemd unit, or set token to {} ms or more",
            token.as_millis(),
            SAFE_TOKEN.as_millis()
        );
        return ("nice -20", (token < SAFE_TOKEN).then_some(warning));
    }
    let warning = format!(
        "the ring thread has ordinary priority (SCHED_RR: {refused}); on a busy host it may be late and this node may be \
         taken for lost. Start the daemon as root, or set LimitRTPRIO=50 and LimitMEMLOCK=infinity in its systemd unit"
    );
    ("ordinary", Some(warning))
}

/// SCHED_RR for the calling thread only.
#[allow(unsafe_code)]
fn round_robin() -> io::Result<()> {
    let wanted = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: 0 is the calling thread on Linux, and `wanted` outlives the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const wanted) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The best ordinary priority, for the calling thread only (on Linux, nice belongs to a thread).
#[allow(unsafe_code)]
fn renice() -> io::Result<()> {
    // SAFETY: plain numbers; 0 is the calling thread on Linux.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Keeps the daemon's pages in memory, where that is harmless: under a small limit, locking future pages would make
/// allocations fail.
fn lock_memory() {
    let generous = getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft == RLIM_INFINITY || soft >= PLENTY);
    if generous || capabilities().is_some_and(|bits| bits & CAP_IPC_LOCK != 0) {
        // MCL_ONFAULT: only pages that are touched; the unused parts of thread stacks stay unused.
        let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
        // Without it the ring runs as well, as long as the host does not swap.
        let _ = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault);
    }
}

/// The effective capabilities of this process.
fn capabilities() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claiming_never_fails_and_raises_this_thread_only() {
        std::thread::spawn(|| {
            let (what, warning) = claim(SAFE_TOKEN);
            assert_eq!(what == "ordinary", warning.is_some());
            if what == "SCHED_RR 50" {
                let policy =
                    || fs::read_to_string("/proc/thread-self/stat").unwrap().split(' ').nth(40).unwrap().to_owned();
                assert_eq!(policy(), libc::SCHED_RR.to_string());
                let child = std::thread::spawn(policy).join().unwrap();
                assert_eq!(child, libc::SCHED_OTHER.to_string(), "what it starts is not raised");
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn capabilities_are_read() {
        assert!(capabilities().is_some());
    }
}
