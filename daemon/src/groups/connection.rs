//! One program's connection: bytes to requests, batches to bytes.

use membership::group::Request;
use membership::group::wire::{Frames, MAX_REQUEST, WireError};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};

/// Bytes read at once.
const PIECE: usize = 64 * 1024;
/// What a request takes of a client's room at least.
const LEAST: usize = 256;

/// What happens to a connection.
#[derive(Debug)]
pub(super) enum FromClient {
    /// It asks; the request takes so much of its room until it is dealt with.
    Request { client: u32, request: Request, size: u32 },
    /// It says something that is no request. Nothing more is read.
    Malformed { client: u32, reason: WireError },
    /// The batch is written.
    Written(u32),
    /// It has ended.
    Gone(u32),
}

/// Carries a connection until it ends, or until the other end of `to_write` is dropped.
pub(super) fn spawn(
    client: u32,
    stream: UnixStream,
    events: mpsc::Sender<FromClient>,
    to_write: mpsc::Receiver<Vec<u8>>,
    room: Arc<Semaphore>,
) {
    let (read, write) = stream.into_split();
    tokio::spawn(async move {
        let hang_up = {
            let reader = reads(client, read, &events, &room);
            let writer = writes(client, write, &events, to_write);
            tokio::pin!(reader, writer);
            tokio::select! {
                () = &mut reader => false,
                hang_up = &mut writer => hang_up,
            }
        };
        if !hang_up {
            // The loop is gone only when the daemon ends, and then nobody needs to know.
            let _ = events.send(FromClient::Gone(client)).await;
        }
    });
}

/// True when there is nothing more to write, false when the program does not take it.
async fn writes(
    client: u32,
    mut write: OwnedWriteHalf,
    events: &mpsc::Sender<FromClient>,
    mut to_write: mpsc::Receiver<Vec<u8>>,
) -> bool {
    while let Some(bytes) = to_write.recv().await {
        if write.write_all(&bytes).await.is_err() || events.send(FromClient::Written(client)).await.is_err() {
            return false;
        }
    }
    true
}

async fn reads(client: u32, mut read: OwnedReadHalf, events: &mpsc::Sender<FromClient>, room: &Arc<Semaphore>) {
    let mut frames = Frames::new(MAX_REQUEST);
    let mut piece = vec![0; PIECE];
    loop {
        match next(&mut frames) {
            Ok(Some((len, request))) => {
                let size = len.clamp(LEAST, MAX_REQUEST);
                let size = u32::try_from(size).expect("a mebibyte and a little");
                if !wait_for_room(&read, room, size).await
                    || events.send(FromClient::Request { client, request, size }).await.is_err()
                {
                    return;
                }
            }
            Ok(None) => match read.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(len) => frames.feed(&piece[..len]),
            },
            Err(reason) => {
                if events.send(FromClient::Malformed { client, reason }).await.is_err() {
                    return;
                }
                // It hears why; then the writer ends this.
                closed(&read).await;
                return;
            }
        }
    }
}

/// The next request and the length of its frame.
fn next(frames: &mut Frames) -> Result<Option<(usize, Request)>, WireError> {
    let Some(frame) = frames.take()? else { return Ok(None) };
    Ok(Some((frame.len(), Request::decode(frame)?)))
}

/// Waits until the program's earlier requests leave room for this one. False when it ends before.
async fn wait_for_room(read: &OwnedReadHalf, room: &Arc<Semaphore>, size: u32) -> bool {
    tokio::select! {
        biased;
        permit = room.acquire_many(size) => match permit {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(_) => false,
        },
        () = closed(read) => false,
    }
}

/// Waits until the other side has closed the connection, without reading what it said before.
async fn closed(read: &OwnedReadHalf) {
    // Nothing on a local socket is urgent: of this interest only the end remains.
    while let Ok(ready) = read.ready(Interest::PRIORITY).await {
        if ready.is_read_closed() {
            return;
        }
    }
}
