//! `paceline group list` and `paceline group join`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crate::render::group as render;
use membership::Guarantee;
use membership::group::{Answer, GroupName, MAX_PAYLOAD, Member};
use membership_io::{GroupError, GroupReceiver, GroupSender, connect_groups};
use std::io::{BufRead, Read};

/// What to do with process groups.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Show the groups, their members, and who has to wait for members that do not read
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Join a group: send lines of the standard input to all its members, print what they say, who comes and who goes.
    /// Ends with the input
    Join {
        /// Its name
        #[arg(value_parser = |text: &str| text.parse::<GroupName>().map_err(|error| error.to_string()))]
        name: GroupName,
        /// Deliver what is sent from here only when every node is known to have it
        #[arg(long)]
        safe: bool,
        /// Send nothing and listen until interrupted
        #[arg(long, conflicts_with = "safe")]
        listen: bool,
        /// For programs: one object per line
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    let path = context.connect()?.socket().with_file_name("groups.sock");
    let (sender, receiver, you) = connect_groups(&path).map_err(lost)?;
    match command {
        Command::List { json } => list(sender, receiver, json, context),
        Command::Join { name, safe, listen, json } => {
            let guarantee = if safe { Guarantee::Safe } else { Guarantee::Agreed };
            let input = (!listen).then_some(guarantee);
            join(sender, receiver, &Joined { name, you, json }, input, context)
        }
    }
}

fn lost(error: GroupError) -> Failure {
    let failure = Failure::no_answer(error.to_string());
    let failure = match std::error::Error::source(&error) {
        Some(source) => failure.because(source.to_string()),
        None => failure,
    };
    failure.hint("is pacelined of this release running here? Look at its log, then try again")
}

fn list(
    mut sender: GroupSender,
    mut receiver: GroupReceiver,
    json: bool,
    context: &Context<'_>,
) -> Result<(), Failure> {
    sender.list().map_err(lost)?;
    let mut reports = Vec::new();
    loop {
        match receiver.next(Some(PROMPT)).map_err(lost)? {
            Some(Answer::Group(report)) => reports.push(*report),
            Some(Answer::End { .. }) => break,
            Some(_) => {}
            None => return Err(Failure::no_answer("the daemon did not tell its groups in time").hint("ask again")),
        }
    }
    if json {
        context.output.json(&render::json(&reports));
    } else {
        context.output.print(&render::list(&reports));
    }
    Ok(())
}

/// Where this client is.
struct Joined {
    name: GroupName,
    you: Member,
    json: bool,
}

fn join(
    mut sender: GroupSender,
    mut receiver: GroupReceiver,
    joined: &Joined,
    input: Option<Guarantee>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    sender.join(&joined.name).map_err(lost)?;
    let mut sender = Some(sender);
    loop {
        // Without an end: somebody says something when there is something to say.
        let answer = match receiver.next(None) {
            Ok(Some(answer)) => answer,
            Ok(None) => continue,
            Err(error) => return Err(lost(error)),
        };
        match &answer {
            Answer::Refused { refusal, .. } => return Err(Failure::refused(refusal.to_string())),
            Answer::Bye => {
                return Err(Failure::no_answer("the daemon leaves the cluster").hint("join again on another node"));
            }
            Answer::Change(change) => {
                // The first change tells that it is in: now there is somebody to speak to.
                if let Some((sender, guarantee)) = sender.take_if(|_| input.is_some()).zip(input) {
                    let name = joined.name.clone();
                    std::thread::spawn(move || speak(sender, &name, guarantee));
                }
                render::change(change, joined.json).iter().for_each(|line| context.output.line(line));
                if change.left.iter().any(|(member, _)| *member == joined.you) {
                    return Ok(());
                }
            }
            Answer::Message { from, payload, .. } => {
                context.output.line(&render::message(from, payload, joined.json));
            }
            _ => {}
        }
    }
}

/// Sends lines until there are no more, then leaves. When the connection is lost, the other half says so.
fn speak(mut sender: GroupSender, name: &GroupName, guarantee: Guarantee) {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.by_ref().take(MAX_PAYLOAD as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => {
                let _ = sender.leave(name);
                return;
            }
            Ok(_) => {
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                if sender.send(name, guarantee, text.to_vec()).is_err() {
                    return;
                }
            }
        }
    }
}
