//! `cargo xtask bench`: how fast it is, measured with real processes on this machine.

mod corosync;
mod member;
mod paceline;
pub mod scheduler;
mod table;
mod wires;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use member::Member;
use std::time::{Duration, Instant};
use table::{Figures, Load, Table};
use wires::Wires;

/// Bytes of its own that a flooding sender has on the way, for both systems.
const WINDOW: u64 = 4 * 1024 * 1024;
/// Messages per second when latency at rest is measured.
const LOW_RATE: u64 = 200;
/// How long members may take to meet.
const MEETING: Duration = Duration::from_secs(60);

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Messages in agreed order between nodes in network namespaces (root); where corosync is installed, the same for
    /// it, encrypted, in the same run
    Ring(Ring),
    /// Instructions that the scheduler needs, compared with those on file (valgrind)
    Scheduler(scheduler::Options),
}

#[derive(Args)]
struct Ring {
    /// How many nodes
    #[arg(long, value_delimiter = ',', default_value = "2,3,5")]
    nodes: Vec<usize>,
    /// Message sizes in bytes
    #[arg(long, value_delimiter = ',', default_value = "64,1024,8192,61440,307200")]
    sizes: Vec<u64>,
    /// Seconds per measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// MTU of the network
    #[arg(long, default_value_t = 1500)]
    mtu: u16,
    /// Leave the peer out
    #[arg(long)]
    no_peer: bool,
    /// Leave our own ring out
    #[arg(long)]
    only_peer: bool,
}

/// One of the two systems under test.
trait System {
    /// How it is called in the table.
    fn name(&self) -> &'static str;
    /// Starts `count` nodes, each in its namespace.
    fn start(&self, wires: &Wires, count: usize) -> Result<Vec<Member>>;
    /// Whether it carries messages of this size.
    fn carries(&self, size: u64) -> bool;
}

/// Measures; true when every figure was taken, and none that is on file became worse.
pub fn run(options: &Options) -> Result<bool> {
    match &options.what {
        What::Ring(options) => ring(options),
        What::Scheduler(options) => Ok(scheduler::run(options)? != Some(false)),
    }
}

fn ring(options: &Ring) -> Result<bool> {
    if !nix::unistd::geteuid().is_root() {
        bail!("network namespaces need root; run `cargo xtask bench ring` as root");
    }
    let mut systems: Vec<Box<dyn System>> = Vec::new();
    if !options.only_peer {
        systems.push(Box::new(paceline::Paceline::build(options.mtu)?));
    }
    if !options.no_peer {
        match corosync::Corosync::find()? {
            Ok(peer) => systems.push(Box::new(peer)),
            Err(reason) => println!("without the peer: {reason}"),
        }
    }
    let mut table = Table::default();
    for &count in &options.nodes {
        for system in &systems {
            measure(system.as_ref(), options, count, &mut table)?;
        }
    }
    println!("\n{table}");
    Ok(true)
}

fn measure(system: &dyn System, options: &Ring, count: usize, table: &mut Table) -> Result<()> {
    println!("{}: {count} nodes", system.name());
    let wires = Wires::lay(count, options.mtu)?;
    let begin = Instant::now();
    let mut members = system.start(&wires, count)?;
    let end = begin + MEETING;
    for member in &mut members {
        member.view_of(count, end).with_context(|| format!("{} does not form a ring", system.name()))?;
    }
    println!("  in one view after {:.1} s", begin.elapsed().as_secs_f64());
    std::thread::sleep(Duration::from_secs(1));
    let millis = (options.seconds * 1000.0).round();
    idle(&mut members, system, table)?;
    for &size in options.sizes.iter().filter(|size| system.carries(**size)) {
        for load in Load::ALL {
            let order = match load {
                Load::Low => format!("rate {size} {LOW_RATE} {millis}"),
                Load::One | Load::All => format!("flood {size} {millis} {WINDOW}"),
            };
            let senders = if load == Load::All { count } else { 1 };
            let figures = round(&mut members, &order, senders, size)
                .with_context(|| format!("{}, {count} nodes, {size} bytes, {load}", system.name()))?;
            println!("  {}", table.add(system.name(), count, size, load, figures));
        }
    }
    Ok(())
}

/// The processor time of nodes that have nothing to do.
fn idle(members: &mut [Member], system: &dyn System, table: &mut Table) -> Result<()> {
    let time = Duration::from_secs(5);
    let before = busy(members)?;
    std::thread::sleep(time);
    let share = (busy(members)? - before).as_secs_f64() / time.as_secs_f64();
    println!("  {}", table.idle(system.name(), members.len(), share));
    Ok(())
}

fn busy(members: &[Member]) -> Result<Duration> {
    members.iter().map(Member::busy).sum()
}

/// One order to the first `senders` members, and what all of them measured.
fn round(members: &mut [Member], order: &str, senders: usize, size: u64) -> Result<Figures> {
    for member in members.iter_mut() {
        member.say("reset")?;
        member.answer("ok")?;
    }
    let (begin, before) = (Instant::now(), busy(members)?);
    for member in &mut members[..senders] {
        member.say(order)?;
    }
    let mut sent = 0;
    for member in &mut members[..senders] {
        sent += member.answer("sent")?[0];
    }
    let load = (busy(members)? - before).as_secs_f64() / begin.elapsed().as_secs_f64();
    let mut worst = Figures::idle(load);
    for member in members.iter_mut() {
        let mut got = Vec::new();
        // The last messages may be on their way to the client still.
        for _ in 0..500 {
            member.say("report")?;
            got = member.answer("got")?;
            if got[0] >= sent {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let [count, nanos, p50, p99, p999] = got[..] else { bail!("{} reports {got:?}", member.name) };
        if count != sent {
            bail!("{} got {count} messages of {sent}", member.name);
        }
        worst.merge(&Figures::new(count, nanos, [p50, p99, p999], size));
    }
    if members.iter_mut().any(Member::view_changed) {
        bail!("the view changed during the measurement");
    }
    Ok(worst)
}
