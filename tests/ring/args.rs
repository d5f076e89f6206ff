//! What the program was asked to do.

use crate::world::Detail;
use std::path::PathBuf;

/// All of it.
#[derive(Debug, Default)]
pub struct Arguments {
    /// How many seeds.
    pub seeds: Option<u64>,
    /// The first of them.
    pub first: Option<u64>,
    /// Only this one.
    pub seed: Option<u64>,
    /// So many nodes, whatever the seed says.
    pub nodes: Option<usize>,
    /// Stop at the first seed that fails.
    pub stop: bool,
    /// How much of it is shown.
    pub detail: Detail,
    /// Small rings in all their ways, so many steps deeper than usual.
    pub explore: Option<usize>,
    /// Where to write what each ring of the one seed did.
    pub record: Option<PathBuf>,
    /// A recording to be played again.
    pub replay: Option<PathBuf>,
    /// The table of sizes.
    pub sizes: bool,
    /// `cargo test` wants to know the names of tests.
    pub list: bool,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments::default();
        while let Some(word) = words.next() {
            if let "--record" | "--replay" = word.as_str() {
                let path = words.next().map(PathBuf::from);
                let path = Some(path.ok_or_else(|| format!("{word} wants a path"))?);
                *(if word == "--record" { &mut arguments.record } else { &mut arguments.replay }) = path;
                continue;
            }
            let mut number = || {
                let word = words.next().ok_or("a number is missing")?;
                word.parse::<u64>().map_err(|_| format!("{word:?} is not a number"))
            };
            match word.as_str() {
                "--seeds" => arguments.seeds = Some(number()?.max(1)),
                "--first" => arguments.first = Some(number()?),
                "--seed" => arguments.seed = Some(number()?),
                "--nodes" => arguments.nodes = Some(usize::try_from(number()?.clamp(1, 64)).expect("at most 64")),
                "--stop" => arguments.stop = true,
                "--trace" => arguments.detail = Detail::Events,
                "--frames" => arguments.detail = Detail::Frames,
                "--explore" => arguments.explore = Some(usize::try_from(number()?.min(100)).expect("at most 100")),
                "--sizes" => arguments.sizes = true,
                // What `cargo test` hands to every test program.
                "--list" => arguments.list = true,
                "--nocapture" | "--quiet" | "-q" | "--show-output" | "--include-ignored" => {}
                _ => return Err(format!("{word:?} is not understood")),
            }
        }
        Ok(arguments)
    }
}
