//! pacelined: carries the effects of one node out.
//!
//! Three places where something happens at its own pace: the ring thread (membership-io), the disk thread, and this
//! program's one event loop (`pump`) that feeds the node machine with what they, the running jobs and the clients of
//! the control socket have to say.

mod arbiter;
mod control;
mod disk;
mod groups;
mod keys;
mod local;
mod log;
mod pump;
mod report;
mod tools;

use anyhow::{Context, Result, bail};
use clap::Parser;
use crm::node::{Node, NodeOptions};
use local::Local;
use log::Log;
use membership::Incarnation;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "pacelined", version, about = "The paceline daemon: one node of a high-availability cluster")]
struct Arguments {
    /// This machine's own file, made by `paceline cluster init`
    #[arg(long, default_value = "/etc/paceline/local.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("PACELINE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    let log = match Log::start() {
        Ok(log) => log,
        // There is no log to say it in.
        Err(_) => return ExitCode::FAILURE,
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(log.clone())
        .with_target(false)
        .with_ansi(ansi)
        .init();
    stop_on_panic();
    let result = run(&arguments);
    if let Err(error) = &result {
        tracing::error!("pacelined ends: {error:#}");
    }
    log.flush();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A broken invariant in any thread ends the whole process: peers then see this node leave and fence it, which is the
/// one failure that they are built to survive.
fn stop_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |information| {
        print(information);
        std::process::abort();
    }));
}

fn run(arguments: &Arguments) -> Result<()> {
    let local = Local::load(&arguments.config)?;
    let state = disk::StateDirectory::open(&local.state_directory)?;
    let durable = match state.load()? {
        Some(durable) => durable,
        None => NodeOptions::first_durable(std::fs::read_to_string(&local.cluster_file).with_context(|| {
            format!(
                "this node has no stored configuration yet, and its first cluster file {} cannot be read",
                local.cluster_file.display()
            )
        })?),
    };
    let incarnation = Incarnation(fastrand::u64(..));
    let options = NodeOptions {
        me: local.node.clone(),
        incarnation,
        durable,
        executor: resource_agents::ExecutorOptions {
            ocf_root: local.ocf_root.clone(),
            parallel_jobs: std::thread::available_parallelism().map_or(4, |cores| 2 * usize::from(cores)).clamp(4, 128),
        },
        fencer: fencing::FencerOptions {
            me: local.node.clone(),
            agent_directories: local.fence_agent_directories.clone(),
        },
        seed: fastrand::u64(..),
    };
    let node = match Node::new(options) {
        Ok(node) => node,
        Err(problems) => bail!(
            "the cluster file of this node is not valid; `paceline validate` shows it in place: {}",
            problems.iter().map(|p| format!("line {}: {}", p.line, p.message)).collect::<Vec<_>>().join("; ")
        ),
    };
    if !node.cib().config.nodes.contains_key(&local.node) {
        bail!(
            "the cluster file does not name this node, {}; it names: {}",
            local.node,
            node.cib().config.nodes.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        );
    }
    tracing::info!(node = %local.node, %incarnation, version = env!("CARGO_PKG_VERSION"), "pacelined starts");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the event loop")?;
    runtime.block_on(pump::run(node, &local, state, incarnation))
}
