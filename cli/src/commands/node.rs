//! `paceline node standby|online|maintenance NODE`

use super::{Context, name};
use crate::failure::Failure;
use config::{NodeId, NodeMode};
use crm::cib::OverrideEdit;
use crm::control::Request;

/// What to make of a node.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Move all resources away; the node keeps its vote
    Standby(Args),
    /// Let it run resources again
    Online(Args),
    /// Leave its resources exactly as they are: nothing is started, stopped or monitored
    Maintenance(Args),
}

/// Which node.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The node
    #[arg(value_parser = name::<NodeId>, value_name = "NODE")]
    target: NodeId,
    /// Wait until the cluster has nothing left to do
    #[arg(long)]
    wait: bool,
}

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    let (args, mode, done) = match command {
        Command::Standby(args) => (args, NodeMode::Standby, "goes to standby: its resources move away"),
        Command::Online(args) => (args, NodeMode::Online, "may run resources"),
        Command::Maintenance(args) => (args, NodeMode::Maintenance, "is in maintenance: its resources are left alone"),
    };
    let node = args.target;
    let done = format!("node {node} {done}");
    let edit = OverrideEdit::Node { node, mode: Some(mode) };
    context.change(&Request::Override { edit }, &done, args.wait)
}
