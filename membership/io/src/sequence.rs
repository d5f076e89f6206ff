//! The stored ring number: the highest that an earlier life of this node may have used. A ring number must never come
//! twice, so the next life starts above it.
//!
//! One line, `ring-number N`, in the file `ring-number` of the state directory: written beside, made durable, renamed,
//! and the directory made durable too, all on a helper thread, for a disk may take seconds and the ring has none.
//! Numbers are confirmed in blocks ahead of need, so a slow disk costs nothing and a full one leaves time to act.

use crate::mailbox::{Mailbox, Note};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

const FILE: &str = "ring-number";
const BESIDE: &str = ".ring-number.new";
const LABEL: &str = "ring-number ";
/// Between two attempts at a disk that does not take it.
const RETRY: Duration = Duration::from_secs(1);

/// Why the stored ring number cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// The file or its directory cannot be read or made.
    #[error("cannot read {path}: {source}; check the owner and the mode of the state directory")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold a number.
    #[error(
        "{path} does not hold a ring number; take the highest ring number that `paceline status` shows on the other \
         nodes, add 1000, and write the line `{LABEL}N` to the file (delete it only when the whole cluster is made new)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// Ring numbers up to this one may have been used by an earlier life; 0 for the first life. Makes the directory.
///
/// # Errors
/// [`SequenceError`] says what to do.
pub(crate) fn load(dir: &Path) -> Result<u64, SequenceError> {
    let path = dir.join(FILE);
    let failed = |source| SequenceError::Read { path: path.clone(), source };
    fs::create_dir_all(dir).map_err(failed)?;
    let mut text = Vec::new();
    match File::open(&path) {
        Ok(file) => file.take(64).read_to_end(&mut text).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    parse(&text).ok_or(SequenceError::Damaged { path })
}

/// The number that the content of the file says.
pub(crate) fn parse(text: &[u8]) -> Option<u64> {
    // The line's end shows that the number is whole.
    let digits = std::str::from_utf8(text).ok()?.strip_prefix(LABEL)?.strip_suffix('\n')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn store(dir: &Path, number: u64) -> io::Result<()> {
    let beside = dir.join(BESIDE);
    let mut file = File::create(&beside)?;
    writeln!(file, "{LABEL}{number}")?;
    file.sync_all()?;
    fs::rename(&beside, dir.join(FILE))?;
    File::open(dir)?.sync_all()
}

/// Starts the helper thread: numbers go in, [`Note::Stored`] comes out. It ends when the sender is dropped.
///
/// # Errors
/// The system has no thread to give.
pub(crate) fn keeper(dir: PathBuf, mailbox: Arc<Mailbox>) -> io::Result<Sender<u64>> {
    let (sender, wishes) = mpsc::channel();
    thread::Builder::new().name("ring-number".to_owned()).spawn(move || keep(&dir, &mailbox, &wishes))?;
    Ok(sender)
}

fn keep(dir: &Path, mailbox: &Mailbox, wishes: &Receiver<u64>) {
    let mut told = false;
    while let Ok(mut number) = wishes.recv() {
        loop {
            // Only the highest matters.
            number = wishes.try_iter().fold(number, u64::max);
            match store(dir, number) {
                Ok(()) => {
                    told = false;
                    mailbox.post(Note::Stored(number));
                    break;
                }
                Err(error) => {
                    if !told {
                        told = true;
                        mailbox.post(Note::Warning(format!(
                            "cannot store the ring number in {}: {error}; trying again every {} s. The ring goes on, but \
                             this node cannot join new views once its reserve is used up: make room on the disk",
                            dir.join(FILE).display(),
                            RETRY.as_secs()
                        )));
                    }
                    match wishes.recv_timeout(RETRY) {
                        Ok(newer) => number = number.max(newer),
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;

    /// The next note, waited for.
    fn next(mailbox: &Mailbox) -> Note {
        loop {
            if let Some(note) = mailbox.take(|| 0).notes.pop_front() {
                return note;
            }
            let mut wait = [PollFd::new(mailbox.as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut wait, PollTimeout::from(5000u16)).unwrap(), 1, "no note came");
        }
    }

    #[test]
    fn a_number_survives() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        assert_eq!(load(&state).unwrap(), 0);
        let mailbox = Arc::new(Mailbox::new().unwrap());
        let keeper = keeper(state.clone(), Arc::clone(&mailbox)).unwrap();
        keeper.send(128).unwrap();
        assert!(matches!(next(&mailbox), Note::Stored(128)));
        assert_eq!(load(&state).unwrap(), 128);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "",
            "ring-number 12",
            "ring-number \n",
            "ring-number -1\n",
            "ring-number +1\n",
            "12\n",
            "ring-number 99999999999999999999999\n",
        ] {
            fs::write(dir.path().join(FILE), text).unwrap();
            let said = load(dir.path()).unwrap_err().to_string();
            assert!(said.contains("paceline status") && said.contains(FILE), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_disk_that_refuses_is_told_once_and_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir(&state).unwrap();
        // What cannot be created: a directory is in the way.
        fs::create_dir(state.join(BESIDE)).unwrap();
        let mailbox = Arc::new(Mailbox::new().unwrap());
        let keeper = keeper(state.clone(), Arc::clone(&mailbox)).unwrap();
        keeper.send(128).unwrap();
        let Note::Warning(text) = next(&mailbox) else { panic!("a warning first") };
        assert!(text.contains("make room on the disk"), "{text}");
        fs::remove_dir(state.join(BESIDE)).unwrap();
        keeper.send(64).unwrap();
        assert!(matches!(next(&mailbox), Note::Stored(128)), "the highest number, and no second warning");
    }
}
