//! Stories of single courts, and the worlds of [`seeds`].

mod seeds;

use super::*;
use crate::report::Heuristics;
use config::{Algorithm, TieBreaker};

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// A court, its clock, and a seat for each node: the number of its first letter.
struct Trial {
    court: Court,
    start: Instant,
    now: Instant,
    all: &'static str,
    algorithm: Algorithm,
    heuristics: Heuristics,
    blank: &'static str,
    stored: bool,
    revoked: &'static [u8],
}

const RTT: Duration = Duration::from_millis(1);

impl Trial {
    fn new(all: &'static str) -> Trial {
        #[expect(clippy::disallowed_methods, reason = "a story needs some first moment; which one does not matter")]
        let now = Instant::now();
        let (algorithm, heuristics) = (Algorithm::Split, Heuristics::None);
        let mut trial = Trial {
            court: Court::new(None, now),
            start: now,
            now,
            all,
            algorithm,
            heuristics,
            blank: "",
            stored: true,
            revoked: &[],
        };
        trial.connect(all);
        trial
    }

    fn seat(name: char) -> Seat {
        Seat(u64::from(name))
    }

    fn connect(&mut self, names: &str) {
        for name in names.chars() {
            let input = Input::Connected(Trial::seat(name), node(&name.to_string()));
            self.court.step(self.now, input);
        }
    }

    /// The node named first reports the ring of this number with these members.
    fn says(&mut self, number: u64, members: &str) -> String {
        self.says_of(members.chars().next().unwrap(), number, members)
    }

    fn says_of(&mut self, who: char, number: u64, members: &str) -> String {
        let name = |name: char| node(&name.to_string());
        let report = Report {
            ring: RingId { number, representative: members.chars().min().map(name).unwrap() },
            members: members.chars().map(name).collect(),
            blank: self.blank.chars().map(name).collect(),
            stored: self.stored,
            votes: self.all.chars().map(|c| (name(c), 1)).collect(),
            algorithm: self.algorithm,
            tie_breaker: TieBreaker::Lowest,
            heuristics: self.heuristics,
            revoked: self.revoked.iter().map(|n| [*n; 32]).collect(),
        };
        self.step(Input::Said(Trial::seat(who), Box::new(report), RTT))
    }

    /// All members report the ring.
    fn all_say(&mut self, number: u64, members: &str) -> String {
        let said: Vec<String> = members.chars().map(|who| self.says_of(who, number, members)).collect();
        said.join(", ")
    }

    fn after(&mut self, time: Duration) -> String {
        self.now = self.start + time;
        self.step(Input::Wake)
    }

