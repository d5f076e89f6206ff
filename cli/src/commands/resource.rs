//! `paceline resource move|clear|restart|enable|disable|cleanup RESOURCE`

use super::{Context, name};
use crate::failure::Failure;
use config::{NodeId, ResourceId, TargetRole};
use crm::cib::OverrideEdit;
use crm::control::Request;

/// What to do with a resource.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Move it to a node and keep it there, until `clear`
    Move {
        /// The resource or group
        #[arg(value_parser = name::<ResourceId>)]
        resource: ResourceId,
        /// Where to
        #[arg(value_parser = name::<NodeId>, value_name = "NODE")]
        to: NodeId,
        #[command(flatten)]
        wait: Wait,
    },
    /// Forget a `move`: the cluster places it again
    Clear(Args),
    /// Stop it and start it once
    Restart(Args),
    /// Let it run
    Enable(Args),
    /// Stop it and keep it stopped
    Disable(Args),
    /// Forget its failures and look again how it is
    Cleanup {
        /// The resource; all when absent
        #[arg(value_parser = name::<ResourceId>)]
        resource: Option<ResourceId>,
        /// Only what happened on this node
        #[arg(long, value_parser = name::<NodeId>, value_name = "NODE")]
        on: Option<NodeId>,
        #[command(flatten)]
        wait: Wait,
    },
}

/// Which resource.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The resource or group
    #[arg(value_parser = name::<ResourceId>)]
    resource: ResourceId,
    #[command(flatten)]
    wait: Wait,
}

/// Whether to wait.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// Wait until the cluster has nothing left to do
    #[arg(long)]
    pub(super) wait: bool,
}

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    let mut client = context.connect()?;
    let (request, done, wait) = match command {
        Command::Move { resource, to, wait } => {
            let done = format!("{resource} moves to {to}; undo with: paceline resource clear {resource}");
            (Request::Override { edit: OverrideEdit::Move { resource, to: Some(to) } }, done, wait)
        }
        Command::Clear(args) => {
            let done = format!("the cluster places {} again", args.resource);
            (Request::Override { edit: OverrideEdit::Move { resource: args.resource, to: None } }, done, args.wait)
        }
        Command::Restart(args) => {
            let done = format!("{} is restarted", args.resource);
            (Request::Restart { resource: args.resource }, done, args.wait)
        }
        Command::Enable(args) => {
            let done = format!("{} may run", args.resource);
            // Against a file that says otherwise it takes an override; else it is enough to forget the one there is.
            let config = context.config(&mut client)?;
            let of_resource = config.resources.get(&args.resource).map(|resource| resource.meta.target_role);
            let of_group = config.groups.get(&args.resource).and_then(|group| group.meta.target_role);
            let otherwise = of_resource.or(of_group) == Some(TargetRole::Stopped);
            (role(args.resource, otherwise.then_some(TargetRole::Started)), done, args.wait)
        }
        Command::Disable(args) => {
            let done = format!("{0} is stopped; undo with: paceline resource enable {0}", args.resource);
            (role(args.resource, Some(TargetRole::Stopped)), done, args.wait)
        }
        Command::Cleanup { resource, on, wait } => {
            let what = resource.as_ref().map_or("all resources".to_owned(), ToString::to_string);
            let place = on.as_ref().map_or(String::new(), |node| format!(" on {node}"));
            (Request::Cleanup { resource, node: on }, format!("failures of {what}{place} are forgotten"), wait)
        }
    };
    context.change_over(&mut client, &request, &done, wait.wait)
}

fn role(resource: ResourceId, role: Option<TargetRole>) -> Request {
    Request::Override { edit: OverrideEdit::TargetRole { resource, role } }
}
