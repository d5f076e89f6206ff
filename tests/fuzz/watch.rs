//! The process above: starts one child per target, two at a time, and tells what became of them. A child that dies or
//! hangs leaves its last input in a file.

use crate::args::Arguments;
use crate::hunt::tell;
use crate::targets::{self, Target};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Children at a time.
const WORKERS: usize = 2;
/// A child that looks at one input for so long hangs.
const HANGS: Duration = Duration::from_secs(20);

/// The input that is being tried, where the process above finds it.
pub struct Current {
    file: Option<File>,
    count: u64,
}

impl Current {
    /// In a file that the process above knows. Without one, only findings that kill the process stay untold.
    pub fn create(target: &Target) -> Current {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(place(target, std::os::unix::process::parent_id()));
        Current { file: file.ok(), count: 0 }
    }

    /// This one is next.
    pub fn write(&mut self, input: &[u8]) {
        let Some(file) = &self.file else { return };
        self.count += 1;
        let head = [self.count.to_le_bytes(), (input.len() as u64).to_le_bytes()].concat();
        // Best effort: see above.
        let _ = file.write_all_at(&head, 0).and_then(|()| file.write_all_at(input, 16));
    }

    fn read(target: &Target) -> Option<(u64, Vec<u8>)> {
        let bytes = fs::read(place(target, std::process::id())).ok()?;
        let (count, rest) = bytes.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<8>()?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        Some((u64::from_le_bytes(*count), rest.get(..len)?.to_vec()))
    }
}

fn place(target: &Target, parent: u32) -> PathBuf {
    std::env::temp_dir().join(format!("paceline-fuzz-{parent}-{}.current", target.name))
}

/// Every target asked for; true when nothing went wrong.
pub fn all(arguments: &Arguments, short: Duration) -> bool {
    let began = Instant::now();
    let chosen: Vec<Target> = match &arguments.target {
        Some(target) => vec![target.clone()],
        None => targets::all(),
    };
    let share = u32::try_from(chosen.len().div_ceil(WORKERS)).unwrap_or(u32::MAX);
    let time = arguments.time.map_or(short, |all| all / share);
    let count = chosen.len();
    let queue = Mutex::new(VecDeque::from(chosen));
    let bad = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(target) = queue.lock().expect("nobody panics with it").pop_front() else { return };
                    if !one(&target, time, arguments) {
                        bad.lock().expect("nobody panics with it").push(target.name);
                    }
                }
            });
        }
    });
    let bad = bad.into_inner().expect("nobody panics with it");
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
        if bad.is_empty() { "ok" } else { "FAILED" },
        count - bad.len(),
        bad.len(),
        began.elapsed().as_secs_f64()
    );
    bad.is_empty()
}

fn one(target: &Target, time: Duration, arguments: &Arguments) -> bool {
    let good = match start(target, time, arguments) {
        Ok(child) => wait(target, child),
        Err(error) => {
            println!("test {} ... FAILED: cannot start: {error}", target.name);
            false
        }
    };
    // It may never have been made.
    let _ = fs::remove_file(place(target, std::process::id()));
    good
}

fn start(target: &Target, time: Duration, arguments: &Arguments) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--target", target.name, "--child", &time.as_secs_f64().to_string()]);
    if let Some(seed) = arguments.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if arguments.keep {
        command.arg("--keep");
    }
    command.spawn()
}

fn wait(target: &Target, mut child: Child) -> bool {
    let mut last = (0, Instant::now());
    loop {
        match child.try_wait() {
            // It has said itself what it found.
            Ok(Some(status)) if status.code().is_some() => return status.success(),
            Ok(Some(status)) => {
                println!("test {} ... FAILED: the process died ({status})", target.name);
                break;
            }
            Ok(None) => {}
            Err(error) => {
                println!("test {} ... FAILED: cannot wait for it: {error}", target.name);
                return false;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
        let count = Current::read(target).map_or(0, |(count, _)| count);
        if count != last.0 {
            last = (count, Instant::now());
        } else if last.1.elapsed() > HANGS {
            println!("test {} ... FAILED: one input takes longer than {HANGS:?}", target.name);
            // It may have ended just now.
            let _ = child.kill();
            let _ = child.wait();
            break;
        }
    }
    if let Some((_, input)) = Current::read(target) {
        tell(target, &input);
    }
    false
}
