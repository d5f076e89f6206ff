//! `paceline ring status`, `record` and `replay`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crate::render::text::clean;
use crate::render::time::Clock;
use crate::render::{record, ring};
use crm::control::{Request, Response, RingReport};
use membership::{Detail, RecordError, Recording, Replay, Timeline};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes: longer ones are no recordings.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What to see of the ring.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// The view, the time of the token, every change of the view with its reason, and what was noticed of each peer
    Status {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Make the daemon write down what its ring did in the last minutes, without the content of messages
    Record {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Do again what a recorded ring did, step by step, and tell it; needs no daemon
    Replay {
        /// A recording: the daemon keeps them in `ring-records` in its state directory
        file: PathBuf,
        /// Tell every step, with its frames
        #[arg(long)]
        steps: bool,
    },
}

/// Asks the daemon.
pub(super) fn ask(context: &Context<'_>) -> Result<Box<RingReport>, Failure> {
    match context.connect()?.ask(&Request::Ring, PROMPT)? {
        Response::Ring(report) => Ok(report),
        other => Err(Failure::unexpected(&other)),
    }
}

pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        Command::Status { json } => {
            let report = ask(context)?;
            if *json {
                context.output.json(&report);
            } else {
                context.output.print(&ring::ring(&report));
            }
            Ok(())
        }
        Command::Record { json } => {
            let response = context.connect()?.ask(&Request::RecordRing, PROMPT)?;
            let Response::Recorded { file } = &response else { return Err(Failure::unexpected(&response)) };
            if *json {
                context.output.json(&response);
            } else {
                context.output.line(&clean(file));
            }
            Ok(())
        }
        Command::Replay { file, steps } => replay(file, if *steps { Detail::Steps } else { Detail::Events }, context),
    }
}

fn replay(file: &Path, detail: Detail, context: &Context<'_>) -> Result<(), Failure> {
    let shown = file.display();
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
        .map_err(|error| Failure::refused(format!("cannot read {shown}")).because(error))?;
    let broken = |error: RecordError| Failure::refused(format!("cannot play {shown}")).because(error);
    let recording = Recording::decode(&bytes).map_err(broken)?;
    let said = |error| broken(error).hint(record::release(&recording));
    context.output.print(&record::head(&recording, &Clock::system()));
    let mut replay = Replay::new(&recording).map_err(said)?;
    let mut timeline = Timeline::new(&recording, detail);
    let (mut count, mut end) = (0, recording.began);
    while let Some(step) = replay.next() {
        let step = step.map_err(said)?;
        for line in timeline.tell(&step, &replay.status()) {
            context.output.line(&clean(&line));
        }
        if !step.same {
            return Err(Failure::refused(format!(
                "step {}, {:.4} s after the beginning, is not the same: this ring does something else than the \
                 recorded one did",
                step.number,
                (step.at - recording.began).as_secs_f64()
            ))
            .hint(record::release(&recording)));
        }
        (count, end) = (step.number, step.at);
    }
    if let Some(line) = timeline.end() {
        context.output.line(&clean(&line));
    }
    let time = (end - recording.began).as_secs_f64();
    context.output.line(&format!("{count} steps in {time:.1} s: all done again, all the same"));
    Ok(())
}
