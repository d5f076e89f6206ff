//! `paceline node attribute [NODE [NAME [VALUE]]]`

use super::{Context, name};
use crate::client::PROMPT;
use crate::failure::Failure;
use config::NodeId;
use crm::cib::{Attribute, Attributes, Subject};
use crm::control::{Request, Response};
use std::collections::BTreeMap;

/// Which attribute, and what to make of it.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The node; all nodes, and the cluster, when none is named
    #[arg(value_parser = name::<NodeId>, value_name = "NODE")]
    target: Option<NodeId>,
    /// The attribute; all of the node when none is named
    #[arg(value_name = "NAME", conflicts_with = "cluster")]
    attribute: Option<String>,
    /// The value to give it
    #[arg(allow_hyphen_values = true, conflicts_with_all = ["delete", "cluster"])]
    value: Option<String>,
    /// Remove it
    #[arg(long, requires = "attribute")]
    delete: bool,
    /// For good, not only until the node leaves
    #[arg(long, requires = "attribute")]
    forever: bool,
    /// Show only what is noted about the cluster as a whole
    #[arg(long, conflicts_with = "target")]
    cluster: bool,
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<(), Failure> {
    let mut client = context.connect()?;
    let (Some(node), Some(name)) = (&args.target, &args.attribute) else {
        let (lives, lasting) = noted(&mut client)?;
        let lines = lines(&args, &lives, &lasting);
        context.output.print(&if lines.is_empty() { "nothing is noted\n".to_owned() } else { lines });
        return Ok(());
    };
    if args.value.is_none() && !args.delete {
        let (lives, lasting) = noted(&mut client)?;
        let life = lives.get(node).filter(|_| !args.forever).and_then(|notes| notes.get(name));
        let value = life.or_else(|| lasting.nodes.get(node)?.get(name));
        let missing = || Failure::refused(format!("{node} has no attribute {name}"));
        context.output.line(value.ok_or_else(missing)?);
        return Ok(());
    }
    let node = node.clone();
    let subject = if args.forever { Subject::Node { node } } else { Subject::Life { node } };
    let attribute = Attribute { subject, name: name.clone(), value: args.value };
    let done = attribute.to_string();
    context.change_over(&mut client, &Request::Note { attribute }, &done, false)
}

type Lives = BTreeMap<NodeId, BTreeMap<String, String>>;

fn noted(client: &mut crate::client::Client) -> Result<(Lives, Attributes), Failure> {
    match client.ask(&Request::Attributes, PROMPT)? {
        Response::Attributes { lives, lasting, .. } => Ok((lives, lasting)),
        other => Err(Failure::unexpected(&other)),
    }
}

/// One line for each: whose, name and value, and when it stays.
fn lines(args: &Args, lives: &Lives, lasting: &Attributes) -> String {
    let mut lines = String::new();
    let mut add = |whose: &str, notes: &BTreeMap<String, String>, stays: &str| {
        for (name, value) in notes {
            lines.push_str(&format!("{whose}: {name} = {value}{stays}\n"));
        }
    };
    let shown = |node: &&NodeId| !args.cluster && args.target.as_ref().is_none_or(|target| target == *node);
    for node in lives.keys().filter(shown) {
        add(node.as_str(), &lives[node], "");
        if let Some(notes) = lasting.nodes.get(node) {
            add(node.as_str(), notes, " (for good)");
        }
    }
    if args.target.is_none() {
        add("cluster", &lasting.cluster, " (for good)");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attribute_is_a_line_that_says_whose_it_is() {
        let node = |name: &str| NodeId::new(name).unwrap();
        let notes = |value: &str| BTreeMap::from([("rack".to_owned(), value.to_owned())]);
        let lives = BTreeMap::from([(node("alpha"), notes("1")), (node("beta"), BTreeMap::new())]);
        let lasting = Attributes { nodes: [(node("beta"), notes("2"))].into(), cluster: notes("3") };
        let mut args =
            Args { target: None, attribute: None, value: None, delete: false, forever: false, cluster: false };
        let all = "alpha: rack = 1\nbeta: rack = 2 (for good)\ncluster: rack = 3 (for good)\n";
        assert_eq!(lines(&args, &lives, &lasting), all);
        args.target = Some(node("beta"));
        assert_eq!(lines(&args, &lives, &lasting), "beta: rack = 2 (for good)\n");
        args = Args { target: None, cluster: true, ..args };
        assert_eq!(lines(&args, &lives, &lasting), "cluster: rack = 3 (for good)\n");
    }
}
