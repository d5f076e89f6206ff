//! `paceline cluster init FILE --out DIR`, and `paceline cluster keys`.

mod keys;

use super::Context;
use crate::cluster_file::ClusterFile;
use crate::failure::Failure;
use membership_io::Authority;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What to make.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Make the certificate authority of a cluster, and one directory for each node
    Init {
        /// The cluster file
        file: PathBuf,
        /// Where to put the directories; it must not exist yet, or be empty
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// The certificates of nodes, and the authority that signs them
    #[command(subcommand)]
    Keys(keys::Command),
}

const NOTE: &str = "\
This directory holds the private key of the cluster's certificate authority (ca.key).
Whoever has it can make a node of the cluster. Keep it somewhere safe and off the nodes;
you need it again only to add a node or to renew a certificate.
";

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        Command::Init { file, out } => init(&file, out, context),
        Command::Keys(command) => keys::run(command, context),
    }
}

fn init(file: &Path, out: PathBuf, context: &Context<'_>) -> Result<(), Failure> {
    let file = ClusterFile::read(file)?;
    let config = file.check(context.output)?;
    if let Some(first) = config.beyond.first() {
        let message = format!("no cluster was made: this version does not carry out {first}");
        return Err(Failure::refused(message).hint("the warnings above name everything that must leave the file"));
    }
    make_empty(&out)?;
    let keys = |error| Failure::refused("cannot make the keys").because(error);
    let authority = Authority::create(&config.cluster.name).map_err(keys)?;
    let home = out.join("ca");
    make_private(&home)?;
    authority.save(&home).map_err(keys)?;
    write(&home.join("README"), NOTE)?;
    for node in config.nodes.keys() {
        let home = out.join(node.as_str());
        make_private(&home)?;
        authority.issue(node).and_then(|issued| issued.save(&home.join("keys"))).map_err(keys)?;
        write(&home.join("cluster.toml"), &file.text)?;
        write(&home.join("local.toml"), &local_file(node.as_str()))?;
    }
    let shown = out.display();
    let names: Vec<&str> = config.nodes.keys().map(|node| node.as_str()).collect();
    context.output.print(&format!(
        "made {shown}/ca and one directory for each of {}\n\n\
         1. put {shown}/ca somewhere safe, off the nodes\n\
         2. copy {shown}/NODE to /etc/paceline of each machine (owner root, mode 0700)\n\
         3. start pacelined there\n",
        names.join(", ")
    ));
    Ok(())
}

fn local_file(node: &str) -> String {
    format!(
        "# What differs from machine to machine. What all nodes share stands in the cluster file.\n\
         node = \"{node}\"\n\n\
         # Read at the very first start only; afterwards change the cluster with `paceline apply`.\n\
         cluster-file = \"cluster.toml\"\n\n\
         # Relative paths begin at the directory of this file.\n\
         keys-directory = \"keys\"\n\
         state-directory = \"/var/lib/paceline\"\n\
         control-socket = \"/run/paceline/control.sock\"\n"
    )
}

fn make_empty(out: &Path) -> Result<(), Failure> {
    let shown = out.display();
    make_private(out)?;
    let first =
        fs::read_dir(out).map_err(|error| Failure::refused(format!("cannot read {shown}")).because(error))?.next();
    match first {
        Some(_) => Err(Failure::refused(format!("{shown} is not empty, and keys are never overwritten"))
            .hint("name a new directory with --out")),
        None => Ok(()),
    }
}

fn make_private(dir: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| Failure::refused(format!("cannot make the directory {}", dir.display())).because(error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::refused(format!("cannot write {}", path.display())).because(error))
}
