//! Placeholder entry point, replaced as the room is built.
fn main() {}
