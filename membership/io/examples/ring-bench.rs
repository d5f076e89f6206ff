//! One node of `cargo xtask bench ring`: a ring thread and a client thread that sends and measures.
//!
//! ```text
//! ring-bench keys DIR NAME...                      makes the keys of a cluster, one folder per node
//! ring-bench node DIR ME MTU NAME=ADDRESS...       runs a node; orders come on stdin, answers go to stdout
//! ```
//!
//! Orders and answers, one line each; the client of the peer speaks the same:
//!
//! - `view N` is said unasked whenever the view changes.
//! - `reset` forgets what was measured. `ok`
//! - `flood SIZE MS WINDOW` sends as fast as messages are taken, with at most WINDOW bytes (or 4 messages) of its own
//!   on the way. `sent N` when the last one has come back.
//! - `rate SIZE PER_SECOND MS` sends at that pace. `sent N`
//! - `report` tells what was delivered here since `reset`: `got MESSAGES NANOSECONDS P50 P99 P999`, the time from the
//!   first to the last and the latencies in nanoseconds, from the sender's call to the client thread here.

// A program for measurements: what goes wrong ends it, with the place.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods, clippy::unwrap_used)]

use bytes::Bytes;
use config::{LinkMode, NodeId};
use membership::{Delivery, Incarnation};
use membership_io::{Authority, Bind, Busy, Event, Identity, Options, RingHandle, RingThread};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, UNIX_EPOCH};

/// Between two tries when the ring takes no more.
const BREATH: Duration = Duration::from_micros(200);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["keys", dir, names @ ..] => keys(Path::new(dir), names),
        ["node", dir, me, mtu, nodes @ ..] => node(Path::new(dir), me, mtu.parse().expect("MTU is a number"), nodes),
        _ => panic!("see the top of the source for the arguments"),
    }
}

fn keys(dir: &Path, names: &[&str]) {
    let authority = Authority::create("bench").unwrap();
    for name in names {
        authority.issue(&NodeId::new(name).unwrap()).unwrap().save(&dir.join(name)).unwrap();
    }
}

/// Nanoseconds on the clock that all processes of a machine share.
fn now() -> u64 {
    u64::try_from(UNIX_EPOCH.elapsed().expect("the clock is past 1970").as_nanos()).expect("until the year 2554")
}

fn node(dir: &Path, me: &str, mtu: u16, nodes: &[&str]) {
    let nodes: BTreeMap<NodeId, Vec<String>> = nodes
        .iter()
        .map(|pair| pair.split_once('=').expect("NAME=ADDRESS"))
        .map(|(name, address)| (NodeId::new(name).unwrap(), vec![address.to_owned()]))
        .collect();
    let keys = dir.join(me);
    let me = NodeId::new(me).unwrap();
    let options = Options {
        cluster: "bench".to_owned(),
        me: me.clone(),
        incarnation: Incarnation(now()),
        nodes,
        port: 5405,
        token: Duration::from_secs(1),
        mtu: Some(mtu),
        seed: now(),
        identity: Identity::load(&keys).unwrap(),
        bind: Bind::Configured,
        state_dir: keys.join("state"),
        realtime: true,
        versions: membership::VERSIONS,
        link_mode: LinkMode::Passive,
    };
    let (sender, events) = channel();
    let lines = sender.clone();
    let on_event = Box::new(move |event| {
        // The client thread ends with the process only.
        let _ = sender.send(News::Ring(event));
    });
    let ring = RingThread::spawn(options, on_event).unwrap();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send(News::Order(line)).is_err() {
                return;
            }
        }
        let _ = lines.send(News::End);
    });
    Client { me, ring, events, seen: Seen::default(), own: 0, ended: false, orders: Vec::new() }.run();
}

/// What the client thread hears.
enum News {
    Ring(Event),
    Order(String),
    End,
}

struct Client {
    me: NodeId,
    ring: RingHandle,
    events: Receiver<News>,
    seen: Seen,
    /// Own messages that have come back.
    own: u64,
    ended: bool,
    orders: Vec<String>,
}

impl Client {
    fn run(mut self) {
        while !self.ended {
            self.hear(Duration::from_secs(1));
            for order in std::mem::take(&mut self.orders) {
                let words: Vec<&str> = order.split_whitespace().collect();
                let number = |at: usize| words[at].parse::<u64>().expect("a number");
                match words[0] {
                    "reset" => {
                        self.seen = Seen::default();
                        say("ok");
                    }
                    "flood" => self.flood(number(1), number(2), number(3)),
                    "rate" => self.rate(number(1), number(2), number(3)),
                    "report" => say(&self.seen.report()),
                    other => panic!("unknown order {other:?}"),
                }
            }
        }
    }

