//! One file, one rule of the scheduler: a cluster file, a line of dashes, what happens to the cluster, a line of
//! dashes, and what it does about it. `UPDATE=1` rewrites the answers.
//!
//! The cluster is at rest before anything happens, unless the first word is `fresh`. A file that begins with
//! `nodes: a b` gets those nodes, and a device that can fence them. What happens is written as on the command line of
//! `paceline simulate`, without dashes, and two words more: `attribute NODE:NAME=VALUE` sets a node attribute that
//! lasts until the node leaves, `rest` carries the transition out before the next line.
#![allow(clippy::disallowed_methods)] // reads, and with UPDATE=1 rewrites, the case files

use crate::golden::{DASHES, case_files};
use libtest_mimic::{Failed, Trial};
use scheduler::audit::audit;
use scheduler::execute::execute;
use scheduler::facts;
use scheduler::injection::Injection;
use scheduler::loss::at_rest;
use scheduler::outcome::Outcome;
use scheduler::schedule::{ActionKind, Schedule, ScheduledAction};
use scheduler::situation::{AttributeSet, Situation, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// 2027-01-15T08:00:00Z, a Friday.
const NOW_MS: i64 = 1_800_000_000_000;

pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scheduler/what-if");
    let files = case_files(&root);
    let update = std::env::var("UPDATE").is_ok();
    let count = files.len();
    let mut trials: Vec<Trial> = files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("found below it").with_extension("");
            Trial::test(format!("what-if/{}", name.display()), move || case(&path, update))
        })
        .collect();
    trials.push(Trial::test("what-if/are_there", move || {
        if count >= 40 { Ok(()) } else { Err(format!("only {count} cases were found").into()) }
    }));
    trials
}

fn case(path: &Path, update: bool) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let mut parts = text.splitn(3, DASHES);
    let (Some(cluster), Some(happens)) = (parts.next(), parts.next()) else {
        return Err("a case has a cluster file, `---`, what happens, `---`, and the answer".into());
    };
    let happens = happens.strip_suffix("\n---").unwrap_or(happens);
    let expected = parts.next().unwrap_or("");
    let got = answer(cluster, happens)?;
    if got == expected {
        return Ok(());
    }
    if update {
        std::fs::write(path, format!("{cluster}{DASHES}{happens}{DASHES}{got}"))?;
        return Ok(());
    }
    Err(format!("expected\n{expected}\ngot\n{got}").into())
}

fn answer(cluster: &str, happens: &str) -> Result<String, Failed> {
    let parsed = config::parse(&with_nodes(cluster));
    let Some(config) = parsed.config else { return Err(format!("the cluster file: {:?}", parsed.problems).into()) };
    let started = Situation::just_started(config.written, NOW_MS);
    let mut lines = happens.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    let mut situation = if lines.next_if_eq(&"fresh").is_some() {
        started
    } else {
        at_rest(&started).ok_or("the cluster does not come to rest before anything happens")?
    };
    for line in lines {
        happen(&mut situation, line)?;
    }
    let facts = facts::read(&situation);
    let schedule = scheduler::plan(&facts);
    if schedule != scheduler::schedule(&situation) {
        return Err("the second answer differs from the first".into());
    }
    audited(&situation, &schedule)?;
    let after = execute(&facts, &schedule);
    let mut out = String::new();
    tell(&mut out, &schedule);
    let _ = writeln!(out, "afterwards");
    for line in standing(&Outcome::of(&facts::read(&after))) {
        let _ = writeln!(out, "  {line}");
    }
    let again = scheduler::schedule(&after);
    audited(&after, &again)?;
    if !again.is_idle() {
        let _ = writeln!(out, "then");
        tell(&mut out, &again);
    }
    Ok(out)
}

/// Every answer must be safe to carry out.
fn audited(situation: &Situation, schedule: &Schedule) -> Result<(), Failed> {
    let wrong = audit(situation, schedule);
    let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    if lines.is_empty() { Ok(()) } else { Err(format!("the audit refuses it: {}", lines.join("; ")).into()) }
}

fn happen(situation: &mut Situation, line: &str) -> Result<(), Failed> {
    let (word, value) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "rest" => {
            *situation = at_rest(situation).ok_or("the cluster does not come to rest")?;
            Ok(())
        }
        "attribute" => {
            let (node, rest) = value.split_once(':').ok_or("write attribute NODE:NAME=VALUE")?;
            let (name, value) = rest.split_once('=').ok_or("write attribute NODE:NAME=VALUE")?;
            let status = situation.status.iter_mut().find(|status| status.name == node).ok_or("no such node")?;
            let value = Value { name: name.to_owned(), value: Some(value.to_owned()) };
            status.attributes.push(AttributeSet { values: vec![value], ..AttributeSet::default() });
            Ok(())
        }
        _ => Ok(Injection::parse(word, value)?.apply(situation)?),
    }
}

