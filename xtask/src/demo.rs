//! `cargo xtask demo`: the main job, in front of your eyes. Three daemons on loopback, a web service, a client; then
//! one node loses power. Succeeds only if every step of the recovery was really observed.

mod busy;
mod client;
mod sandbox;
mod timeline;

use crate::workspace::build_programs;
use anyhow::{Context, Result, bail};
use clap::Args;
use client::Client;
use sandbox::Sandbox;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use timeline::Timeline;

/// An outage longer than this fails the demo.
const LONGEST_OUTAGE: Duration = Duration::from_secs(20);

#[derive(Args)]
pub struct Options {
    /// How many times, each with a cluster of its own
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// Keep every core busy with other processes meanwhile
    #[arg(long)]
    busy: bool,
    /// The programs are built already
    #[arg(long)]
    no_build: bool,
}

/// Milliseconds since 1970: what the daemons stamp their events with.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_millis()).expect("milliseconds fit for half a billion years")
}

/// Runs the demo; true when every run succeeded.
pub fn run(options: &Options) -> Result<bool> {
    // Before any thread exists, so that all of them leave the signals to the sandbox's own thread.
    sandbox::block_signals()?;
    if !options.no_build {
        build_programs()?;
    }
    let _busy = options.busy.then(busy::start).transpose()?;
    let mut outages = Vec::new();
    let mut failures = 0;
    for number in 1..=options.repeat {
        if options.repeat > 1 {
            println!("\n=== run {number} of {} ===", options.repeat);
        }
        match once() {
            Ok(outage) => outages.push(outage),
            Err(error) => {
                failures += 1;
                println!("\nFAILED: {error:#}");
            }
        }
    }
    if options.repeat > 1 {
        outages.sort();
        println!("\n{} succeeded, {failures} failed", outages.len());
        if let (Some(first), Some(last)) = (outages.first(), outages.last()) {
            let median = outages[outages.len() / 2];
            println!("outage: min {first} ms, median {median} ms, max {last} ms");
        }
    }
    Ok(failures == 0)
}

/// One cluster, one power cut; the outage in milliseconds.
fn once() -> Result<u64> {
    let sandbox = Sandbox::up()?;
    let client = Client::start(sandbox.service);
    let victim = client
        .first_answer(Duration::from_secs(30))
        .with_context(|| format!("the web service never answered; what the cluster says:\n{}", sandbox.status()))?;
    sandbox.wait_idle()?;
    println!("{}", sandbox.status());
    let timeline = Timeline::follow(&sandbox, &victim)?;

    println!("cutting the power of {victim}, which runs the web service\n");
    let cut = wall_ms();
    sandbox.kill(&victim)?;
    timeline.say(cut, wall_ms(), &format!("power of {victim} is off: everything of it was killed"));
    let outage = timeline.watch(cut, &client, &victim, LONGEST_OUTAGE);
    let (last, first, node) = match outage {
        Some(outage) => outage,
        None => bail!(
            "the service did not answer again within {} s; what the cluster says:\n{}",
            LONGEST_OUTAGE.as_secs(),
            sandbox.status()
        ),
    };
    timeline.verify(cut, first, &victim, &node)?;
    sandbox.wait_idle()?;
    println!("\n{}", sandbox.status());
    let outage = first - last;
    println!(
        "outage seen by the client: {outage} ms (last good answer from {victim} to first good answer from {node})"
    );
    // The followers first: they would complain that their daemons hang up.
    drop(timeline);
    sandbox.down()?;
    Ok(outage)
}
