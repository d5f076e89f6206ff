//! A recording in words: what was noticed and what changed, and between that, in one line per stretch, who was heard
//! how often and how the token went.

use super::file::Recording;
use super::replay::Replayed;
use crate::ring::{Configuration, Input, Notice, Output, Reconfiguration, RingStatus};
use crate::view::View;
use crate::wire::Seen;
use config::NodeId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest text of one frame, in characters.
const FRAME: usize = 400;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// What was noticed and what changed.
    #[default]
    Events,
    /// Also every step, with its frames.
    Steps,
}

/// Tells a replay step by step.
#[derive(Debug)]
pub struct Timeline {
    detail: Detail,
    /// How old the ring was where the recording begins.
    began: Duration,
    phase: Option<&'static str>,
    view: Option<View>,
    stretch: Stretch,
    /// When each peer was last heard.
    heard: BTreeMap<NodeId, Duration>,
    /// The last visit of the token.
    visited: Option<Duration>,
}

/// What happened since the last line.
#[derive(Debug, Default)]
struct Stretch {
    /// Frames of each peer, by kind.
    frames: BTreeMap<NodeId, BTreeMap<&'static str, u64>>,
    tokens: u64,
    longest: Duration,
    sent: u64,
    delivered: u64,
}

impl Timeline {
    /// For a replay of this recording from its beginning.
    #[must_use]
    pub fn new(recording: &Recording, detail: Detail) -> Timeline {
        let began = recording.began;
        let (heard, stretch) = (BTreeMap::new(), Stretch::default());
        Timeline { detail, began, phase: None, view: None, stretch, heard, visited: None }
    }

    /// The lines of one step, mostly none. `status` is that of the ring after it.
    pub fn tell(&mut self, step: &Replayed, status: &RingStatus) -> Vec<String> {
        let mut events = Vec::new();
        self.take_in(step, &mut events);
        for output in &step.outputs {
            self.output(step.at, output, &mut events);
        }
        if self.phase != Some(status.phase) {
            events.push(match self.phase.replace(status.phase) {
                Some(before) => format!("phase {before} -> {}", status.phase),
                None => format!("phase {}", status.phase),
            });
        }
        let time = (step.at - self.began).as_secs_f64();
        let mut lines = Vec::new();
        if !events.is_empty() || self.detail == Detail::Steps {
            lines.extend(self.stretch.told().filter(|_| self.detail == Detail::Events));
            self.stretch = Stretch::default();
        }
        if self.detail == Detail::Steps {
            lines.push(format!("#{} {}", step.number, told(&step.input)));
            lines.extend(step.outputs.iter().filter_map(wanted));
        }
        lines.extend(events);
        lines.into_iter().map(|line| format!("{time:>10.4} s  {line}")).collect()
    }

    /// What is left to tell at the end.
    #[must_use]
    pub fn end(self) -> Option<String> {
        self.stretch.told().map(|line| format!("{:>10}    {line}", ""))
    }

    /// What the ring was told.
    fn take_in(&mut self, step: &Replayed, events: &mut Vec<String>) {
        match &step.input {
            Input::Frame { from, bytes } => {
                self.heard.insert(from.clone(), step.at);
                let kind = Seen::read(bytes).map_or("bad", |seen| seen.kind());
                *self.stretch.frames.entry(from.clone()).or_default().entry(kind).or_default() += 1;
                if kind == "token" {
                    self.stretch.tokens += 1;
                    if let Some(before) = self.visited.replace(step.at) {
                        self.stretch.longest = self.stretch.longest.max(step.at - before);
                    }
                }
            }
            Input::Multicast(_) => self.stretch.sent += 1,
            Input::LinkUp(peer) => events.push(format!("the link to {peer} is up")),
            Input::LinkDown(peer) => events.push(format!("the process of {peer} is gone, says the link")),
            Input::RingNumberStored(number) => events.push(format!("ring numbers up to {number} are stored")),
            Input::Reconfigure(to) => events.push(format!("from now on {}", options(to))),
            Input::Leave => events.push("this node is asked to leave".to_owned()),
            Input::Wake => {}
        }
    }

