//! The search on one target, in a process of its own.

use crate::args::Arguments;
use crate::corpus;
use crate::coverage::Coverage;
use crate::examine::{Cost, Finding, examine};
use crate::mutate::mutate;
use crate::targets::Target;
use crate::watch::Current;
use fastrand::Rng;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Inputs between two looks at what ran, and at the clock.
const BATCH: usize = 64;
/// Bytes of a failing input that are shown.
const SHOWN: usize = 200;

/// The inputs of one run.
struct Hunt<'a> {
    target: &'a Target,
    rng: Rng,
    corpus: Vec<Vec<u8>>,
    coverage: Coverage,
    current: Current,
    keep: bool,
    tried: u64,
    found: u64,
    worst: Cost,
}

/// Runs the corpus, then mutations of it for `time`; false when something went wrong. Says so in one line.
pub fn child(target: &Target, time: Duration, arguments: &Arguments) -> bool {
    let seed = arguments.seed.unwrap_or_else(|| Rng::new().u64(..));
    let corpus = match corpus::load(target) {
        Ok(corpus) => corpus,
        Err(error) => {
            println!("test {} ... FAILED: cannot read its corpus: {error}", target.name);
            return false;
        }
    };
    let known = corpus.len();
    let mut hunt = Hunt {
        target,
        rng: Rng::with_seed(seed),
        corpus,
        coverage: Coverage::default(),
        current: Current::create(target),
        keep: arguments.keep,
        tried: 0,
        found: 0,
        worst: Cost::default(),
    };
    // A panic is a finding, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    if let Err((input, finding)) = hunt.run(time) {
        println!("test {} ... FAILED: {finding} (seed {seed})", target.name);
        tell(target, &input);
        return false;
    }
    let Hunt { tried, found, worst, coverage, .. } = hunt;
    let mut line = format!("test {} ... ok ({tried} inputs, {known} known", target.name);
    if coverage.count() > 0 {
        let _ = write!(line, ", {found} reached new code, {} places ran", coverage.count());
    }
    println!("{line}; at most {} KiB, {:?})", worst.memory.div_ceil(1024), worst.time);
    true
}

/// Says where an input is that something went wrong with, and how to run it again.
pub fn tell(target: &Target, input: &[u8]) {
    let shown = String::from_utf8_lossy(&input[..input.len().min(SHOWN)]).escape_debug().to_string();
    println!("    {} bytes: {shown}", input.len());
    match corpus::aside(target, input) {
        Ok(path) => println!(
            "    again: cargo xtask fuzz {} --input {}\n    once mended, it goes to tests/fuzz/corpus/{}/",
            target.name,
            path.display(),
            target.name
        ),
        Err(error) => println!("    it cannot be put aside: {error}"),
    }
}

/// One input again, with its panic in full.
pub fn again(target: &Target, path: &Path) -> bool {
    let input = match std::fs::read(path) {
        Ok(input) => input,
        Err(error) => {
            println!("fuzz: cannot read {}: {error}", path.display());
            return false;
        }
    };
    match examine(target, &input) {
        Ok(Cost { memory, time }) => println!("{}: ok, {memory} bytes of memory, {time:?}", target.name),
        Err(finding) => {
            println!("{}: {finding}", target.name);
            return false;
        }
    }
    true
}

type Bad = (Vec<u8>, Finding);

impl Hunt<'_> {
    fn run(&mut self, time: Duration) -> Result<(), Bad> {
        // What is set up once, at the first input, is nobody's memory or time.
        let _ = (self.target.run)(&self.corpus[0]);
        for at in 0..self.corpus.len() {
            let input = self.corpus[at].clone();
            self.examine(&input)?;
        }
        self.coverage.news();
        let end = Instant::now() + time;
        while Instant::now() < end {
            let batch: Vec<Vec<u8>> = (0..BATCH).map(|_| self.next()).collect();
            for input in &batch {
                self.examine(input)?;
            }
            self.learn(&batch);
        }
        Ok(())
    }

    fn next(&mut self) -> Vec<u8> {
        // What was found last has been looked at least.
        let len = self.corpus.len();
        let from = if self.rng.bool() { len.saturating_sub(16) } else { 0 };
        let (at, other) = (self.rng.usize(from..len), self.rng.usize(..len));
        let (input, other) = (&self.corpus[at], &self.corpus[other]);
        mutate(&mut self.rng, input, other, self.target.words, self.target.longest)
    }

    fn examine(&mut self, input: &[u8]) -> Result<(), Bad> {
        self.current.write(input);
        self.tried += 1;
        let cost = examine(self.target, input).map_err(|finding| (input.to_vec(), finding))?;
        self.worst.memory = self.worst.memory.max(cost.memory);
        self.worst.time = self.worst.time.max(cost.time);
        Ok(())
    }

    /// Those that reached code that was never reached before join the corpus.
    fn learn(&mut self, batch: &[Vec<u8>]) {
        let mut news = self.coverage.news();
        for input in batch {
            if news.is_empty() {
                return;
            }
            let moved = Coverage::moved_by(&news, || drop((self.target.run)(input)));
            if moved.is_empty() {
                continue;
            }
            news.retain(|at| !moved.contains(at));
            self.found += 1;
            self.corpus.push(input.clone());
            if self.keep
                && let Err(error) = corpus::keep(self.target, input)
            {
                println!("    {}: cannot keep an input: {error}", self.target.name);
            }
        }
    }
}
