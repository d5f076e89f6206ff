//! How the processes of a sandbox talk: a Unix socket, one JSON line as question, one as answer, and the end.

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Longest question and longest answer, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// Connections held at once; one more pushes out the oldest.
const MAX_GUESTS: usize = 16;

/// The answering side. Never waits for a guest.
pub(crate) struct Server {
    listener: UnixListener,
    guests: Vec<Guest>,
}

struct Guest {
    stream: UnixStream,
    heard: Vec<u8>,
}

impl Server {
    /// Listens at `path` and has `epoll` report `data` whenever [`Server::serve`] should be called.
    pub(crate) fn listen(path: &Path, epoll: &Epoll, data: u64) -> io::Result<Server> {
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, data))?;
        Ok(Server { listener, guests: Vec::new() })
    }

    /// Takes in who is at the door and answers every complete question.
    pub(crate) fn serve(&mut self, epoll: &Epoll, data: u64, mut answer: impl FnMut(&str) -> String) {
        while let Ok((stream, _)) = self.listener.accept() {
            let watched = stream
                .set_nonblocking(true)
                .and_then(|()| Ok(epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, data))?));
            if watched.is_ok() {
                if self.guests.len() == MAX_GUESTS {
                    self.guests.remove(0);
                }
                self.guests.push(Guest { stream, heard: Vec::new() });
            }
        }
        // A guest that is dropped is hung up on, which also ends its registration.
        self.guests.retain_mut(|guest| match guest.listen() {
            Heard::Nothing => true,
            Heard::End => false,
            Heard::Line(line) => {
                // The answer fits the socket's buffer; a guest that went away loses it.
                let _ = guest.stream.write_all(format!("{}\n", answer(&line)).as_bytes());
                false
            }
        });
    }
}

enum Heard {
    Nothing,
    Line(String),
    End,
}

impl Guest {
    fn listen(&mut self) -> Heard {
        let mut piece = [0; 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return Heard::End,
                Ok(count) => self.heard.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Heard::End,
            }
            if self.heard.contains(&b'\n') || self.heard.len() > MAX_LINE {
                break;
            }
        }
        match self.heard.iter().position(|byte| *byte == b'\n') {
            Some(end) => Heard::Line(String::from_utf8_lossy(&self.heard[..end]).into_owned()),
            None if self.heard.len() > MAX_LINE => Heard::End,
            None => Heard::Nothing,
        }
    }
}

/// Asks the server at `path` and waits at most `patience` for its answer.
///
/// # Errors
/// When nobody listens, nobody answers in time, or the answer is not understood.
pub(crate) fn ask<A: DeserializeOwned>(path: &Path, question: &impl Serialize, patience: Duration) -> io::Result<A> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut line = serde_json::to_vec(question).map_err(io::Error::other)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    let read = BufReader::new(stream.take(MAX_LINE as u64)).read_line(&mut answer);
    match read {
        Ok(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "it hung up without an answer")),
        Ok(_) => serde_json::from_str(&answer).map_err(io::Error::other),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Err(io::Error::new(ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs())))
        }
        Err(error) => Err(error),
    }
}
