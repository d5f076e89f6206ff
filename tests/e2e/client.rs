//! A client in a namespace of its own that asks the web service every 20 ms.

use crate::hosts::SERVICE;
use nix::sched::{CloneFlags, setns};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_millis(100);

/// Moments of good answers; the client stops with this value.
pub struct Client {
    answers: Receiver<Instant>,
    /// The newest answer that was asked for.
    last: Cell<Option<Instant>>,
    stop: Arc<AtomicBool>,
}

impl Client {
    /// Starts asking from the network namespace `namespace`.
    pub fn start(namespace: &str) -> Result<Client, String> {
        let file = std::fs::File::open(format!("/run/netns/{namespace}")).map_err(|e| format!("{namespace}: {e}"))?;
        let (sender, answers) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        std::thread::spawn(move || {
            // A namespace belongs to a thread; this one asks from there for the rest of its life.
            setns(file, CloneFlags::CLONE_NEWNET).expect("root may enter a network namespace that exists");
            let address: SocketAddr = format!("{SERVICE}:80").parse().expect("a literal address");
            let mut next = Instant::now();
            while !stopping.load(Ordering::Relaxed) {
                if ask(address) && sender.send(Instant::now()).is_err() {
                    return;
                }
                next = (next + PERIOD).max(Instant::now());
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Ok(Client { answers, last: Cell::new(None), stop })
    }

    /// Waits for an answer.
    pub fn answered(&self, patience: Duration) -> Result<Instant, String> {
        match self.answers.recv_timeout(patience) {
            Ok(at) => {
                self.last.set(Some(at));
                Ok(at)
            }
            Err(RecvTimeoutError::Timeout) => Err(format!("no answer within {} s", patience.as_secs())),
            Err(RecvTimeoutError::Disconnected) => Err("the client died".into()),
        }
    }

    /// Follows the answers, from the last one on that [`Client::answered`] has given, until one comes after a pause of
    /// more than `least`: that pause.
    pub fn outage(&self, least: Duration, patience: Duration) -> Result<Duration, String> {
        let deadline = Instant::now() + patience;
        let mut last = self.last.get().ok_or("an outage begins with an answer")?;
        while Instant::now() < deadline {
            let next = self.answered(patience)?;
            if next - last > least {
                return Ok(next - last);
            }
            last = next;
        }
        Err(format!("no pause of more than {} ms within {} s", least.as_millis(), patience.as_secs()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn ask(address: SocketAddr) -> bool {
    let get = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = [0_u8; 12];
        stream.read_exact(&mut answer)?;
        // Any HTTP answer is an answer: what the page says is the web server's business.
        Ok(answer.starts_with(b"HTTP/1."))
    };
    get().unwrap_or(false)
}
