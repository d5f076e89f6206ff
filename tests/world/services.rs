//! What really runs on a machine, and how agents behave. The world judges by this, not by what a CIB believes.
//!
//! Resources are inline commands such as `svc start web`; a [`Call`] is what such a line asks for, a [`Fate`] is what
//! will come of it: when the machine changes, when the agent answers, and what it says.

use crate::clock::MS;
use crate::store::StoreVerb;
use fastrand::Rng;
use resource_agents::{Exit, Job};
use std::time::Duration;

/// The fence-agent of the world.
pub(crate) const FENCE_AGENT: &str = "fence_world";

/// What a fence-agent exits with when asked for the status of a machine that is off.
pub(crate) const EXIT_OFF: i32 = 2;

/// What an agent is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Bring the service up.
    Start,
    /// Bring it down.
    Stop,
    /// Tell whether it runs.
    Check,
}

/// A job, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Of a resource agent; the resource by its number in the world.
    Service(Verb, usize),
    /// Of the agent of the [store](crate::store).
    Store(StoreVerb),
    /// Of the fence-agent: switch this machine off.
    Off(usize),
    /// Switch it off and on again.
    Reboot(usize),
    /// Switch it on.
    On(usize),
    /// Only tell something; changes nothing.
    Query,
    /// Of the fence-agent: tell whether this machine has power.
    PowerStatus(usize),
}

impl Call {
    /// Reads a job. `None` when it is nothing that the world's cluster file asks for.
    pub(crate) fn of(job: &Job, resources: &[&str], machines: &[&str]) -> Option<Call> {
        let program = job.program.file_name()?.to_str()?;
        if program == FENCE_AGENT {
            let stdin = job.stdin.as_deref()?;
            let value = |key: &str| stdin.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            let plug = value("plug").and_then(|plug| machines.iter().position(|name| *name == plug));
            return match (value("action")?, plug) {
                ("off", Some(target)) => Some(Call::Off(target)),
                ("reboot", Some(target)) => Some(Call::Reboot(target)),
                ("on", Some(target)) => Some(Call::On(target)),
                ("status", Some(target)) => Some(Call::PowerStatus(target)),
                ("monitor" | "metadata" | "list", _) => Some(Call::Query),
                _ => None,
            };
        }
        if let Some(verb) = StoreVerb::of(job) {
            return Some(Call::Store(verb));
        }
        let mut words = job.args.last()?.split_whitespace();
        if words.next() != Some("svc") {
            return None;
        }
        let verb = match words.next()? {
            "start" => Verb::Start,
            "stop" => Verb::Stop,
            "check" => Verb::Check,
            _ => return None,
        };
        let name = words.next()?;
        resources.iter().position(|resource| *resource == name).map(|resource| Call::Service(verb, resource))
    }
}

/// How often agents misbehave, per thousand calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// A start answers with an error.
    pub(crate) start_fails: u32,
    /// A stop answers with an error.
    pub(crate) stop_fails: u32,
    /// Any call does not answer within its timeout.
    pub(crate) hangs: u32,
}

impl Manners {
    /// Agents of a bad day.
    pub(crate) fn bad(rng: &mut Rng) -> Manners {
        Manners { start_fails: rng.u32(0..250), stop_fails: rng.u32(0..120), hangs: rng.u32(0..80) }
    }
}

/// What a fence device does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DeviceMood {
    /// What it is told.
    #[default]
    Obeys,
    /// Answers with an error and does nothing.
    Refuses,
    /// Does not answer in time; may or may not have done it.
    Hangs,
}

/// What will come of a call.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    /// The machine changes after this many microseconds; `None`: it never does.
    pub(crate) acts: Option<u64>,
    /// The job ends after this many microseconds.
    pub(crate) ends: u64,
    /// What it says then. For checks and status calls that end well the answer is read from the machine at that time.
    pub(crate) exit: Exit,
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 2)
}

fn chance(rng: &mut Rng, per_thousand: u32) -> bool {
    per_thousand > 0 && rng.u32(0..1_000) < per_thousand
}

