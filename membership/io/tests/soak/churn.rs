//! One member comes and goes, in order and by surprise, thousands of times: those who stay must not grow.
//!
//! All rings are threads of this process, on loopback: what a process holds on to for good shows in its memory and its
//! descriptors, and a process of its own for each life would hide it.

use config::{LinkMode, NodeId};
use membership::Incarnation;
use membership_io::{Authority, Bind, Event, Identity, Options, RingHandle, RingThread};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Those who stay, and the one who comes and goes: the first, so that it also forms the rings.
const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
const GUEST: usize = 0;
const TOKEN: Duration = Duration::from_millis(300);
/// No view takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Views after which buffers have the size that they keep; the flight recorders fill most slowly.
const WARM: u64 = 5000;
/// Between two lines of the report.
const EVERY: u64 = 1000;
/// What memory may differ by, in KiB: allocators give back what they please.
const SLACK: u64 = 4096;

/// What the process holds.
#[derive(Clone, Copy, Debug)]
struct Holds {
    memory: u64,
    descriptors: usize,
    threads: u64,
}

impl Holds {
    fn now() -> Result<Holds, String> {
        let said = |error: std::io::Error| error.to_string();
        let status = std::fs::read_to_string("/proc/self/status").map_err(said)?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Ok(Holds {
            memory: field("VmRSS:").ok_or("no VmRSS")?,
            descriptors: std::fs::read_dir("/proc/self/fd").map_err(said)?.count(),
            threads: field("Threads:").ok_or("no Threads")?,
        })
    }

    /// The same, once threads of lives that are over have ended; they have a moment for it.
    fn no_more_than(first: Holds) -> Result<Holds, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let holds = Holds::now()?;
            let more = holds.descriptors > first.descriptors || holds.threads > first.threads;
            if !more || Instant::now() > end {
                return Ok(holds);
            }
            std::thread::sleep(TOKEN / 10);
        }
    }

    fn line(&self, views: u64) -> String {
        let Holds { memory, descriptors, threads } = self;
        format!("  after {views} views: {memory} KiB resident, {descriptors} descriptors, {threads} threads\n")
    }
}

/// The cluster.
struct Home {
    authority: Authority,
    addresses: Vec<SocketAddr>,
    states: TempDir,
    life: u64,
}

/// One running ring.
struct Guest {
    ring: RingHandle,
    events: Receiver<Event>,
}

impl Home {
    fn new() -> Result<Home, String> {
        let ports: Result<Vec<UdpSocket>, _> = NAMES.iter().map(|_| UdpSocket::bind("127.0.0.1:0")).collect();
        let ports = ports.map_err(|error| error.to_string())?;
        let addresses = ports.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>();
        Ok(Home {
            authority: Authority::create("churn").map_err(|error| error.to_string())?,
            addresses: addresses.map_err(|error| error.to_string())?,
            states: tempfile::tempdir().map_err(|error| error.to_string())?,
            life: 0,
        })
    }

    fn identity(&self, name: &NodeId) -> Result<Identity, String> {
        Ok(self.authority.issue(name).map_err(|error| error.to_string())?.identity())
    }

    fn state(&self, name: &NodeId) -> PathBuf {
        self.states.path().join(name.as_str())
    }

    fn start(&mut self, rank: usize, identity: Identity) -> Result<Guest, String> {
        self.life += 1;
        let name = |rank: usize| NodeId::new(NAMES[rank]).map_err(|error| error.to_string());
        let mut nodes = BTreeMap::new();
        for (other, address) in self.addresses.iter().enumerate() {
            nodes.insert(name(other)?, vec![address.to_string()]);
        }
        let me = name(rank)?;
        let options = Options {
            cluster: "churn".to_owned(),
            incarnation: Incarnation(self.life),
            nodes,
            port: 5405,
            token: TOKEN,
            mtu: Some(1452),
            seed: self.life,
            identity,
            bind: Bind::Configured,
            state_dir: self.state(&me),
            realtime: true,
            versions: membership::VERSIONS,
            link_mode: LinkMode::Passive,
            me,
        };
        let (sender, events) = channel();
        let on_event = move |event| {
            // Nobody listens to the rest of a life that is over.
            let _ = sender.send(event);
        };
        let ring = RingThread::spawn(options, Box::new(on_event)).map_err(|error| error.to_string())?;
        Ok(Guest { ring, events })
    }
}

impl Guest {
    /// Waits for a view of this many; how many views came.
    fn view_of(&self, members: usize) -> Result<u64, String> {
        let (end, mut views) = (Instant::now() + PATIENCE, 0);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(Event::View(view)) => {
                    views += 1;
                    if view.members.len() == members {
                        return Ok(views);
                    }
                }
                Ok(Event::Failed(reason)) => return Err(reason),
                Ok(_) => {}
                Err(_) => return Err(format!("no view of {members} within {PATIENCE:?}")),
            }
        }
    }
}

/// Lets the guest come and go until those who stay have seen this many views.
pub fn views(wanted: u64) -> Result<String, String> {
    let mut home = Home::new()?;
    let mut stay = Vec::new();
    let identity = |home: &Home, rank: usize| {
        let name = NodeId::new(NAMES[rank]).map_err(|error| error.to_string())?;
        home.identity(&name)
    };
    for rank in (0..NAMES.len()).filter(|rank| *rank != GUEST) {
        let own = identity(&home, rank)?;
        stay.push(home.start(rank, own)?);
    }
    let (mut views, mut orderly) = (stay.iter().map(|guest| guest.view_of(2)).next().transpose()?.unwrap_or(0), true);
    let mut first = None;
    let mut report = String::new();
    let (begin, mut told) = (Instant::now(), 0);
    while views < wanted {
        let own = identity(&home, GUEST)?;
        let guest = home.start(GUEST, own)?;
        for (at, other) in stay.iter().enumerate() {
            let seen = other.view_of(3)?;
            views += if at == 0 { seen } else { 0 };
        }
        if orderly {
            guest.ring.leave();
            guest.ring.join();
        } else {
            drop(guest);
        }
        orderly = !orderly;
        for (at, other) in stay.iter().enumerate() {
            let seen = other.view_of(2)?;
            views += if at == 0 { seen } else { 0 };
        }
        if first.is_none() && views >= WARM.min(wanted / 2) {
            let holds = Holds::now()?;
            report += &holds.line(views);
            first = Some(holds);
        }
        if views / EVERY > told {
            told = views / EVERY;
            print!("{}", Holds::now()?.line(views));
        }
    }
    let first = first.ok_or("too few views to tell anything")?;
    let last = Holds::no_more_than(first)?;
    report += &last.line(views);
    report += &format!("  {:.0} ms for each view\n", begin.elapsed().as_secs_f64() * 1000.0 / views as f64);
    if last.memory > first.memory + SLACK || last.descriptors > first.descriptors || last.threads > first.threads {
        return Err(format!("those who stay have grown:\n{report}"));
    }
    Ok(report)
}
