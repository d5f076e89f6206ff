//! How other threads reach the ring thread: a bounded queue of messages, a few notes, and an eventfd that wakes it.
//!
//! The ring thread never waits for the lock: the thread that holds it may have a lower priority and be off the CPU.

use crate::event::Status;
use crate::flight::Answer;
use crate::identity::Identity;
use crate::link::LinkChange;
use config::NodeId;
use membership::{MAX_MESSAGE, Message};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Messages that may wait for the ring.
const MAX_WAITING: usize = 4096;
/// Their bytes, unless it is one long message.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// The ring is slower than its senders; try again later.
    #[error("the ring has more to send than it can; try again in a moment")]
    Full,
    /// The message is longer than the ring carries.
    #[error("a message of {0} bytes is too long for the ring (at most {MAX_MESSAGE})")]
    TooLong(usize),
    /// This node is leaving or has left.
    #[error("this node is leaving the cluster")]
    Leaving,
    /// The ring thread has ended.
    #[error("the ring thread has ended")]
    Ended,
}

/// What other threads want.
pub(crate) enum Note {
    /// Ring numbers up to this one are on disk as used.
    Stored(u64),
    /// For the log.
    Warning(String),
    /// The addresses of each of a peer's links; none for a link whose name has none.
    Resolved { era: u64, peer: NodeId, links: Vec<Vec<SocketAddr>> },
    /// Where to ask for the names of peers to be looked up soon.
    Names(mpsc::Sender<()>),
    /// A peer's name has no address.
    Unresolved { era: u64, peer: NodeId, name: String, reason: String },
    /// The nodes, times or sizes are others now. Where the peers are follows as [`Note::Resolved`]; what was looked up
    /// in an earlier era is about other addresses.
    Reconfigure { era: u64, change: Box<LinkChange> },
    /// Write down what the ring did.
    Record(Answer),
    /// The keys are others now.
    Renew(Box<Identity>, Box<dyn FnOnce(Result<(), String>) + Send>),
    /// How are you?
    Status(Box<dyn FnOnce(Status) + Send>),
    /// Leave in order.
    Leave,
    /// End at once, as if the power were cut.
    Stop,
}

#[derive(Default)]
struct Inner {
    messages: VecDeque<Message>,
    bytes: usize,
    notes: VecDeque<Note>,
    leaving: bool,
    ended: bool,
}

/// Shared by the ring thread, its handle and its helpers.
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    wake: EventFd,
    /// Something was put in since the last look. Spares the ring thread a system call in every turn.
    rung: AtomicBool,
}

/// What the ring thread took out.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) notes: VecDeque<Note>,
    pub(crate) messages: Vec<Message>,
    /// Something is left, for want of room or because the lock was held: look again soon.
    pub(crate) more: bool,
}

impl Mailbox {
    pub(crate) fn new() -> io::Result<Mailbox> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Mailbox { inner: Mutex::default(), wake, rung: AtomicBool::new(false) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held; if something did, the queues are still queues.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring_the_bell(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Fails only when the counter is full, and then it is ringing.
            let _ = self.wake.write(1);
        }
    }

    /// Leaves a note.
    pub(crate) fn post(&self, note: Note) {
        let mut inner = self.lock();
        if inner.ended {
            return;
        }
        inner.leaving |= matches!(note, Note::Leave);
        inner.notes.push_back(note);
        drop(inner);
        self.ring_the_bell();
    }

    /// Queues a message for the ring.
    pub(crate) fn multicast(&self, message: impl Into<Message>) -> Result<(), Busy> {
        let message = message.into();
        let len = message.payload.len();
        if len > MAX_MESSAGE {
            return Err(Busy::TooLong(len));
        }
        let mut inner = self.lock();
        if inner.ended {
            return Err(Busy::Ended);
        }
        if inner.leaving {
            return Err(Busy::Leaving);
        }
        if inner.messages.len() >= MAX_WAITING || (!inner.messages.is_empty() && inner.bytes + len > MAX_WAITING_BYTES)
        {
            return Err(Busy::Full);
        }
        inner.bytes += len;
        inner.messages.push_back(message);
        drop(inner);
        self.ring_the_bell();
        Ok(())
    }

