//! One node as a process of its own: a ring thread, and a line on standard output for everything that happens.
//!
//! ```text
//! TIME view NUMBER alpha,beta,gamma      TIME is in nanoseconds of the wall clock, the same for all processes
//! TIME said a notice, a link event, a warning
//! TIME status counters
//! ```
//!
//! It obeys lines on standard input: `leave`, `status`, `long` (to say something long); when that is closed it ends as
//! if the power were cut.

use bytes::Bytes;
use config::{LinkMode, NodeId};
use membership::Incarnation;
use membership_io::{Bind, Event, Identity, Options, PeerStatus, RingHandle, RingThread};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, for all processes of this machine alike.
pub fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn tell(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: the end of standard input will say so.
    let _ = writeln!(out, "{} {text}", nanos());
    let _ = out.flush();
}

/// A message that takes many packets of any size, in bytes.
const LONG: usize = 100_000;

/// Runs `member HOME NODE TOKEN_MS CHATTER_MS MTU`, where an MTU of 0 is to be found out; the table of nodes is the
/// file `nodes` beside HOME.
pub fn main(arguments: &[String]) -> Result<(), String> {
    let [home, node, token, chatter, mtu] = arguments else {
        return Err("usage: member HOME NODE TOKEN_MS CHATTER_MS MTU".to_owned());
    };
    let mtu: u16 = mtu.parse().map_err(|_| format!("{mtu:?} is not a number"))?;
    let home = PathBuf::from(home);
    let time = |text: &str| text.parse().map(Duration::from_millis).map_err(|_| format!("{text:?} is not a number"));
    let (token, chatter) = (time(token)?, time(chatter)?);
    let heard = Arc::new(AtomicU64::new(0));
    let options = Options { mtu: Some(mtu).filter(|mtu| *mtu > 0), ..options(&home, node, token)? };
    let counter = Arc::clone(&heard);
    let ring = RingThread::spawn(options, Box::new(move |event| on_event(event, &counter)))
        .map_err(|error| error.to_string())?;
    let ring = Arc::new(ring);
    let talker = Arc::clone(&ring);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(chatter);
            // A ring that is being agreed on takes some and then no more; both is fine.
            let _ = talker.multicast(Bytes::from_static(&[b'x'; 200]));
        }
    });
    for line in std::io::stdin().lock().lines() {
        match line.map_err(|error| error.to_string())?.as_str() {
            "leave" => ring.leave(),
            "long" => ring.multicast(Bytes::from(vec![b'y'; LONG])).map_err(|error| error.to_string())?,
            "status" => tell(&status(&ring, &heard)),
            other => tell(&format!("said what is {other:?}?")),
        }
    }
    // As a power cut: the process ends without a word.
    std::process::exit(0);
}

fn options(home: &Path, node: &str, token: Duration) -> Result<Options, String> {
    let name = |text: &str| NodeId::new(text).map_err(|error| error.to_string());
    let table = home.parent().unwrap_or(home).join("nodes");
    let text = std::fs::read_to_string(&table).map_err(|error| format!("{}: {error}", table.display()))?;
    let mut nodes = BTreeMap::new();
    for line in text.lines() {
        let (node, addresses) = line.split_once(' ').ok_or("a line of the table has no addresses")?;
        nodes.insert(name(node)?, addresses.split(',').map(str::to_owned).collect());
    }
    Ok(Options {
        cluster: "soak".to_owned(),
        me: name(node)?,
        incarnation: Incarnation(nanos()),
        nodes,
        port: 5405,
        token,
        mtu: Some(1452),
        seed: nanos(),
        identity: Identity::load(&home.join("keys")).map_err(|error| error.to_string())?,
        bind: Bind::Configured,
        state_dir: home.join("state"),
        realtime: true,
        versions: membership::VERSIONS,
        link_mode: LinkMode::Passive,
    })
}

fn on_event(event: Event, heard: &AtomicU64) {
    match event {
        Event::View(view) => {
            let members: Vec<&str> = view.members.keys().map(NodeId::as_str).collect();
            tell(&format!("view {} {}", view.ring.number, members.join(",")));
        }
        Event::Deliver(delivery) => {
            heard.fetch_add(1, Ordering::Relaxed);
            if delivery.payload.len() == LONG {
                tell(&format!("long {}", delivery.from));
            }
        }
        Event::Notice(notice) => tell(&format!("said {notice:?}")),
        Event::Link(event) => tell(&format!("said {event:?}")),
        Event::Warning(text) => tell(&format!("said {text}")),
        Event::Left => {
            tell("left");
            std::process::exit(0);
        }
        Event::Failed(reason) => {
            tell(&format!("failed {reason}"));
            std::process::exit(1);
        }
    }
}

fn status(ring: &RingHandle, heard: &AtomicU64) -> String {
    let Some(status) = ring.status() else { return "status none".to_owned() };
    let heard = heard.load(Ordering::Relaxed);
    let size = |(name, peer): (&NodeId, &PeerStatus)| Some(format!("{name}={}", peer.links.first()?.packet?));
    let sizes: Vec<String> = status.peers.iter().filter_map(size).collect();
    let sizes = sizes.join(",");
    format!("status scheduling={} delivered={heard} packets={sizes} {:?}", status.scheduling, status.ring)
}

/// Uses a CPU up until standard input is closed.
pub fn burn() {
    std::thread::spawn(|| {
        let mut rest = String::new();
        // Whatever comes, or nothing: it ends here.
        let _ = std::io::stdin().read_line(&mut rest);
        std::process::exit(0);
    });
    let mut number = 1u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}
