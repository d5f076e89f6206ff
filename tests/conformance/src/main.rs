//! `paceline simulate` for a Pacemaker CIB and nothing else: a small program for comparing many recorded answers, and
//! for measuring without the rest of the product.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use scheduler::audit::audit;
use scheduler::injection::Injection;
use scheduler::report::{dot, json, text};
use scheduler::rule::date;
use scheduler::simulate::simulate;
use scheduler::situation::Situation;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: paceline-simulate --cib FILE [--now TIME] [--format json|text|dot|times|read] [--node-down NODE] \
     [--through FILE|-] [--node-fail NODE] [--node-up NODE] [--node-standby NODE] [--op-fail RESOURCE:OPERATION[=INTERVAL]:EXIT-CODE@NODE] \
     [--ticket-grant|-revoke|-standby|-activate TICKET] [--quorum yes|no] [--property NAME=VALUE] \
     [--utilization OWNER:NAME=VALUE]";

fn main() -> ExitCode {
    match run() {
        Ok(output) => match std::io::stdout().lock().write_all(output.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(problem) => {
            eprintln!("paceline-simulate: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let (mut cib, mut now, mut format, mut through) = (None, None, "text".to_string(), None);
    let began = Instant::now();
    let mut injections = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let Some(option) = argument.strip_prefix("--") else { return Err(USAGE.to_string()) };
        let value = arguments.next().ok_or(USAGE)?;
        match option {
            "cib" => cib = Some(value),
            "now" => now = Some(date::moment(&value).ok_or_else(|| format!("--now {value}: not a moment"))?),
            "format" => format = value,
            "through" => through = Some(value),
            _ => injections.push(Injection::parse(option, &value)?),
        }
    }
    let path = cib.ok_or(USAGE)?;
    let xml = std::fs::read_to_string(&path).map_err(|error| format!("reading {path}: {error}"))?;
    let mut situation = import::read(&xml).map_err(|error| format!("{path}: {error}"))?;
    drop(xml);
    if let Some(now) = now {
        situation.now_ms = now.saturating_mul(1000);
    }
    for injection in &injections {
        injection.apply(&mut situation)?;
    }
    if let Some(through) = through {
        situation = through_cluster_file(&situation, &through)?;
    }
    if format == "read" {
        return Ok(format!("{} resources\n", situation.configuration.resources.len()));
    }
    if format == "times" {
        return Ok(times(&situation, began));
    }
    let simulation = simulate(&situation);
    let wrong = audit(&situation, &simulation.schedule);
    if !wrong.is_empty() {
        let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        return Err(format!("{path}: the audit refuses the schedule:\n{}", lines.join("\n")));
    }
    match format.as_str() {
        "json" => Ok(json::write(&simulation, situation.now_ms)),
        "text" => Ok(text::write(&simulation)),
        "dot" => Ok(dot::write(&simulation.schedule)),
        _ => Err(format!("--format {format}: write json, text, dot, times or read")),
    }
}

/// How long reading took, and scheduling alone, each stage of it too; nothing is carried out on paper.
fn times(situation: &Situation, began: Instant) -> String {
    let read = began.elapsed();
    let mut stages = Vec::new();
    let mut last = Instant::now();
    let begin = last;
    let mut lap = |name: &str| {
        stages.push(format!("{name} {:.2} ms", last.elapsed().as_secs_f64() * 1000.0));
        last = Instant::now();
    };
    let facts = scheduler::facts::read(situation);
    lap("facts");
    let constraints = scheduler::constraint::resolve(&facts);
    lap("constraints");
    let assignment = scheduler::assign::assign(&facts, &constraints);
    lap("assign");
    let graph = scheduler::actions::plan(&facts, &constraints, &assignment);
    lap("actions");
    let graph = scheduler::order::order(&facts, &constraints, &assignment, graph);
    lap("order");
    let schedule = scheduler::transition::write(&facts, &assignment, &graph);
    lap("transition");
    let schedule = scheduler::steady::steady(&facts, &constraints, &assignment, schedule);
    lap("steady");
    let (read, all) = (read.as_secs_f64() * 1000.0, begin.elapsed().as_secs_f64() * 1000.0);
    let actions = schedule.actions.len();
    format!("read {read:.2} ms, schedule {all:.2} ms, {actions} actions ({})\n", stages.join(", "))
}

/// Writes the situation's configuration as a cluster file (kept as `file` unless that is `-`), reads it again, and goes
/// on with that.
fn through_cluster_file(situation: &Situation, file: &str) -> Result<Situation, String> {
    let written = import::cluster_file(situation, "imported");
    if file != "-" {
        std::fs::write(file, &written.text).map_err(|error| format!("writing {file}: {error}"))?;
    }
    for line in &written.left_out {
        eprintln!("left out: {line}");
    }
    import::with_cluster_file(situation, &written.text).map_err(|problems| problems.join("\n"))
}
