//! `paceline quorum status` and `force`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crate::render::quorum::{self, Sight};
use crate::render::time::Clock;
use config::NodeId;
use crm::control::{Request, Response};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

/// What is typed to confirm.
const OATH: &str = "the others are off";

/// What to see or do about quorum.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Votes, whose count, which options are in force and what they do now; exit status 4 without quorum
    Status {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Let this part go on without quorum, when the others will not come back soon
    ///
    /// For disasters: more than half of the votes are lost, and you know that the lost nodes run nothing. The nodes
    /// that are here become those that count. If a node that was given up is in fact running, two copies of a service
    /// write to the same data and destroy it, and the two parts cannot be merged again. It is noted who forced it and
    /// when, and it ends by itself when a majority of all nodes is back.
    Force {
        /// Swear without being asked that all nodes that are not here are off
        #[arg(long, conflicts_with = "fence_the_others")]
        yes_the_others_are_off: bool,
        /// Do not swear: nothing is started before the cluster has fenced each node in doubt by its device
        #[arg(long)]
        fence_the_others: bool,
    },
}

pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        Command::Status { json } => status(*json, context),
        Command::Force { yes_the_others_are_off, fence_the_others } => {
            force(*yes_the_others_are_off, *fence_the_others, context)
        }
    }
}

fn status(json: bool, context: &Context<'_>) -> Result<(), Failure> {
    let response = context.connect()?.ask(&Request::Quorum, PROMPT)?;
    let Response::Quorum { quorum, view, members, setting } = &response else {
        return Err(Failure::unexpected(&response));
    };
    if json {
        context.output.json(&response);
    } else {
        let sight = Sight { quorum, view, members, setting };
        context.output.print(&quorum::quorum(&sight, &Clock::system(), context.output.paint));
    }
    if quorum.quorate {
        Ok(())
    } else {
        Err(Failure::not_quorate("this part of the cluster has no quorum").hint(
            "look at the nodes that are away: are they on, and is the network between them up? If they are lost for long, \
             see: paceline quorum force --help",
        ))
    }
}

fn force(sworn: bool, fence: bool, context: &Context<'_>) -> Result<(), Failure> {
    let mut client = context.connect()?;
    let response = client.ask(&Request::Quorum, PROMPT)?;
    let Response::Quorum { quorum, members, setting, .. } = &response else {
        return Err(Failure::unexpected(&response));
    };
    if quorum.quorate {
        return Err(Failure::refused("quorum was not forced: this part of the cluster is quorate")
            .hint("see: paceline quorum status"));
    }
    let given_up: BTreeSet<NodeId> = setting.nodes.keys().filter(|node| !members.contains(*node)).cloned().collect();
    let (here, away) = (names(members), names(&given_up));
    let mut meaning = format!("{here} would go on without {away}.\n");
    let in_doubt = names(&setting.in_doubt);
    if fence {
        meaning.push_str(&format!("Nothing is started before these are fenced: {in_doubt}.\n"));
    } else if !setting.in_doubt.is_empty() {
        meaning.push_str(&format!(
            "Nobody knows whether these are off: {in_doubt}. You swear that they are. If one of them still runs, two\n\
             copies of a service will write to the same data and destroy it. Look at the machines, or pull their\n\
             plugs, before you go on; or let the cluster fence them: --fence-the-others\n"
        ));
    }
    meaning.push_str("It is noted, and ends by itself when a majority of all nodes is back.\n");
    let _ = std::io::stderr().write_all(meaning.as_bytes());
    if !sworn && !fence {
        confirm()?;
    }
    let done = format!("{here} went on without {away}");
    context.change_over(&mut client, &Request::ForceQuorum { given_up, fence }, &done, false)
}

fn names<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> String {
    nodes.into_iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}

fn confirm() -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is at the terminal to confirm")
            .hint("if you are certain, add --yes-the-others-are-off; or --fence-the-others"));
    }
    let _ = write!(std::io::stderr(), "Type \"{OATH}\" to confirm: ");
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(_) if answer.trim() == OATH => Ok(()),
        _ => Err(Failure::refused("not confirmed: quorum was not forced")),
    }
}
