//! What was measured, as lines while it goes on and as a table with ratios at the end.

use std::fmt;

/// Who sends, and how much.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// One node, far below what is possible.
    Low,
    /// One node, as much as possible.
    One,
    /// All nodes, as much as possible.
    All,
}

impl Load {
    pub const ALL: [Load; 3] = [Load::Low, Load::One, Load::All];
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Load::Low => "200/s",
            Load::One => "one sends",
            Load::All => "all send",
        })
    }
}

/// One measurement; of several nodes the worst.
#[derive(Clone, Copy, Default)]
pub struct Figures {
    /// Messages per second.
    rate: f64,
    /// Megabytes per second.
    megabytes: f64,
    /// Latencies in milliseconds: the middle one, 99 %, 99.9 %.
    latency: [f64; 3],
    /// Processor time of all nodes and clients, in cores.
    load: f64,
}

impl Figures {
    /// Nothing but the processor time, in cores: what measurements are merged into.
    pub fn idle(load: f64) -> Figures {
        Figures { load, ..Figures::default() }
    }

    /// `count` messages of `size` bytes within `nanos`, with these latencies in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn new(count: u64, nanos: u64, latency: [u64; 3], size: u64) -> Figures {
        let rate = count as f64 / (nanos.max(1) as f64 / 1e9);
        let latency = latency.map(|nanos| nanos as f64 / 1e6);
        Figures { rate, megabytes: rate * size as f64 / 1e6, latency, load: 0.0 }
    }

    /// Takes over what is worse in `other`.
    pub fn merge(&mut self, other: &Figures) {
        let first = self.rate == 0.0;
        if first || other.rate < self.rate {
            (self.rate, self.megabytes) = (other.rate, other.megabytes);
        }
        for (mine, theirs) in self.latency.iter_mut().zip(other.latency) {
            *mine = mine.max(theirs);
        }
    }
}

struct Row {
    system: &'static str,
    nodes: usize,
    size: u64,
    load: Load,
    figures: Figures,
}

/// All measurements.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    idle: Vec<(&'static str, usize, f64)>,
}

impl Table {
    /// Takes a measurement in; its line.
    pub fn add(&mut self, system: &'static str, nodes: usize, size: u64, load: Load, figures: Figures) -> String {
        let row = Row { system, nodes, size, load, figures };
        let line = self.line(&row);
        self.rows.push(row);
        line
    }

    /// Takes in what nodes without work cost; its line.
    pub fn idle(&mut self, system: &'static str, nodes: usize, share: f64) -> String {
        self.idle.push((system, nodes, share));
        format!("idle: {:.2} % of a core, all nodes together", share * 100.0)
    }

    fn line(&self, row: &Row) -> String {
        let Figures { rate, megabytes, latency: [p50, p99, p999], load } = row.figures;
        let like = |other: &&Row| {
            other.system != row.system && (other.nodes, other.size, other.load) == (row.nodes, row.size, row.load)
        };
        let first = self.rows.first().is_none_or(|first| first.system == row.system);
        let ratio = self.rows.iter().find(like).filter(|_| first).map(|other| match row.load {
            // The other waits so much longer, or carries so much less.
            Load::Low => format!("{:.1}x p99", other.figures.latency[1] / p99),
            _ => format!("{:.1}x", rate / other.figures.rate),
        });
        format!(
            "{:<9}{:>3}{:>8}  {:<10}{rate:>9.0}{megabytes:>9.1}{p50:>9.3}{p99:>9.3}{p999:>9.3}{load:>7.2}  {}",
            row.system,
            row.nodes,
            row.size,
            row.load,
            ratio.unwrap_or_default()
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<9}{:>3}{:>8}  {:<10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>7}  against the other",
            "", "n", "bytes", "load", "msg/s", "MB/s", "p50 ms", "p99 ms", "p99.9", "cores"
        )?;
        for row in &self.rows {
            writeln!(f, "{}", self.line(row))?;
        }
        for (system, nodes, share) in &self.idle {
            writeln!(f, "{system:<9}{nodes:>3} idle: {:.2} % of a core, all nodes together", share * 100.0)?;
        }
        write!(f, "MB/s and latency are those of the worst node; latency is from the sender's call to the client there")
    }
}
