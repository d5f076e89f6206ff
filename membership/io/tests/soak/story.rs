//! What must not disturb a ring, and how fast it gets over what does.

use crate::herd::{Burners, Herd, Line};
use crate::member::nanos;
use std::time::{Duration, Instant};

/// What a story is played with.
#[derive(Clone, Debug)]
pub struct Setting {
    pub nodes: usize,
    pub token: Duration,
    pub time: Duration,
    /// Of a hundred packets, on every input.
    pub loss: u32,
    /// Whether other processes use all CPUs up.
    pub saturated: bool,
    /// Tells networks of one process apart.
    pub label: &'static str,
}

impl Setting {
    /// The usual one.
    pub fn new(label: &'static str) -> Setting {
        let (token, time) = (Duration::from_secs(1), Duration::from_secs(20));
        Setting { nodes: 3, token, time, loss: 0, saturated: false, label }
    }
}

/// For people.
pub fn ms(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1000.0
}

fn count(herd: &Herd, since: u64, what: &str) -> usize {
    let told = |line: &&Line| line.at >= since && line.text.starts_with(&format!("said {what}"));
    herd.said.iter().filter(told).count()
}

/// Packets are lost, CPUs are taken: the view stands.
pub fn undisturbed(setting: &Setting) -> Result<String, String> {
    let mut herd = Herd::formed(setting.label, setting.nodes, 1, setting.token)?;
    let burners = if setting.saturated { Some(Burners::start()?) } else { None };
    if setting.loss > 0 {
        herd.network.loss(setting.loss)?;
    }
    let since = nanos();
    let end = Instant::now() + setting.time;
    while Instant::now() < end && herd.views_since(since).is_empty() {
        herd.listen(end.min(Instant::now() + Duration::from_secs(1)));
    }
    let views = herd.views_since(since).len();
    let statuses = herd.statuses()?;
    drop(burners);
    if views > 0 {
        return Err(format!(
            "{views} false views with {} nodes, token {:?}, {} % loss{}:\n{}",
            setting.nodes,
            setting.token,
            setting.loss,
            if setting.saturated { ", CPUs saturated" } else { "" },
            herd.tail(80)
        ));
    }
    let mut report = format!(
        "{} nodes, token {:?}, {} % loss{}, {:?}: no view change; {} warnings of silence, {} own pauses, {} link \
         losses\n",
        setting.nodes,
        setting.token,
        setting.loss,
        if setting.saturated { ", CPUs saturated" } else { "" },
        setting.time,
        count(&herd, since, "Quiet"),
        count(&herd, since, "Paused"),
        count(&herd, since, "Down"),
    );
    for line in statuses {
        report += &format!("  {}: {}\n", line.node, line.text);
    }
    Ok(report)
}

/// A member is stopped for a time below the timeout: no view comes of it. When this host was so busy that it became
/// longer than that, it says nothing, and is tried again.
fn nap(herd: &mut Herd, name: &str, time: Duration) -> Result<(), String> {
    for _ in 0..NAPS {
        let since = nanos();
        let (_, taken) = herd.pause(name, time)?;
        herd.listen(Instant::now() + 2 * herd.token);
        let views = herd.views_since(since).len();
        if views == 0 {
            return Ok(());
        }
        // The ring may rightly take it for lost when what came before it is added.
        if taken < herd.token * 8 / 10 {
            return Err(format!("{views} views after a pause of {taken:?}:\n{}", herd.tail(60)));
        }
        let names = herd.names.clone();
        herd.view_of(&names, since)?;
    }
    Err(format!("this host is too busy: {NAPS} pauses of {time:?} became longer than {:?}", herd.token * 8 / 10))
}

