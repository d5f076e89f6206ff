//! Many rings on one virtual clock, judged after every step.

mod changes;
mod checks;
mod garbage;
mod seeds;
mod sleeper;
mod stories;
mod world;

/// A planted bug. Each must be caught by the checks, or the checks prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Delivers what has arrived although something before it is missing.
    DeliverBeforeGap,
    /// Installs the next view without fetching what the others have of the last one.
    SkipRecovery,
    /// Forms a ring with the number of the last one.
    ReuseRingNumber,
    /// Hands the token on without counting the packets that are sent after it.
    TokenForgetsRest,
}
