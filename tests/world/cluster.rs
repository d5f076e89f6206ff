//! The cluster file of a world, and the changes that operators make to it.

use crate::store;
use fastrand::Rng;
use std::fmt::Write;

/// Names of machines, in order.
pub(crate) const MACHINES: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];

/// Names of resources, in file order.
pub(crate) const RESOURCES: [&str; 5] = ["address", "site", "db", "mail", "cron"];

/// Number of [`RESOURCES`].
pub(crate) const RESOURCE_COUNT: usize = RESOURCES.len();

/// One version of the cluster file.
#[derive(Clone, Debug)]
pub(crate) struct ClusterFile {
    /// Tells this version from every other one ever applied in the world.
    pub(crate) marker: u64,
    /// Machines that belong to the cluster.
    pub(crate) members: [bool; MACHINES.len()],
    /// Two machines, of which each may go on alone.
    two_node: bool,
    /// Votes of the machines.
    pub(crate) votes: [u32; MACHINES.len()],
    /// Who counts changes while the cluster runs: last-man-standing, and operators who give a machine more votes.
    pub(crate) counting: Option<Counting>,
    action_off: bool,
    stickiness: u32,
    monitor_ms: [u32; RESOURCE_COUNT],
    prefer: [Option<usize>; RESOURCE_COUNT],
    /// Where the store is rather promoted.
    leader: Option<usize>,
    stopped: [bool; RESOURCE_COUNT],
    definition: [u32; RESOURCE_COUNT],
    /// Lines of comment at the end, to make a message that does not fit one frame.
    comments: usize,
}

/// How those who count change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting {
    last_man: bool,
    tie_breaker: Option<&'static str>,
}

impl Counting {
    /// As far as it goes.
    pub(crate) const LAST_MAN: Counting = Counting { last_man: true, tie_breaker: Some("highest") };
}

impl ClusterFile {
    /// The first version.
    pub(crate) fn first(machines: usize, rng: &mut Rng) -> ClusterFile {
        let mut file = ClusterFile {
            marker: 0,
            members: std::array::from_fn(|machine| machine < machines),
            two_node: machines == 2,
            votes: [1; MACHINES.len()],
            counting: None,
            action_off: rng.u32(0..4) == 0,
            stickiness: rng.u32(0..3) * 50,
            monitor_ms: [0; RESOURCE_COUNT],
            prefer: [None; RESOURCE_COUNT],
            leader: None,
            stopped: [false; RESOURCE_COUNT],
            definition: [0; RESOURCE_COUNT],
            comments: if rng.u32(0..4) == 0 { rng.usize(0..400) } else { 0 },
        };
        if machines > 2 && rng.u32(0..3) == 0 {
            file.counting = Some(Counting {
                last_man: rng.u32(0..4) > 0,
                tie_breaker: [None, Some("lowest"), Some("highest")][rng.usize(0..3)],
            });
        }
        for resource in 0..RESOURCE_COUNT {
            file.monitor_ms[resource] = rng.u32(1..6) * 1_000;
            file.prefer[resource] = if rng.bool() { Some(rng.usize(0..machines)) } else { None };
        }
        file
    }

    /// A version in which an operator changed something, never the same text twice.
    pub(crate) fn changed(&self, marker: u64, rng: &mut Rng) -> ClusterFile {
        let mut file = self.clone();
        file.marker = marker;
        let resource = rng.usize(0..RESOURCE_COUNT);
        let members: Vec<usize> = self.members().collect();
        let some = |rng: &mut Rng| members[rng.usize(0..members.len())];
        if self.counting.is_some() && rng.u32(0..3) == 0 {
            let machine = some(rng);
            file.votes[machine] = 3 - file.votes[machine];
            return file;
        }
        match rng.u32(0..7) {
            0 => file.stickiness = rng.u32(0..200),
            1 => file.monitor_ms[resource] = rng.u32(500..6_000),
            2 => file.prefer[resource] = Some(some(rng)),
            3 => file.stopped[resource] = !file.stopped[resource],
            4 => file.definition[resource] += 1,
            5 => file.leader = Some(some(rng)),
            _ => {}
        }
        file
    }

    /// The machines that belong to the cluster.
    pub(crate) fn members(&self) -> impl Iterator<Item = usize> + Clone {
        let members = self.members;
        (0..MACHINES.len()).filter(move |machine| members[*machine])
    }

