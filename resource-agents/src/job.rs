//! What to execute, and what came of it: the seam between the pure machines and the process runner.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Most bytes of standard output, and of standard error, that are kept of one job (the end of each is kept).
pub const OUTPUT_LIMIT: usize = 64 * 1024;

/// Names a running job of one machine (executor or fencer). Never used twice in one life of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// A program to run in a process group of its own. Its `Debug` shows no value of a secret and no standard input.
#[derive(Clone, PartialEq, Eq)]
pub struct Job {
    /// Absolute path, or a file name to be found in `search`.
    pub program: PathBuf,
    /// Directories in which a relative `program` is looked for, first match wins.
    pub search: Vec<PathBuf>,
    /// Arguments.
    pub args: Vec<String>,
    /// The whole environment (nothing is inherited but `PATH` and the locale, where not given here).
    pub env: BTreeMap<String, String>,
    /// Text for its standard input.
    pub stdin: Option<String>,
    /// After this long the whole process group is killed.
    pub timeout: Duration,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): (_, _)| if crate::is_secret(name) { (name, "***") } else { (name, value) };
        let env: BTreeMap<&str, &str> = self.env.iter().map(|(n, v)| shown((n.as_str(), v.as_str()))).collect();
        f.debug_struct("Job")
            .field("program", &self.program)
            .field("search", &self.search)
            .field("args", &self.args)
            .field("env", &env)
            .field("stdin", &self.stdin.as_ref().map(|text| format!("{} bytes", text.len())))
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It ran out of time; its process group was killed.
    TimedOut,
    /// It was killed because nobody wants its result any more.
    Cancelled,
    /// It could not be started: what was tried and why it failed.
    NotStarted(StartError),
}

/// Why a job could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// No such program in any of the directories.
    Missing(String),
    /// It is there, but this process may not run it.
    Forbidden(String),
    /// Anything else (out of processes, of memory, ...).
    Other(String),
}

/// A finished job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// The end of its standard output, at most [`OUTPUT_LIMIT`] bytes, made valid UTF-8.
    pub stdout: String,
    /// The end of its standard error, at most [`OUTPUT_LIMIT`] bytes, made valid UTF-8.
    pub stderr: String,
    /// How long it ran.
    pub elapsed: Duration,
}
