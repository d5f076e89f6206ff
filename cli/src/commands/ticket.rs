//! `paceline ticket list|grant|revoke|standby|activate`: which of several sites may run what only one may.

use super::Context;
use super::fencing::typed;
use super::resource::Wait;
use super::source::running;
use crate::failure::Failure;
use crate::render::text::{clean, wrapped};
use config::written::{Origin, TicketConstraint};
use crm::cib::{OverrideEdit, TicketEdit};
use crm::control::Request;
use std::collections::BTreeMap;

/// What to see or say of tickets.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Which tickets the cluster file names, whether this site has them, and what needs them
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Give a ticket to this site
    ///
    /// The cluster then runs what needs it. If another site has the same ticket, both write to data that only one may
    /// write to. Revoke it there, and see that nothing runs there any more, before you grant it here.
    Grant {
        #[command(flatten)]
        ticket: Ticket,
        /// Do not ask again
        #[arg(long)]
        yes: bool,
    },
    /// Take a ticket from this site: what needs it is stopped, demoted, or its node is fenced, as the file says
    Revoke(Ticket),
    /// Set a ticket aside: as if it was not here, in order, whatever the file says of its loss
    Standby(Ticket),
    /// Use a ticket that was set aside
    Activate(Ticket),
}

/// Which ticket.
#[derive(clap::Args, Debug)]
pub(crate) struct Ticket {
    /// The ticket, as the cluster file names it
    ticket: String,
    #[command(flatten)]
    wait: Wait,
}

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    let (Ticket { ticket, wait }, edit, done) = match command {
        Command::List { json } => return list(json, context),
        Command::Grant { ticket, yes } => {
            if !yes {
                ask_twice(&ticket.ticket)?;
            }
            let done = format!("this site has ticket {0}; undo with: paceline ticket revoke {0}", ticket.ticket);
            (ticket, TicketEdit::Grant, done)
        }
        Command::Revoke(ticket) => {
            let done = format!("this site does not have ticket {} any more", ticket.ticket);
            (ticket, TicketEdit::Revoke, done)
        }
        Command::Standby(ticket) => {
            let done = format!("ticket {0} is set aside; undo with: paceline ticket activate {0}", ticket.ticket);
            (ticket, TicketEdit::Standby, done)
        }
        Command::Activate(ticket) => {
            let done = format!("ticket {} is used", ticket.ticket);
            (ticket, TicketEdit::Activate, done)
        }
    };
    let edit = OverrideEdit::Ticket { ticket, edit, life: 0 };
    context.change(&Request::Override { edit }, &clean(&done), wait.wait)
}

/// Says what is at stake and wants the ticket's name typed.
fn ask_twice(ticket: &str) -> Result<(), Failure> {
    let danger = format!(
        "You are about to say that no other site has ticket {0}. This cluster will run what needs it.\n\
         If another site has it too, both write to the same data and destroy it.\n",
        clean(ticket)
    );
    typed(&danger, "ticket", ticket, "the ticket stays where it is")
}

/// One ticket that the file names.
#[derive(Debug, Default, serde::Serialize)]
struct Shown {
    ticket: String,
    /// `granted`, `set aside`, `not granted`.
    state: &'static str,
    /// What needs it, and where the file says so.
    needed_by: Vec<String>,
}

fn list(json: bool, context: &Context<'_>) -> Result<(), Failure> {
    let situation = running(context, "tickets are known to the running cluster alone")?;
    let mut tickets: BTreeMap<&str, Shown> = BTreeMap::new();
    for rule in &situation.configuration.constraints.tickets {
        tickets.entry(&rule.ticket).or_default().needed_by.push(needs(rule));
    }
    for ticket in &situation.tickets {
        let state = if ticket.standby { "set aside" } else { "granted" };
        tickets.entry(&ticket.id).or_default().state = state;
    }
    for (name, shown) in &mut tickets {
        shown.ticket = (*name).to_owned();
        if shown.state.is_empty() {
            shown.state = "not granted";
        }
    }
    let shown: Vec<Shown> = tickets.into_values().collect();
    if json {
        context.output.json(&shown);
    } else if shown.is_empty() {
        context.output.line("nothing in the cluster file needs a ticket");
    } else {
        let line = |shown: &Shown| {
            let by = if shown.needed_by.is_empty() { "nothing".to_owned() } else { shown.needed_by.join(", ") };
            wrapped(&format!("{}: ", clean(&shown.ticket)), &format!("{}; needed by {by}", shown.state))
        };
        context.output.print(&shown.iter().map(line).collect::<String>());
    }
    Ok(())
}

/// "db (`[[ticket]]` in line 40)": what one constraint is about.
fn needs(rule: &TicketConstraint) -> String {
    let members = rule.sets.iter().flat_map(|set| &set.members).map(String::as_str);
    let single = Some(rule.resource.as_str()).filter(|name| !name.is_empty());
    let names: Vec<&str> = single.into_iter().chain(members).collect();
    let place = Origin::of(&rule.id).map_or(rule.id.clone(), |origin| origin.to_string());
    format!("{} ({place})", names.join(" and "))
}
