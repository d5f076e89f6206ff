//! `paceline explain RESOURCE`: why it is where it is, or is not; and why an action is part of a plan.

use super::Context;
use super::source::Source;
use crate::failure::Failure;
use crate::render::explanation::explanation as shown;
use crate::render::text::wrapped;
use scheduler::explain::explain;

/// What to explain. `--node` narrows it to one node.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The resource, group, clone, bundle or tag
    #[arg(required_unless_present = "action")]
    resource: Option<String>,
    /// Instead: why this action of the transition is needed, by its id in `simulate --format json`
    #[arg(long, value_name = "ID", conflicts_with = "resource")]
    action: Option<u32>,
    /// For programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let situation = args.source.situation(context)?;
    if let Some(id) = args.action {
        let schedule = scheduler::schedule(&situation);
        let Some(action) = schedule.actions.iter().find(|action| action.id == id) else {
            return Err(Failure::refused(format!("the transition has no action {id}"))
                .hint("paceline simulate --format json lists the actions with their ids"));
        };
        if args.json {
            context.output.json(action);
        } else {
            let resource = action.resource.iter().map(|resource| format!(" {resource}"));
            let node = action.node.iter().map(|node| format!(" on {node}"));
            let what = action.operation.clone() + &resource.chain(node).collect::<String>();
            let cause = if action.cause.is_empty() { "it only carries order" } else { &action.cause };
            context.output.print(&wrapped(&format!("{what}: "), cause));
        }
        return Ok(());
    }
    let resource = args.resource.as_deref().unwrap_or_default();
    // of files, --node means the node in question and not the one to ask
    let node = context.place.sandbox_node.as_deref();
    let explanation = explain(&situation, resource, node).map_err(Failure::refused)?;
    if args.json {
        context.output.json(&explanation);
    } else {
        context.output.print(&shown(&explanation.to_string()));
    }
    Ok(())
}
