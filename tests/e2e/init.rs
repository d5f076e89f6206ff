//! The first process of a test host (PID 1 of its PID namespace): starts the daemon and buries the dead.
//!
//! When it is killed the kernel kills everything else in the namespace with it: that is the power cut.

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::process::{Command, ExitCode};

/// `host-init COMMAND ARGS...`: runs the command and stays until the end of the host.
pub fn run(command: Vec<String>) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
    // The host's own /run and logs; everything else is the machine's.
    for directory in ["/run", "/var/log/nginx", "/var/lib/nginx"] {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "host", directory]).status().is_ok_and(|s| s.success());
        if !mounted && directory == "/run" {
            eprintln!("host-init: cannot mount {directory}");
            return ExitCode::FAILURE;
        }
    }
    // The scripts of Debian's resource-agents expect it.
    let _ = std::fs::create_dir_all("/run/resource-agents");
    let daemon = match Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("host-init: cannot start {program}: {error}");
            return ExitCode::FAILURE;
        }
    };
    loop {
        match waitpid(None, Some(WaitPidFlag::empty())) {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw().unsigned_abs() == daemon.id() => {
                // Services go on running without their daemon, as on a real machine.
                eprintln!("host-init: the daemon ended with {code}");
            }
            Ok(_) => {}
            // No child is left: only a power cut ends a host.
            Err(_) => std::thread::sleep(std::time::Duration::from_secs(1)),
        }
    }
}