    /// Silences the eventfd after it has ended a wait; [`Mailbox::take`] must follow. A bell that is rung a moment
    /// after the look that found its message would otherwise end every later wait at once.
    pub(crate) fn silence(&self) {
        let _ = self.wake.read();
    }

    /// Takes the notes and at most `room` messages. Never waits. `room` is asked for only when there are messages.
    pub(crate) fn take(&self, room: impl FnOnce() -> usize) -> Taken {
        if !self.rung.swap(false, Ordering::AcqRel) {
            return Taken::default();
        }
        let _ = self.wake.read();
        let mut inner = match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(inner)) => inner.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.rung.store(true, Ordering::Release);
                return Taken { more: true, ..Taken::default() };
            }
        };
        // A node that leaves says everything it has to say first.
        let waiting = inner.messages.len();
        let count = if waiting == 0 || inner.leaving { waiting } else { room().min(waiting) };
        let messages: Vec<Message> = inner.messages.drain(..count).collect();
        inner.bytes -= messages.iter().map(|message| message.payload.len()).sum::<usize>();
        let more = count < waiting;
        if more {
            self.rung.store(true, Ordering::Release);
        }
        Taken { notes: std::mem::take(&mut inner.notes), messages, more }
    }

    /// Nobody will look any more.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.ended = true;
        inner.messages.clear();
        inner.notes.clear();
        inner.bytes = 0;
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn messages_are_bounded_and_keep_their_order() {
        let mailbox = Mailbox::new().unwrap();
        for n in 0..MAX_WAITING {
            mailbox.multicast(Bytes::copy_from_slice(&n.to_le_bytes())).unwrap();
        }
        assert_eq!(mailbox.multicast(Bytes::new()), Err(Busy::Full));
        let taken = mailbox.take(|| 2);
        assert_eq!(taken.messages, [0usize, 1].map(|n| Message::from(Bytes::copy_from_slice(&n.to_le_bytes()))));
        assert!(taken.more);
        assert_eq!(mailbox.multicast(Bytes::new()), Ok(()));
    }

    #[test]
    fn a_bell_that_rings_after_its_message_was_found_ends_one_wait_and_not_all() {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let mailbox = Mailbox::new().unwrap();
        mailbox.multicast(Bytes::from_static(b"found")).unwrap();
        assert_eq!(mailbox.take(|| 1).messages.len(), 1);
        // The sender was off the CPU between putting its message in and ringing.
        mailbox.wake.write(1).unwrap();
        let rings = || poll(&mut [PollFd::new(mailbox.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).unwrap() == 1;
        assert!(rings());
        mailbox.silence();
        assert!(mailbox.take(|| 1).messages.is_empty());
        assert!(!rings());
        mailbox.multicast(Bytes::from_static(b"next")).unwrap();
        assert!(rings(), "and a new message is heard");
        mailbox.silence();
        assert_eq!(mailbox.take(|| 1).messages.len(), 1, "also when the bell was silenced before the look");
    }

    #[test]
    fn bytes_are_bounded_but_one_long_message_passes() {
        let mailbox = Mailbox::new().unwrap();
        let long = Bytes::from(vec![0; MAX_MESSAGE]);
        assert_eq!(mailbox.multicast(Bytes::from(vec![0; MAX_MESSAGE + 1])), Err(Busy::TooLong(MAX_MESSAGE + 1)));
        assert_eq!(mailbox.multicast(long.clone()), Ok(()));
        assert_eq!(mailbox.multicast(long.clone()), Ok(()));
        assert_eq!(mailbox.multicast(long.clone()), Err(Busy::Full));
        assert_eq!(mailbox.take(|| 1).messages.len(), 1);
        assert_eq!(mailbox.multicast(long), Ok(()));
    }

    #[test]
    fn a_leaving_node_takes_no_more_and_says_all_it_has() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.multicast(Bytes::from_static(b"last words")).unwrap();
        mailbox.post(Note::Leave);
        assert_eq!(mailbox.multicast(Bytes::new()), Err(Busy::Leaving));
        let taken = mailbox.take(|| 0);
        assert_eq!(taken.messages, [Bytes::from_static(b"last words").into()]);
        assert!(matches!(taken.notes.front(), Some(Note::Leave)));
        mailbox.close();
        assert_eq!(mailbox.multicast(Bytes::new()), Err(Busy::Ended));
    }
}