    /// What the ring wanted done.
    fn output(&mut self, at: Duration, output: &Output, events: &mut Vec<String>) {
        match output {
            Output::Send { .. } | Output::Broadcast(_) => {}
            Output::Deliver(_) => self.stretch.delivered += 1,
            Output::View(view) => {
                events.push(self.installed(view));
                (self.view, self.visited) = (Some(view.clone()), None);
            }
            Output::StoreRingNumber(number) => events.push(format!("asks to store ring numbers up to {number}")),
            Output::Notice(notice) => events.push(self.noticed(at, notice)),
            Output::Left => events.push("left".to_owned()),
        }
    }

    fn installed(&self, view: &View) -> String {
        let names: Vec<&str> = view.members.keys().map(NodeId::as_str).collect();
        let mut text = format!("view {}: {}", view.ring, names.join(", "));
        if let Some(before) = &self.view {
            let lost = before.members.keys().filter(|node| !view.contains(node)).map(|node| format!(" -{node}"));
            let joined = view.members.keys().filter(|node| !before.contains(node)).map(|node| format!(" +{node}"));
            text.extend(joined.chain(lost));
        }
        text
    }

    fn noticed(&self, at: Duration, notice: &Notice) -> String {
        match notice {
            Notice::Quiet { peer, silence } => format!("{peer} was not heard for {} ms", silence.as_millis()),
            Notice::TokenLost { since, .. } => {
                let heard = self.heard.iter().map(|(peer, last)| format!("{peer} {} ms ago", (at - *last).as_millis()));
                let heard: Vec<String> = heard.collect();
                format!("the token was lost {} ms ago; last heard: {}", since.as_millis(), heard.join(", "))
            }
            Notice::Gathering { reason } => format!("members are looked for: {reason}"),
            Notice::Paused { gap } => format!("this node itself did not run for {} ms", gap.as_millis()),
            Notice::BadFrame { from, reason } => format!("a frame of {from} is refused: {reason}"),
            Notice::PeerLeft { peer } => format!("{peer} left in order"),
            Notice::Refused { reason, .. } => format!("refused: {reason}"),
        }
    }
}

impl Stretch {
    /// In one line, if there is anything to tell.
    fn told(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.tokens > 0 {
            parts.push(format!("{} tokens, at most {:.1} ms apart", self.tokens, self.longest.as_secs_f64() * 1000.0));
        }
        for (peer, kinds) in &self.frames {
            let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            parts.push(format!("from {peer}: {}", kinds.join(" ")));
        }
        if self.sent > 0 || self.delivered > 0 {
            parts.push(format!("{} messages to send, {} delivered", self.sent, self.delivered));
        }
        (!parts.is_empty()).then(|| format!("  ({})", parts.join("; ")))
    }
}

/// An input, in detail.
fn told(input: &Input) -> String {
    match input {
        Input::Frame { from, bytes } => format!("from {from}: {}", frame(bytes)),
        Input::Multicast(message) => format!("a message of {} bytes to send", message.payload.len()),
        Input::LinkUp(peer) => format!("link up: {peer}"),
        Input::LinkDown(peer) => format!("link down: {peer}"),
        Input::RingNumberStored(number) => format!("stored: {number}"),
        Input::Reconfigure(to) => format!("reconfigure: {}", options(to)),
        Input::Leave => "leave".to_owned(),
        Input::Wake => "wake".to_owned(),
    }
}

/// An output, in detail; those that are events have a line of their own.
fn wanted(output: &Output) -> Option<String> {
    Some(match output {
        Output::Send { to, bytes } => format!("    to {to}: {}", frame(bytes)),
        Output::Broadcast(bytes) => format!("    to all: {}", frame(bytes)),
        Output::Deliver(delivery) => {
            let how = if delivery.configuration == Configuration::Transitional { " (transitional)" } else { "" };
            format!("    delivers {}{how}: {} bytes of {}", delivery.seq, delivery.payload.len(), delivery.from)
        }
        Output::View(_) | Output::StoreRingNumber(_) | Output::Notice(_) | Output::Left => return None,
    })
}

fn frame(bytes: &bytes::Bytes) -> String {
    match Seen::read(bytes) {
        Ok(seen) => {
            let text = format!("{seen:?}");
            // The zeros in place of messages say nothing.
            let text = text.split(", payload: b\"").next().unwrap_or_default();
            text.chars().take(FRAME).collect()
        }
        Err(why) => format!("{} bytes: {why}", bytes.len()),
    }
}

fn options(of: &Reconfiguration) -> String {
    format!(
        "{} nodes, a token timeout of {} ms, frames of {} bytes",
        of.nodes.len(),
        of.token.as_millis(),
        of.frame_limit
    )
}
