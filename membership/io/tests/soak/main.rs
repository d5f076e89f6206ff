//! Rings of real processes in network namespaces, under what a bad day brings: lost packets, taken CPUs, stopped and
//! killed processes. As a test it is short; `cargo xtask soak` plays the same stories for as long as one likes.
//!
//! Three programs in one file: called with `member` it is one node, with `burn` it uses a CPU up, with `play` it plays
//! one story with the setting of the command line; otherwise it runs the tests. All of it needs root, and says so.

// This is the world itself, not a machine in it. Figures are for whoever looks.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod churn;
mod cut;
mod herd;
mod member;
mod network;
mod story;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::time::Duration;
use story::Setting;

const USAGE: &str = "play loss|pause|crash|oneway|links|hop|views [--nodes N] [--token MS] [--seconds S] [--loss PERCENT] \
    [--saturated] [--rounds N] [--views N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("member") => member::main(&arguments[1..]),
        Some("burn") => {
            member::burn();
            Ok(())
        }
        Some("play") => play(&arguments[1..]),
        _ => return tests(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Why the stories cannot be played here.
fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root (network namespaces)".to_owned());
    }
    let programs = ["/usr/sbin/nft", "/usr/bin/nsenter"];
    let absent: Vec<&str> = programs.into_iter().filter(|program| !std::path::Path::new(program).exists()).collect();
    (!absent.is_empty()).then(|| format!("not installed: {}", absent.join(", ")))
}

fn play(arguments: &[String]) -> Result<(), String> {
    let (mut setting, mut rounds, mut views) = (Setting::new("p"), 5, 10_000);
    let mut words = arguments.iter();
    let name = words.next().ok_or(USAGE)?;
    if let Some(reason) = missing().filter(|_| name != "views") {
        return Err(reason);
    }
    while let Some(word) = words.next() {
        if word == "--saturated" {
            setting.saturated = true;
            continue;
        }
        let number: u32 = words.next().and_then(|number| number.parse().ok()).ok_or(USAGE)?;
        match word.as_str() {
            "--nodes" => setting.nodes = (number as usize).clamp(2, herd::MOST),
            "--token" => setting.token = Duration::from_millis(number.into()),
            "--seconds" => setting.time = Duration::from_secs(number.into()),
            "--loss" => setting.loss = number,
            "--rounds" => rounds = number as usize,
            "--views" => views = number.into(),
            _ => return Err(USAGE.to_owned()),
        }
    }
    let report = match name.as_str() {
        "loss" => story::undisturbed(&setting)?,
        "links" => cut::spare(&setting)?,
        "hop" => cut::hop(&setting)?,
        "oneway" => cut::one_way(&setting)?,
        "pause" => story::paused(&setting)?,
        "views" => churn::views(views)?,
        "crash" => story::crash(&setting, rounds)?.report(&setting),
        _ => return Err(USAGE.to_owned()),
    };
    print!("{report}");
    Ok(())
}

fn tests() -> ExitCode {
    type Story = fn() -> Result<String, String>;
    let all: &[(&str, Story)] = &[
        ("three nodes: a fifth of all packets is lost", || lossy(3, "l")),
        ("five nodes: a fifth of all packets is lost", || lossy(5, "m")),
        ("fast profile: all CPUs are taken", taken),
        ("pauses, shorter and longer than the timeout", || {
            story::paused(&Setting { token: Duration::from_millis(500), ..Setting::new("z") })
        }),
        ("crashes are noticed in time", in_time),
        ("memory and descriptors stay as they are over many views", || churn::views(100)),
        ("one-way cuts end in one view", || {
            cut::one_way(&Setting { token: Duration::from_millis(300), ..Setting::new("o") })
        }),
        ("a hop that takes smaller packets", || {
            cut::hop(&Setting { token: Duration::from_millis(300), ..Setting::new("h") })
        }),
        ("one of two links is enough", || {
            cut::spare(&Setting { token: Duration::from_millis(300), ..Setting::new("k") })
        }),
    ];
    let missing = missing();
    if let Some(reason) = &missing {
        println!("skipped: {reason}");
    }
    let trials = all.iter().map(|&(name, story)| {
        let told = move || {
            print!("{}", story().map_err(Failed::from)?);
            Ok(())
        };
        Trial::test(name, told).with_ignored_flag(missing.is_some())
    });
    let mut arguments = Arguments::from_args();
    // Each of them fills the machine; side by side they would only measure each other.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn lossy(nodes: usize, label: &'static str) -> Result<String, String> {
    story::undisturbed(&Setting { nodes, loss: 20, time: Duration::from_secs(5), ..Setting::new(label) })
}

fn taken() -> Result<String, String> {
    let token = Duration::from_millis(300);
    story::undisturbed(&Setting { token, saturated: true, time: Duration::from_secs(5), ..Setting::new("s") })
}

fn in_time() -> Result<String, String> {
    let setting = Setting { token: Duration::from_millis(500), ..Setting::new("c") };
    let times = story::crash(&setting, 2)?;
    let worst = times.power_cut.iter().max().copied().unwrap_or_default();
    let report = times.report(&setting);
    let killed = times.killed.iter().max().copied().unwrap_or_default();
    // A process whose host lives on is not waited for.
    let late = worst > story::bound(setting.token) || u128::from(killed) > (setting.token / 2).as_nanos();
    if late { Err(format!("too slow: {report}")) } else { Ok(report) }
}
