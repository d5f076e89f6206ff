//! What the surviving nodes report, printed as it happens and checked afterwards.

use super::client::Client;
use super::sandbox::Sandbox;
use super::wall_ms;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One event of one node.
#[derive(Clone, Debug)]
struct Seen {
    wall_ms: u64,
    node: String,
    kind: String,
    subject: String,
    text: String,
}

/// The events of all survivors.
pub struct Timeline {
    events: Receiver<Seen>,
    followers: Vec<Child>,
    seen: Mutex<Vec<Seen>>,
}

impl Timeline {
    /// Follows the events of every node but `victim`, from now on.
    pub fn follow(sandbox: &Sandbox, victim: &str) -> Result<Timeline> {
        let (sender, events) = channel();
        let mut followers = Vec::new();
        for node in Sandbox::NODES.iter().filter(|node| **node != victim) {
            let mut child = sandbox.follow(node)?;
            let output = child.stdout.take().context("the output of `paceline events` was not piped")?;
            let (sender, node) = (sender.clone(), (*node).to_owned());
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let Some(event) = read(&node, &line) else { continue };
                    if sender.send(event).is_err() {
                        return;
                    }
                }
            });
            followers.push(child);
        }
        Ok(Timeline { events, followers, seen: Mutex::new(Vec::new()) })
    }

    /// Prints one line of the timeline.
    #[allow(clippy::unused_self, reason = "the timeline is what speaks")]
    pub fn say(&self, cut: u64, wall_ms: u64, text: &str) {
        println!("  {:>+6} ms  {text}", i64::try_from(wall_ms).unwrap_or(0) - i64::try_from(cut).unwrap_or(0));
    }

    /// Prints events as they come until another node serves the client: last answer before, first answer after, node.
    pub fn watch(&self, cut: u64, client: &Client, victim: &str, patience: Duration) -> Option<(u64, u64, String)> {
        let deadline = cut + u64::try_from(patience.as_millis()).ok()?;
        let mut said = BTreeSet::new();
        let mut recovery = None;
        // After the recovery a little longer, so that the end of the story is told too.
        let mut until = deadline;
        while wall_ms() < until {
            match self.events.recv_timeout(Duration::from_millis(10)) {
                Ok(event) => {
                    // What a node remembers from before is not part of this story.
                    let new = event.wall_ms >= cut && said.insert((event.kind.clone(), event.text.clone()));
                    if new {
                        self.say(cut, event.wall_ms, &format!("{:<6} {}", event.node, event.text));
                    }
                    self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(Duration::from_millis(10)),
            }
            if recovery.is_none() {
                recovery = client.recovery(victim);
                if let Some((_, first, node)) = &recovery {
                    self.say(cut, *first, &format!("client: the web service answers again, from {node}"));
                    until = deadline.min(wall_ms() + 500);
                }
            }
        }
        recovery
    }

    /// Fails unless every step of the recovery was reported, in the only safe order.
    pub fn verify(&self, cut: u64, answered: u64, victim: &str, node: &str) -> Result<()> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let first = |what: &str, holds: &dyn Fn(&Seen) -> bool| -> Result<u64> {
            let found =
                seen.iter().filter(|event| event.wall_ms >= cut && holds(event)).map(|event| event.wall_ms).min();
            found.with_context(|| format!("no survivor reported: {what}"))
        };
        let steps = [
            ("silence noticed", first("silence noticed", &|e| e.kind == "silence")?),
            (
                "a view without the lost node",
                first("a view without the lost node", &|e| {
                    e.kind == "view" && e.text.ends_with(&format!("without {victim}"))
                })?,
            ),
            (
                "fencing asked for",
                first("fencing asked for", &|e| e.kind == "fencing-requested" && e.subject == victim)?,
            ),
            ("fencing confirmed", first("fencing confirmed", &|e| e.kind == "fenced" && e.subject == victim)?),
            (
                "the start ordered",
                first("the start ordered", &|e| e.kind == "ordered" && e.text.contains("start web"))?,
            ),
            ("the service answering again", answered),
        ];
        for pair in steps.windows(2) {
            if pair[0].1 > pair[1].1 {
                bail!("out of order: {} came {} ms after {}", pair[0].0, pair[0].1 - pair[1].1, pair[1].0);
            }
        }
        first("a plan", &|e| e.kind == "plan")?;
        if node == victim {
            bail!("the service answers from {victim}, which has no power");
        }
        Ok(())
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        for child in &mut self.followers {
            // One that ended with its node needs no killing.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn read(node: &str, line: &str) -> Option<Seen> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Seen {
        wall_ms: value.get("wall_ms")?.as_u64()?,
        node: node.to_owned(),
        kind: text("kind"),
        subject: text("subject"),
        text: text("text"),
    })
}
