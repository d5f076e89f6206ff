//! The directory that stands first in the path of agents: links to `paceline` under the names of the peer's commands
//! that OCF agents call. A peer that is installed beside us, but not in charge, is not asked by accident.

use crm::control::AGENT_COMMANDS;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The name of the program behind the links.
const PROGRAM: &str = "paceline";

/// Where programs are, after our own directory. Agents count on the `sbin`s.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the directory in `state`, and returns what agents must find in their environment to use it.
///
/// # Errors
/// When there is no `paceline` beside this program or in the usual places, or the links cannot be made; in words.
pub(crate) fn provide(state: &Path, socket: &Path) -> Result<BTreeMap<String, String>, String> {
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(|directory| directory.join(PROGRAM));
    let usual = PATH.split(':').map(|directory| Path::new(directory).join(PROGRAM));
    let program = beside
        .into_iter()
        .chain(usual)
        .find(|path| path.is_file())
        .ok_or_else(|| format!("there is no {PROGRAM} beside this program, nor in {PATH}"))?;
    let directory = state.join("agent-commands");
    link(&directory, &program).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let directory = directory.display().to_string();
    Ok([
        ("PATH".to_owned(), format!("{directory}:{PATH}")),
        // Where agents look for the peer's commands, and for nothing else.
        ("HA_SBIN_DIR".to_owned(), directory),
        ("PACELINE_SOCKET".to_owned(), socket.display().to_string()),
    ]
    .into())
}

/// Makes the links anew: the program may have moved since.
fn link(directory: &Path, program: &PathBuf) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for name in AGENT_COMMANDS {
        let place = directory.join(name);
        match std::fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => symlink(program, &place)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::link;
    use crm::control::AGENT_COMMANDS;
    use std::path::PathBuf;

    #[test]
    fn links_point_to_the_program_that_is_there_now() {
        let directory = std::env::temp_dir().join(format!("paceline-tools-{}", std::process::id()));
        for program in ["/old/paceline", "/new/paceline"] {
            link(&directory, &PathBuf::from(program)).unwrap();
            for name in AGENT_COMMANDS {
                assert_eq!(std::fs::read_link(directory.join(name)).unwrap(), PathBuf::from(program));
            }
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
