//! A client of process groups: connects to a daemon's `groups.sock` and speaks `membership::group::wire` with it.
//!
//! Blocking, and in two halves, so that one thread may write while another reads. A program has to read: what it does
//! not read holds those who write to its groups, itself included.

use bytes::Bytes;
use membership::Guarantee;
use membership::group::wire::{Frames, MAX_ANSWER, VERSION, WireError};
use membership::group::{Answer, GroupName, Member, Refusal, Request};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;
/// How long the daemon may take to greet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a daemon cannot be spoken to about groups.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// There is no connection.
    #[error("cannot reach the groups of the daemon at {}", .path.display())]
    Connect {
        /// Where it was tried.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none any more.
    #[error("lost the connection to the groups of the daemon")]
    Lost(#[source] io::Error),
    /// It says something that no daemon of this version says.
    #[error("the daemon says something that is not understood: {0}")]
    Wire(#[from] WireError),
    /// It does not want this client.
    #[error("the daemon refuses this program: {0}")]
    Refused(Refusal),
}

/// The half that asks.
#[derive(Debug)]
pub struct GroupSender {
    stream: UnixStream,
    bytes: Vec<u8>,
    serial: u32,
}

/// The half that hears.
#[derive(Debug)]
pub struct GroupReceiver {
    stream: UnixStream,
    frames: Frames,
    piece: Vec<u8>,
}

/// Connects to the groups of the daemon whose socket of groups is at `path`. Also tells which member this client is
/// going to be.
///
/// # Errors
/// [`GroupError`] says what does not work.
pub fn connect_groups(path: &Path) -> Result<(GroupSender, GroupReceiver, Member), GroupError> {
    let failed = |source| GroupError::Connect { path: path.to_owned(), source };
    let stream = UnixStream::connect(path).map_err(failed)?;
    let other = stream.try_clone().map_err(failed)?;
    let mut sender = GroupSender { stream, bytes: Vec::new(), serial: 0 };
    let mut receiver = GroupReceiver { stream: other, frames: Frames::new(MAX_ANSWER), piece: vec![0; PIECE] };
    sender.ask(&Request::Hello { lowest: VERSION, highest: VERSION })?;
    match receiver.next(Some(PATIENCE))? {
        Some(Answer::Welcome { you, .. }) => Ok((sender, receiver, you)),
        Some(Answer::Refused { refusal, .. }) => Err(GroupError::Refused(refusal)),
        Some(_) => Err(GroupError::Wire(WireError::Kind(0))),
        None => Err(failed(io::ErrorKind::TimedOut.into())),
    }
}

impl GroupSender {
    fn ask(&mut self, request: &Request) -> Result<(), GroupError> {
        self.bytes.clear();
        request.encode(&mut self.bytes);
        self.stream.write_all(&self.bytes).map_err(GroupError::Lost)
    }

    fn serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    /// Asks to be taken into a group. The first change of it that is heard names this client among the members.
    ///
    /// # Errors
    /// The connection is lost. A refusal comes as an answer with the serial number that this returns.
    pub fn join(&mut self, group: &GroupName) -> Result<u32, GroupError> {
        let serial = self.serial();
        self.ask(&Request::Join { serial, group: group.clone() })?;
        Ok(serial)
    }

    /// Asks to be taken out of a group. The last change of it that is heard names this client among those who left.
    ///
    /// # Errors
    /// As in [`GroupSender::join`].
    pub fn leave(&mut self, group: &GroupName) -> Result<u32, GroupError> {
        let serial = self.serial();
        self.ask(&Request::Leave { serial, group: group.clone() })?;
        Ok(serial)
    }

    /// Says something in a group. It has been delivered when it comes back. Waits while the group is held.
    ///
    /// # Errors
    /// As in [`GroupSender::join`].
    pub fn send(
        &mut self,
        group: &GroupName,
        guarantee: Guarantee,
        payload: impl Into<Bytes>,
    ) -> Result<u32, GroupError> {
        let (serial, payload) = (self.serial(), payload.into());
        self.ask(&Request::Send { serial, group: group.clone(), guarantee, payload })?;
        Ok(serial)
    }

    /// Asks for all groups: an answer for each, then the end with this serial number.
    ///
    /// # Errors
    /// As in [`GroupSender::join`].
    pub fn list(&mut self) -> Result<u32, GroupError> {
        let serial = self.serial();
        self.ask(&Request::List { serial })?;
        Ok(serial)
    }
}

impl GroupReceiver {
    /// The next answer; `None` when there was none within `patience`. Without one it waits for as long as it takes.
    ///
    /// # Errors
    /// The connection is lost, or what comes is not understood: there is nothing more to be heard.
    pub fn next(&mut self, patience: Option<Duration>) -> Result<Option<Answer>, GroupError> {
        let patience = patience.map(|time| time.max(Duration::from_millis(1)));
        self.stream.set_read_timeout(patience).map_err(GroupError::Lost)?;
        loop {
            if let Some(frame) = self.frames.take()? {
                return Ok(Some(Answer::decode(frame)?));
            }
            match self.stream.read(&mut self.piece) {
                Ok(0) => return Err(GroupError::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(len) => self.frames.feed(&self.piece[..len]),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(GroupError::Lost(error)),
            }
        }
    }
}
