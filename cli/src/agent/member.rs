//! `crm_node`: who is here, as agents ask for it.

use super::{Reply, Status, ask, connect, own_node, unexpected};
use clap::Parser;
use crm::control::{Request, Response};

#[derive(Parser, Debug)]
#[command(name = "crm_node", disable_version_flag = true)]
#[group(required = true, multiple = false)]
struct Line {
    /// The name of this node
    #[arg(short = 'n', long)]
    name: bool,
    /// The nodes of this partition
    #[arg(short = 'p', long)]
    partition: bool,
    /// 1 with quorum, 0 without
    #[arg(short = 'q', long)]
    quorum: bool,
    /// All nodes: a number, the name, and whether it is here
    #[arg(short = 'l', long)]
    list: bool,
    /// The number of this node in the list
    #[arg(short = 'i', long)]
    cluster_id: bool,
}

pub(super) fn run(arguments: Vec<String>) -> Reply {
    let line = match Line::try_parse_from(std::iter::once("crm_node".to_owned()).chain(arguments)) {
        Ok(line) => line,
        Err(error) if error.use_stderr() => return Reply::fault(Status::Usage, error.to_string()),
        Err(help) => return Reply::ok(help.to_string()),
    };
    // The executor has told this already; no daemon needs to be asked.
    if line.name
        && let Some(name) = own_node()
    {
        return Reply::ok(format!("{name}\n"));
    }
    answer(&line).unwrap_or_else(|reply| reply)
}

fn answer(line: &Line) -> Result<Reply, Reply> {
    let mut client = connect()?;
    if line.quorum || line.partition {
        return match ask(&mut client, &Request::Quorum)? {
            Response::Quorum { quorum, .. } if line.quorum => Ok(Reply::ok(format!("{}\n", u8::from(quorum.quorate)))),
            Response::Quorum { members, .. } => {
                let names: Vec<&str> = members.iter().map(config::NodeId::as_str).collect();
                Ok(Reply::ok(format!("{}\n", names.join(" "))))
            }
            other => Err(unexpected(&other)),
        };
    }
    match ask(&mut client, &Request::Status)? {
        Response::Summary(summary) if line.name => Ok(Reply::ok(format!("{}\n", summary.node))),
        Response::Summary(summary) => {
            let mut nodes = summary.nodes.iter().zip(1..);
            if line.cluster_id {
                let own = nodes.find(|(node, _)| node.name == summary.node);
                return own
                    .map(|(_, id)| Reply::ok(format!("{id}\n")))
                    .ok_or_else(|| Reply::fault(Status::NoSuchObject, "this node is not configured"));
            }
            let here =
                |state: &str| if matches!(state, "not seen" | "unclean" | "offline") { "lost" } else { "member" };
            let lines = nodes.map(|(node, id)| format!("{id} {} {}\n", node.name, here(&node.state)));
            Ok(Reply::ok(lines.collect::<String>()))
        }
        other => Err(unexpected(&other)),
    }
}
