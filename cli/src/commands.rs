//! The command line: one file for each noun.

mod apply;
mod attribute;
mod check;
mod cluster;
mod config;
mod events;
mod explain;
mod fencing;
mod group;
mod link;
mod node;
mod plan;
mod quorum;
mod resource;
mod ring;
mod sandbox;
mod simulate;
mod source;
mod status;
mod ticket;
mod validate;
mod wait;

use crate::client::{Client, PROMPT, Where};
use crate::failure::{EXIT_CODES, Failure};
use crate::output::Output;
use crm::control::{Request, Response};
use std::time::Duration;

/// How long `--wait` waits unless the command says otherwise.
const SETTLE: Duration = Duration::from_secs(300);

/// Keeps services running on a small group of machines
#[derive(clap::Parser, Debug)]
#[command(name = "paceline", version, after_help = EXIT_CODES, max_term_width = 80)]
pub(crate) struct Line {
    #[command(flatten)]
    place: Where,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Show nodes, resources, and what needs attention
    Status(status::Args),
    /// Look for mistakes in a cluster file, without a cluster
    Validate(validate::Args),
    /// Look for what the running cluster, or a valid cluster file, would lead to: what runs where, what could run
    /// nowhere, and what the loss of each node would do
    Check(check::Args),
    /// Show what a cluster file would change, and which actions that would cause
    Plan(plan::Args),
    /// Make a file the cluster file
    Apply(apply::Args),
    /// Show what a cluster would do, and what if: from files, without a cluster
    Simulate(simulate::Args),
    /// Say where a resource would run and why: what spoke for and against each node, and what would change it
    Explain(explain::Args),
    /// Put a node in standby or maintenance, or back, or note something about it
    #[command(subcommand)]
    Node(node::Command),
    /// Move, restart, enable or disable a resource, or forget its failures
    #[command(subcommand)]
    Resource(resource::Command),
    /// Show tickets, or say which of several sites has one
    #[command(subcommand)]
    Ticket(ticket::Command),
    /// Show who was cut off, or confirm by hand that a node is off
    #[command(subcommand)]
    Fencing(fencing::Command),
    /// Show the votes, or go on without quorum after a disaster
    #[command(subcommand)]
    Quorum(quorum::Command),
    /// Show the view, the token and what disturbed them
    #[command(subcommand)]
    Ring(ring::Command),
    /// Show the links to the other nodes
    #[command(subcommand)]
    Link(link::Command),
    /// Show process groups, or join one
    #[command(subcommand)]
    Group(group::Command),
    /// Show what happened
    Events(events::Args),
    /// Show the cluster file in force, or make one from a CIB of Pacemaker
    #[command(subcommand)]
    Config(config::Command),
    /// Wait until the cluster has nothing left to do
    Wait(wait::Args),
    /// Make the keys and files of a new cluster
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// A cluster on this computer to play with
    #[command(subcommand)]
    Sandbox(sandbox::Command),
}

/// What every command has.
struct Context<'a> {
    place: Where,
    output: &'a Output,
}

impl Context<'_> {
    fn connect(&self) -> Result<Client, Failure> {
        self.place.connect(self.output)
    }

    /// The cluster file in force.
    fn config(&self, client: &mut Client) -> Result<::config::Config, Failure> {
        match client.ask(&Request::Config, PROMPT)? {
            Response::Config { text, .. } => ::config::parse(&text).config.ok_or_else(|| {
                Failure::refused("the cluster file in force is not understood by this paceline")
                    .hint("paceline and pacelined should be of the same version")
            }),
            other => Err(Failure::unexpected(&other)),
        }
    }

    /// Asks for a change and says what came of it; waits for the cluster to settle if `wait`.
    fn change(&self, request: &Request, done: &str, wait: bool) -> Result<(), Failure> {
        self.change_over(&mut self.connect()?, request, done, wait)
    }

    /// The same over a connection that is there already.
    fn change_over(&self, client: &mut Client, request: &Request, done: &str, wait: bool) -> Result<(), Failure> {
        let answer = client.change(request)?;
        self.output.line(if answer.changed { done } else { "nothing changed: it is so already" });
        if wait {
            client.wait_idle(SETTLE)?;
            self.output.line("the cluster has nothing left to do");
        }
        Ok(())
    }
}

/// Carries out a command line.
pub(crate) fn run(line: Line, output: &Output) -> Result<(), Failure> {
    let context = Context { place: line.place, output };
    match line.command {
        Command::Status(args) => status::run(&args, &context),
        Command::Validate(args) => validate::run(&args, &context),
        Command::Check(args) => check::run(&args, &context),
        Command::Plan(args) => plan::run(&args, &context),
        Command::Apply(args) => apply::run(&args, &context),
        Command::Simulate(args) => simulate::run(&args, &context),
        Command::Explain(args) => explain::run(&args, &context),
        Command::Node(command) => node::run(command, &context),
        Command::Resource(command) => resource::run(command, &context),
        Command::Ticket(command) => ticket::run(command, &context),
        Command::Fencing(command) => fencing::run(command, &context),
        Command::Quorum(command) => quorum::run(&command, &context),
        Command::Ring(command) => ring::run(&command, &context),
        Command::Link(command) => link::run(&command, &context),
        Command::Group(command) => group::run(command, &context),
        Command::Events(args) => events::run(&args, &context),
        Command::Config(command) => config::run(&command, &context),
        Command::Wait(args) => wait::run(&args, &context),
        Command::Cluster(command) => cluster::run(command, &context),
        Command::Sandbox(command) => sandbox::run(command, &context),
    }
}

/// A name on the command line.
fn name<T: std::str::FromStr<Err = ::config::NameError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ::config::NameError| error.to_string())
}
