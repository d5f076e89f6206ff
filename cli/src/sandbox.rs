//! A cluster to play with on one computer: real daemons on loopback, each with a power supply of its own.
//!
//! ```text
//!   paceline sandbox ...           fence_sandbox (started by a pacelined to cut another one off)
//!        |      \                       |
//!        |       '------ JSON lines ----+
//!        v                              v
//!     switch                machine alpha   machine beta   machine gamma      one process each, the power supplies
//!   public addresses             |               |              |
//!        ^   |               pacelined       pacelined       pacelined
//!        |   '-- UDP datagrams --> real addresses |              |
//!        '-----------------------'---------------'--------------'             every service is a descendant of its
//!        machine
//! ```
//!
//! [`layout`] where things are, [`adapt`] a cluster file made fit for loopback, [`machine`] the power supply,
//! [`processes`] killing everything of a machine, [`switch`] the network, [`fence`] the fence device, [`lines`] how
//! they talk, [`launch`] up and down. A machine never shares a process with what it powers, so a power cut takes
//! exactly what a real one would take.

pub(crate) mod adapt;
pub(crate) mod fence;
pub(crate) mod launch;
pub(crate) mod layout;
pub(crate) mod lines;
pub(crate) mod machine;
pub(crate) mod processes;
pub(crate) mod switch;
