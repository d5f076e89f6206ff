//! Where a situation comes from: the running cluster, a CIB, a saved situation, or a cluster file alone; and what is
//! changed in it before.

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crm::control::{Request, Response};
use scheduler::injection::Injection;
use scheduler::loss::at_rest;
use scheduler::rule::date;
use scheduler::situation::{Configuration, Situation};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Larger files are refused before they fill the memory.
const LARGEST: u64 = 1 << 30;

/// Which situation.
#[derive(clap::Args, Debug)]
pub(super) struct Source {
    /// A CIB of Pacemaker, as XML, instead of the running cluster; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "state")]
    cib: Option<PathBuf>,
    /// A situation that was saved before, as JSON; `-` for standard input
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// A cluster file: instead of the configuration of --cib or --state; alone, a cluster of which all nodes are there
    /// and everything is done
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The time at which it happens, ISO 8601 [default: what the file says, else now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    #[command(flatten)]
    injections: Injections,
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

impl Source {
    /// The situation, with everything that was injected.
    pub(super) fn situation(&self, context: &Context<'_>) -> Result<Situation, Failure> {
        let now = match &self.now {
            None => None,
            Some(time) => Some(date::moment(time).map(|seconds| seconds.saturating_mul(1000)).ok_or_else(|| {
                Failure::usage(format!("--now {time}: not a moment")).hint("for example 2026-07-01T12:00:00Z")
            })?),
        };
        let mut situation = self.read(now, context)?;
        self.injections.apply(&mut situation)?;
        Ok(situation)
    }

    fn read(&self, now: Option<i64>, context: &Context<'_>) -> Result<Situation, Failure> {
        let mut situation = match (&self.cib, &self.state, &self.config) {
            (Some(path), _, _) => {
                let problem = |error| Failure::refused(format!("{} is not a CIB", path.display())).because(error);
                import::read(&read(path)?).map_err(problem)?
            }
            (None, Some(path), _) => {
                let problem =
                    |error| Failure::refused(format!("{} is not a saved situation", path.display())).because(error);
                serde_json::from_str(&read(path)?).map_err(problem)?
            }
            (None, None, Some(path)) => {
                let now = now.unwrap_or_else(clock);
                let mut config = config::parse(&read(path)?).config.ok_or_else(|| {
                    Failure::refused(format!("{} is not a valid cluster file", path.display()))
                        .hint(format!("run: paceline validate {}", path.display()))
                })?;
                say_file(&mut config.written, path);
                let started = Situation::just_started(config.written, now);
                return at_rest(&started).ok_or_else(|| {
                    Failure::refused(format!("the cluster of {} does not come to rest, even on paper", path.display()))
                });
            }
            (None, None, None) => running(context, ELSEWHERE)?,
        };
        if let Some(now) = now {
            situation.now_ms = now;
        } else if situation.now_ms == 0 {
            situation.now_ms = clock();
        }
        let Some(path) = &self.config else { return Ok(situation) };
        let mut situation = import::with_cluster_file(&situation, &read(path)?).map_err(|problems| {
            let failure = Failure::refused(format!("{} is not a valid cluster file", path.display()));
            problems.into_iter().fold(failure, |failure, problem| failure.because(problem))
        })?;
        say_file(&mut situation.configuration, path);
        Ok(situation)
    }
}

/// What else can be looked at.
const ELSEWHERE: &str = "to look at another cluster, give --config FILE, --cib FILE or --state FILE";

/// The situation of the running cluster, from the daemon of this node. When there is none, `elsewhere` says what else
/// can be looked at.
pub(super) fn running(context: &Context<'_>, elsewhere: &str) -> Result<Situation, Failure> {
    let mut client = context.connect().map_err(|failure| failure.hint(elsewhere))?;
    match client.ask(&Request::Situation, PROMPT)? {
        Response::Situation { situation } => serde_json::from_value(situation).map_err(|error| {
            Failure::refused("the daemon's situation is not one that this program understands").because(error)
        }),
        other => Err(Failure::unexpected(&other)),
    }
}

/// Says of which file the lines are; standard input has no name.
pub(super) fn say_file(written: &mut Configuration, path: &Path) {
    if path != Path::new("-") {
        written.say_file(&path.display().to_string());
    }
}

/// Milliseconds since 1970.
fn clock() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
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
