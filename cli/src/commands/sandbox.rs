//! `paceline sandbox up|kill|cut|heal|start|loss|status|down`

use super::{Context, name};
use crate::cluster_file::ClusterFile;
use crate::failure::Failure;
use crate::output::Style;
use crate::render::text::{cell, count, widest};
use crate::sandbox::adapt::{ClusterText, example};
use crate::sandbox::launch::{self, Wish};
use crate::sandbox::layout::Layout;
use crate::sandbox::{machine, switch};
use config::NodeId;
use std::path::PathBuf;

/// What to do with the sandbox.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Start a cluster on this computer from any cluster file, or from a built-in one
    Up {
        /// The cluster file; its addresses and fence devices are replaced by the sandbox's own
        file: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
        /// Do not wait until the nodes are one cluster
        #[arg(long)]
        no_wait: bool,
        /// The daemon's program
        #[arg(long, hide = true)]
        pacelined: Option<PathBuf>,
        /// End everything when standard input is closed
        #[arg(long, hide = true, alias = "foreground-guard")]
        guard: bool,
    },
    /// Pull the plug of a node: everything on it is dead at once, and stays so until `start`
    Kill(Target),
    /// Start a node, or its daemon if only that is dead
    Start(Target),
    /// Pull the network cable of a node; its services run on
    Cut(Target),
    /// Put the network cable in again
    Heal(Target),
    /// Lose this share of all datagrams between the nodes
    Loss {
        /// 0 to 100
        #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
        percent: u8,
        #[command(flatten)]
        place: Place,
    },
    /// Show power and cables (what the cluster makes of it: `paceline status`)
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// End the sandbox and remove its directory
    Down {
        #[command(flatten)]
        place: Place,
    },
    /// The power supply of one node
    #[command(hide = true)]
    Machine {
        #[command(flatten)]
        target: Target,
        #[arg(long, alias = "foreground-guard")]
        guard: bool,
    },
    /// The network between the nodes
    #[command(hide = true)]
    Switch {
        #[command(flatten)]
        place: Place,
        #[arg(long, alias = "foreground-guard")]
        guard: bool,
    },
}

