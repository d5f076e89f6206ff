//! The life of one process after another: started in a group of its own, fed, listened to, killed when its time is
//! over, and answered for exactly once.
//!
//! A job is over when its direct child has ended. What the child leaves behind (a service that it started) may hold its
//! output open; that output is then read and thrown away for as long as it is, so that the service neither blocks nor
//! is killed by a write. A job that runs out of time, or that nobody wants any more, loses its whole process group.

use crate::leftover::Notes;
use crate::program;
use crate::tail::Tail;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use resource_agents::{Exit, Finished, Job, StartError};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// How long a killed process may take to go away before it is answered for without it (it hangs in the kernel). Twice
/// this, for one that is killed while it is started, stays below a second.
const KILL_WAIT: Duration = Duration::from_millis(450);

/// Most bytes that are still taken from each output after the child has ended.
const LAST_WORDS: usize = 1024 * 1024;

/// Most outputs of services left behind that are read on. Beyond, they are closed.
const LISTENERS: usize = 1024;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// What the runner gives to all its processes.
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// Environment below that of the job: `PATH` (default: the usual `sbin` and `bin` directories), `LANG` (default
    /// `C.UTF-8`), and what the agents of this node need (`HA_RSCTMP` where `/run/resource-agents` is not writable).
    pub env: BTreeMap<String, String>,
    /// Most jobs at once; one more is refused with [`StartError::Other`].
    pub limit: usize,
    /// Where running jobs are noted, so that the daemon's next life can end what this one could not.
    pub notes: Option<Notes>,
}

impl Default for RunnerOptions {
    fn default() -> RunnerOptions {
        RunnerOptions { env: BTreeMap::new(), limit: 256, notes: None }
    }
}

/// Runs jobs. `K` names them; each answer carries the name of its job.
pub struct Runner<K> {
    options: Arc<RunnerOptions>,
    done: mpsc::UnboundedSender<(K, Finished)>,
    running: Arc<Mutex<BTreeMap<K, oneshot::Sender<()>>>>,
    runtime: tokio::runtime::Handle,
}

impl<K> fmt::Debug for Runner<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<K: Ord + Clone + Send + 'static> Runner<K> {
    /// A runner that works on the current tokio runtime (which needs its time and I/O drivers) and answers through
    /// `done`: one message per job, so the channel is as bounded as the jobs are.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(options: RunnerOptions, done: mpsc::UnboundedSender<(K, Finished)>) -> Runner<K> {
        let running = Arc::new(Mutex::new(BTreeMap::new()));
        Runner { options: Arc::new(options), done, running, runtime: tokio::runtime::Handle::current() }
    }

    /// Starts a job and returns at once. It is answered within its timeout and a second, also when it cannot be
    /// started. A name that is in use is refused.
    pub fn start(&self, key: K, job: Job) {
        let (cancel, cancelled) = oneshot::channel();
        let mut running = lock(&self.running);
        let refused = if running.contains_key(&key) {
            Some("a job of this name is running already".to_owned())
        } else if running.len() >= self.options.limit {
            Some(format!("{} processes are running already, the most this node runs at once", running.len()))
        } else {
            running.insert(key.clone(), cancel);
            None
        };
        drop(running);
        if let Some(why) = refused {
            // A closed channel means that nobody waits for answers any more.
            let _ = self.done.send((key, finished(Exit::NotStarted(StartError::Other(why)), Instant::now())));
            return;
        }
        let (options, done, running) = (self.options.clone(), self.done.clone(), self.running.clone());
        self.runtime.spawn(async move {
            tracing::debug!(program = %job.program.display(), args = ?job.args, "job starts");
            let finished = noted(job, &options, cancelled).await;
            tracing::debug!(exit = ?finished.exit, elapsed = ?finished.elapsed, "job ended");
            lock(&running).remove(&key);
            let _ = done.send((key, finished));
        });
    }

    /// Kills a job's process group; the job answers [`Exit::Cancelled`], or what it answered just before. Does nothing
    /// when no job of this name runs.
    pub fn kill(&self, key: &K) {
        if let Some(cancel) =
            lock(&self.running).get_mut(key).map(|cancel| std::mem::replace(cancel, oneshot::channel().0))
        {
            let _ = cancel.send(());
        }
    }

    /// Kills every job.
    pub fn kill_all(&self) {
        for cancel in lock(&self.running).values_mut() {
            let _ = std::mem::replace(cancel, oneshot::channel().0).send(());
        }
    }

    /// How many jobs are running.
    #[must_use]
    pub fn running(&self) -> usize {
        lock(&self.running).len()
    }
}

