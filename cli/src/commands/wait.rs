//! `paceline wait`

use super::Context;
use crate::failure::Failure;
use config::parse_duration;
use std::time::Duration;

/// How long to wait.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Give up after this long, such as 30s or 5min
    #[arg(long, default_value = "60s", value_parser = duration)]
    timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

pub(crate) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    context.connect()?.wait_idle(args.timeout)?;
    context.output.line("the cluster has nothing left to do");
    Ok(())
}
