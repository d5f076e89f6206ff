//! Whether rules hold.

pub mod date;
