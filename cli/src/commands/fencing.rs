//! `paceline fencing history|confirm`

use super::{Context, name};
use crate::client::PROMPT;
use crate::failure::Failure;
use crate::render;
use config::NodeId;
use crm::control::{Request, Response};
use std::io::{IsTerminal, Write};

/// What to see or say of fencing.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Who was cut off, by whom, and who should be
    History {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Swear that a node is off, when no device can prove it
    ///
    /// The cluster then starts elsewhere what ran on the node. If the node is in fact still running, two copies of a
    /// service write to the same data and destroy it. Look at the machine, or pull its plug, before you confirm.
    Confirm {
        /// The node that is off
        #[arg(value_parser = name::<NodeId>, value_name = "NODE")]
        target: NodeId,
        /// Do not ask again
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        Command::History { json } => {
            let response = context.connect()?.ask(&Request::Fencing, PROMPT)?;
            let Response::Fencing { open, history } = &response else { return Err(Failure::unexpected(&response)) };
            if json {
                context.output.json(&response);
            } else {
                let clock = render::time::Clock::system();
                context.output.print(&render::fencing::history(open, history, &clock, context.output.paint));
            }
            Ok(())
        }
        Command::Confirm { target, yes } => {
            if !yes {
                ask_twice(&target)?;
            }
            let done = format!("{target} counts as off, on your word");
            context.change(&Request::ConfirmFenced { node: target }, &done, false)
        }
    }
}

/// Explains what is at stake and wants the node's name typed.
fn ask_twice(node: &NodeId) -> Result<(), Failure> {
    let danger = format!(
        "You are about to swear that {node} is off. The cluster will start elsewhere what ran there.\n\
         If {node} still runs, two copies of a service will write to the same data and destroy it.\n\
         Look at the machine, or pull its plug, before you go on.\n"
    );
    typed(&danger, "node", node.as_str(), &format!("{node} is still unclean"))
}

/// Says what is dangerous and goes on only when a person types the name of what it is about. `otherwise`: what stays
/// as it is.
pub(super) fn typed(danger: &str, what: &str, name: &str, otherwise: &str) -> Result<(), Failure> {
    let mut err = std::io::stderr();
    let _ = err.write_all(danger.as_bytes());
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is at the terminal to confirm").hint("if you are certain, add --yes"));
    }
    let _ = write!(err, "Type the name of the {what} to confirm: ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match read {
        Ok(_) if answer.trim() == name => Ok(()),
        _ => Err(Failure::refused(format!("not confirmed: {otherwise}"))),
    }
}
