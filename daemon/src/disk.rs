//! The durable part of the CIB on this node's disk.
//!
//! One file, replaced as a whole: write a temporary file, fsync, rename, fsync the directory. A power cut leaves either
//! the old or the new content, never a mixture. What people and agents had said before it is kept as
//! `cib.previous.json`, so that a change that lost against the rest of the cluster can still be looked at: the content
//! before it is not replaced by each new view that only stamps what is there.

use anyhow::{Context, Result, bail};
use crm::cib::Durable;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

const FILE: &str = "cib.json";
const PREVIOUS: &str = "cib.previous.json";
const FORMAT: u32 = 1;

/// How long to wait before a failed write is tried again.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    checksum: String,
    durable: Durable,
}

/// FNV-1a: tells a torn or edited file from a whole one; it is not a defence against an attacker with root.
fn checksum(durable: &Durable) -> Result<String> {
    let bytes = serde_json::to_vec(durable).context("cannot encode the configuration")?;
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    Ok(format!("{hash:016x}"))
}

/// Whether nobody has said anything between two versions: only views have passed, or who counts has changed.
fn says_the_same(one: &Durable, other: &Durable) -> bool {
    one.text == other.text
        && one.overrides == other.overrides
        && one.attributes == other.attributes
        && one.revoked == other.revoked
}

/// A locked state directory: only one daemon at a time may use it.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    // Held for as long as the daemon lives.
    _lock: File,
}

impl StateDirectory {
    /// Opens (and makes) the directory and locks it.
    ///
    /// # Errors
    /// When it cannot be made, or another daemon holds it.
    pub fn open(path: &Path) -> Result<StateDirectory> {
        fs::create_dir_all(path).with_context(|| format!("cannot make the state directory {}", path.display()))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .with_context(|| format!("cannot open {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(StateDirectory { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                bail!("another pacelined already runs with the state directory {}; stop it first", path.display())
            }
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
            }
        }
    }

    /// What was stored, or `None` at the very first start.
    ///
    /// # Errors
    /// When the file is there but damaged: the message says what to do.
    pub fn load(&self) -> Result<Option<Durable>> {
        let path = self.path.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let damaged = || {
            format!(
                "{} is damaged. If the other nodes are healthy, move it away and start again: this node then takes \
                 their configuration",
                path.display()
            )
        };
        let stored: Stored = serde_json::from_str(&text).with_context(damaged)?;
        if stored.format != FORMAT {
            bail!(
                "{} has format {}, this version reads format {FORMAT}: was it written by a newer pacelined?",
                path.display(),
                stored.format
            );
        }
        if checksum(&stored.durable)? != stored.checksum {
            bail!("the checksum is wrong: {}", damaged());
        }
        Ok(Some(stored.durable))
    }

    fn store(&self, durable: &Durable) -> Result<()> {
        let stored = Stored { format: FORMAT, checksum: checksum(durable)?, durable: durable.clone() };
        let path = self.path.join(FILE);
        let stamped = matches!(self.load(), Ok(Some(last)) if says_the_same(&last, durable));
        let temporary = self.path.join("cib.json.new");
        let attempt = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
            file.write_all(&serde_json::to_vec_pretty(&stored).map_err(std::io::Error::other)?)?;
            file.sync_all()?;
            if path.exists() && !stamped {
                // A hard link, not a rename: at no moment is there no current file.
                let previous = self.path.join(PREVIOUS);
                match fs::remove_file(&previous) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                fs::hard_link(&path, &previous)?;
            }
            fs::rename(&temporary, &path)?;
            File::open(&self.path)?.sync_all()
        };
        attempt().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Starts the thread that writes. `answer` hears of every version that is on disk, and of failures; failed writes
    /// are tried again until they succeed or a newer version replaces them.
    pub fn into_writer(self, answer: impl Fn(Written) + Send + 'static) -> Result<Sender<Durable>> {
        let (sender, receiver) = channel();
        std::thread::Builder::new()
            .name("disk".into())
            .spawn(move || self.write_loop(&receiver, &answer))
            .context("cannot start the disk thread")?;
        Ok(sender)
    }

    fn write_loop(&self, receiver: &Receiver<Durable>, answer: &dyn Fn(Written)) {
        let mut waiting: Option<Durable> = None;
        let mut last_reason = String::new();
        loop {
            let next = if waiting.is_some() {
                match receiver.recv_timeout(RETRY) {
                    Ok(durable) => Some(durable),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                match receiver.recv() {
                    Ok(durable) => Some(durable),
                    Err(_) => return,
                }
            };
            // Only the newest counts: it contains every earlier change.
            let newest = receiver.try_iter().last().or(next).or(waiting.take());
            let Some(durable) = newest else { continue };
            match self.store(&durable) {
                Ok(()) => {
                    last_reason.clear();
                    waiting = None;
                    answer(Written::Stored(durable.generation));
                }
                Err(error) => {
                    let reason = format!("{error:#}");
                    if reason != last_reason {
                        answer(Written::Failed { generation: durable.generation, reason: reason.clone() });
                        last_reason = reason;
                    }
                    waiting = Some(durable);
                }
            }
        }
    }
}

