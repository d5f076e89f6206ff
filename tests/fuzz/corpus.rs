//! Where inputs are kept: the committed corpus, and those that something went wrong with.

use crate::targets::Target;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest input that is kept for good, in bytes.
const KEPT: usize = 4096;

/// The committed inputs of a target, in the order of their names, and the valid examples that it makes itself.
pub fn load(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = (target.examples)();
    let directory = directory(target);
    if directory.is_dir() {
        let mut paths = fs::read_dir(&directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            inputs.push(fs::read(path)?);
        }
    }
    // Everything begins somewhere.
    if inputs.is_empty() {
        inputs.push(Vec::new());
    }
    Ok(inputs)
}

/// Adds an input to the committed ones, unless it is long.
pub fn keep(target: &Target, input: &[u8]) -> io::Result<()> {
    if input.len() > KEPT {
        return Ok(());
    }
    let directory = directory(target);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(name(input)), input)
}

fn directory(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// Puts an input aside that something went wrong with. Returns where.
pub fn aside(target: &Target, input: &[u8]) -> io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("paceline-fuzz-{}-{}", target.name, name(input)));
    fs::write(&path, input)?;
    Ok(path)
}

/// FNV-1a: a name that the same input gets again.
fn name(input: &[u8]) -> String {
    let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", input.iter().fold(0xcbf2_9ce4_8422_2325, mix))
}
