//! Whose fault silence is: what a node did not hear while nothing ran on it, nobody failed to say.

use super::{Violation, broken};
use config::NodeId;
use membership::Notice;
use std::time::Duration;

/// When a node notices the silence of a peer, or that the token is lost, it counts no time in which it was not running
/// itself. `awake` is for how long it has been, since it last did not run for longer than half the token timeout.
pub fn own_gaps_blame_nobody(node: &NodeId, awake: Duration, notice: &Notice) -> Result<(), Violation> {
    let (what, time) = match notice {
        Notice::Quiet { peer, silence } => (peer.as_str(), *silence),
        Notice::TokenLost { since, .. } => ("the token", *since),
        _ => return Ok(()),
    };
    if time <= awake {
        return Ok(());
    }
    let text = format!("{node} misses {what} for {} ms, and was awake for {}", time.as_millis(), awake.as_millis());
    broken("own_gaps_blame_nobody", text)
}
