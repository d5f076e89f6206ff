//! The connection to a daemon: finds its socket, asks, and never waits without an end.

mod find;

pub(crate) use find::Where;

use crate::failure::Failure;
use crm::control::{MAX_LINE, Request, Response};
use crm::event::Event;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a question may take that the daemon can answer by itself.
pub(crate) const PROMPT: Duration = Duration::from_secs(5);
/// How long a change may take: the cluster acknowledges it within ten seconds, or refuses.
pub(crate) const CHANGE: Duration = Duration::from_secs(15);

/// A connection.
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    socket: PathBuf,
}

impl Client {
    /// Connects to this socket.
    ///
    /// # Errors
    /// Exit status 3, with what to look at.
    pub(crate) fn connect(path: &Path) -> Result<Client, Failure> {
        let stream = open(path).map_err(|error| {
            let failure = Failure::no_answer(format!("cannot reach the daemon at {}", path.display())).because(&error);
            failure.hint(match error.kind() {
                ErrorKind::PermissionDenied => {
                    "use the account that the daemon runs under (root), or name another --socket"
                }
                _ => "is pacelined running? Look with `systemctl status pacelined`, or name another --socket",
            })
        })?;
        Ok(Client { stream: BufReader::new(stream), socket: path.to_owned() })
    }

    /// The socket it is connected to.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks, and waits at most `patience` for the answer.
    pub(crate) fn ask(&mut self, request: &Request, patience: Duration) -> Result<Response, Failure> {
        self.send(request)?;
        match self.receive(patience)? {
            Some(response) => Ok(response),
            None => Err(self.silent(patience)),
        }
    }

    /// Like [`Client::ask`] for a change: the generation, and whether anything changed.
    pub(crate) fn change(&mut self, request: &Request) -> Result<Done, Failure> {
        match self.ask(request, CHANGE)? {
            Response::Done { generation, changed } => Ok(Done { generation, changed }),
            other => Err(Failure::unexpected(&other)),
        }
    }

    /// Waits until the cluster has nothing left to do.
    pub(crate) fn wait_idle(&mut self, timeout: Duration) -> Result<(), Failure> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        match self.ask(&Request::WaitIdle { timeout_ms }, timeout + PROMPT)? {
            Response::Done { .. } => Ok(()),
            other => Err(Failure::unexpected(&other)),
        }
    }

    /// Sends a question whose answers are read with [`Client::receive`].
    pub(crate) fn send(&mut self, request: &Request) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(request).expect("requests can be written as JSON");
        line.push(b'\n');
        if line.len() > MAX_LINE {
            return Err(Failure::refused(format!(
                "the request has {} bytes, the daemon accepts {MAX_LINE}",
                line.len()
            )));
        }
        let sent = self.stream.get_mut().write_all(&line);
        sent.map_err(|error| self.lost(&error))
    }

    /// The next answer; `None` when there was none within `patience`.
    pub(crate) fn receive(&mut self, patience: Duration) -> Result<Option<Response>, Failure> {
        let timeout = patience.max(Duration::from_millis(1));
        self.stream.get_ref().set_read_timeout(Some(timeout)).map_err(|error| self.lost(&error))?;
        let mut line = Vec::new();
        let limit = MAX_LINE as u64 + 1;
        match self.stream.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) => Err(self.lost(&io::Error::new(ErrorKind::UnexpectedEof, "it hung up without an answer"))),
            Ok(_) => serde_json::from_slice(&line).map(Some).map_err(|error| {
                Failure::no_answer(format!("the daemon at {} answers something else", self.socket.display()))
                    .because(error)
                    .hint("paceline and pacelined should be of the same version")
            }),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // A piece of a line is lost with the timeout: the connection is of no use any more.
                if line.is_empty() { Ok(None) } else { Err(self.silent(patience)) }
            }
            Err(error) => Err(self.lost(&error)),
        }
    }

    /// The next event; `None` when there was none within `patience`.
    pub(crate) fn event(&mut self, patience: Duration) -> Result<Option<Event>, Failure> {
        match self.receive(patience)? {
            None => Ok(None),
            Some(Response::Event(event)) => Ok(Some(event)),
            Some(other) => Err(Failure::unexpected(&other)),
        }
    }

    fn silent(&self, patience: Duration) -> Failure {
        Failure::no_answer(format!(
            "the daemon at {} did not answer within {} s",
            self.socket.display(),
            patience.as_secs_f32().round()
        ))
        .hint("it may be stopped or overloaded; ask another node, or look at its log")
    }

    fn lost(&self, error: &io::Error) -> Failure {
        Failure::no_answer(format!("lost the connection to the daemon at {}", self.socket.display()))
            .because(error)
            .hint("look at the log of pacelined, then ask again")
    }
}

/// A change that took place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Version of the configuration afterwards.
    pub(crate) generation: crm::cib::Generation,
    /// False when it was already so.
    pub(crate) changed: bool,
}

/// Connects, but not forever: a daemon that is stopped does not empty its queue.
fn open(path: &Path) -> io::Result<UnixStream> {
    let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let seconds = i64::try_from(PROMPT.as_secs()).expect("a few seconds");
    setsockopt(&fd, sockopt::SendTimeout, &TimeVal::seconds(seconds))?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(UnixStream::from(fd))
}
