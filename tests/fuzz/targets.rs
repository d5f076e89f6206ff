//! The decoders, a target each: what it reads, from whom, what it may cost.
//!
//! | target | reads | written by |
//! |---|---|---|
//! | `frame` | a frame of the ring | a peer |
//! | `codec` | values of many shapes | a peer |
//! | `ring` | frames in a row, segments and pieces of messages among them, into a ring that stands | a peer |
//! | `record` | a recording of a ring, and its steps into a ring | whoever sent it to be looked at |
//! | `hello` | the first words on a connection | a peer |
//! | `group-frame` | what programs and the daemon say about process groups | a program; the daemon |
//! | `group-speech` | what a member says in groups, into a node with programs | a peer |
//! | `message` | what members tell each other on the ring | a peer |
//! | `arbiter` | what nodes and arbiter say to each other | a node, the arbiter |
//! | `ring-number` | the stored ring number | this node, earlier |
//! | `durable` | the stored CIB; the snapshot of a peer | this node, earlier; a peer |
//! | `status` | the status in a snapshot | a peer |
//! | `identity` | certificates and keys of a node | the administrator |
//! | `authority` | the cluster's certificate and key | the administrator |
//! | `request` | what a client asks on the control socket | a client |
//! | `response` | what the daemon answers | the daemon |
//! | `cluster-file` | a cluster file | an operator, by a client or a peer |
//! | `rule` | a rule in one line | an operator |
//! | `words` | durations, scores, addresses, names, injections | an operator |
//! | `cib` | a Pacemaker CIB | whoever made it |
//! | `situation` | a saved situation | `paceline` |
//! | `metadata` | the description of an agent | an agent |
//!
//! What travels before a peer has proven its name (UDP datagrams, TLS) is read by quinn-proto and rustls, which are
//! fuzzed where they are made. A daemon's own file (`pacelined.toml`) is read by the `toml` crate into plain fields.

mod groups;
mod record;
mod ring;
mod text;
mod wire;

use std::time::Duration;

/// One decoder.
#[derive(Clone)]
pub struct Target {
    /// Its name on the command line, and of the folder of its corpus.
    pub name: &'static str,
    /// Longest input that is made up, in bytes.
    pub longest: usize,
    /// Memory in bytes: so much in any case, and so much for each byte of the input.
    memory: (usize, usize),
    /// Time: so much in any case, and so much for each kilobyte of the input. Generous, as programs under test are
    /// not optimised: what is looked for is a cost that grows out of all proportion.
    time: (Duration, Duration),
    /// Words of the format.
    pub words: &'static [&'static str],
    /// Valid inputs that can be made.
    pub examples: fn() -> Vec<Vec<u8>>,
    /// Reads one input; an error is a broken promise, not a refused input.
    pub run: fn(&[u8]) -> Result<(), String>,
}

impl Target {
    /// The most memory that an input of `len` bytes may take.
    pub fn memory(&self, len: usize) -> usize {
        self.memory.0 + self.memory.1 * len
    }

    /// The longest time that an input of `len` bytes may take.
    pub fn time(&self, len: usize) -> Duration {
        self.time.0 + self.time.1 * u32::try_from(len / 1024).unwrap_or(u32::MAX)
    }
}

const KIB: usize = 1024;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Those that read bytes.
const BINARY: Target = Target {
    name: "",
    longest: 16 * KIB,
    memory: (64 * KIB, 64),
    time: (ms(50), ms(20)),
    words: &[],
    examples: Vec::new,
    run: |_| Ok(()),
};

/// Those that read text.
const TEXT: Target = Target { longest: 8 * KIB, memory: (256 * KIB, 256), time: (ms(200), ms(100)), ..BINARY };

/// All of them.
pub fn all() -> Vec<Target> {
    let mut all = wire::targets();
    all.push(ring::target());
    all.extend(groups::targets());
    all.push(record::target());
    all.extend(text::targets());
    all
}

/// Whether what was written again reads as the same.
fn same<T: PartialEq>(what: &str, before: &T, after: Result<&T, String>) -> Result<(), String> {
    match after {
        Ok(after) if after == before => Ok(()),
        Ok(_) => Err(format!("{what} that is written again reads differently")),
        Err(error) => Err(format!("{what} that is written again cannot be read: {error}")),
    }
}