    fn step(&mut self, input: Input) -> String {
        let seat = |seat: Seat| u8::try_from(seat.0).map(char::from).unwrap();
        let words = self.court.step(self.now, input).into_iter().map(|output| match output {
            Output::Persist(grant) => format!("persist {}", grant.ring),
            Output::Tell(to, _, Answer::Granted) => format!("{} granted", seat(to)),
            Output::Tell(to, _, Answer::Waiting(_)) => format!("{} waits", seat(to)),
            Output::Tell(to, _, Answer::Denied(why)) => format!("{} denied ({})", seat(to), &why[..10]),
            Output::Ask(to) => format!("ask {}", seat(to)),
            Output::Refuse(to, _) => format!("refuse {}", seat(to)),
            Output::Revoke(all) => format!("revoke {:?}", all.iter().map(|print| print[0]).collect::<Vec<_>>()),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_survivor_of_a_power_cut_waits_for_an_answer_that_does_not_come() {
    let mut trial = Trial::new("ab");
    assert_eq!(trial.says(5, "ab"), "persist 5/a, a granted");
    assert_eq!(trial.says_of('b', 5, "ab"), "persist 5/a, b granted", "b has it on disk as well");
    assert_eq!(trial.says(6, "b"), "ask a, b waits");
    assert_eq!(trial.court.deadline(), Some(trial.now + ANSWER + 4 * RTT));
    assert_eq!(trial.after(54 * MS), "persist 6/b, b granted");
}

#[test]
fn when_the_other_connection_is_known_to_be_gone_nobody_waits() {
    let mut trial = Trial::new("ab");
    trial.all_say(5, "ab");
    trial.step(Input::Lost(Trial::seat('a')));
    trial.now += SETTLE;
    assert_eq!(trial.says(6, "b"), "persist 6/b, b granted");
}

#[test]
fn of_two_halves_one_goes_on_and_the_other_never() {
    let mut trial = Trial::new("ab");
    trial.all_say(5, "ab");
    assert_eq!(trial.says(6, "b"), "ask a, b waits");
    // It is there, but has not noticed yet.
    assert_eq!(trial.says(5, "ab"), "");
    assert_eq!(trial.after(100 * MS), "", "who is there is waited for");
    assert_eq!(trial.says(6, "a"), "persist 6/a, a granted, b denied (the vote i)");
    // Its holder may be dead or only unreachable.
    assert_eq!(trial.step(Input::Lost(Trial::seat('a'))), "");
    assert_eq!(trial.after(3600 * 1000 * MS), "");
    // They meet again.
    assert_eq!(trial.says_of('b', 8, "ab"), "persist 8/a, b granted");
}

#[test]
fn who_never_reports_a_new_view_is_not_waited_for_for_ever() {
    let mut trial = Trial::new("ab");
    trial.all_say(5, "ab");
    trial.says(6, "b");
    trial.all_say(5, "ab");
    assert_eq!(trial.after(SETTLE - MS), "");
    assert_eq!(trial.after(SETTLE), "persist 6/b, b granted");
}

#[test]
fn the_half_whose_commands_succeed_is_preferred_to_the_tie_breaker() {
    let mut trial = Trial::new("ab");
    trial.all_say(5, "ab");
    trial.heuristics = Heuristics::Running;
    trial.says(6, "a");
    assert_eq!(trial.says(6, "b"), "b waits");
    trial.heuristics = Heuristics::Passed(0);
    assert_eq!(trial.says(6, "a"), "");
    trial.heuristics = Heuristics::Passed(1);
    assert_eq!(trial.says(6, "b"), "persist 6/b, a denied (the vote i), b granted");
}

#[test]
fn the_greater_part_goes_on_and_a_part_that_the_vote_does_not_help_is_not_asked_about() {
    let mut trial = Trial::new("abcd");
    trial.all_say(5, "abcd");
    assert_eq!(trial.says(6, "a"), "a denied (this part )");
    assert_eq!(trial.says(6, "bcd"), "persist 6/b, b granted");
    // The last man standing of them does not get it in this algorithm.
    assert_eq!(trial.says(7, "bc"), "ask a, ask d, b waits", "a and d may have met");
    assert_eq!(trial.after(54 * MS), "persist 7/b, b granted");
    assert_eq!(trial.says(8, "c"), "c denied (this part )");
}

#[test]
fn the_last_man_standing_goes_on_and_the_larger_part_comes_first() {
    let mut trial = Trial::new("abcd");
    trial.algorithm = Algorithm::LastManStanding;
    trial.all_say(5, "abcd");
    assert_eq!(trial.says(6, "a"), "ask b, ask c, ask d, a waits");
    assert_eq!(trial.says(6, "bcd"), "persist 6/b, a denied (the vote i), b granted");
    trial.all_say(6, "bcd");
    assert_eq!(trial.says(7, "cd"), "ask a, ask b, c waits");
    assert_eq!(trial.after(SETTLE), "persist 7/c, a denied (the vote i), c granted");
    trial.all_say(7, "cd");
    trial.start = trial.now;
    assert_eq!(trial.says(8, "d"), "ask a, ask b, ask c, d waits");
    assert_eq!(trial.after(SETTLE), "persist 8/d, a denied (the vote i), d granted");
}

#[test]
fn without_memory_only_a_whole_cluster_gets_the_vote() {
    let mut trial = Trial::new("ab");
    assert_eq!(trial.says(6, "a"), "a denied (the arbite)");
    assert_eq!(trial.says(7, "ab"), "persist 7/a, a granted");
}

#[test]
fn a_restarted_arbiter_goes_on_where_it_was_and_gives_the_others_time_to_come_back() {
    let mut trial = Trial::new("ab");
    trial.all_say(5, "ab");
    let grant = trial.court.grant().cloned();
    trial.court = Court::new(grant, trial.now);
    trial.connect("b");
    assert_eq!(trial.says(6, "b"), "b waits");
    trial.connect("a");
    assert_eq!(trial.says(6, "a"), "persist 6/a, a granted, b denied (the vote i)");
    let grant = trial.court.grant().cloned();
    trial.court = Court::new(grant, trial.now);
    trial.connect("b");
    assert_eq!(trial.says(6, "b"), "b denied (the vote i)");
    trial.connect("a");
    assert_eq!(trial.says(6, "a"), "a granted");
}

#[test]
fn a_ring_older_than_the_one_that_has_the_vote_never_gets_it() {
    let mut trial = Trial::new("abc");
    trial.algorithm = Algorithm::LastManStanding;
    trial.all_say(5, "abc");
    trial.all_say(7, "ab");
    trial.after(SETTLE);
    assert_eq!(trial.court.grant().map(|grant| grant.ring.number), Some(7));
    let grant = trial.court.grant().cloned();
    trial.court = Court::new(grant, trial.now);
    trial.connect("c");
    trial.now += SETTLE;
    // c has slept and still believes in a ring that a and b have left.
    assert_eq!(trial.says_of('c', 6, "bc"), "c denied (the newer )");
}

#[test]
fn the_vote_goes_on_with_a_member_that_has_stored_what_was_agreed_on() {
    let mut trial = Trial::new("ab");
    trial.says(5, "ab");
    trial.step(Input::Lost(Trial::seat('a')));
    trial.now += SETTLE;
    assert_eq!(trial.says(6, "b"), "b denied (the vote i)", "b never said that it has it on disk");
    trial.connect("a");
    assert_eq!(trial.all_say(7, "ab"), "persist 7/a, a granted, persist 7/a, b granted");
    trial.step(Input::Lost(Trial::seat('a')));
    assert_eq!(trial.says(8, "b"), "persist 8/b, b granted");
}

#[test]
fn a_part_in_which_nobody_has_stored_its_content_waits() {
    let mut trial = Trial::new("ab");
    trial.stored = false;
    assert_eq!(trial.says(5, "ab"), "a waits");
    trial.stored = true;
    assert_eq!(trial.says(5, "ab"), "persist 5/a, a granted");
}

#[test]
fn who_has_lost_its_disk_remembers_nothing() {
    let mut trial = Trial::new("abc");
    trial.algorithm = Algorithm::LastManStanding;
    trial.all_say(5, "abc");
    trial.step(Input::Lost(Trial::seat('c')));
    trial.now += SETTLE;
    trial.all_say(8, "ab");
    // a is off, b comes with a new disk and meets c, which was away.
    trial.step(Input::Lost(Trial::seat('a')));
    trial.connect("c");
    trial.blank = "b";
    assert_eq!(trial.all_say(12, "bc"), "b denied (the vote i), c denied (the vote i)");
    trial.connect("a");
    assert_eq!(trial.says(13, "abc"), "persist 13/a, a granted", "all together always have it");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut trial = Trial::new("abc");
    assert_eq!(trial.says_of('c', 5, "ab"), "refuse c", "not a member of its own view");
    trial.all_say(5, "ab");
    assert_eq!(trial.says_of('c', 5, "abc"), "refuse c", "another opinion of who is in a ring");
    assert_eq!(trial.says(4, "ab"), "refuse a", "back to an older ring");
    assert_eq!(trial.says(5, "ax"), "refuse a", "a stranger");
}

#[test]
fn what_the_ring_with_the_vote_calls_revoked_is_revoked_and_stays_so() {
    let mut trial = Trial::new("ab");
    trial.revoked = &[7];
    assert_eq!(trial.says(5, "a"), "a denied (the arbite)", "without the vote nobody revokes anything");
    assert_eq!(trial.says(6, "ab"), "persist 6/a, a granted, revoke [7]");
    trial.revoked = &[];
    assert_eq!(trial.says_of('b', 6, "ab"), "persist 6/a, b granted", "b has not heard of it yet");
    trial.revoked = &[9];
    assert_eq!(trial.says_of('b', 6, "ab"), "revoke [7, 9]");
    assert_eq!(trial.says_of('b', 6, "ab"), "", "once");
    trial.court = Court::new(trial.court.grant().cloned(), trial.now).revoking([[9; 32]].into());
    trial.connect("ab");
    assert_eq!(trial.says_of('b', 6, "ab"), "b granted", "it was known in an earlier life");
}

#[test]
fn nobody_revokes_more_than_a_cluster_can() {
    let mut trial = Trial::new("ab");
    let known = (0..MAX_REVOKED - 1).map(|n| std::array::from_fn(|i| if i < 4 { (n >> (8 * i)) as u8 } else { 1 }));
    trial.court = Court::new(None, trial.now).revoking(known.collect());
    trial.connect("ab");
    trial.revoked = &[7, 9];
    assert!(trial.says(6, "ab").contains("revoke"));
    assert_eq!(trial.court.revoked().len(), MAX_REVOKED);
    assert_eq!(trial.says(6, "ab"), "", "what does not fit is not told of again and again");
}

#[test]
fn nobody_moves_the_vote_to_a_ring_number_that_no_true_ring_comes_after() {
    let mut trial = Trial::new("ab");
    trial.all_say(5, "ab");
    assert_eq!(trial.says_of('b', 1 << 59, "ab"), "refuse b");
    assert_eq!(trial.says_of('b', 6 + LEAP, "b"), "refuse b");
    assert_eq!(trial.says(6, "ab"), "persist 6/a, a granted", "the true ones go on");
    assert_eq!(trial.says_of('b', 1 << 59, "ab"), "refuse b");
    // Restarts, and views while the arbiter was away.
    assert_eq!(trial.says(50_000, "ab"), "persist 50000/a, a granted");
    // An arbiter that is new to an old cluster.
    let mut trial = Trial::new("ab");
    assert_eq!(trial.says(1 << 40, "ab"), "persist 1099511627776/a, a granted");
}

#[test]
fn an_old_connection_says_nothing_any_more() {
    let mut trial = Trial::new("ab");
    trial.court.step(trial.now, Input::Connected(Seat(1), node("a")));
    assert_eq!(trial.says(5, "ab"), "");
    assert_eq!(trial.step(Input::Lost(Trial::seat('a'))), "");
    assert!(trial.court.standings()[&node("a")].connected);
}

#[test]
fn a_view_is_over_as_soon_as_anybody_names_one_of_its_members_in_a_newer_one() {
    let mut trial = Trial::new("ab");
    trial.all_say(5, "ab");
    trial.step(Input::Lost(Trial::seat('a')));
    trial.now += SETTLE;
    trial.says(6, "b");
    trial.connect("a");
    assert_eq!(trial.says_of('a', 7, "ab"), "persist 7/a, a granted", "before b says so itself");
}
