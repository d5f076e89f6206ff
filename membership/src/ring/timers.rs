//! All times of the ring, derived from one: the token timeout.
//!
//! While that is being changed, or when somebody comes back who has not heard of the change, not everybody lives by the
//! same one. Everybody says which is its own. Who is waited for may then take as long as the most patient wants, and
//! who speaks does so as often as the least patient needs, so that nobody is taken for lost.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long things may take. See the fields.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Timers {
    /// Silence after which a peer counts as lost, and time without a token after which the token does.
    pub(crate) token: Duration,
    /// A silence of this node after which somebody else may have given it up.
    pub(crate) patience: Duration,
    /// Silence that is told to people.
    pub(crate) quiet: Duration,
    /// Between two beats.
    pub(crate) beat: Duration,
    /// How long the token rests at the representative when nobody has anything to say.
    pub(crate) hold: Duration,
    /// Before a token that left no trace is sent again the first time. Well below the beat: a ring whose links lose
    /// every fifth frame must get several tries into one token timeout.
    pub(crate) resend: Duration,
    /// The longest that the time between two tries grows to.
    pub(crate) resend_max: Duration,
    /// Between two joins, two requests for the token, two reports of recovery.
    pub(crate) join: Duration,
    /// How long somebody who is heard may fail to agree.
    pub(crate) consensus: Duration,
    /// How long somebody who did not agree is not asked again.
    pub(crate) hold_down: Duration,
    /// A gap between two steps that tells that this node itself was not running.
    pub(crate) pause: Duration,
    /// Between two notices of the same kind about the same peer.
    pub(crate) notice: Duration,
}

impl Timers {
    /// For a ring in which the longest token timeout that anybody lives by is `token`, and the shortest is `patience`.
    pub(crate) fn new(token: Duration, patience: Duration) -> Timers {
        let ms = Duration::from_millis;
        // Below this the bounds underneath would contradict each other.
        let (token, patience) = (token.max(ms(50)), patience.max(ms(50)));
        Timers {
            token,
            patience,
            quiet: token * 3 / 4,
            beat: (patience / 10).max(ms(5)),
            hold: (patience / 10).clamp(ms(5), ms(100)),
            resend: (patience / 20).clamp(ms(5), ms(250)),
            resend_max: (patience / 8).max(ms(10)),
            join: (patience / 20).clamp(ms(5), ms(250)),
            consensus: token,
            hold_down: token * 2,
            pause: patience / 2,
            notice: token.max(ms(1000)),
        }
    }
}