/// What the disk thread has to say.
#[derive(Debug)]
pub enum Written {
    /// This version is safe.
    Stored(crm::cib::Generation),
    /// It is not, and why; it is tried again.
    Failed {
        /// Which version.
        generation: crm::cib::Generation,
        /// What was tried and why it failed.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::{StateDirectory, Written};
    use crm::cib::{Durable, Generation};
    use std::path::PathBuf;
    use std::sync::mpsc::channel;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("paceline-disk-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        dir
    }

    fn durable(index: u64) -> Durable {
        let first = crm::node::NodeOptions::first_durable(format!("# version {index}\n"));
        Durable { generation: Generation { view: 3, index }, ..first }
    }

    #[test]
    fn what_was_stored_is_found_again_and_the_version_before_is_kept() {
        let dir = scratch("round-trip");
        let (tell, told) = channel();
        let state = StateDirectory::open(&dir).unwrap();
        assert!(state.load().unwrap().is_none());
        let writer = state.into_writer(move |written| tell.send(written).unwrap()).unwrap();
        let stamped = Durable { generation: Generation { view: 4, index: 0 }, ..durable(2) };
        for version in [durable(1), durable(2), stamped.clone()] {
            writer.send(version.clone()).unwrap();
            match told.recv().unwrap() {
                Written::Stored(generation) => assert_eq!(generation, version.generation),
                Written::Failed { reason, .. } => panic!("{reason}"),
            }
        }
        drop(writer);
        assert!(told.recv().is_err(), "the disk thread ends with its writer");
        let again = StateDirectory::open(&dir).unwrap();
        assert_eq!(again.load().unwrap().unwrap(), stamped);
        let previous = std::fs::read_to_string(dir.join("cib.previous.json")).unwrap();
        assert!(previous.contains("version 1"), "what was said before, whatever views have passed: {previous}");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_second_daemon_is_refused() {
        let dir = scratch("lock");
        let _first = StateDirectory::open(&dir).unwrap();
        let message = format!("{:#}", StateDirectory::open(&dir).unwrap_err());
        assert!(message.contains("already runs"), "{message}");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_damaged_file_is_refused_with_advice() {
        let dir = scratch("damage");
        let state = StateDirectory::open(&dir).unwrap();
        state.store(&durable(7)).unwrap();
        let path = dir.join("cib.json");
        let text = std::fs::read_to_string(&path).unwrap().replace("version 7", "version 8");
        std::fs::write(&path, text).unwrap();
        let message = format!("{:#}", state.load().unwrap_err());
        assert!(message.contains("checksum") && message.contains("move it away"), "{message}");
        std::fs::write(&path, "{ \"format\": 1, ").unwrap();
        assert!(format!("{:#}", state.load().unwrap_err()).contains("damaged"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
