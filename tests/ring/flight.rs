//! Flight recorders: what a ring did, done again. In one of four worlds every ring is recorded, and each recording has
//! to be the same when it is played again, wherever in its life it begins. Files of real daemons can be played, too.

use crate::checks::Violation;
use config::NodeId;
use membership::{About, Detail, RECORDED, Recorder, Recording, Replay, Timeline};
use std::path::{Path, PathBuf};

/// Steps shown before the one that is not the same.
const BEFORE: usize = 40;
/// Recordings of rings that ended are kept of so many, the last ones.
const KEPT: usize = 16;

/// All recorders of one world.
#[derive(Debug, Default)]
pub struct Flights {
    /// How much each of them keeps, in bytes; nobody records without it.
    pub limit: Option<usize>,
    ended: Vec<(NodeId, Recorder)>,
}

impl Flights {
    /// Whether rings are recorded in the world of this seed, and how much is kept of each.
    pub fn of(seed: u64) -> Flights {
        let limit = [2_000, 20_000, 200_000, RECORDED][usize::try_from(seed / 4 % 4).expect("below 4")];
        Flights { limit: seed.is_multiple_of(4).then_some(limit), ended: Vec::new() }
    }

    /// A ring has ended.
    pub fn end(&mut self, node: &NodeId, recorder: Recorder) {
        if self.ended.len() == KEPT {
            self.ended.remove(0);
        }
        self.ended.push((node.clone(), recorder));
    }

    /// Plays all of them again.
    ///
    /// # Errors
    /// One is not the same.
    pub fn check<'a>(&'a self, running: impl Iterator<Item = (&'a NodeId, &'a Recorder)>) -> Result<(), Violation> {
        let ended = self.ended.iter().map(|(node, recorder)| (node, recorder));
        ended.chain(running).try_for_each(|(node, recorder)| {
            // Through its bytes, as a file would.
            let bytes = recorder.recording(about(node, "the end of a world")).encode();
            let again = Recording::decode(&bytes).map_err(|error| error.to_string()).and_then(|recording| {
                let steps = Replay::new(&recording).map_err(|error| error.to_string())?;
                steps.map(|step| step.map_err(|error| error.to_string())).try_for_each(|step| match step? {
                    step if step.same => Ok(()),
                    step => Err(format!("step {} is not the same: {:?}", step.number, step.input)),
                })
            });
            again.map_err(|why| Violation { rule: "replays_the_same", text: format!("the recording of {node}: {why}") })
        })
    }
}

fn about(node: &NodeId, reason: &str) -> About {
    let release = env!("CARGO_PKG_VERSION").to_owned();
    About { release, node: node.clone(), reason: reason.to_owned(), written_ms: 0 }
}

/// Writes a file for each ring that still runs; tells where.
pub fn write<'a>(
    directory: &Path,
    running: impl Iterator<Item = (&'a NodeId, &'a Recorder)>,
) -> std::io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(directory)?;
    let file = |(node, recorder): (&NodeId, &Recorder)| {
        let path = directory.join(format!("{node}.record"));
        std::fs::write(&path, recorder.recording(about(node, "a simulated world")).encode())?;
        Ok(path)
    };
    running.map(file).collect()
}

/// Plays a file; true when it is the same.
pub fn replay(path: &Path, every_step: bool) -> bool {
    match played(path, every_step) {
        Ok(said) => {
            println!("{said}");
            true
        }
        Err(why) => {
            println!("rings: {}: {why}", path.display());
            false
        }
    }
}

fn played(path: &Path, every_step: bool) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let recording = Recording::decode(&bytes).map_err(|error| error.to_string())?;
    let mut replay = Replay::new(&recording).map_err(|error| error.to_string())?;
    let mut timeline = Timeline::new(&recording, if every_step { Detail::Steps } else { Detail::Events });
    let mut near = std::collections::VecDeque::new();
    let mut count = 0;
    while let Some(step) = replay.next() {
        let step = step.map_err(|error| error.to_string())?;
        count = step.number;
        for line in timeline.tell(&step, &replay.status()) {
            println!("{line}");
        }
        if !step.same {
            near.iter().for_each(|step| println!("{step}"));
            return Err(format!("step {count} is not the same: {:?} gives {:?}", step.input, step.outputs));
        }
        near.push_back(format!("#{count} {:?}", step.input));
        near.drain(..near.len().saturating_sub(BEFORE));
    }
    if let Some(line) = timeline.end() {
        println!("{line}");
    }
    Ok(format!("rings: {count} steps of {}, all the same", recording.about.node))
}
