//! The socket on which the service is asked how it is, and told that the clusters have changed. One word, one answer:
//! JSON, or a line that begins with `error: `.

use crate::service::Service;
use anyhow::{Context, Result, bail};
use arbiter::{Grant, Standing};
use config::NodeId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest word.
const LONGEST: u64 = 64;

/// How the service is.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Release of the program.
    pub version: String,
    /// Where it listens.
    pub listening: String,
    /// Of its certificate.
    pub fingerprint: String,
    /// Connections that are open.
    pub connections: usize,
    /// Connections refused since it was started.
    pub refused: u64,
    /// By cluster.
    pub clusters: BTreeMap<String, ClusterStatus>,
}

/// One cluster.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterStatus {
    /// Who has the vote.
    pub grant: Option<Grant>,
    /// Certificates of its nodes that are refused.
    pub revoked: usize,
    /// Every node that was seen.
    pub nodes: BTreeMap<NodeId, Standing>,
    /// Where the connected ones are.
    pub addresses: BTreeMap<NodeId, String>,
    /// Why nothing can be granted.
    pub trouble: Option<String>,
}

/// Listens at `path`, for the owner alone. A socket left behind by a dead process is replaced.
pub(crate) fn listen(path: &Path) -> Result<UnixListener> {
    let shown = path.display();
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        bail!("another paceline-arbiter answers on {shown}; stop it first, or give this one other places");
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace the old socket {shown}"));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {shown}"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot restrict {shown} to its owner"))?;
    Ok(listener)
}

/// Answers, one client after the other.
pub(crate) async fn answer(listener: UnixListener, service: Arc<Service>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A client that does not read, or hangs up, has no answer.
                let _ = timeout(PATIENCE, converse(stream, &service)).await;
            }
            Err(error) => {
                tracing::warn!("the control socket: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(mut stream: UnixStream, service: &Service) -> std::io::Result<()> {
    let mut word = String::new();
    BufReader::new((&mut stream).take(LONGEST)).read_line(&mut word).await?;
    let answer = match word.trim() {
        "status" => serde_json::to_string(&service.status().await).unwrap_or_else(|error| format!("error: {error}")),
        "reload" => match service.reload().await {
            Ok(()) => "{}".to_owned(),
            Err(error) => format!("error: {error}"),
        },
        other => format!("error: {other:?} is not understood; `status` and `reload` are"),
    };
    stream.write_all(answer.as_bytes()).await
}

/// Asks the service behind the socket at `path`. `None` when there is no service.
///
/// # Errors
/// When it does not answer, or not with what was asked for.
pub fn ask(path: &Path, word: &str) -> Result<Option<serde_json::Value>> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    let shown = path.display();
    let mut stream = match std::os::unix::net::UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot ask the service at {shown}")),
    };
    stream.set_read_timeout(Some(PATIENCE)).with_context(|| format!("cannot ask the service at {shown}"))?;
    let mut answer = String::new();
    stream
        .write_all(format!("{word}\n").as_bytes())
        .and_then(|()| stream.read_to_string(&mut answer))
        .with_context(|| format!("the service at {shown} does not answer"))?;
    if let Some(reason) = answer.strip_prefix("error: ") {
        bail!("the service at {shown} says: {reason}");
    }
    serde_json::from_str(&answer).with_context(|| format!("the service at {shown} gave another answer")).map(Some)
}
