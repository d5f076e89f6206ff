//! `paceline node standby|online|maintenance|attribute NODE`

use super::{Context, attribute, name};
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
    /// Show what agents and operators noted about a node, or note something
    Attribute(attribute::Args),
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
        Command::Attribute(args) => return attribute::run(args, context),
        Command::Standby(args) => (args, Some(NodeMode::Standby), "goes to standby: its resources move away"),
        Command::Maintenance(args) => {
            (args, Some(NodeMode::Maintenance), "is in maintenance: its resources are left alone")
        }
        Command::Online(args) => {
            // Against a file that says otherwise it takes an override; else it is enough to forget the one there is.
            let config = context.config(&mut context.connect()?)?;
            let otherwise = config.nodes.get(&args.target).is_some_and(|node| node.standby || node.maintenance);
            (args, otherwise.then_some(NodeMode::Online), "may run resources")
        }
    };
    let node = args.target;
    let done = format!("node {node} {done}");
    let edit = OverrideEdit::Node { node, mode };
    context.change(&Request::Override { edit }, &done, args.wait)
}
