//! Other processes that keep every core busy, to show what the cluster does on a loaded machine.

use anyhow::{Context, Result};
use std::process::{Child, Command, Stdio};

/// The processes; they end with this value.
pub struct Busy(Vec<Child>);

/// One endless loop per core.
pub fn start() -> Result<Busy> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut busy = Busy(Vec::new());
    for _ in 0..cores {
        // It ends by itself when this process is gone, so that a SIGKILL leaves nothing behind.
        let script = "while kill -0 \"$PPID\" 2>/dev/null; do i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done";
        let child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start a busy loop")?;
        busy.0.push(child);
    }
    println!("{cores} busy loops keep the cores occupied");
    Ok(busy)
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that is gone already needs no killing.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