    /// A version with one machine more or one fewer.
    pub(crate) fn with_member(&self, marker: u64, machine: usize, belongs: bool) -> ClusterFile {
        let mut file = ClusterFile { marker, ..self.clone() };
        file.members[machine] = belongs;
        file
    }

    /// A version in which everything is to run.
    pub(crate) fn all_started(&self, marker: u64) -> ClusterFile {
        ClusterFile { marker, stopped: [false; RESOURCE_COUNT], ..self.clone() }
    }

    /// As an operator would write it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("# change {}\n[cluster]\nname = \"world\"\ntoken = \"1s\"\n", self.marker);
        if self.two_node {
            text.push_str("[quorum]\ntwo-node = true\n");
        }
        if let Some(Counting { last_man, tie_breaker }) = self.counting {
            put(&mut text, format_args!("[quorum]\nwait-for-all = true\nlast-man-standing = {last_man}\n"));
            text.push_str("last-man-standing-window = \"2s\"\n");
            if let Some(node) = tie_breaker {
                put(&mut text, format_args!("auto-tie-breaker = \"{node}\"\n"));
            }
        }
        for number in self.members() {
            let (name, votes) = (MACHINES[number], self.votes[number]);
            put(&mut text, format_args!("[nodes.{name}]\naddresses = [\"10.0.0.{}\"]\nvotes = {votes}\n", number + 1));
        }
        let plugs: Vec<String> = self.members().map(|number| format!("\"{}\"", MACHINES[number])).collect();
        let plugs = plugs.join(", ");
        put(&mut text, format_args!("[fencing.power]\nagent = \"fence_world\"\ntimeout = \"5s\"\nnodes = [{plugs}]\n"));
        let action = if self.action_off { "off" } else { "reboot" };
        put(&mut text, format_args!("[properties]\ndc-deadtime = \"4s\"\nfencing-action = \"{action}\"\n"));
        put(&mut text, format_args!("[defaults.operation]\ntimeout = \"4s\"\n"));
        put(&mut text, format_args!("[defaults.resource]\nstickiness = {}\n", self.stickiness));
        for resource in 0..RESOURCE_COUNT {
            self.resource(&mut text, resource);
        }
        text.push_str(&store::text(self.members(), self.leader));
        text.push_str("[groups.web]\nmembers = [\"address\", \"site\"]\n");
        for line in 0..self.comments {
            put(&mut text, format_args!("# somebody had a thought here, number {line}\n"));
        }
        text.push_str("[[colocation]]\ndependent = \"cron\"\nprimary = \"mail\"\nscore = -10\n");
        text
    }

    fn resource(&self, text: &mut String, resource: usize) {
        let name = RESOURCES[resource];
        let definition = self.definition[resource];
        put(text, format_args!("[resources.{name}]\nstart = \"svc start {name}\"\nstop = \"svc stop {name}\"\n"));
        put(text, format_args!("check = \"svc check {name}\"\nmonitor = \"{}ms\"\n", self.monitor_ms[resource]));
        put(text, format_args!("params = {{ definition = {definition} }}\n"));
        if let Some(node) = self.prefer[resource].filter(|node| self.members[*node]) {
            put(text, format_args!("prefer = {{ {} = 50 }}\n", MACHINES[node]));
        }
        if self.stopped[resource] {
            text.push_str("target-role = \"stopped\"\n");
        }
        if name == "mail" {
            text.push_str("after = [\"db\"]\nmigration-threshold = 3\nfailure-timeout = \"20s\"\n");
        }
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing into a String cannot fail");
}

/// The marker of a cluster file; `None` for a text that did not come from here.
pub(crate) fn marker(text: &str) -> Option<u64> {
    text.lines().next()?.strip_prefix("# change ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{ClusterFile, marker};
    use fastrand::Rng;

    #[test]
    fn every_version_is_a_valid_file_with_its_marker() {
        let mut rng = Rng::with_seed(5);
        for machines in 2..=5 {
            let mut file = ClusterFile::first(machines, &mut rng);
            for number in 1..40 {
                file = file.changed(number, &mut rng);
                let (machine, belongs) = (rng.usize(2..5), rng.bool());
                file = file.with_member(number, machine, belongs && machines > 2);
                let text = file.text();
                assert_eq!(marker(&text), Some(number));
                let parsed = config::parse(&text);
                let config = parsed.config.unwrap_or_else(|| panic!("{:?}\n{text}", parsed.problems));
                assert_eq!(config.nodes.len(), file.members().count());
            }
        }
    }
}
