//! Which agents are installed on this node, and what they say of themselves. Blocks like any walk through directories.

use crate::process::{RunnerOptions, run};
use config::AgentRef;
use resource_agents::metadata::MetadataError;
use resource_agents::{Exit, Job, Metadata, reason_of};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Programs beside the fence-agents that share their prefix and are none.
const NO_AGENTS: [&str; 4] = ["fence_virtd", "fence_tool", "fence_node", "fence_legacy"];

/// Why agents could not be listed or asked.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A directory could not be read.
    #[error("cannot list the agents in {directory}: {source}")]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The agent did not print its description.
    #[error("{program} did not describe itself: {why}")]
    NoAnswer {
        /// The agent.
        program: PathBuf,
        /// What came instead.
        why: String,
    },
    /// The agent printed something else.
    #[error("{program}: {source}")]
    Unreadable {
        /// The agent.
        program: PathBuf,
        /// Why.
        source: MetadataError,
    },
}

/// The OCF agents below `ocf_root`, by name. A root that does not exist has none.
///
/// # Errors
/// [`ScanError::Directory`] when a directory is there but cannot be read.
pub fn ocf_agents(ocf_root: &Path) -> Result<Vec<AgentRef>, ScanError> {
    let root = ocf_root.join("resource.d");
    let mut agents = Vec::new();
    for provider in names(&root)? {
        let directory = root.join(&provider);
        if directory.is_dir() {
            let scripts = names(&directory)?.into_iter().filter(|kind| is_program(&directory.join(kind)));
            agents.extend(scripts.map(|kind| AgentRef::Ocf { provider: provider.clone(), kind }));
        }
    }
    Ok(agents)
}

/// The fence-agents in `directories`, by name.
///
/// # Errors
/// [`ScanError::Directory`] when a directory is there but cannot be read.
pub fn fence_agents(directories: &[PathBuf]) -> Result<Vec<String>, ScanError> {
    let mut agents = Vec::new();
    for directory in directories {
        let found = names(directory)?.into_iter().filter(|name| {
            name.starts_with("fence_") && !NO_AGENTS.contains(&name.as_str()) && is_program(&directory.join(name))
        });
        agents.extend(found);
    }
    agents.sort_unstable();
    agents.dedup();
    Ok(agents)
}

/// Runs `job` (see [`resource_agents::ocf::meta_data_job`], or `metadata_job` of fencing) and reads what it prints.
///
/// # Errors
/// [`ScanError`] when the agent cannot be run, fails, or prints something that is no description.
pub async fn describe(job: Job, options: &RunnerOptions) -> Result<Metadata, ScanError> {
    let program = job.program.clone();
    let finished = run(job, options).await;
    match finished.exit {
        Exit::Code(0) => Metadata::parse(&finished.stdout).map_err(|source| ScanError::Unreadable { program, source }),
        exit => {
            let words = reason_of(&finished.stderr).map(|words| format!(": {words}")).unwrap_or_default();
            Err(ScanError::NoAnswer { program, why: format!("{exit:?}{words}") })
        }
    }
}

/// The visible names in a directory, sorted.
fn names(directory: &Path) -> Result<Vec<String>, ScanError> {
    let failed = |source| ScanError::Directory { directory: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
