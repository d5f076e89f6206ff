//! From a job to a running child: which file it is, with which environment, and why it could not be started.

use nix::errno::Errno;
use resource_agents::{Job, StartError};
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Where programs are, for agents that were given no `PATH` of their own. Agents count on the `sbin`s.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A file being written cannot be started; a package upgrade or a fork elsewhere holds it open for moments.
const BUSY_RETRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Starts the job's program in a process group of its own. Blocks for as long as the file system does.
pub(crate) fn spawn(job: &Job, base: &BTreeMap<String, String>) -> Result<Child, StartError> {
    let path = find(&job.program, &job.search)?;
    let mut command = Command::new(&path);
    command
        .args(&job.args)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .envs(base)
        .envs(&job.env)
        .current_dir("/")
        .process_group(0)
        .stdin(if job.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut busy = 0;
    loop {
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(error) if error.raw_os_error() == Some(Errno::ETXTBSY as i32) && busy < BUSY_RETRIES => {
                busy += 1;
                std::thread::sleep(BUSY_PAUSE);
            }
            Err(error) => return Err(refusal(&path, &error)),
        }
    }
}

/// The file that `program` names: itself when absolute, else the first of its name in `search`.
fn find(program: &Path, search: &[PathBuf]) -> Result<PathBuf, StartError> {
    if program.is_absolute() {
        return Ok(program.to_owned());
    }
    let mut parts = program.components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
        return Err(StartError::Other(format!("{} is not the name of a program", program.display())));
    }
    let found = search.iter().map(|directory| directory.join(program)).find(|path| path.exists());
    found.ok_or_else(|| {
        let places: Vec<String> = search.iter().map(|directory| directory.display().to_string()).collect();
        StartError::Missing(format!("no program {} in {}", program.display(), places.join(", ")))
    })
}

fn refusal(path: &Path, error: &io::Error) -> StartError {
    let path_shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound if path.exists() => {
            StartError::Missing(format!("{path_shown} is there, but the interpreter its first line names is not"))
        }
        io::ErrorKind::NotFound => StartError::Missing(format!("{path_shown} is not installed on this node")),
        io::ErrorKind::PermissionDenied if path.is_dir() => {
            StartError::Forbidden(format!("{path_shown} is a directory, not a program"))
        }
        io::ErrorKind::PermissionDenied => {
            StartError::Forbidden(format!("{path_shown} may not be run by this user (is it executable?)"))
        }
        _ => StartError::Other(format!("{path_shown} could not be started: {error}")),
    }
}
