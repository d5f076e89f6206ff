//! Flight recordings on disk: what the ring did before a change of the view that nobody wanted, and whenever somebody
//! asks. They are for `paceline ring replay`.
//!
//! `ring-records/NNNN.record` in the state directory, the last eight of them, readable by their owner alone. What is in
//! them says [`membership::Recorder`]. The ring thread only shares its memory; a thread of its own writes
//! it down.

use crate::mailbox::{Mailbox, Note};
use config::NodeId;
use membership::{About, Input, Output, RECORDED, Recorder, Recording, Ring};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DIRECTORY: &str = "ring-records";
const SUFFIX: &str = "record";
const BESIDE: &str = ".new";
/// Files kept.
const KEPT: usize = 8;
/// At least so much between two that nobody asked for: a view that flaps must not fill the disk with the same story,
/// and one recording holds the minutes before it anyway.
const DISTANCE: Duration = Duration::from_secs(10);

/// Recordings that wait for a disk that hangs: each keeps a few megabytes of locked memory from being used again.
const WAITING: usize = 4;

/// Is told where a recording lies, or why it could not be written. Called on the writing thread.
pub(crate) type Answer = Box<dyn FnOnce(Result<PathBuf, String>) + Send>;

/// What is to be written.
struct Order {
    recording: Recording,
    /// Somebody asked for it.
    answer: Option<Answer>,
}

/// The recorder of one ring and the way to its files.
pub(crate) struct Flight {
    recorder: Recorder,
    me: NodeId,
    writer: SyncSender<Order>,
    /// When one was last written that nobody asked for.
    last: Option<Instant>,
}

impl Flight {
    /// Records `ring` from now on. Starts the thread that writes; it ends with the returned value.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn new(ring: &Ring, me: NodeId, state: &Path, mailbox: Arc<Mailbox>) -> io::Result<Flight> {
        let (writer, orders) = mpsc::sync_channel(WAITING);
        let directory = state.join(DIRECTORY);
        thread::Builder::new().name("ring-record".to_owned()).spawn(move || keep(&directory, &mailbox, &orders))?;
        Ok(Flight { recorder: Recorder::new(ring, RECORDED), me, writer, last: None })
    }

    /// A step of the ring, recorded.
    pub(crate) fn step(&mut self, ring: &mut Ring, now: Instant, input: Input) -> Vec<Output> {
        self.recorder.step(ring, now, input)
    }

    /// The view has changed and nobody wanted it to.
    pub(crate) fn unwanted(&mut self, now: Instant, reason: String) {
        if self.last.is_none_or(|last| now >= last + DISTANCE) {
            self.last = Some(now);
            self.write(reason, None);
        }
    }

    /// Somebody wants to see what the ring did.
    pub(crate) fn asked(&self, answer: Answer) {
        self.write("an operator asked for it".to_owned(), Some(answer));
    }

    fn write(&self, reason: String, answer: Option<Answer>) {
        let release = env!("CARGO_PKG_VERSION").to_owned();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let written_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let about = About { release, node: self.me.clone(), reason, written_ms };
        // The thread that writes lives as long as this. Of those that nobody asked for the ones that wait tell enough.
        let order = Order { recording: self.recorder.recording(about), answer };
        if let Err(TrySendError::Full(Order { answer: Some(answer), .. })) = self.writer.try_send(order) {
            answer(Err(format!(
                "{WAITING} recordings of the ring wait to be written: see whether the disk of the state directory answers"
            )));
        }
    }
}

fn keep(directory: &Path, mailbox: &Mailbox, orders: &Receiver<Order>) {
    while let Ok(Order { recording, answer }) = orders.recv() {
        let stored = store(directory, |file| recording.write_to(file))
            .map_err(|error| format!("cannot write a recording of the ring to {}: {error}", directory.display()));
        match (stored, answer) {
            (stored, Some(answer)) => answer(stored),
            (Ok(path), None) => tracing::info!(
                "{}: what the ring did before is recorded in {}; `paceline ring replay` shows it",
                recording.about.reason,
                path.display()
            ),
            (Err(why), None) => mailbox.post(Note::Warning(format!("{why}; the ring goes on"))),
        }
    }
}

