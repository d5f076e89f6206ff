//! `paceline config show`, `paceline config import CIB.xml`

use super::Context;
use crate::client::PROMPT;
use crate::failure::Failure;
use crm::control::{Request, Response};
use std::path::{Path, PathBuf};

/// What to see of the configuration.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Print the cluster file in force, as it was applied
    Show {
        /// For programs: with its version
        #[arg(long)]
        json: bool,
    },
    /// Write a cluster file from a CIB of Pacemaker (`cibadmin --query > cib.xml`)
    ///
    /// The file goes to standard output or to --out, and what it could not take over to standard error, item by item.
    Import {
        /// The CIB, as XML
        cib: PathBuf,
        /// The name of the cluster, where the CIB has none
        #[arg(long, default_value = "imported")]
        name: String,
        /// Where to write the cluster file; it must not exist yet
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        Command::Show { json } => show(*json, context),
        Command::Import { cib, name, out } => import(cib, name, out.as_deref(), context),
    }
}

fn show(json: bool, context: &Context<'_>) -> Result<(), Failure> {
    let response = context.connect()?.ask(&Request::Config, PROMPT)?;
    let Response::Config { text, .. } = &response else { return Err(Failure::unexpected(&response)) };
    if json {
        context.output.json(&response);
    } else {
        context.output.print(text);
    }
    Ok(())
}

fn import(cib: &Path, name: &str, out: Option<&Path>, context: &Context<'_>) -> Result<(), Failure> {
    let shown = cib.display();
    let xml = std::fs::read_to_string(cib)
        .map_err(|error| Failure::refused(format!("cannot read the CIB {shown}")).because(error))?;
    let situation = ::import::read(&xml)
        .map_err(|error| Failure::refused(format!("{shown} is not a CIB that paceline understands")).because(error))?;
    let written = ::import::cluster_file(&situation, name);
    match out {
        None => context.output.print(&written.text),
        Some(path) => {
            let mut options = std::fs::OpenOptions::new();
            let file = options.write(true).create_new(true).open(path);
            file.and_then(|mut file| std::io::Write::write_all(&mut file, written.text.as_bytes())).map_err(
                |error| Failure::refused(format!("cannot write the cluster file {}", path.display())).because(error),
            )?;
            context.output.line(&format!("wrote {}; next: paceline check {0}", path.display()));
        }
    }
    for item in &written.left_out {
        context.output.note(&format!("left out: {item}"));
    }
    Ok(())
}
