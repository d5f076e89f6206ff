//! Whose turn it is, with which level: a function of what every member knows, so that exactly one node acts.
//!
//! Attempt by attempt, one node tries its levels in order; then the next node does, since it may reach a device that
//! the first cannot. After each round over all nodes there is a pause that grows.

use config::{Config, Level, NodeId};
use std::time::Duration;

/// The pause after the first round of failures; it doubles with each round.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One attempt: who makes it, with what, and after which pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// Who.
    pub by: &'a NodeId,
    /// The level; `None` when no device covers the target.
    pub level: Option<&'a Level>,
    /// How long it waits, counted from the failure before it.
    pub pause: Duration,
}

/// Attempt `number` (from 0) at `target`. `candidates` are the members that may act, the DC first. `None` when there is
/// nobody but the target itself.
#[must_use]
pub fn assignment<'a>(
    config: &'a Config,
    candidates: &'a [NodeId],
    target: &NodeId,
    number: u32,
) -> Option<Assignment<'a>> {
    let nodes: Vec<&NodeId> = candidates.iter().filter(|candidate| *candidate != target).collect();
    let levels = config.levels.get(target).map_or(&[][..], Vec::as_slice);
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    // Without any device the first node says so, again and again; the others could not say anything else.
    let (turn, round) = match levels.len() {
        0 => (0, 1),
        levels => (number / levels, levels * nodes.len()),
    };
    let by = nodes.get(turn % nodes.len().max(1))?;
    let level = (!levels.is_empty()).then(|| &levels[number % levels.len()]);
    let pause = if number > 0 && number.is_multiple_of(round) { pause_after(number / round) } else { Duration::ZERO };
    Some(Assignment { by, level, pause })
}

fn pause_after(rounds: usize) -> Duration {
    let doubled = u32::try_from(rounds - 1).ok().and_then(|power| 2_u32.checked_pow(power));
    doubled.and_then(|times| FIRST_PAUSE.checked_mul(times)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}
