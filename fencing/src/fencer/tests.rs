//! Stories on virtual time: what goes in, what must come out.

use super::*;

const TIMEOUT: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Four nodes: `d` has a BMC, then two power strips; `c` a BMC only; `b` a BMC with a delay; `a` nothing.
const FILE: &str = r#"
[cluster]
name = "story"
[nodes.a]
addresses = ["10.0.0.1"]
[nodes.b]
addresses = ["10.0.0.2"]
[nodes.c]
addresses = ["10.0.0.3"]
[nodes.d]
addresses = ["10.0.0.4"]
fencing = [["bmc"], ["left", "right"]]
[fencing.bmc]
agent = "fence_ipmilan"
nodes = ["c", "d"]
[fencing.slow]
agent = "fence_ipmilan"
nodes = ["b"]
delay = "5s"
[fencing.left]
agent = "fence_apc"
nodes = { d = "3" }
[fencing.right]
agent = "fence_apc"
nodes = { d = "4" }
"#;

/// A rack: `c` and `d` have their power from the same two strips.
const RACK: &str = r#"
[cluster]
name = "rack"
[nodes.a]
addresses = ["10.0.0.1"]
[nodes.b]
addresses = ["10.0.0.2"]
[nodes.c]
addresses = ["10.0.0.3"]
fencing = [["left", "right"]]
[nodes.d]
addresses = ["10.0.0.4"]
fencing = [["left", "right"]]
[fencing.left]
agent = "fence_left"
nodes = ["c", "d"]
[fencing.right]
agent = "fence_right"
nodes = ["c", "d"]
"#;

struct Story {
    fencer: Fencer,
    now: Instant,
    open: Vec<Request>,
    candidates: Vec<NodeId>,
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn nodes(names: &str) -> Vec<NodeId> {
    names.split_whitespace().map(node).collect()
}

impl Story {
    fn new(me: &str) -> Story {
        Story::of(me, FILE)
    }

    fn of(me: &str, file: &str) -> Story {
        let options = FencerOptions { me: node(me), agent_directories: vec!["/usr/sbin".into()] };
        #[expect(clippy::disallowed_methods, reason = "a story needs some first moment; which one does not matter")]
        let now = Instant::now();
        let mut fencer = Fencer::new(options);
        let parsed = config::parse(file);
        let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
        assert!(fencer.step(now, Input::Configured(Arc::new(config))).is_empty());
        Story { fencer, now, open: Vec::new(), candidates: nodes("a b c") }
    }

    /// One line per output.
    fn step(&mut self, input: Input) -> Vec<String> {
        let outputs = self.fencer.step(self.now, input);
        outputs
            .into_iter()
            .map(|output| match output {
                Output::Start { id, job } => {
                    let stdin = job.stdin.unwrap();
                    let value = |key: &str| stdin.lines().find_map(|l| l.strip_prefix(key)).unwrap().to_owned();
                    let agent = job.program.display();
                    format!("start {} {agent} {} {} {}", id.0, value("action="), value("nodename="), value("plug="))
                }
                Output::Kill(id) => format!("kill {}", id.0),
                Output::Attempted(attempt) => {
                    let devices: Vec<&str> = attempt.devices.iter().map(DeviceId::as_str).collect();
                    let result = attempt.result.map_or_else(|why| why, |()| "ok".to_owned());
                    format!(
                        "attempt {} of {} by {} with {devices:?}: {result}",
                        attempt.number, attempt.request.0, attempt.by
                    )
                }
            })
            .collect()
    }

    fn situation(&mut self) -> Vec<String> {
        self.step(Input::Situation { open: self.open.clone(), candidates: self.candidates.clone() })
    }

    fn request(&mut self, id: u64, target: &str, action: FencingAction) -> Vec<String> {
        self.open.push(Request {
            id: RequestId(id),
            target: node(target),
            incarnation: None,
            action,
            reason: "lost".to_owned(),
            wall_ms: 0,
            failed_attempts: 0,
            last_failure: None,
        });
        self.situation()
    }

    /// The cluster has counted failed attempts of a request.
    fn failed(&mut self, id: u64, attempts: u32) -> Vec<String> {
        let request = self.open.iter_mut().find(|request| request.id.0 == id).unwrap();
        request.failed_attempts = attempts;
        self.situation()
    }