/// Runs one job and waits for its end.
pub async fn run(job: Job, options: &RunnerOptions) -> Finished {
    let (_keep, never) = oneshot::channel();
    noted(job, options, never).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done under this lock, so a panic elsewhere does not spoil what it guards.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn finished(exit: Exit, started: Instant) -> Finished {
    Finished { exit, stdout: String::new(), stderr: String::new(), elapsed: started.elapsed() }
}

/// Carries a job out, noted for as long as it runs.
async fn noted(mut job: Job, options: &RunnerOptions, cancelled: oneshot::Receiver<()>) -> Finished {
    let note = match options.notes.as_ref().map(Notes::note).transpose() {
        Ok(note) => note,
        Err(error) => {
            // Unnoted it could run on behind the back of the daemon's next life.
            let why = format!("it could not be noted as running: {error}");
            return finished(Exit::NotStarted(StartError::Other(why)), Instant::now());
        }
    };
    if let Some((name, mark)) = note.as_ref().map(|note| note.environment()) {
        job.env.insert(name.to_owned(), mark.to_owned());
    }
    let finished = carry_out(job, &options.env, cancelled).await;
    drop(note);
    finished
}

async fn carry_out(job: Job, base: &BTreeMap<String, String>, cancelled: oneshot::Receiver<()>) -> Finished {
    let started = Instant::now();
    let deadline = started + job.timeout;
    let mut cancelled = Cancelled(Some(cancelled));
    let stdin = job.stdin.clone();
    let base = base.clone();
    // A program on a file system that hangs must not hold up the runtime, so it is started on a thread that may hang.
    let mut spawning = tokio::task::spawn_blocking(move || program::spawn(&job, &base));
    let mut unwanted = None;
    let spawned = tokio::select! {
        spawned = &mut spawning => Ok(spawned),
        exit = given_up(deadline, &mut cancelled) => {
            unwanted = Some(exit);
            timeout(KILL_WAIT, &mut spawning).await
        }
    };
    match (spawned, unwanted) {
        (Ok(Ok(Ok(child))), None) => Watched::new(child, stdin).watch(started, deadline, cancelled).await,
        (Ok(Ok(Err(why))), None) => finished(Exit::NotStarted(why), started),
        (Ok(Err(error)), None) => finished(Exit::NotStarted(StartError::Other(error.to_string())), started),
        (Ok(spawned), Some(exit)) => {
            if let Ok(Ok(child)) = spawned {
                end(child).await;
            }
            finished(exit, started)
        }
        (Err(_), exit) => {
            tokio::spawn(async move {
                if let Ok(Ok(child)) = spawning.await {
                    end(child).await;
                }
            });
            finished(exit.unwrap_or(Exit::TimedOut), started)
        }
    }
}

/// Kills the child's process group and waits for the child. One that hangs in the kernel is awaited in the background,
/// so that no zombie remains.
async fn end(mut child: Child) {
    kill_group(&child);
    if timeout(KILL_WAIT, child.wait()).await.is_err() {
        tokio::spawn(async move { child.wait().await });
    }
}

/// Fires once, when somebody asked for a kill; a sender that was dropped asked for nothing.
struct Cancelled(Option<oneshot::Receiver<()>>);

impl Cancelled {
    async fn asked(&mut self) {
        let Some(receiver) = &mut self.0 else { return std::future::pending().await };
        let asked = receiver.await.is_ok();
        self.0 = None;
        if !asked {
            std::future::pending().await
        }
    }
}

async fn given_up(deadline: Instant, cancelled: &mut Cancelled) -> Exit {
    tokio::select! {
        () = sleep_until(deadline) => Exit::TimedOut,
        () = cancelled.asked() => Exit::Cancelled,
    }
}

/// Kills the child's process group. Safe from hitting a stranger: the child's number is its own until it is waited for.
fn kill_group(child: &Child) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // It may be gone already; then there is nothing to kill.
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// A running child with what flows in and out of it.
struct Watched {
    child: Child,
    feeding: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    stdout: Listener<ChildStdout>,
    stderr: Listener<ChildStderr>,
}

impl Watched {
    fn new(mut child: Child, stdin: Option<String>) -> Watched {
        let feeding = child.stdin.take().zip(stdin).map(|(pipe, text)| Box::pin(feed(pipe, text)) as Pin<Box<_>>);
        let (stdout, stderr) = (Listener::new(child.stdout.take()), Listener::new(child.stderr.take()));
        Watched { child, feeding, stdout, stderr }
    }

    async fn watch(mut self, started: Instant, deadline: Instant, mut cancelled: Cancelled) -> Finished {
        let status = {
            let given_up = given_up(deadline, &mut cancelled);
            tokio::pin!(given_up);
            loop {
                tokio::select! {
                    status = self.child.wait() => break Ok(status),
                    exit = &mut given_up => break Err(exit),
                    () = self.stdout.listen() => {}
                    () = self.stderr.listen() => {}
                    () = async { self.feeding.as_mut().expect("guarded").await }, if self.feeding.is_some() => {
                        self.feeding = None;
                    }
                }
            }
        };
        let exit = match status {
            Ok(Ok(status)) => exit_of(status),
            Ok(Err(error)) => {
                kill_group(&self.child);
                Exit::NotStarted(StartError::Other(format!("its end could not be waited for: {error}")))
            }
            Err(exit) => {
                end(self.child).await;
                exit
            }
        };
        let (stdout, stderr) = (self.stdout.last_words(), self.stderr.last_words());
        Finished { exit, stdout, stderr, elapsed: started.elapsed() }
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Signal(0),
    }
}

/// Writes the text and closes the pipe. A child that does not want to read it all may.
async fn feed(mut pipe: ChildStdin, text: String) {
    let _ = pipe.write_all(text.as_bytes()).await;
}

/// One output of a child.
struct Listener<P> {
    pipe: Option<P>,
    tail: Tail,
    chunk: Box<[u8]>,
}

impl<P: AsyncRead + AsFd + Unpin + Send + 'static> Listener<P> {
    fn new(pipe: Option<P>) -> Listener<P> {
        Listener { pipe, tail: Tail::default(), chunk: vec![0; CHUNK].into_boxed_slice() }
    }

    /// Takes what comes; never returns once the output is closed. Loses nothing when it is dropped half-way.
    async fn listen(&mut self) {
        let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
        match pipe.read(&mut self.chunk).await {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(read) => self.tail.push(&self.chunk[..read]),
        }
    }

    /// Takes what is there now, without waiting. Somebody who still holds the output is listened to in the background.
    fn last_words(mut self) -> String {
        let mut taken = 0;
        while let Some(pipe) = self.pipe.as_ref().filter(|_| taken < LAST_WORDS) {
            // The pipe does not block: tokio made it so.
            match nix::unistd::read(pipe, &mut self.chunk) {
                Ok(0) => self.pipe = None,
                Ok(read) => {
                    self.tail.push(&self.chunk[..read]);
                    taken += read;
                }
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::EAGAIN) => break,
                Err(_) => self.pipe = None,
            }
        }
        if let Some(pipe) = self.pipe {
            listen_on(pipe, self.chunk);
        }
        self.tail.into_text()
    }
}

/// Reads and forgets what a service that was left behind prints, until it closes its output.
fn listen_on<P: AsyncRead + Unpin + Send + 'static>(mut pipe: P, mut chunk: Box<[u8]>) {
    static FREE: Semaphore = Semaphore::const_new(LISTENERS);
    let Ok(permit) = FREE.try_acquire() else {
        tracing::warn!("{LISTENERS} services left their output to this daemon; another one finds its output closed");
        return;
    };
    tokio::spawn(async move {
        while let Ok(1..) = pipe.read(&mut chunk).await {}
        drop(permit);
    });
}
