//! `paceline-arbiter`: the service, and the commands of its administrator.

use anyhow::{Context, Result};
use arbiter_io::{Registry, ask, serve};
use clap::{Parser, Subcommand};
use config::{Arbiter, write_fingerprint};
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A vote outside of the clusters: when one breaks in two, it tells which part goes on.
#[derive(Parser)]
#[command(name = "paceline-arbiter", version)]
struct Arguments {
    /// Where its key, its clusters and what it has granted are kept
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/lib/paceline-arbiter")]
    state: PathBuf,
    /// The socket on which the service is asked how it is
    #[arg(long, global = true, value_name = "PATH", default_value = "/run/paceline-arbiter/control.sock")]
    socket: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the arbiter's own key and certificate, and show the fingerprint that cluster files name it by
    Init,
    /// Serve a cluster: nodes whose certificates this authority has signed
    Add {
        /// The cluster's name, as in its cluster file
        cluster: String,
        /// The `ca.pem` that `paceline cluster init` made
        ca: PathBuf,
    },
    /// Serve a cluster no more; its nodes are hung up on, and to whom it gave its vote is forgotten
    Remove {
        /// The cluster's name
        cluster: String,
    },
    /// Run the service
    Serve {
        /// Where to listen (UDP) [default: port 5403 on all addresses]
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Show the clusters, their nodes, and who has the vote
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("PACELINE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(ansi)
        .init();
    let said = match run(arguments) {
        Ok(text) => text,
        Err(error) => {
            // Without a standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "paceline-arbiter: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    match std::io::stdout().write_all(said.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(arguments: Arguments) -> Result<String> {
    let registry = Registry::new(&arguments.state);
    match arguments.command {
        Command::Init => {
            let shown = write_fingerprint(&registry.init()?);
            Ok(format!(
                "This arbiter's fingerprint is\n\n  {shown}\n\nCluster files name it so:\n\n  [quorum.arbiter]\n  address = \
                 \"THIS HOST\"\n  fingerprint = \"{shown}\"\n"
            ))
        }
        Command::Add { cluster, ca } => {
            registry.add(&cluster, &ca)?;
            Ok(format!("{cluster} is served{}\n", reloaded(&arguments.socket)?))
        }
        Command::Remove { cluster } => {
            registry.remove(&cluster)?;
            Ok(format!("{cluster} is served no more{}\n", reloaded(&arguments.socket)?))
        }
        Command::Serve { listen } => {
            let listen = listen.unwrap_or_else(|| (Ipv6Addr::UNSPECIFIED, Arbiter::PORT).into());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("cannot start the event loop")?;
            runtime.block_on(serve(registry, listen, &arguments.socket))?;
            Ok(String::new())
        }
        Command::Status { json } => {
            let shown = arguments.socket.display();
            let status = ask(&arguments.socket, "status")?
                .with_context(|| format!("no service answers on {shown}; is paceline-arbiter running?"))?;
            Ok(if json { format!("{status:#}\n") } else { in_words(&status) })
        }
    }
}

fn reloaded(socket: &Path) -> Result<&'static str> {
    Ok(match ask(socket, "reload")? {
        Some(_) => "",
        None => "; the service does not run, it will see that when it is started",
    })
}

fn in_words(status: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut out = format!(
        "listens on  {}\nfingerprint {}\nconnections {}, refused {}\n",
        text(&status["listening"]),
        text(&status["fingerprint"]),
        status["connections"],
        status["refused"]
    );
    let none = serde_json::Map::new();
    let table = |value: &'_ Value| value.as_object().cloned().unwrap_or_else(|| none.clone());
    let clusters = table(&status["clusters"]);
    if clusters.is_empty() {
        out.push_str("\nno clusters yet: paceline-arbiter add CLUSTER CA.pem\n");
    }
    for (name, cluster) in clusters {
        out.push_str(&format!("\n{name}: {}\n", vote(&cluster)));
        if let Some(revoked) = cluster["revoked"].as_u64().filter(|revoked| *revoked > 0) {
            out.push_str(&format!("  {revoked} revoked certificates are refused\n"));
        }
        for (node, standing) in table(&cluster["nodes"]) {
            let place =
                if standing["connected"] == true { text(&cluster["addresses"][&node]) } else { "gone".to_owned() };
            let ring =
                standing["ring"].as_str().map_or_else(|| "no view told".to_owned(), |ring| format!("ring {ring}"));
            let answer = standing["answer"].as_str().unwrap_or("-");
            out.push_str(&format!("  {node:16} {place:22} {ring:16} {answer}\n"));
        }
    }
    out
}

/// Who has the vote of a cluster.
fn vote(cluster: &Value) -> String {
    if let Some(trouble) = cluster["trouble"].as_str() {
        return format!("nothing can be granted: {trouble}");
    }
    let grant = &cluster["grant"];
    let Some(members) = grant["members"].as_array() else {
        return "the vote is nobody's yet; all nodes must be together once".to_owned();
    };
    let members: Vec<&str> = members.iter().filter_map(Value::as_str).collect();
    let ring = &grant["ring"];
    let representative = ring["representative"].as_str().unwrap_or("-");
    format!("the vote is with {} (ring {}/{representative})", members.join(", "), ring["number"])
}