    /// Takes what comes, waiting at most `patience` for the first thing.
    fn hear(&mut self, patience: Duration) {
        let mut news = match self.events.recv_timeout(patience) {
            Ok(news) => Some(news),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the ring thread has ended"),
        };
        while let Some(next) = news {
            match next {
                News::Order(line) => self.orders.push(line),
                News::End => self.ended = true,
                News::Ring(Event::Deliver(delivery)) => {
                    self.own += u64::from(delivery.from == self.me);
                    self.seen.delivered(&delivery);
                }
                News::Ring(Event::View(view)) => say(&format!("view {}", view.members.len())),
                News::Ring(Event::Failed(text)) => panic!("{text}"),
                News::Ring(Event::Link(_) | Event::Left) => {}
                News::Ring(other) => eprintln!("{}: {other:?}", self.me),
            }
            news = self.events.try_recv().ok();
        }
    }

    fn send(&mut self, size: u64) -> bool {
        let mut message = vec![0x5a; usize::try_from(size).unwrap().max(16)];
        message[..8].copy_from_slice(&now().to_le_bytes());
        match self.ring.multicast(Bytes::from(message)) {
            Ok(()) => true,
            Err(Busy::Full) => false,
            Err(other) => panic!("{other}"),
        }
    }

    fn flood(&mut self, size: u64, millis: u64, window: u64) {
        let most = (window / size).max(4);
        let (end, before, mut sent) = (now() + millis * 1_000_000, self.own, 0);
        while now() < end && !self.ended {
            if sent - (self.own - before) < most && self.send(size) {
                sent += 1;
                if sent % 32 == 0 {
                    self.hear(Duration::ZERO);
                }
            } else {
                self.hear(BREATH);
            }
        }
        self.finish(before, sent);
    }

    fn rate(&mut self, size: u64, per_second: u64, millis: u64) {
        let (begin, before, mut sent) = (now(), self.own, 0);
        let step = 1_000_000_000 / per_second;
        while sent * step < millis * 1_000_000 && !self.ended {
            let due = begin + sent * step;
            match due.checked_sub(now()) {
                Some(early) if early > 0 => self.hear(Duration::from_nanos(early)),
                _ if self.send(size) => sent += 1,
                _ => self.hear(BREATH),
            }
        }
        self.finish(before, sent);
    }

    fn finish(&mut self, before: u64, sent: u64) {
        while self.own - before < sent && !self.ended {
            self.hear(Duration::from_secs(1));
        }
        say(&format!("sent {sent}"));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("whoever measures reads");
}

/// What was delivered here.
struct Seen {
    messages: u64,
    first: u64,
    last: u64,
    /// Latencies in nanoseconds, 32 steps for each doubling.
    buckets: Vec<u64>,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { messages: 0, first: 0, last: 0, buckets: vec![0; 64 * 32] }
    }
}

impl Seen {
    fn delivered(&mut self, delivery: &Delivery) {
        let now = now();
        let sent = u64::from_le_bytes(delivery.payload[..8].try_into().unwrap());
        if self.messages == 0 {
            self.first = now;
        }
        self.last = now;
        self.messages += 1;
        let taken = now.saturating_sub(sent).max(32);
        let doublings = taken.ilog2() - 5;
        let index = u64::from(doublings) * 32 + (taken >> doublings) - 32;
        self.buckets[usize::try_from(index).unwrap()] += 1;
    }

    /// The latency that this share (in thousandths) of the messages did not pass.
    fn quantile(&self, thousandths: u64) -> u64 {
        let wanted = (self.messages * thousandths).div_ceil(1000);
        let mut count = 0;
        let index = self.buckets.iter().position(|bucket| {
            count += bucket;
            count >= wanted
        });
        let index = u64::try_from(index.unwrap_or(0)).unwrap();
        (index % 32 + 32) << (index / 32)
    }

    fn report(&self) -> String {
        let [p50, p99, p999] = [500, 990, 999].map(|share| self.quantile(share));
        format!("got {} {} {p50} {p99} {p999}", self.messages, self.last - self.first)
    }
}
