//! Jobs that outlived their daemon. A daemon that is killed cannot take its agents with it: a start that was under way
//! goes on, and would finish after the daemon's next life has looked around and reported "not running".
//!
//! So every job is noted in a directory before it begins and struck out when it has ended, and carries the name of its
//! note in its environment, as does everything that it starts. What is still noted when a daemon starts is ended before
//! that daemon meets its cluster. A service whose start had ended in order is not noted, and lives on.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The name of the note, in the environment of the job and of all that it starts.
const MARK: &str = "PACELINE_JOB";

/// How long killed processes may take to go away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where jobs are noted.
#[derive(Clone, Debug)]
pub struct Notes {
    directory: PathBuf,
}

/// Leftovers could not be dealt with.
#[derive(Debug, thiserror::Error)]
pub enum LeftoverError {
    /// The directory of the notes cannot be used.
    #[error("cannot use {path}, where running jobs are noted: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// They do not die.
    #[error(
        "agents of this daemon's former life cannot be killed (processes {}); they may hang in the kernel: \
         this node has to be rebooted", list(.0)
    )]
    Undead(BTreeSet<i32>),
}

fn list(pids: &BTreeSet<i32>) -> String {
    pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Notes {
    /// Opens (and makes) the directory, and ends what an earlier life of the daemon has left running there. Returns how
    /// many processes that were. Blocks until they are gone.
    ///
    /// # Errors
    /// [`LeftoverError`]; the daemon must not start then.
    pub fn open(directory: &Path) -> Result<(Notes, usize), LeftoverError> {
        let failed = |source| LeftoverError::Directory { path: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let names = fs::read_dir(directory).map_err(failed)?;
        let marks: BTreeSet<String> =
            names.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
        let killed = if marks.is_empty() { 0 } else { end(&marks)? };
        for mark in &marks {
            fs::remove_file(directory.join(mark)).map_err(failed)?;
        }
        Ok((Notes { directory: directory.to_owned() }, killed))
    }

    /// Notes a job that is about to begin. The note is struck out when the value is dropped.
    pub(crate) fn note(&self) -> io::Result<Note> {
        let mark = format!("{:016x}", fastrand::u64(..));
        let path = self.directory.join(&mark);
        fs::File::create_new(&path)?;
        Ok(Note { path, mark })
    }
}

/// The note of one running job.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
    mark: String,
}

impl Note {
    /// What the job has to carry in its environment.
    pub(crate) fn environment(&self) -> (&'static str, &str) {
        (MARK, &self.mark)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            // The worst that follows is a search for nobody at the next start.
            tracing::warn!(%error, "cannot strike out the note of an ended job, {}", self.path.display());
        }
    }
}

/// Kills everything that carries one of these marks, until nothing does.
fn end(marks: &BTreeSet<String>) -> Result<usize, LeftoverError> {
    let deadline = Instant::now() + PATIENCE;
    let mut all = BTreeSet::new();
    loop {
        let alive = carriers(marks);
        if alive.is_empty() {
            return Ok(all.len());
        }
        if Instant::now() > deadline {
            return Err(LeftoverError::Undead(alive));
        }
        for pid in &alive {
            // One that has died since needs no killing.
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        all.extend(alive);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Processes that carry one of these marks. The dead that nobody has buried yet have no environment and do not count.
fn carriers(marks: &BTreeSet<String>) -> BTreeSet<i32> {
    let Ok(processes) = fs::read_dir("/proc") else { return BTreeSet::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter(|pid| carries(*pid, marks)).collect()
}

fn carries(pid: i32, marks: &BTreeSet<String>) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    environment.split(|byte| *byte == 0).any(|variable| {
        let text = std::str::from_utf8(variable).ok();
        let mark = text.and_then(|text| text.strip_prefix(MARK)?.strip_prefix('='));
        mark.is_some_and(|mark| marks.contains(mark))
    })
}

#[cfg(test)]
mod tests {
    use super::{Notes, carriers};
    use std::collections::BTreeSet;
    use std::process::{Command, Stdio};

    #[test]
    fn what_an_earlier_life_left_running_is_ended_with_its_children_and_nothing_else_is() {
        let directory = std::env::temp_dir().join(format!("paceline-leftover-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        let (notes, killed) = Notes::open(&directory).unwrap();
        assert_eq!(killed, 0);
        let note = notes.note().unwrap();
        let (name, mark) = note.environment();
        let marks = BTreeSet::from([mark.to_owned()]);
        let sleeper = |script: &str, name: &str, value: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).env(name, value).stdin(Stdio::null()).spawn().unwrap()
        };
        // The job, with a child that has left its session, as a half-started service does.
        let mut job = sleeper("setsid sleep 1000 & sleep 1000; true", name, mark);
        let mut other = sleeper("exec sleep 1000", name, "ffffffffffffffffff");
        while carriers(&marks).len() < 3 {
            std::thread::yield_now();
        }
        std::mem::forget(note);

        let (_notes, killed) = Notes::open(&directory).unwrap();
        assert!(killed >= 3, "{killed} processes were ended");
        job.wait().unwrap();
        assert!(carriers(&marks).is_empty());
        assert!(other.try_wait().unwrap().is_none(), "a process with another mark lives on");
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "the notes are struck out");
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn an_ended_job_leaves_no_note() {
        let directory = std::env::temp_dir().join(format!("paceline-note-{}", std::process::id()));
        let (notes, _) = Notes::open(&directory).unwrap();
        drop(notes.note().unwrap());
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
