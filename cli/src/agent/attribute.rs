//! `crm_attribute`, `crm_master` and `attrd_updater`: attributes of nodes and of the cluster, as agents ask for them.
//!
//! A command line becomes an [`Ask`], which the daemon answers. The defaults are the peer's: a query where nothing else
//! is said, the node that the agent runs on, and for `crm_attribute` without a node, a lifetime or a type the cluster.

use super::{Reply, Status, ask, connect, own_node, unexpected};
use clap::Parser;
use config::NodeId;
use crm::cib::{Attribute, Attributes, Subject};
use crm::control::{Request, Response};
use std::collections::BTreeMap;

/// How the name of a promotion score begins.
const SCORE: &str = "master-";

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ask {
    about: About,
    /// `None`: the node that this runs on.
    node: Option<String>,
    name: String,
    act: Act,
    shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Life,
    Node,
    Cluster,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    /// With what is shown where there is none.
    Query(Option<String>),
    Update(String),
    Delete,
}

/// How the answer to a query looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// Only the value.
    Value,
    /// `scope=status name=... value=...`
    Scope,
    /// `name="..." host="..." value="..."`; of all nodes, if asked for.
    Host { all: bool },
}

#[derive(Parser, Debug)]
#[command(name = "crm_attribute", disable_version_flag = true)]
struct AttributeLine {
    #[arg(short = 'n', long, alias = "attr-name")]
    name: Option<String>,
    /// The promotion score of this resource, or of the one that the agent manages
    #[arg(short = 'p', long, num_args = 0..=1, value_name = "RESOURCE")]
    promotion: Option<Option<String>>,
    #[arg(short = 'D', long, alias = "delete-attr", group = "act")]
    delete: bool,
    #[arg(short = 'G', long, alias = "get-value", group = "act")]
    query: bool,
    #[arg(short = 'v', long, alias = "attr-value", group = "act", allow_hyphen_values = true, value_name = "VALUE")]
    update: Option<String>,
    /// What a query shows where there is no value
    #[arg(short = 'd', long, allow_hyphen_values = true, value_name = "VALUE")]
    default: Option<String>,
    #[arg(short = 'l', long, value_parser = ["reboot", "forever"])]
    lifetime: Option<String>,
    #[arg(short = 'N', long, short_alias = 'U', alias = "uname", value_name = "NODE")]
    node: Option<String>,
    #[arg(short = 't', long, value_parser = ["crm_config", "nodes", "status"], value_name = "SECTION")]
    r#type: Option<String>,
    /// Sets are one here
    #[arg(short = 's', long, value_name = "SET")]
    set_name: Option<String>,
    #[arg(short = 'q', long, short_alias = 'Q')]
    quiet: bool,
    #[arg(short = 'V', long, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Parser, Debug)]
#[command(name = "attrd_updater", disable_version_flag = true)]
struct UpdaterLine {
    #[arg(short = 'n', long)]
    name: String,
    #[arg(short = 'U', long, short_alias = 'v', group = "act", allow_hyphen_values = true, value_name = "VALUE")]
    update: Option<String>,
    #[arg(short = 'B', long, group = "act", allow_hyphen_values = true, value_name = "VALUE")]
    update_both: Option<String>,
    #[arg(short = 'Q', long, group = "act")]
    query: bool,
    #[arg(short = 'D', long, group = "act")]
    delete: bool,
    /// Every change is told at once here
    #[arg(short = 'd', long, value_name = "SECONDS")]
    delay: Option<String>,
    #[arg(short = 's', long, short_alias = 'S', value_name = "SET")]
    set: Option<String>,
    #[arg(short = 'N', long, value_name = "NODE")]
    node: Option<String>,
    #[arg(short = 'A', long)]
    all: bool,
    #[arg(short = 'l', long, value_name = "SECTION")]
    lifetime: Option<String>,
    #[arg(short = 'p', long)]
    private: bool,
    #[arg(short = 'q', long)]
    quiet: bool,
    #[arg(short = 'V', long, action = clap::ArgAction::Count)]
    verbose: u8,
}

pub(super) fn run(program: &str, arguments: Vec<String>) -> Reply {
    let instance = std::env::var("OCF_RESOURCE_INSTANCE").ok();
    parse(program, arguments, instance).and_then(|ask| carry_out(&ask)).unwrap_or_else(|reply| reply)
}

/// What a command line asks for; `instance` is the resource that the agent manages.
fn parse(program: &str, arguments: Vec<String>, instance: Option<String>) -> Result<Ask, Reply> {
    let words = std::iter::once(program.to_owned()).chain(arguments);
    let told = |error: clap::Error| match error.use_stderr() {
        true => Reply::fault(Status::Usage, error.to_string()),
        false => Reply::ok(error.to_string()),
    };
    if program == "attrd_updater" {
        return updater(UpdaterLine::try_parse_from(words).map_err(told)?);
    }
    let mut line = AttributeLine::try_parse_from(words).map_err(told)?;
    if program == "crm_master" {
        line.promotion.get_or_insert(None);
    }
    attribute(line, instance)
}

fn updater(line: UpdaterLine) -> Result<Ask, Reply> {
    let act = match (line.update.or(line.update_both), line.delete) {
        (Some(value), _) => Act::Update(value),
        (None, true) => Act::Delete,
        (None, false) if line.query => Act::Query(None),
        (None, false) => return Err(Reply::fault(Status::Usage, "say --update VALUE, --delete or --query")),
    };
    let shown = Shown::Host { all: line.all };
    Ok(Ask { about: About::Life, node: line.node, name: line.name, act, shown })
}

fn attribute(line: AttributeLine, instance: Option<String>) -> Result<Ask, Reply> {
    let score = line.promotion.is_some();
    let name = match line.promotion {
        Some(resource) => resource.or(instance).map(|resource| format!("{SCORE}{resource}")),
        None => line.name,
    };
    let missing = "say --name NAME (or --promotion, from an agent)";
    let name = name.ok_or_else(|| Reply::fault(Status::Usage, missing))?;
    let about = match (line.r#type.as_deref(), line.lifetime.as_deref()) {
        (Some("status"), _) | (_, Some("reboot")) => About::Life,
        (Some("nodes"), _) | (_, Some("forever")) => About::Node,
        _ if score => About::Life,
        (None, _) if line.node.is_some() => About::Node,
        _ => About::Cluster,
    };
    let act = match line.update {
        Some(value) => Act::Update(value),
        None if line.delete => Act::Delete,
        None => Act::Query(line.default),
    };
    let shown = if line.quiet { Shown::Value } else { Shown::Scope };
    Ok(Ask { about, node: line.node, name, act, shown })
}

fn carry_out(wanted: &Ask) -> Result<Reply, Reply> {
    let mut client = connect()?;
    let (node, lives, lasting) = match ask(&mut client, &Request::Attributes)? {
        Response::Attributes { node, lives, lasting } => (node, lives, lasting),
        other => return Err(unexpected(&other)),
    };
    let node = match wanted.node.clone().or_else(own_node) {
        Some(name) => NodeId::new(&name).map_err(|error| Reply::fault(Status::Usage, error.to_string()))?,
        None => node,
    };
    let value = match &wanted.act {
        Act::Query(default) => return found(wanted, default.as_deref(), &node, &lives, &lasting),
        Act::Update(value) => Some(value.clone()),
        Act::Delete => None,
    };
    let attribute = Attribute { subject: subject(wanted.about, node), name: wanted.name.clone(), value };
    match ask(&mut client, &Request::Note { attribute })? {
        Response::Done { .. } => Ok(Reply::ok("")),
        other => Err(unexpected(&other)),
    }
}

fn subject(about: About, node: NodeId) -> Subject {
    match about {
        About::Life => Subject::Life { node },
        About::Node => Subject::Node { node },
        About::Cluster => Subject::Cluster,
    }
}

/// The answer to a query.
fn found(
    wanted: &Ask,
    default: Option<&str>,
    node: &NodeId,
    lives: &BTreeMap<NodeId, BTreeMap<String, String>>,
    lasting: &Attributes,
) -> Result<Reply, Reply> {
    let name = &wanted.name;
    let missing = || Reply::fault(Status::NoSuchObject, format!("there is no attribute {name}"));
    if let Shown::Host { all } = wanted.shown {
        let shown = |(host, notes): (&NodeId, &BTreeMap<String, String>)| {
            let value = notes.get(name).filter(|_| all || host == node)?;
            Some(format!("name=\"{name}\" host=\"{host}\" value=\"{value}\"\n"))
        };
        let lines: String = lives.iter().filter_map(shown).collect();
        return if lines.is_empty() { Err(missing()) } else { Ok(Reply::ok(lines)) };
    }
    let (scope, notes) = match wanted.about {
        About::Life => ("status", lives.get(node)),
        About::Node => ("nodes", lasting.nodes.get(node)),
        About::Cluster => ("crm_config", Some(&lasting.cluster)),
    };
    let value = notes.and_then(|notes| notes.get(name)).map(String::as_str).or(default).ok_or_else(missing)?;
    Ok(Reply::ok(match wanted.shown {
        Shown::Value => format!("{value}\n"),
        _ => format!("scope={scope}  name={name} value={value}\n"),
    }))
}

#[cfg(test)]
mod tests;
