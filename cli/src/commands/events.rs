//! `paceline events`

use super::Context;
use crate::failure::Failure;
use crate::render;
use crm::control::Request;
use std::time::Duration;

/// After this long without another one, the remembered events are through.
const QUIET: Duration = Duration::from_millis(200);
/// How long one wait for the next event takes; without an end there would be no timeout to set.
const LONG: Duration = Duration::from_secs(3600);

/// Which events.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Go on with new events as they happen
    #[arg(long, short)]
    follow: bool,
    /// With --follow: leave out what already happened
    #[arg(long, requires = "follow")]
    new: bool,
    /// For programs: one object per line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let mut client = context.connect()?;
    client.send(&Request::Events { history: !args.new })?;
    let clock = render::time::Clock::system();
    loop {
        match client.event(if args.follow { LONG } else { QUIET })? {
            Some(event) if args.json => {
                context.output.line(&serde_json::to_string(&event).expect("an event can be written as JSON"));
            }
            Some(event) => context.output.line(&render::events::event(&event, &clock, context.output.paint)),
            None if args.follow => {}
            None => return Ok(()),
        }
    }
}