/// Which sandbox.
#[derive(clap::Args, Debug)]
pub(crate) struct Place {
    /// Directory of the sandbox [default: $PACELINE_SANDBOX, or one of your own]
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Place {
    fn layout(&self) -> Layout {
        Layout::find(self.dir.as_deref())
    }
}

/// Which node of which sandbox.
#[derive(clap::Args, Debug)]
pub(crate) struct Target {
    /// The node
    #[arg(value_parser = name::<NodeId>, value_name = "NODE")]
    target: NodeId,
    #[command(flatten)]
    place: Place,
}

impl Target {
    fn layout(&self) -> Result<Layout, Failure> {
        let layout = self.place.layout();
        layout.description()?.seat(self.target.as_str())?;
        Ok(layout)
    }
}

pub(crate) fn run(command: Command, context: &Context<'_>) -> Result<(), Failure> {
    let say = |text: String| context.output.line(&text);
    match command {
        Command::Up { file, place, no_wait, pacelined, guard } => {
            up(file, &place.layout(), no_wait, pacelined, guard, context)?;
        }
        Command::Kill(target) => {
            let answer = launch::power(&target.layout()?, &target.target, machine::Request::Unplug)?;
            say(format!("{}: plug pulled, {}", target.target, killed(answer.killed)));
        }
        Command::Start(target) => {
            let answer = launch::power(&target.layout()?, &target.target, machine::Request::Start)?;
            let daemon = answer.daemon.map_or("no daemon".to_owned(), |pid| format!("pacelined is process {pid}"));
            say(format!("{}: on, {daemon}", target.target));
        }
        Command::Cut(target) => {
            launch::network(&target.layout()?, &switch::Request::Cut { node: target.target.clone() })?;
            say(format!("{}: network cable pulled", target.target));
        }
        Command::Heal(target) => {
            launch::network(&target.layout()?, &switch::Request::Heal { node: target.target.clone() })?;
            say(format!("{}: network cable in", target.target));
        }
        Command::Loss { percent, place } => {
            launch::network(&place.layout(), &switch::Request::Loss { percent })?;
            say(format!("{percent} % of all datagrams are lost"));
        }
        Command::Status { place } => status(&place.layout(), context)?,
        Command::Down { place } => {
            let layout = place.layout();
            launch::down(&layout)?;
            say(format!("the sandbox in {} is gone", layout.dir().display()));
        }
        Command::Machine { target, guard } => {
            let layout = target.layout()?;
            let pacelined = layout.description()?.pacelined;
            machine::run(layout, target.target, &pacelined, guard)?;
        }
        Command::Switch { place, guard } => {
            let layout = place.layout();
            switch::run(&layout, &layout.description()?, guard)?;
        }
    }
    Ok(())
}

fn killed(number: usize) -> String {
    format!("{} killed", if number == 1 { "1 process".to_owned() } else { format!("{number} processes") })
}

fn up(
    file: Option<PathBuf>,
    layout: &Layout,
    no_wait: bool,
    pacelined: Option<PathBuf>,
    guarded: bool,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let file = match file {
        Some(path) => ClusterFile::read(&path)?,
        None => ClusterFile::of_text("the built-in example", example(layout)),
    };
    let text = ClusterText::parse(&file.text, &file.shown).or_else(|failure| {
        // The checker says the same with the line and a caret, and finds the rest.
        file.check(context.output)?;
        Err(failure)
    })?;
    let wish = Wish { text, pacelined, guarded, wait: !no_wait };
    let check = |adapted: &str| file.check_adapted(adapted, context.output);
    let started = std::time::Instant::now();
    let up = launch::up(layout, wish, check)?;
    for note in &up.notes {
        context.output.note(note);
    }
    let names: Vec<&str> = up.description.seats.iter().map(|seat| seat.name.as_str()).collect();
    let state = match &up.summary {
        Some(summary) => {
            format!("are one cluster after {}, DC {}", crate::render::time::span(started.elapsed()), dc(summary))
        }
        None => "are started".to_owned(),
    };
    context.output.print(&next(layout, &names, &state));
    Ok(())
}

fn dc(summary: &crm::summary::Summary) -> &str {
    summary.dc.as_ref().map_or("not chosen yet", |node| node.as_str())
}

/// What can be done now, ready to be copied.
fn next(layout: &Layout, names: &[&str], state: &str) -> String {
    let last = names.last().expect("a cluster file has nodes");
    let elsewhere = Layout::find(None) != *layout;
    let export =
        if elsewhere { format!("  export PACELINE_SANDBOX={}\n", layout.dir().display()) } else { String::new() };
    format!(
        "{} {state}.\nFiles and logs: {}\n\nTry:\n{export}  paceline status\n  paceline events --follow\n  \
         paceline sandbox kill {last}      # pull its plug; start {last} brings it back\n  \
         paceline sandbox cut {last}       # pull its network cable; heal {last} puts it in\n  \
         paceline --node {last} status     # ask one node\n  paceline sandbox down\n",
        names.join(", "),
        layout.dir().display()
    )
}

fn status(layout: &Layout, context: &Context<'_>) -> Result<(), Failure> {
    let description = layout.description()?;
    let network = launch::network(layout, &switch::Request::Status);
    let width = widest(description.seats.iter().map(|seat| seat.name.as_str()), 8, 28);
    let paint = context.output.paint;
    let mut out = format!("sandbox {} in {}\n", description.cluster, layout.dir().display());
    for seat in &description.seats {
        let (style, power, rest) = match launch::power(layout, &seat.name, machine::Request::Status) {
            Err(failure) => (Style::Bad, "BROKEN", failure.to_string()),
            Ok(answer) => match (answer.on, answer.daemon, answer.ended) {
                (true, Some(pid), _) => {
                    let others = count(answer.processes.saturating_sub(1), "other process");
                    let others = others.replace("processs", "processes");
                    (Style::Good, "on", format!("pacelined is process {pid}, {others}"))
                }
                (true, None, ended) => {
                    let how = ended.unwrap_or("it was never started".to_owned());
                    let services = answer.processes;
                    (Style::Warn, "on", format!("DAEMON DEAD ({how}), {services} other processes run on"))
                }
                (false, ..) if answer.plugged => (Style::Dim, "off", String::new()),
                (false, ..) => (Style::Dim, "off", "plug pulled".to_owned()),
            },
        };
        let cut = network.as_ref().is_ok_and(|answer| answer.cut.contains(&seat.name));
        let cable = if cut { paint.text(Style::Bad, "CUT OFF  ") } else { "connected".to_owned() };
        let line =
            format!("  {}  {}  {cable}  {rest}", cell(seat.name.as_str(), width), paint.text(style, &cell(power, 6)));
        out.push_str(&format!("{}\n", line.trim_end()));
    }
    context.output.print(&out);
    let network = network?;
    let loss = match network.loss_percent {
        0 => String::new(),
        percent => format!(", {percent} % are lost on purpose"),
    };
    context.output.line(&format!("switch: {} datagrams carried, {} dropped{loss}", network.carried, network.dropped));
    Ok(())
}