    /// The request has a verdict.
    fn closed(&mut self, id: u64) -> Vec<String> {
        self.open.retain(|request| request.id.0 != id);
        self.situation()
    }

    fn exits(&mut self, job: u64, code: i32) -> Vec<String> {
        let stderr = if code == 0 { "" } else { "it is broken\n" };
        let finished =
            Finished { exit: Exit::Code(code), stdout: String::new(), stderr: stderr.to_owned(), elapsed: SECOND };
        self.step(Input::JobDone { job: JobId(job), finished })
    }

    /// Lets time go on to the deadline, which must be `after` from now.
    fn sleep(&mut self, after: Duration) -> Vec<String> {
        let deadline = self.fencer.deadline().expect("something is due");
        assert_eq!(deadline.saturating_duration_since(self.now), after);
        self.now = deadline;
        self.step(Input::Wake)
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn the_first_candidate_acts_at_once_and_the_others_watch() {
    let mut dc = Story::new("a");
    let mut other = Story::new("b");
    assert_eq!(dc.request(1, "d", FencingAction::Reboot), ["start 1 fence_ipmilan reboot d d"]);
    assert_eq!(other.request(1, "d", FencingAction::Reboot), NOTHING);
    assert_eq!(other.fencer.deadline(), None);
    assert_eq!(dc.situation(), NOTHING, "the same situation again changes nothing");
    dc.now += 3 * SECOND;
    assert_eq!(dc.exits(1, 0), ["attempt 0 of 1 by a with [\"bmc\"]: ok"]);
    assert_eq!(dc.situation(), NOTHING, "it waits for the verdict");
    assert_eq!(dc.closed(1), NOTHING);
    assert_eq!(dc.fencer.deadline(), None);
}

#[test]
fn off_is_asked_when_off_is_wanted() {
    let mut story = Story::new("a");
    assert_eq!(story.request(1, "c", FencingAction::Off), ["start 1 fence_ipmilan off c c"]);
}

#[test]
fn the_target_never_acts_on_itself() {
    let mut story = Story::new("c");
    story.candidates = nodes("c");
    assert_eq!(story.request(1, "c", FencingAction::Off), NOTHING);
    let mut story = Story::new("a");
    story.candidates = nodes("c a");
    assert_eq!(story.request(1, "c", FencingAction::Off).len(), 1, "the first that is not the target");
}

#[test]
fn levels_then_nodes_take_their_turns_and_pauses_grow() {
    let mut story = Story::new("a");
    story.candidates = nodes("a b");
    story.request(1, "d", FencingAction::Off);
    assert_eq!(story.exits(1, 1), ["attempt 0 of 1 by a with [\"bmc\"]: bmc off: it is broken"]);
    assert_eq!(story.failed(1, 1), ["start 2 fence_apc off d 3"], "the second level");
    assert_eq!(story.exits(2, 1), ["attempt 1 of 1 by a with [\"left\"]: left off: it is broken"]);
    assert_eq!(story.failed(1, 2), NOTHING, "the other node's turn");
    assert_eq!(story.failed(1, 3), NOTHING);
    assert_eq!(story.failed(1, 4), NOTHING, "a round is over");
    assert_eq!(story.sleep(SECOND), ["start 3 fence_ipmilan off d d"]);
    story.exits(3, 1);
    story.failed(1, 7);
    assert_eq!(story.failed(1, 8), NOTHING);
    assert_eq!(story.sleep(2 * SECOND), ["start 4 fence_ipmilan off d d"]);
    story.exits(4, 1);
    story.failed(1, 4 * 1000);
    assert_eq!(story.sleep(30 * SECOND), ["start 5 fence_ipmilan off d d"]);
    story.exits(5, 1);
    story.failed(1, u32::MAX / 8 * 8);
    assert_eq!(story.sleep(30 * SECOND).len(), 1, "no number is too large");
}

#[test]
fn several_devices_reboot_as_off_of_all_then_on_of_all() {
    let mut story = Story::new("a");
    story.request(1, "d", FencingAction::Reboot);
    story.exits(1, 1);
    assert_eq!(story.failed(1, 1), ["start 2 fence_apc off d 3"]);
    assert_eq!(story.exits(2, 0), ["start 3 fence_apc off d 4"]);
    assert_eq!(
        story.exits(3, 0),
        ["attempt 1 of 1 by a with [\"left\", \"right\"]: ok", "start 4 fence_apc on d 3"],
        "nobody waits for the power to come back"
    );
    assert_eq!(story.closed(1), NOTHING, "giving power back goes on");
    assert_eq!(story.exits(4, 1), ["start 5 fence_apc on d 4"]);
    assert_eq!(story.exits(5, 0), NOTHING);
    let notices = story.fencer.take_notices();
    assert_eq!(notices, ["node d was cut off, but a device did not switch it on again: left on: it is broken"]);
    assert!(story.fencer.take_notices().is_empty());
    assert_eq!(story.fencer.deadline(), None);
}

#[test]
fn all_devices_of_a_level_must_confirm() {
    let mut story = Story::new("a");
    story.request(1, "d", FencingAction::Off);
    story.exits(1, 1);
    story.failed(1, 1);
    story.exits(2, 0);
    assert_eq!(story.exits(3, 1), ["attempt 1 of 1 by a with [\"left\", \"right\"]: right off: it is broken"]);
    assert!(story.fencer.restoring.is_empty(), "off was wanted");
}

#[test]
fn a_delay_is_waited_for() {
    let mut story = Story::new("a");
    assert_eq!(story.request(1, "b", FencingAction::Reboot), NOTHING);
    assert_eq!(story.sleep(5 * SECOND), ["start 1 fence_ipmilan reboot b b"]);
    let mut story = Story::new("a");
    story.request(1, "b", FencingAction::Reboot);
    assert_eq!(story.closed(1), NOTHING);
    assert_eq!(story.fencer.deadline(), None, "it came back meanwhile");
}

#[test]
fn a_request_that_disappears_kills_its_job() {
    let mut story = Story::new("a");
    story.request(1, "d", FencingAction::Reboot);
    assert_eq!(story.closed(1), ["kill 1"]);
    assert_eq!(story.exits(1, 0), NOTHING, "a late answer is about nothing");
}

#[test]
fn a_reboot_given_up_half_way_leaves_no_device_off() {
    let mut story = Story::new("a");
    story.request(1, "d", FencingAction::Reboot);
    story.exits(1, 1);
    story.failed(1, 1);
    story.exits(2, 0);
    assert_eq!(story.closed(1), ["kill 3", "start 4 fence_apc on d 3"]);
    assert_eq!(story.exits(4, 0), ["start 5 fence_apc on d 4"], "this one may have been hit before the kill");
}

#[test]
fn a_node_that_is_lost_again_gets_no_power_back_between_two_devices() {
    let mut story = Story::of("a", RACK);
    assert_eq!(story.request(1, "c", FencingAction::Reboot), ["start 1 fence_left off c c"]);
    assert_eq!(story.request(2, "d", FencingAction::Reboot), NOTHING);
    assert_eq!(story.exits(1, 0), ["start 2 fence_right off c c", "start 3 fence_left off d d"]);
    assert_eq!(story.closed(1), ["kill 2"], "it came back; the left strip is to be switched on, and is busy");
    assert_eq!(story.request(3, "c", FencingAction::Reboot), NOTHING);
    assert_eq!(story.exits(3, 0), ["start 4 fence_right off d d", "start 5 fence_left off c c"]);
    assert_eq!(story.exits(5, 0), NOTHING, "the left strip is free, and stays off while the right one is waited for");
    assert_eq!(
        story.exits(4, 0),
        [
            "attempt 0 of 2 by a with [\"left\", \"right\"]: ok",
            "start 6 fence_right off c c",
            "start 7 fence_left on d d"
        ]
    );
    assert_eq!(story.exits(6, 0), ["attempt 0 of 3 by a with [\"left\", \"right\"]: ok"]);
    assert_eq!(story.exits(7, 0), ["start 8 fence_right on d d", "start 9 fence_left on c c"]);
    assert_eq!(story.exits(8, 0), NOTHING);
    assert_eq!(story.exits(9, 0), ["start 10 fence_right on c c"]);
    assert_eq!(story.exits(10, 0), NOTHING);
    assert!(story.fencer.restoring.is_empty() && story.fencer.take_notices().is_empty());
}

#[test]
fn who_is_to_be_cut_off_again_waits_for_the_device_that_is_asked_to_switch_on() {
    for (candidates, next) in [("a b", vec!["start 4 fence_left off c c"]), ("b a", vec![])] {
        let mut story = Story::of("a", RACK);
        story.request(1, "c", FencingAction::Reboot);
        story.exits(1, 0);
        assert_eq!(story.exits(2, 0).last().unwrap(), "start 3 fence_left on c c");
        assert_eq!(story.closed(1), NOTHING);
        story.candidates = nodes(candidates);
        assert_eq!(story.request(2, "c", FencingAction::Reboot), ["kill 3"]);
        assert_eq!(story.situation(), NOTHING);
        assert_eq!(story.fencer.deadline(), Some(story.now + TIMEOUT + GRACE));
        assert_eq!(story.exits(3, 1), next, "and does not go on to the right one");
        assert!(story.fencer.restoring.is_empty() && story.fencer.take_notices().is_empty());
    }
    // Also when the first device to switch off is another one, and free.
    let mut story = Story::of("a", RACK);
    story.request(1, "c", FencingAction::Reboot);
    story.exits(1, 0);
    story.exits(2, 0);
    assert_eq!(story.exits(3, 0), ["start 4 fence_right on c c"]);
    story.closed(1);
    assert_eq!(story.request(2, "c", FencingAction::Reboot), ["kill 4"]);
    assert_eq!(story.exits(4, 1), ["start 5 fence_left off c c"]);
}

#[test]
fn without_quorum_nobody_gets_power() {
    let mut story = Story::of("a", RACK);
    story.request(1, "c", FencingAction::Reboot);
    story.exits(1, 0);
    assert_eq!(story.exits(2, 0).last().unwrap(), "start 3 fence_left on c c");
    story.candidates.clear();
    assert_eq!(story.situation(), ["kill 3"]);
    assert_eq!(story.situation(), NOTHING);
    assert_eq!(story.exits(3, 1), NOTHING);
    assert_eq!(story.fencer.take_notices().len(), 1, "an operator is told, once");
    assert!(story.fencer.restoring.is_empty());
    let mut story = Story::of("a", RACK);
    story.request(1, "c", FencingAction::Reboot);
    story.exits(1, 0);
    story.candidates.clear();
    assert_eq!(story.closed(1), ["kill 2"], "and the left one stays off");
    assert_eq!(story.fencer.deadline(), None);
}

#[test]
fn without_quorum_nothing_is_shot() {
    let mut story = Story::new("a");
    story.candidates = Vec::new();
    assert_eq!(story.request(1, "d", FencingAction::Reboot), NOTHING);
    story.candidates = nodes("a b c");
    assert_eq!(story.situation().len(), 1);
    story.candidates = Vec::new();
    assert_eq!(story.situation(), ["kill 1"]);
    assert_eq!(story.fencer.deadline(), None);
    story.candidates = nodes("a b c");
    assert_eq!(story.situation(), ["start 2 fence_ipmilan reboot d d"], "the attempt was never told, so it is made");
}

#[test]
fn an_attempt_moves_to_another_node_with_the_members() {
    let mut story = Story::new("b");
    assert_eq!(story.request(1, "d", FencingAction::Reboot), NOTHING);
    story.candidates = nodes("b c");
    assert_eq!(story.situation(), ["start 1 fence_ipmilan reboot d d"], "the first candidate died");
    story.candidates = nodes("c b");
    assert_eq!(story.situation(), ["kill 1"], "exactly one node acts");
}

#[test]
fn an_answer_is_told_again_to_new_members() {
    let mut story = Story::new("a");
    story.request(1, "c", FencingAction::Reboot);
    let told = story.exits(1, 0);
    story.candidates = nodes("b a");
    assert_eq!(story.situation(), told);
    story.candidates = Vec::new();
    assert_eq!(story.situation(), NOTHING);
    story.candidates = nodes("a b");
    assert_eq!(story.situation(), told, "and not carried out again");
}

#[test]
fn a_node_without_a_device_is_told_again_and_again_but_never_busily() {
    let mut story = Story::new("b");
    story.candidates = nodes("b c d");
    let lines = story.request(1, "a", FencingAction::Reboot);
    assert_eq!(
        lines,
        ["attempt 0 of 1 by b with []: no fence device covers node a; add one or confirm by hand: \
          paceline fencing confirm a"]
    );
    for (attempts, pause) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        assert_eq!(story.failed(1, attempts), NOTHING);
        assert_eq!(story.sleep(pause * SECOND).len(), 1);
    }
}

#[test]
fn an_agent_that_never_answers_is_given_up() {
    let mut story = Story::new("a");
    story.request(1, "c", FencingAction::Reboot);
    let lines = story.sleep(TIMEOUT + GRACE);
    assert_eq!(lines[0], "kill 1");
    assert!(lines[1].ends_with("fence_ipmilan did not answer within 60s and was killed"), "{lines:?}");
}

#[test]
fn a_device_is_asked_one_thing_at_a_time() {
    let mut story = Story::new("a");
    story.candidates = nodes("a b");
    assert_eq!(story.request(1, "c", FencingAction::Reboot), ["start 1 fence_ipmilan reboot c c"]);
    assert_eq!(story.request(2, "d", FencingAction::Reboot), NOTHING, "the same BMC");
    assert_eq!(story.fencer.deadline(), Some(story.now + TIMEOUT + GRACE), "no busy waiting");
    assert_eq!(story.exits(1, 0), ["attempt 0 of 1 by a with [\"bmc\"]: ok", "start 2 fence_ipmilan reboot d d"]);
}

#[test]
fn a_device_that_cannot_be_asked_is_a_failure_in_words() {
    let mut story = Story::new("a");
    let mut config = config::parse(FILE).config.unwrap();
    let bmc = config.devices.values_mut().find(|device| device.name.as_str() == "bmc").unwrap();
    bmc.params.insert("password".to_owned(), "two\nlines".to_owned());
    story.step(Input::Configured(Arc::new(config)));
    let lines = story.request(1, "c", FencingAction::Reboot);
    assert!(lines.len() == 1 && lines[0].contains("more than one line") && !lines[0].contains("two"), "{lines:?}");
}

#[test]
fn exactly_one_node_acts_whatever_the_number() {
    let config = config::parse(FILE).config.unwrap();
    for candidates in ["a b c", "c a b d", "d c", "b"] {
        let candidates = nodes(candidates);
        for number in 0..40 {
            let by = assignment(&config, &candidates, &node("d"), number).unwrap().by;
            assert!(candidates.contains(by) && *by != node("d"));
        }
    }
    assert_eq!(assignment(&config, &nodes("d"), &node("d"), 0), None);
}

/// All members see the same situation; whatever it is, a request is tried by one of them at most.
#[test]
fn members_that_see_the_same_never_act_together() {
    let mut members: Vec<Story> = ["a", "b", "c"].into_iter().map(Story::new).collect();
    let mut running: BTreeMap<(usize, u64), u64> = BTreeMap::new();
    let mut tried = BTreeSet::new();
    let views = ["a b c", "b c", "c a b", "", "a c", "b a c"];
    for round in 0..60_usize {
        let (candidates, failed) = (nodes(views[round % views.len()]), u32::try_from(round / 4).unwrap());
        for (index, member) in members.iter_mut().enumerate() {
            member.candidates.clone_from(&candidates);
            member.now += Duration::from_secs(40);
            let mut lines =
                if member.open.is_empty() { member.request(1, "d", FencingAction::Off) } else { Vec::new() };
            lines.extend(member.failed(1, failed));
            lines.extend(member.step(Input::Wake));
            for line in lines {
                let words: Vec<&str> = line.split(' ').collect();
                match words[0] {
                    "start" => assert!(running.insert((index, words[1].parse().unwrap()), 1).is_none()),
                    "kill" => assert!(running.remove(&(index, words[1].parse().unwrap())).is_some()),
                    _ => {}
                }
                tried.insert(index);
            }
        }
        // The members were told one after the other; now that all know, one at most may be at it.
        let acting: BTreeSet<usize> = running.keys().map(|(index, _)| *index).collect();
        assert!(acting.len() <= 1, "round {round}: {acting:?}");
        assert!(!candidates.is_empty() || acting.is_empty(), "round {round}: no quorum");
    }
    assert_eq!(tried.len(), 3, "everybody had a turn");
}