fn with_nodes(cluster: &str) -> String {
    let Some((first, rest)) = cluster.split_once('\n').filter(|(first, _)| first.starts_with("nodes: ")) else {
        return cluster.to_owned();
    };
    let names: Vec<&str> = first["nodes: ".len()..].split_whitespace().collect();
    let mut text = "[cluster]\nname = \"test\"\n".to_owned();
    for (at, name) in names.iter().enumerate() {
        let _ = writeln!(text, "[nodes.{name}]\naddresses = [\"10.0.0.{}\"]", at + 1);
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let _ = writeln!(text, "[fencing.power]\nagent = \"fence_test\"\nnodes = [{}]", quoted.join(", "));
    format!("{text}{rest}")
}

/// The steps that somebody carries out, each with the steps it directly or through marks waits for.
fn tell(out: &mut String, schedule: &Schedule) {
    let numbers: BTreeMap<u32, usize> = schedule
        .actions
        .iter()
        .filter(|action| action.kind != ActionKind::Pseudo)
        .enumerate()
        .map(|(number, action)| (action.id, number))
        .collect();
    for action in schedule.actions.iter().filter(|action| action.kind != ActionKind::Pseudo) {
        let after: Vec<String> = before(schedule, action, &numbers).iter().map(ToString::to_string).collect();
        let after = if after.is_empty() { String::new() } else { format!(" after {}", after.join(" ")) };
        let _ = writeln!(out, "  {} {}{after}", numbers[&action.id], step(action));
    }
    if numbers.is_empty() {
        let _ = writeln!(out, "  nothing to do");
    }
}

fn step(action: &ScheduledAction) -> String {
    let mut text = match &action.notify {
        Some((when, about)) => format!("notify {when} {about}"),
        None => action.operation.clone(),
    };
    if action.interval_ms > 0 {
        let _ = write!(text, " {}ms", action.interval_ms);
    }
    for name in [action.resource.as_deref(), action.node.as_deref()].into_iter().flatten() {
        let _ = write!(text, " {name}");
    }
    text
}

/// Numbers of the steps that must be over: marks are looked through, what follows from another one is left out.
fn before(schedule: &Schedule, action: &ScheduledAction, numbers: &BTreeMap<u32, usize>) -> BTreeSet<usize> {
    let by_id: BTreeMap<u32, &ScheduledAction> = schedule.actions.iter().map(|action| (action.id, action)).collect();
    let nearest = |of: &ScheduledAction| {
        let (mut found, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), of.after.clone());
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match (numbers.contains_key(&id), by_id.get(&id)) {
                (true, _) => {
                    found.insert(id);
                }
                (false, Some(mark)) => open.extend(&mark.after),
                (false, None) => {}
            }
        }
        found
    };
    let direct = nearest(action);
    let mut implied = BTreeSet::new();
    let mut open: Vec<u32> = direct.iter().filter_map(|id| by_id.get(id)).flat_map(|one| nearest(one)).collect();
    while let Some(id) = open.pop() {
        if implied.insert(id) {
            open.extend(by_id.get(&id).into_iter().flat_map(|one| nearest(one)));
        }
    }
    direct.difference(&implied).filter_map(|id| numbers.get(id).copied()).collect()
}

/// One line for each node: how it stands and what runs there.
fn standing(outcome: &Outcome) -> Vec<String> {
    let line = |node: &scheduler::outcome::NodeOutcome| {
        let mut flags = vec![if node.online { "online" } else { "offline" }];
        let more = [(node.unclean, "unclean"), (node.standby, "standby"), (node.maintenance, "maintenance")];
        flags.extend(more.into_iter().filter(|(yes, _)| *yes).map(|(_, word)| word));
        let here = outcome.resources.iter().filter(|resource| resource.node == node.name);
        let mut names: Vec<String> =
            here.map(|here| format!("{} {}", here.resource, here.role.to_string().to_lowercase())).collect();
        names.sort();
        format!("{} {}: {}", node.name, flags.join(" "), names.join(", "))
    };
    outcome.nodes.iter().map(line).map(|line| line.trim_end().to_owned()).collect()
}
