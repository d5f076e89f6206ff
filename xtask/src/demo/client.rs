//! A client of the web service: asks every 20 ms and remembers when it got an answer, and from whom.

use super::wall_ms;
use crate::service;
use anyhow::{Result, bail};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two questions.
const PERIOD: Duration = Duration::from_millis(20);

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_millis(200);

/// One good answer.
#[derive(Clone, Debug)]
struct Answer {
    wall_ms: u64,
    node: String,
}

#[derive(Default)]
struct Seen {
    /// The last answer of each run of answers from one node: enough to know where an outage began and ended.
    first_of_node: Vec<Answer>,
    last: Option<Answer>,
    /// Last answer before the first one of the newest node.
    before: Option<Answer>,
}

/// The running client; it stops with this value.
pub struct Client {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Client {
    /// Starts asking.
    pub fn start(address: SocketAddr) -> Client {
        let seen = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (seen, stop) = (seen.clone(), stop.clone());
            move || ask(address, &seen, &stop)
        });
        Client { seen, stop, thread: Some(thread) }
    }

    /// Waits for the first answer of all; the node that gave it.
    pub fn first_answer(&self, patience: Duration) -> Result<String> {
        let (lock, changed) = &*self.seen;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed
            .wait_timeout_while(guard, patience, |seen| seen.first_of_node.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        match guard.first_of_node.first() {
            Some(answer) => Ok(answer.node.clone()),
            None => bail!("no answer within {} s", patience.as_secs()),
        }
    }

    /// Whether another node than `victim` has answered: when the victim answered last, when the other one first, and
    /// who that is.
    pub fn recovery(&self, victim: &str) -> Option<(u64, u64, String)> {
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = seen.first_of_node.last().filter(|answer| answer.node != victim)?;
        let before = seen.before.as_ref()?;
        Some((before.wall_ms, first.wall_ms, first.node.clone()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It panics only if this program is wrong, and then the panic was printed.
            let _ = thread.join();
        }
    }
}

fn ask(address: SocketAddr, seen: &(Mutex<Seen>, Condvar), stop: &AtomicBool) {
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if let Some(node) = service::get(address, PATIENCE) {
            let answer = Answer { wall_ms: wall_ms(), node };
            let mut seen_now = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
            if seen_now.first_of_node.last().is_none_or(|first| first.node != answer.node) {
                seen_now.before = seen_now.last.take();
                seen_now.first_of_node.push(answer.clone());
                seen.1.notify_all();
            }
            seen_now.last = Some(answer);
        }
        next = (next + PERIOD).max(Instant::now());
        std::thread::sleep(next - Instant::now().min(next));
    }
}
