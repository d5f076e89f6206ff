//! Whom an arbiter outside of a cluster gives its vote, and what it and the nodes say to each other.
//!
//! ```text
//!   node --Hello, Report(ring, members, ...)--> Court (one per cluster) --Granted / Waiting / Denied--> node
//!                                                 |                                              |
//!                                                 +--Persist(Grant), on disk before it is told   +--> told to its view
//! ```
//!
//! # Why two parts never count the vote
//!
//! 1. **A grant is for one ring**, and a node counts it only in the view of that ring, once it was delivered there in
//!    the agreed order. It is never taken back: it ends with the ring. So nothing has to be known of clocks, and the
//!    loss of the arbiter, or of the way to it, changes nothing in a view that has its vote. (The peer's device drops
//!    its vote when the connection drops. That lets the other half go on sooner after two failures in a row, and costs
//!    the survivor of one failure its services whenever the arbiter is restarted.)
//! 2. **The next ring shares a node with the last.** A grant moves from ring H to ring R only when R is newer and
//!    a member of H is a member of R (all configured nodes contain one). Ring numbers only grow, and a node that
//!    agreed to R never works in H again: H is over. By induction every ring that was granted before the last one
//!    is over, and what remains of its members, should they not know it yet, cannot order anything any more: a
//!    ring passes no message without all of its members.
//! 3. **A grant is on disk before it is told**, so an arbiter that restarts goes on where it was. One that has lost its
//!    memory ([`Court::new`] without a grant) gives its vote only to a ring of all configured nodes: whatever was
//!    granted before shares a node with that.
//!
//! # Why nothing acknowledged is lost
//!
//! A node reports a view after the hand-over: its members hold the same content, whoever was excluded is no member, and
//! each says whether it has that content on disk. The vote goes on only with a member that has said so in the last
//! ring with the vote, and that has not lost its disk since (or with all configured nodes). So a change that all
//! members of a view with the vote have on disk reaches every later view with the vote.
//!
//! # Whom it believes
//!
//! Whoever has a node's key speaks as that node. So what is said with a key that the cluster has revoked counts no
//! more, once a member of the ring with the vote has told of it; and no report moves the ring numbers further than
//! [`Court`] thinks possible: a node that lies could otherwise have the vote go to a ring that no true one ever comes
//! after.
//!
//! What it costs: when the only holder dies while the other half is cut off from it, that half does not get the vote.
//! Nobody can know then that the holder is dead. Its operator can (`paceline quorum force`).

mod court;
mod message;
mod part;
mod report;

pub use court::{Court, Grant, Input, Output, Seat, Standing};
pub use message::{Answer, FromArbiter, FromNode, Hello, MAX_MESSAGE, MessageError, VERSION, decode, encode};
pub use report::{Fingerprint, Heuristics, Report};
