//! `paceline simulate`: what a cluster would do, from files, without a cluster.

use super::Context;
use crate::failure::Failure;
use scheduler::injection::Injection;
use scheduler::report::{dot, json, text};
use scheduler::rule::date;
use scheduler::simulate::simulate;
use scheduler::situation::Situation;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Larger files are refused before they fill the memory.
const LARGEST: u64 = 1 << 30;

/// What to simulate.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A CIB of Pacemaker, as XML; `-` for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "state", conflicts_with = "state")]
    cib: Option<PathBuf>,
    /// A situation that was saved before, as JSON; `-` for standard input
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Take the configuration from this cluster file, and only the status from the other one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The time at which it happens, ISO 8601 [default: what the file says, else now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// How to show it: `dot` is a picture for Graphviz
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the situation to a file for --state, with everything that was injected
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    injections: Injections,
}

/// How to show it.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Format {
    Text,
    Json,
    Dot,
}

/// What is changed before.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What if")]
struct Injections {
    /// A node left in order
    #[arg(long, value_name = "NODE")]
    node_down: Vec<String>,
    /// A node was lost
    #[arg(long, value_name = "NODE")]
    node_fail: Vec<String>,
    /// A node is there
    #[arg(long, value_name = "NODE")]
    node_up: Vec<String>,
    /// A node is in standby
    #[arg(long, value_name = "NODE")]
    node_standby: Vec<String>,
    /// An operation failed with an exit code: `web:monitor=10s:7@n1`
    #[arg(long, value_name = "RESOURCE:OPERATION[=INTERVAL]:EXIT-CODE@NODE")]
    op_fail: Vec<String>,
    /// A ticket is granted
    #[arg(long, value_name = "TICKET")]
    ticket_grant: Vec<String>,
    /// A ticket is taken away
    #[arg(long, value_name = "TICKET")]
    ticket_revoke: Vec<String>,
    /// A ticket is set aside
    #[arg(long, value_name = "TICKET")]
    ticket_standby: Vec<String>,
    /// A ticket is not set aside any more
    #[arg(long, value_name = "TICKET")]
    ticket_activate: Vec<String>,
    /// Whether the nodes that are there may act
    #[arg(long, value_name = "yes|no")]
    quorum: Option<String>,
    /// A cluster option has this value
    #[arg(long, value_name = "NAME=VALUE")]
    property: Vec<String>,
    /// A node has, or a resource needs, this much of a capacity
    #[arg(long, value_name = "NODE|RESOURCE:NAME=VALUE")]
    utilization: Vec<String>,
}

impl Injections {
    fn apply(&self, situation: &mut Situation) -> Result<(), Failure> {
        let quorum: Vec<String> = self.quorum.iter().cloned().collect();
        let all = [
            ("node-down", &self.node_down),
            ("node-fail", &self.node_fail),
            ("node-up", &self.node_up),
            ("node-standby", &self.node_standby),
            ("op-fail", &self.op_fail),
            ("ticket-grant", &self.ticket_grant),
            ("ticket-revoke", &self.ticket_revoke),
            ("ticket-standby", &self.ticket_standby),
            ("ticket-activate", &self.ticket_activate),
            ("quorum", &quorum),
            ("property", &self.property),
            ("utilization", &self.utilization),
        ];
        for (option, value) in all.iter().flat_map(|(option, values)| values.iter().map(move |value| (option, value))) {
            let injection = Injection::parse(option, value).map_err(Failure::usage)?;
            injection.apply(situation).map_err(|problem| Failure::refused(format!("--{option} {value}: {problem}")))?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let mut situation = situation(args)?;
    if let Some(time) = &args.now {
        let moment = date::moment(time).ok_or_else(|| {
            Failure::usage(format!("--now {time}: not a moment")).hint("for example 2026-07-01T12:00:00Z")
        })?;
        situation.now_ms = moment.saturating_mul(1000);
    } else if situation.now_ms == 0 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        situation.now_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    }
    args.injections.apply(&mut situation)?;
    if let Some(path) = &args.save {
        save(path, &situation)?;
    }
    let simulation = simulate(&situation);
    let shown = match args.format {
        Format::Text => text::write(&simulation),
        Format::Json => json::write(&simulation, situation.now_ms),
        Format::Dot => dot::write(&simulation.schedule),
    };
    context.output.print(&shown);
    Ok(())
}

/// What the files say.
fn situation(args: &Args) -> Result<Situation, Failure> {
    let situation = match (&args.cib, &args.state) {
        (Some(path), _) => {
            let problem = |error| Failure::refused(format!("{} is not a CIB", path.display())).because(error);
            import::read(&read(path)?).map_err(problem)?
        }
        (None, Some(path)) => {
            let problem =
                |error| Failure::refused(format!("{} is not a saved situation", path.display())).because(error);
            serde_json::from_str(&read(path)?).map_err(problem)?
        }
        (None, None) => return Err(Failure::usage("nothing to simulate").hint("give --cib FILE or --state FILE")),
    };
    let Some(path) = &args.config else { return Ok(situation) };
    import::with_cluster_file(&situation, &read(path)?).map_err(|problems| {
        let failure = Failure::refused(format!("{} is not a valid cluster file", path.display()));
        problems.into_iter().fold(failure, |failure, problem| failure.because(problem))
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LARGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text))
    };
    match read {
        Ok(length) if (length as u64) < LARGEST => Ok(text),
        Ok(_) => Err(Failure::refused(format!("{} is larger than {} MiB", path.display(), LARGEST >> 20))),
        Err(error) => Err(Failure::refused(format!("cannot read {}", path.display())).because(error)),
    }
}

fn save(path: &Path, situation: &Situation) -> Result<(), Failure> {
    let problem = || Failure::refused(format!("cannot write {}", path.display()));
    let text = serde_json::to_string(situation).map_err(|error| problem().because(error))?;
    std::fs::write(path, text).map_err(|error| problem().because(error))
}
