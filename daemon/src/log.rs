//! The log on standard error, written by a thread of its own: whoever reads it may stall, the node may not.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for the reader. Beyond, lines are dropped rather than awaited.
const QUEUE: usize = 4096;

/// How long the last lines may take when the daemon ends.
const PATIENCE: Duration = Duration::from_secs(1);

enum Piece {
    Line(Vec<u8>),
    Flush(Sender<()>),
}

/// The way to the log's thread.
#[derive(Clone)]
pub struct Log {
    pieces: SyncSender<Piece>,
}

impl Log {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn start() -> io::Result<Log> {
        let (pieces, queue) = sync_channel(QUEUE);
        std::thread::Builder::new().name("log".into()).spawn(move || write_all(&queue, &mut io::stderr()))?;
        Ok(Log { pieces })
    }

    /// Waits until what was said so far is written, but not for a reader that does not read.
    pub fn flush(&self) {
        let (done, written) = channel();
        if self.pieces.try_send(Piece::Flush(done)).is_ok() {
            // Too late is as good as never: the daemon ends now.
            let _ = written.recv_timeout(PATIENCE);
        }
    }
}

fn write_all(queue: &Receiver<Piece>, output: &mut dyn Write) {
    for piece in queue {
        match piece {
            // A log that cannot be written cannot be complained about either.
            Piece::Line(line) => drop(output.write_all(&line)),
            Piece::Flush(done) => drop(done.send(())),
        }
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A full queue means that nobody reads; the node goes on without.
        let _ = self.pieces.try_send(Piece::Line(line.to_vec()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Log, Piece, QUEUE, write_all};
    use std::io::Write;
    use std::sync::mpsc::{channel, sync_channel};

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up_and_loses_only_the_excess() {
        let (pieces, queue) = sync_channel(QUEUE);
        let mut log = Log { pieces };
        for _ in 0..QUEUE + 100 {
            log.write_all(b"line\n").unwrap();
        }
        log.flush();
        drop(log);
        let mut written = Vec::new();
        write_all(&queue, &mut written);
        assert_eq!(written.len(), QUEUE * b"line\n".len());
    }

    #[test]
    fn lines_and_the_word_that_they_are_written_keep_their_order() {
        let (pieces, queue) = sync_channel(QUEUE);
        let (done, told) = channel();
        pieces.send(Piece::Line(b"one\n".to_vec())).unwrap();
        pieces.send(Piece::Flush(done)).unwrap();
        drop(pieces);
        let mut written = Vec::new();
        write_all(&queue, &mut written);
        assert_eq!(written, b"one\n");
        told.recv().unwrap();
    }
}