/// A member is stopped for less than the timeout: nothing happens. For longer: it is left behind, knows why, and is
/// back at once.
pub fn paused(setting: &Setting) -> Result<String, String> {
    let mut herd = Herd::formed(setting.label, setting.nodes, 1, setting.token)?;
    let _burners = if setting.saturated { Some(Burners::start()?) } else { None };
    let names = herd.names.clone();
    let (first, sleeper) = (names[0], names[names.len() - 1]);
    // The one that forms rings, and another one.
    for name in [first, sleeper] {
        nap(&mut herd, name, setting.token * 6 / 10)?;
    }
    let since = nanos();
    let (woken, _) = herd.pause(sleeper, 3 * setting.token)?;
    let others = &names[..names.len() - 1];
    let alone = |line: &&Line| line.at >= since && line.at < woken && line.view().is_some_and(|(_, m)| m == others);
    herd.listen(Instant::now());
    if herd.said.iter().filter(alone).count() < others.len() {
        return Err(format!("the others did not go on without {sleeper}:\n{}", herd.tail(60)));
    }
    let back = herd.view_of(&names, woken)?;
    if count(&herd, since, "Paused") == 0 {
        return Err(format!("{sleeper} did not notice that it was paused:\n{}", herd.tail(60)));
    }
    // One round of joining, not a wait for doubts to fade.
    let limit = setting.token + Duration::from_millis(200);
    if u128::from(back - woken) > limit.as_nanos() {
        return Err(format!("{sleeper} was back only after {:.0} ms:\n{}", ms(back - woken), herd.tail(60)));
    }
    let blamed = |line: &&Line| line.node == sleeper && line.at >= woken && line.text.contains("TokenLost");
    if herd.said.iter().any(|line| blamed(&line)) {
        return Err(format!("{sleeper} blames its peers for its own pause:\n{}", herd.tail(60)));
    }
    Ok(format!(
        "{} nodes, token {:?}: no view for pauses of 0.6 token; back {:.0} ms after a pause of 3 tokens\n",
        setting.nodes,
        setting.token,
        ms(back - woken)
    ))
}

/// What [`crash`] measured, in nanoseconds.
#[derive(Debug, Default)]
pub struct Times {
    pub start: Vec<u64>,
    pub power_cut: Vec<u64>,
    pub killed: Vec<u64>,
    pub rejoin: Vec<u64>,
    /// What was said around those that took too long.
    pub slow: String,
}

impl Times {
    /// The worst and the median of a series.
    fn line(name: &str, series: &[u64], token: Option<Duration>) -> String {
        let mut sorted = series.to_vec();
        sorted.sort_unstable();
        let (Some(worst), Some(median)) = (sorted.last(), sorted.get(sorted.len() / 2)) else { return String::new() };
        let goal = token.map_or(String::new(), |t| format!(" (bound {:.0} ms)", ms(bound(t))));
        format!("  {name}: median {:.0} ms, worst {:.0} ms of {}{goal}\n", ms(*median), ms(*worst), sorted.len())
    }

    /// For people.
    pub fn report(&self, setting: &Setting) -> String {
        let mut text = format!("{} nodes, token {:?}:\n", setting.nodes, setting.token);
        text += &Times::line("start to one view", &self.start, None);
        text += &Times::line("power cut to new view", &self.power_cut, Some(setting.token));
        text += &Times::line("killed process to new view", &self.killed, None);
        text += &Times::line("start to being back", &self.rejoin, None);
        text + &self.slow
    }
}

/// How often a pause is tried that must not become too long.
const NAPS: usize = 5;
/// What takes longer, in nanoseconds, is shown in full.
const SLOW: u64 = 300_000_000;

/// How long a new view may take after a crash: 1.15 times the token and 100 ms.
pub fn bound(token: Duration) -> u64 {
    u64::try_from((token * 115 / 100 + Duration::from_millis(100)).as_nanos()).unwrap_or(u64::MAX)
}

/// Starts a ring, crashes members and takes them back, `rounds` times each way.
pub fn crash(setting: &Setting, rounds: usize) -> Result<Times, String> {
    let mut herd = Herd::new(setting.label, setting.nodes, 1, setting.token)?;
    let mut times = Times::default();
    let names = herd.names.clone();
    let since = nanos();
    for name in &names {
        herd.start(name)?;
    }
    times.start.push(herd.view_of(&names, since)? - since);
    for round in 0..rounds {
        let victim = names[round % names.len()];
        let others: Vec<&str> = names.iter().copied().filter(|name| *name != victim).collect();
        for power in [true, false] {
            let (since, at) = if power {
                herd.power_off(victim, 1)?
            } else {
                let at = herd.kill(victim)?;
                (at, at)
            };
            let seen = herd.view_of(&others, since)?.max(at);
            let (what, series, limit) = if power {
                ("without power", &mut times.power_cut, bound(setting.token))
            } else {
                ("killed", &mut times.killed, SLOW)
            };
            series.push(seen - at);
            if seen - at > limit {
                times.slow += &format!(" {victim} was {what}, {:.0} ms:\n{}\n", ms(seen - at), herd.tail_since(at));
            }
            let at = herd.power_on(victim, 1)?;
            let back = herd.view_of(&names, at)?;
            times.rejoin.push(back - at);
            if back - at > SLOW {
                times.slow += &format!(
                    " {victim}, that was {what}, came back, {:.0} ms:\n{}\n",
                    ms(back - at),
                    herd.tail_since(at)
                );
            }
        }
    }
    Ok(times)
}
