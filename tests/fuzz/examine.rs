//! One input on one target, held to what the target promises.

use crate::meter;
use crate::targets::Target;
use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What one input cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Most bytes held at one time.
    pub memory: usize,
    /// Time of the processor.
    pub time: Duration,
}

/// What went wrong.
#[derive(Debug)]
pub enum Finding {
    /// It panicked.
    Panic(String),
    /// What was read and written again reads differently, or another promise of the target is broken.
    Broken(String),
    /// It took more memory than the target states.
    Memory {
        /// How much, in bytes.
        peak: usize,
        /// The most allowed.
        limit: usize,
    },
    /// It took longer than the target states.
    Slow {
        /// How long.
        took: Duration,
        /// The longest allowed.
        limit: Duration,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Panic(text) => write!(f, "panics: {text}"),
            Finding::Broken(text) => write!(f, "breaks a promise: {text}"),
            Finding::Memory { peak, limit } => write!(f, "takes {peak} bytes of memory, the limit is {limit}"),
            Finding::Slow { took, limit } => write!(f, "takes {took:?}, the limit is {limit:?}"),
        }
    }
}

/// Runs `target` on `input` once; again when it seems slow, since a computer with other work is no fault of a decoder.
///
/// # Errors
/// The first promise that does not hold.
pub fn examine(target: &Target, input: &[u8]) -> Result<Cost, Finding> {
    let mut cost = once(target, input)?;
    let limit = target.time(input.len());
    for _ in 0..2 {
        if cost.time > limit {
            cost.time = cost.time.min(once(target, input)?.time);
        }
    }
    if cost.time > limit {
        return Err(Finding::Slow { took: cost.time, limit });
    }
    Ok(cost)
}

fn once(target: &Target, input: &[u8]) -> Result<Cost, Finding> {
    let began = spent();
    let (done, memory) = meter::peak(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    let cost = Cost { memory, time: spent().saturating_sub(began) };
    let limit = target.memory(input.len());
    match done {
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Finding::Panic(text.unwrap_or_default()))
        }
        Ok(Err(broken)) => Err(Finding::Broken(broken)),
        Ok(Ok(())) if memory > limit => Err(Finding::Memory { peak: memory, limit }),
        Ok(Ok(())) => Ok(cost),
    }
}

/// Processor time of this thread.
pub fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
