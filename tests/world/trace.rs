//! What happened, one line per event: virtual milliseconds, machine, what. Off unless a seed is played to be read;
//! since a seed always plays the same way, a failure is explained by playing it again.

use std::collections::VecDeque;

/// How much is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing: the fast way.
    #[default]
    Nothing,
    /// Faults, views, deliveries, jobs, power, answers.
    Events,
    /// Also every frame on the wire.
    Frames,
}

/// The last lines.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) detail: Detail,
    limit: usize,
    lines: VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(detail: Detail, limit: usize) -> Trace {
        Trace { detail, limit, lines: VecDeque::new() }
    }

    pub(crate) fn push(&mut self, now: u64, who: &str, what: &str) {
        if self.lines.len() == self.limit {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>9}.{:03} {who:<8} {what}", now / 1_000, now % 1_000));
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

/// Writes a line about a machine (by number) into the trace of `$world`, at no cost when nobody reads it.
macro_rules! note {
    ($world:expr, $at:expr, $($what:tt)*) => {
        if $world.trace.detail >= $crate::trace::Detail::Events {
            let line = format!($($what)*);
            $world.note_line($at, &line);
        }
    };
}
pub(crate) use note;
