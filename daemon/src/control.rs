//! The control socket: clients of this machine ask, the node answers. One JSON object per line in each direction.
//!
//! A client that does not read its answers is hung up on once its queue is full; the node never waits for a client.

use anyhow::{Context, Result, bail};
use crm::control::{MAX_LINE, Refusal, Request, Response, VERSION};
use crm::node::ClientId;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Answers that may wait for a client to read them.
const QUEUE: usize = 4096;

/// How long one answer may take to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections served at once.
const MAX_CLIENTS: u64 = 256;

/// What clients do.
#[derive(Debug)]
pub enum FromClient {
    /// Somebody connected; answers for it go here.
    Connected(ClientId, mpsc::Sender<Response>),
    /// It asks.
    Request(ClientId, Request),
    /// It hung up.
    Gone(ClientId),
}

/// Listens at `path`, readable by the owner alone. A socket left behind by a dead daemon is replaced.
///
/// # Errors
/// When another daemon answers there, or the socket cannot be made.
pub async fn listen(path: &Path) -> Result<UnixListener> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the directory of the control socket, {}", directory.display()))?;
    }
    if UnixStream::connect(path).await.is_ok() {
        bail!("another daemon already answers on the control socket {}; stop it first", path.display());
    }
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot replace the old socket {}", path.display())),
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen on the control socket {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot restrict the control socket {} to its owner", path.display()))?;
    Ok(listener)
}

/// Accepts clients for as long as the daemon lives.
pub async fn serve(listener: UnixListener, inbox: mpsc::Sender<FromClient>) {
    let mut next = 0;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a client could not connect to the control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        next += 1;
        let client = ClientId(next);
        let inbox = inbox.clone();
        if active(&inbox) > MAX_CLIENTS {
            tracing::warn!("more than {MAX_CLIENTS} clients on the control socket; one was refused");
            continue;
        }
        tokio::spawn(async move {
            let (answers, queue) = mpsc::channel(QUEUE);
            // The pump holds the only strong sender: when it drops it, the connection ends.
            let weak = answers.downgrade();
            if inbox.send(FromClient::Connected(client, answers)).await.is_err() {
                return;
            }
            talk(client, stream, &inbox, &weak, queue).await;
            // The pump is gone only when the daemon ends, and then nobody needs to know.
            let _ = inbox.send(FromClient::Gone(client)).await;
        });
    }
}

/// Connections that hold a sender of the inbox (one is the acceptor's own, one this iteration's).
fn active(inbox: &mpsc::Sender<FromClient>) -> u64 {
    inbox.strong_count().saturating_sub(2) as u64
}

async fn talk(
    client: ClientId,
    stream: UnixStream,
    inbox: &mpsc::Sender<FromClient>,
    answers: &mpsc::WeakSender<Response>,
    mut queue: mpsc::Receiver<Response>,
) {
    let (read, mut write) = stream.into_split();
    let mut reader = BufReader::new(read);
    let mut line = Vec::new();
    loop {
        tokio::select! {
            answer = queue.recv() => {
                let Some(answer) = answer else { return };
                let Ok(mut text) = serde_json::to_vec(&answer) else { return };
                text.push(b'\n');
                // A client that does not read for so long is hung up on.
                if !matches!(timeout(PATIENCE, write.write_all(&text)).await, Ok(Ok(()))) {
                    return;
                }
            }
            read = read_line(&mut reader, &mut line) => {
                match read {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return,
                }
                if line.len() > MAX_LINE {
                    let refusal = not_understood(&format!("a request has at most {MAX_LINE} bytes"));
                    if let Ok(mut text) = serde_json::to_vec(&refusal) {
                        text.push(b'\n');
                        // It may have hung up already; the connection ends either way.
                        let _ = write.write_all(&text).await;
                    }
                    return;
                }
                match serde_json::from_slice::<Request>(&line) {
                    Ok(request) => {
                        if inbox.send(FromClient::Request(client, request)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        let sent = answers.upgrade().map(|answers| answers.try_send(not_understood(&error.to_string())).is_ok());
                        if sent != Some(true) {
                            return;
                        }
                    }
                }
                line.clear();
            }
        }
    }
}

fn not_understood(why: &str) -> Response {
    Response::Refused {
        kind: Refusal::Invalid,
        message: format!("the request was not understood: {why}"),
        hint: Some(format!(
            "this daemon speaks version {VERSION} of the control interface; use the `paceline` command of the same release"
        )),
    }
}

/// Reads up to a newline, at most one byte more than [`MAX_LINE`]. Cancel-safe: what was read stays in `line`.
async fn read_line(
    reader: &mut BufReader<tokio::net::unix::OwnedReadHalf>,
    line: &mut Vec<u8>,
) -> std::io::Result<bool> {
    let room = (MAX_LINE + 1).saturating_sub(line.len()) as u64;
    reader.take(room).read_until(b'\n', line).await?;
    Ok(!line.is_empty() && (line.last() == Some(&b'\n') || line.len() > MAX_LINE))
}