/// Writes one more file and removes the oldest when there are too many.
fn store(directory: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut numbers = numbers(directory)?;
    let number = numbers.last().map_or(1, |last| last + 1);
    let (beside, path) = (directory.join(BESIDE), file(directory, number));
    // One that was left half written keeps whatever mode it has.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    write(&mut new)?;
    drop(new);
    fs::rename(&beside, &path)?;
    numbers.push(number);
    for old in &numbers[..numbers.len().saturating_sub(KEPT)] {
        fs::remove_file(file(directory, *old))?;
    }
    Ok(path)
}

fn file(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:04}.{SUFFIX}"))
}

/// The numbers of the files that are there, sorted.
fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = PathBuf::from(entry?.file_name());
        let stem =
            path.file_stem().and_then(|stem| stem.to_str()).filter(|_| path.extension() == Some(SUFFIX.as_ref()));
        numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_last_files_are_kept_and_are_for_their_owner_alone() {
        let state = tempfile::tempdir().unwrap();
        let directory = state.path().join(DIRECTORY);
        for round in 0..KEPT as u64 + 3 {
            let path = store(&directory, |file| file.write_all(&round.to_le_bytes())).unwrap();
            assert_eq!(path, directory.join(format!("{:04}.record", round + 1)));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(numbers(&directory).unwrap(), (4..=KEPT as u64 + 3).collect::<Vec<_>>());
        // What somebody else put there stays, and does not count.
        fs::write(directory.join("note.txt"), "mine").unwrap();
        fs::write(directory.join(BESIDE), "half").unwrap();
        let path = store(&directory, |file| file.write_all(b"whole")).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"whole");
        assert!(directory.join("note.txt").exists() && !directory.join(BESIDE).exists());
    }

    #[test]
    fn a_view_that_flaps_is_recorded_now_and_then() {
        let state = tempfile::tempdir().unwrap();
        let me = NodeId::new("alpha").unwrap();
        let now = Instant::now();
        let options = membership::RingOptions {
            me: me.clone(),
            incarnation: membership::Incarnation(1),
            nodes: [me.clone()].into(),
            token: Duration::from_secs(1),
            frame_limit: 1200,
            ring_number_floor: 0,
            seed: 1,
        };
        let mailbox = Arc::new(Mailbox::new().unwrap());
        let mut flight = Flight::new(&Ring::new(options, now), me, state.path(), mailbox).unwrap();
        for second in 0..=20 {
            flight.unwanted(now + Duration::from_secs(second), "beta is gone".to_owned());
        }
        let (said, hear) = mpsc::channel();
        flight.asked(Box::new(move |stored| said.send(stored).unwrap()));
        let path = hear.recv().unwrap().unwrap();
        assert_eq!(path.file_name().unwrap(), "0004.record", "three in twenty seconds, and the one asked for");
        let recording = Recording::decode(&fs::read(path).unwrap()).unwrap();
        assert_eq!(recording.about.node.as_str(), "alpha");

        // The disk hangs: whoever asks is told so, and nothing piles up.
        let (begun, begins) = mpsc::channel();
        let (goes_on, hang) = mpsc::channel::<()>();
        flight.asked(Box::new(move |_| {
            begun.send(()).unwrap();
            let _ = hang.recv();
        }));
        begins.recv().unwrap();
        let (said, hear) = mpsc::channel();
        for _ in 0..=WAITING {
            let said = said.clone();
            flight.asked(Box::new(move |stored| said.send(stored).unwrap()));
        }
        let refused = hear.recv_timeout(Duration::from_secs(5)).expect("an answer, though the disk hangs");
        assert!(refused.unwrap_err().contains("wait to be written"));
        drop(goes_on);
        assert!((0..WAITING).all(|_| hear.recv().unwrap().is_ok()));
    }
}
