//! `paceline cluster keys ...`: what nodes prove themselves with, replaced while the cluster runs.
//!
//! The authority's directory is off the nodes; what is made from it is copied to them by hand or by what copies files
//! there. A daemon uses it when it is told to, and no view changes.

use super::{make_empty, make_private};
use crate::client::PROMPT;
use crate::commands::{Context, name, ring};
use crate::failure::Failure;
use crate::render::text::{cell, clean, wrapped};
use config::NodeId;
use crm::cib::Revocation;
use crm::control::{CertificateReport, Request, Response, RingReport};
use membership_io::Authority;
use std::path::{Path, PathBuf};

/// What to do with keys.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Show the certificates of this node and of the nodes it has links to, and how long they last
    Show {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Have the daemon of this node use the keys that lie in its key directory now
    Reload,
    /// Make a new key and certificate for a node: for one that is added, or one whose own is to be replaced
    Issue {
        /// Which node
        #[arg(value_parser = name::<NodeId>)]
        node: NodeId,
        /// The directory of the cluster's authority
        #[arg(long, value_name = "DIR")]
        ca: PathBuf,
        /// Where to put the keys; it must not exist yet, or be empty
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Have no member accept a node's certificate any more, on no link: its key is in wrong hands
    Revoke {
        /// Whose certificate
        #[arg(value_parser = name::<NodeId>)]
        node: NodeId,
        /// The fingerprint, if it is not the one that this node sees now
        #[arg(long, value_name = "SHA256")]
        certificate: Option<String>,
    },
    /// Make another authority, trusted beside the one so far, to replace it
    Roll {
        /// The directory of the cluster's authority so far
        #[arg(long, value_name = "DIR")]
        ca: PathBuf,
        /// Where to put the new one; it must not exist yet, or be empty
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The cluster's name, for people who look at certificates
        #[arg(long, value_name = "NAME", default_value = "paceline")]
        cluster: String,
    },
    /// End the replacement: only the new authority is trusted from now on
    Finish {
        /// The directory of the new authority
        #[arg(long, value_name = "DIR")]
        ca: PathBuf,
    },
}

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        Command::Show { json } => show(json, context),
        Command::Reload => reload(context),
        Command::Issue { node, ca, out } => issue(&node, &ca, &out, context),
        Command::Revoke { node, certificate } => revoke(node, certificate, context),
        Command::Roll { ca, out, cluster } => roll(&ca, &out, &cluster, context),
        Command::Finish { ca } => finish(&ca, context),
    }
}

fn show(json: bool, context: &Context<'_>) -> Result<(), Failure> {
    let report = ring::ask(context)?;
    if json {
        let peers: std::collections::BTreeMap<_, _> =
            report.peers.iter().map(|(name, peer)| (name, &peer.certificate)).collect();
        context.output.json(&serde_json::json!({ "own": report.certificate, "peers": peers }));
    } else {
        context.output.print(&certificates(&report));
    }
    Ok(())
}

fn certificates(report: &RingReport) -> String {
    let own = report.certificate.iter().map(|certificate| ("this node", Some(certificate)));
    let peers = report.peers.iter().map(|(name, peer)| (name.as_str(), peer.certificate.as_ref()));
    let lines: Vec<(&str, Option<&CertificateReport>)> = own.chain(peers).collect();
    let wide = lines.iter().map(|(who, _)| who.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (who, certificate) in lines {
        let Some(certificate) = certificate else {
            out += &format!("{}  not seen yet\n", cell(who, wide));
            continue;
        };
        out += &format!("{}  expires in {} days\n", cell(who, wide), certificate.days_left);
        out += &format!("  {}\n", clean(&certificate.fingerprint));
    }
    let id = report.certificate.as_ref().and_then(|certificate| certificate.cluster.as_deref());
    out + &wrapped("", &format!("Id of the cluster: {}", clean(id.unwrap_or("none"))))
}

fn reload(context: &Context<'_>) -> Result<(), Failure> {
    context.connect()?.change(&Request::Renew)?;
    context.output.line("the keys were read again; connections are made anew with them, and no view changes");
    Ok(())
}

fn revoke(node: NodeId, certificate: Option<String>, context: &Context<'_>) -> Result<(), Failure> {
    let mut client = context.connect()?;
    let certificate = match certificate {
        Some(certificate) => certificate,
        None => match client.ask(&Request::Ring, PROMPT)? {
            Response::Ring(report) => seen(&node, &report)?,
            other => return Err(Failure::unexpected(&other)),
        },
    };
    let done = format!("no member accepts {certificate} any more; {node} needs another certificate to come back");
    context.change_over(&mut client, &Request::Revoke(Revocation { node, certificate }), &done, false)
}

/// The certificate that this node saw last of another one.
fn seen(node: &NodeId, report: &RingReport) -> Result<String, Failure> {
    let certificate = report.peers.get(node).and_then(|peer| peer.certificate.as_ref());
    certificate.map(|certificate| certificate.fingerprint.clone()).ok_or_else(|| {
        Failure::refused(format!("this node has not seen a certificate of {node}"))
            .hint("ask another node than the one itself, or name it with --certificate")
    })
}

fn issue(node: &NodeId, ca: &Path, out: &Path, context: &Context<'_>) -> Result<(), Failure> {
    let keys = |error| Failure::refused("cannot make the keys").because(error);
    let authority = Authority::load(ca).map_err(keys)?;
    make_empty(out)?;
    authority.issue(node).and_then(|issued| issued.save(out)).map_err(keys)?;
    let out = out.display();
    context.output.print(&format!(
        "made the keys of {node} in {out}\n\n\
         1. copy its files into the key directory of {node} (/etc/paceline/keys; owner root)\n\
         2. run there: paceline cluster keys reload\n"
    ));
    Ok(())
}

fn roll(ca: &Path, out: &Path, cluster: &str, context: &Context<'_>) -> Result<(), Failure> {
    let keys = |error| Failure::refused("cannot make another authority").because(error);
    let before = Authority::load(ca).map_err(keys)?;
    if before.trusted() > 1 {
        return Err(Failure::refused(format!("the authority in {} is replacing another one itself", ca.display()))
            .hint("end that first: paceline cluster keys finish"));
    }
    make_empty(out)?;
    make_private(out)?;
    before.successor(cluster).and_then(|next| next.save(out)).map_err(keys)?;
    let (out, old) = (out.display(), ca.display());
    context.output.print(&format!(
        "made another authority in {out}; its ca.pem holds both\n\n\
         1. copy {out}/ca.pem into the key directory of every node, and run there:\n\
         \x20     paceline cluster keys reload\n\
         2. when all nodes have it: paceline cluster keys issue NODE --ca {out} --out DIR\n\
         \x20  for each node, copy the files there, and run there again:\n\
         \x20     paceline cluster keys reload\n\
         3. when all nodes have theirs: paceline cluster keys finish --ca {out}\n\
         \x20  copy {out}/ca.pem to all nodes once more, reload, and destroy {old}\n"
    ));
    Ok(())
}

fn finish(ca: &Path, context: &Context<'_>) -> Result<(), Failure> {
    let keys = |error| Failure::refused("cannot change the authority").because(error);
    let authority = Authority::load(ca).map_err(keys)?;
    if authority.trusted() == 1 {
        context.output.line("nothing changed: only this authority is trusted already");
        return Ok(());
    }
    authority.settled().save(ca).map_err(keys)?;
    context.output.line(&format!(
        "{}/ca.pem holds the new authority alone; copy it to all nodes and run there: paceline cluster keys reload",
        ca.display()
    ));
    Ok(())
}
