//! What the program was asked to do.

use crate::targets::{self, Target};
use std::path::PathBuf;
use std::time::Duration;

/// All of it.
#[derive(Default)]
pub struct Arguments {
    /// Only this one.
    pub target: Option<Target>,
    /// For so long, all targets together.
    pub time: Option<Duration>,
    /// Add what reached new code to the corpus.
    pub keep: bool,
    /// Where the mutations begin; drawn when absent.
    pub seed: Option<u64>,
    /// One input, again.
    pub input: Option<PathBuf>,
    /// This process is the one that does it, for so long.
    pub child: Option<Duration>,
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
            let mut next = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--target" => {
                    let name = next()?;
                    let names = || targets::all().iter().map(|t| t.name).collect::<Vec<_>>().join(", ");
                    let known = targets::all().into_iter().find(|target| target.name == name);
                    arguments.target = Some(known.ok_or_else(|| format!("no target {name:?}; there are {}", names()))?);
                }
                "--minutes" => arguments.time = Some(Duration::from_secs(60).mul_f64(number(&next()?)?)),
                "--child" => arguments.child = Some(Duration::from_secs_f64(number(&next()?)?)),
                "--seed" => arguments.seed = Some(next()?.parse().map_err(|_| "a seed is a whole number".to_owned())?),
                "--input" => arguments.input = Some(next()?.into()),
                "--keep" => arguments.keep = true,
                // What `cargo test` hands to every test program.
                "--list" => arguments.list = true,
                "--nocapture" | "--quiet" | "-q" | "--show-output" | "--include-ignored" => {}
                _ => return Err(format!("{word:?} is not understood")),
            }
        }
        Ok(arguments)
    }
}

fn number(word: &str) -> Result<f64, String> {
    let number = word.parse::<f64>().ok().filter(|number| (0.0..1e6).contains(number));
    number.ok_or_else(|| format!("{word:?} is not a time"))
}
