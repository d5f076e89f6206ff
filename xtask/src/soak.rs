//! `cargo xtask soak`: rings of real processes in network namespaces, disturbed for as long as one likes. Needs root.

use crate::workspace::cargo;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Story {
    /// A part of all packets is lost on every input: the view must stand
    Loss,
    /// A node is stopped for less and for more than the timeout
    Pause,
    /// Nodes lose power, processes are killed, all come back: how fast?
    Crash,
    /// One direction between two nodes is cut: one view must come of it, and last
    Oneway,
    /// Of two links one is cut: the view must stand
    Links,
    /// A hop takes smaller packets than the cards at its ends: links must find that out, and long messages pass
    Hop,
    /// A member comes and goes thousands of times: memory and descriptors must stay as they are
    Views,
}

#[derive(Args)]
pub struct Options {
    story: Story,
    /// How long (loss)
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// How many nodes, 2 to 32
    #[arg(long, default_value_t = 3)]
    nodes: u32,
    /// The token timeout in milliseconds
    #[arg(long, default_value_t = 1000)]
    token: u32,
    /// How many of a hundred packets are lost (loss)
    #[arg(long, default_value_t = 20)]
    loss: u32,
    /// Let other processes use all CPUs up
    #[arg(long)]
    saturated: bool,
    /// How often each node is crashed (crash)
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How many views (views)
    #[arg(long, default_value_t = 10_000)]
    views: u32,
}

/// Plays the story; true when the ring behaved.
pub fn run(options: &Options) -> Result<bool> {
    let mut command = cargo(&["test", "--quiet", "--package", "membership-io", "--test", "soak", "--", "play"]);
    command.arg(match options.story {
        Story::Loss => "loss",
        Story::Pause => "pause",
        Story::Crash => "crash",
        Story::Oneway => "oneway",
        Story::Links => "links",
        Story::Hop => "hop",
        Story::Views => "views",
    });
    let numbers = [
        ("--seconds", options.minutes * 60),
        ("--nodes", options.nodes),
        ("--token", options.token),
        ("--loss", options.loss),
        ("--rounds", options.rounds),
        ("--views", options.views),
    ];
    for (name, number) in numbers {
        command.args([name, &number.to_string()]);
    }
    if options.saturated {
        command.arg("--saturated");
    }
    Ok(command.status().context("cannot run the soak test")?.success())
}