/// Draws what comes of a call of a resource agent.
pub(crate) fn service_fate(rng: &mut Rng, verb: Verb, manners: Manners, timeout: Duration) -> Fate {
    match verb {
        Verb::Start => work(rng, manners, manners.start_fails, timeout),
        Verb::Stop => work(rng, manners, manners.stop_fails, timeout),
        Verb::Check => look(rng, manners, timeout),
    }
}

/// Draws what comes of a call that only looks.
pub(crate) fn look(rng: &mut Rng, manners: Manners, timeout: Duration) -> Fate {
    hung(rng, manners, timeout).unwrap_or_else(|| {
        let ends = rng.u64(5 * MS..60 * MS);
        Fate { acts: Some(rng.u64(0..ends)), ends, exit: Exit::Code(0) }
    })
}

/// Draws what comes of a call that changes something, and fails so often per thousand calls.
pub(crate) fn work(rng: &mut Rng, manners: Manners, fails: u32, timeout: Duration) -> Fate {
    hung(rng, manners, timeout).unwrap_or_else(|| {
        let ends = rng.u64(20 * MS..900 * MS);
        let fails = chance(rng, fails);
        // Some that fail have done it nevertheless.
        let acts = if !fails || chance(rng, 250) { Some(rng.u64(0..ends)) } else { None };
        Fate { acts, ends, exit: Exit::Code(i32::from(fails)) }
    })
}

/// Killed half-way: what was to change may have changed or not.
fn hung(rng: &mut Rng, manners: Manners, timeout: Duration) -> Option<Fate> {
    chance(rng, manners.hangs).then(|| {
        let limit = micros(timeout);
        let acts = if rng.bool() { Some(rng.u64(0..limit)) } else { None };
        Fate { acts, ends: limit, exit: Exit::TimedOut }
    })
}

/// Draws what comes of a call of the fence-agent.
pub(crate) fn fence_fate(rng: &mut Rng, mood: DeviceMood, timeout: Duration) -> Fate {
    let limit = micros(timeout);
    match mood {
        DeviceMood::Obeys => {
            let ends = rng.u64(100 * MS..1_500 * MS);
            Fate { acts: Some(rng.u64(0..ends)), ends, exit: Exit::Code(0) }
        }
        DeviceMood::Refuses => Fate { acts: None, ends: rng.u64(50 * MS..800 * MS), exit: Exit::Code(1) },
        DeviceMood::Hangs => {
            let acts = if rng.bool() { Some(rng.u64(0..limit)) } else { None };
            Fate { acts, ends: limit, exit: Exit::TimedOut }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, DeviceMood, Manners, Verb, fence_fate, service_fate};
    use fastrand::Rng;
    use resource_agents::{Exit, Job};
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn job(program: &str, args: &[&str], stdin: Option<&str>) -> Job {
        Job {
            program: program.into(),
            search: Vec::new(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: BTreeMap::new(),
            stdin: stdin.map(str::to_owned),
            timeout: Duration::from_secs(4),
        }
    }

    #[test]
    fn reads_the_lines_of_the_cluster_file() {
        let read = |job: &Job| Call::of(job, &["web", "db"], &["alpha", "beta"]);
        assert_eq!(read(&job("/bin/sh", &["-c", "svc stop db"], None)), Some(Call::Service(Verb::Stop, 1)));
        assert_eq!(read(&job("/bin/sh", &["-c", "rm -rf db"], None)), None);
        let fence = job("fence_world", &[], Some("action=reboot\nplug=beta\n"));
        assert_eq!(read(&fence), Some(Call::Reboot(1)));
    }

    #[test]
    fn good_agents_do_what_they_say() {
        let mut rng = Rng::with_seed(3);
        for verb in [Verb::Start, Verb::Stop, Verb::Check] {
            let fate = service_fate(&mut rng, verb, Manners::default(), Duration::from_secs(4));
            assert_eq!(fate.exit, Exit::Code(0));
            assert!(fate.acts.is_some_and(|acts| acts < fate.ends));
        }
    }

    #[test]
    fn bad_devices_do_not_claim_success() {
        let mut rng = Rng::with_seed(3);
        for mood in [DeviceMood::Refuses, DeviceMood::Hangs] {
            assert_ne!(fence_fate(&mut rng, mood, Duration::from_secs(4)).exit, Exit::Code(0));
        }
    }
}
