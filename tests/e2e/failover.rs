//! The main job on real hosts: Debian's IPaddr2 and nginx under management, and the host that runs them fails.

use crate::client::Client;
use crate::hosts::{Hosts, NODES, SERVICE};
use crate::observer::Observer;
use std::time::Duration;

/// An outage longer than this fails the test.
const LONGEST: Duration = Duration::from_secs(20);

fn services() -> String {
    format!(
        r#"[resources.address]
agent   = "ocf:heartbeat:IPaddr2"
params  = {{ ip = "{SERVICE}", cidr_netmask = 24, nic = "eth0" }}
monitor = "5s"

[resources.site]
agent   = "ocf:heartbeat:nginx"
monitor = "5s"

[groups.web]
members = ["address", "site"]
"#
    )
}

struct Story {
    hosts: Hosts,
    client: Client,
    observer: Observer,
    victim: &'static str,
    survivor: &'static str,
}

fn running(test: &str) -> Result<Story, String> {
    let hosts = Hosts::up(test, &services())?;
    hosts.settled("alpha", NODES.len())?;
    let holders = hosts.holders();
    let [victim] = holders.as_slice() else {
        return Err(format!("expected one holder of the address, found {holders:?}\n{}", hosts.logs()));
    };
    let victim = *victim;
    let survivor = NODES.into_iter().find(|node| *node != victim).expect("three nodes, one victim");
    let client = Client::start(&hosts.network_of("client"))?;
    client.answered(Duration::from_secs(10)).map_err(|e| format!("{e}\n{}", hosts.logs()))?;
    let observer = Observer::start(&hosts)?;
    Ok(Story { hosts, client, observer, victim, survivor })
}

fn taken_over(story: &Story, what: &str) -> Result<(), String> {
    let outage =
        story.client.outage(Duration::from_millis(200), LONGEST).map_err(|e| format!("{e}\n{}", story.hosts.logs()))?;
    println!("{what} of {}: the client's outage was {} ms", story.victim, outage.as_millis());
    story.hosts.settled(story.survivor, NODES.len() - 1)?;
    let holders = story.hosts.holders();
    if holders.len() != 1 || holders[0] == story.victim {
        return Err(format!("after the take-over the address is on {holders:?}\n{}", story.hosts.logs()));
    }
    let history = story.hosts.paceline(story.survivor, &["fencing", "history"])?;
    if !history.contains(story.victim) {
        return Err(format!("the fencing history does not name {}: {history}", story.victim));
    }
    Ok(())
}

/// The host with the address and the web server loses power.
pub fn power_cut() -> Result<(), String> {
    let story = running("power")?;
    story.hosts.kill(story.victim)?;
    story.observer.power_lost(story.victim);
    taken_over(&story, "power cut")?;
    story.observer.verdict().map(drop)
}

/// The host with the address and the web server is cut off from the others but lives on: it has to give up by itself
/// or be fenced before anybody else takes the address.
pub fn partition() -> Result<(), String> {
    let story = running("partition")?;
    story.hosts.isolate(story.victim)?;
    taken_over(&story, "partition")?;
    story.observer.verdict().map(drop)
}
