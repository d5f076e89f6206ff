//! The simulated world: many whole nodes on one virtual clock.
//!
//! Each machine carries the same `Ring` and `Node` as a daemon does; [`World`] is their second pump. Everything around
//! them is made up from a seed: `network`, `disk`, `services` and their agents, `power` and fence devices, `operators`,
//! `faults`. With `roster` machines come and go, with `disaster` quorum is forced. `checks` judges after every step;
//! when the faults are over, `settle` waits until all is well again. `mutation` plants bugs, to see that the checks
//! would notice.

mod checks;
mod clock;
mod cluster;
mod disaster;
mod disk;
mod event;
mod faults;
mod machine;
mod mutation;
mod network;
mod operators;
mod power;
mod pump;
mod roster;
mod services;
mod settle;
mod store;
mod trace;
mod world;

pub use checks::Violation;
pub use clock::{MS, SECOND};
pub use mutation::Mutation;
pub use trace::Detail;
pub use world::{Options, Outcome, World};
