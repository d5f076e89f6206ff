//! What is broken: a few words of a file of `membership/src`, and what is put in their place.

/// One of them.
pub struct Mutant {
    /// What the ring does wrong then.
    pub name: &'static str,
    /// Where, in `membership/src`.
    pub file: &'static str,
    /// What stands there, once.
    pub from: &'static str,
    /// What is put there.
    pub to: &'static str,
    /// The case in the tests of `membership` that notices, of what seeds meet too rarely.
    pub case: Option<&'static str>,
}

const fn mutant(name: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Mutant {
    Mutant { name, file, from, to, case: None }
}

impl Mutant {
    /// A case of its own notices it.
    const fn by(mut self, case: &'static str) -> Mutant {
        self.case = Some(case);
        self
    }
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "the next view is installed without fetching what others have of the last one",
        "ring/recover.rs",
        "self.missing.as_ref().is_some_and(BTreeSet::is_empty)",
        "true",
    ),
    mutant(
        "packets of nodes outside the transitional configuration are taken during recovery",
        "ring/recover.rs",
        "if !self.came_along.contains(from) {\n            return;\n        }\n        let seq",
        "let seq",
    )
    .by("ring::tests::stories::what_a_lost_node_says_while_the_others_compare_is_not_taken"),
    mutant(
        "packets are forgotten a rotation before all are known to have them",
        "ring/turn.rs",
        "log.discard(all_have);",
        "log.discard(token.seq);",
    ),
    mutant(
        "who misses packets does not lower the token's mark of what all have",
        "ring/turn.rs",
        "if mine < token.aru || token.setter.is_none()",
        "if token.setter.is_none()",
    ),
    mutant(
        "missing packets are never asked for",
        "ring/turn.rs",
        "request(log, &mut token, before)",
        "{ let _ = before; 0 }",
    ),
    mutant(
        "a token that comes twice is used twice",
        "ring/operate.rs",
        "if token.number <= self.turn.last_number() {",
        "if token.number < self.turn.last_number() {",
    ),
    mutant(
        "packets of other views are taken for ones of this view",
        "ring/operate.rs",
        "Frame::Data(data) if data.head.ring == ring && self.log.rank_of(&from).is_some() => {",
        "Frame::Data(data) if self.log.rank_of(&from).is_some() => {",
    ),
    mutant(
        "late packets of other views are taken for ones of the view that is left",
        "ring/gather.rs",
        "let known = data.head.ring == self.log.id.number\n            && ",
        "let known = ",
    ),
    mutant(
        "whoever comes from any view counts as come along from this one",
        "ring/recover.rs",
        "m.past.as_ref() == Some(&past.log.id) && past.log.life(&m.node) == Some(m.incarnation)",
        "m.past.is_some() && past.log.life(&m.node) == Some(m.incarnation)",
    ),
    mutant(
        "what survivors sent after a gap is not delivered",
        "ring/log.rs",
        "for seq in self.aru + 1..=self.high {\n            if self.slot(seq)",
        "for seq in self.high + 1..=self.high {\n            if self.slot(seq)",
    ),
    mutant(
        "a restarted node begins with the ring numbers again",
        "ring/numbers.rs",
        "Numbers { used: floor, stored: floor, asked: floor }",
        "Numbers { used: 0, stored: floor, asked: floor }",
    ),
    mutant(
        "messages of lost nodes are delivered although one before them is missing",
        "ring/log.rs",
        "if self.slot(seq).is_some_and(|packet| survivors.contains(self.node(packet.sender))) {",
        "if self.slot(seq).is_some() {",
    ),
    mutant(
        "a message cut by a change of the view is not sent again from its beginning",
        "fragment.rs",
        "pub(crate) fn rewind(&mut self) {\n        self.sent = 0;",
        "pub(crate) fn rewind(&mut self) {",
    ),
    mutant(
        "what is to be safe is delivered as soon as it is here",
        "ring/log.rs",
        "while self.delivered < self.aru && !self.waits(self.delivered + 1) {",
        "while self.delivered < self.aru {",
    ),
    mutant(
        "what the token says once counts as safe",
        "ring/turn.rs",
        "log.known_safe(all_have);",
        "log.known_safe(token.aru);",
    ),
    mutant(
        "a view that ends calls what was to be safe regular although nobody knows that all have it",
        "ring/log.rs",
        "if self.waits(seq) {",
        "if false {",
    ),
    mutant(
        "what another survivor knows to be safe is not asked for",
        "ring/recover.rs",
        "past.log.known_safe(safe);",
        "let _ = safe;",
    ),
    mutant(
        "in groups, what was meant for an earlier view counts",
        "group/machine.rs",
        "if !here || self.departed",
        "if self.departed",
    ),
    mutant(
        "in groups, what was on its way when the view ended is not said again",
        "group/machine.rs",
        "self.said = 0;\n        self.say_on();",
        "(self.said, self.flying) = (0, VecDeque::new());",
    ),
    mutant(
        "in groups, who was in another view meanwhile stays a member",
        "group/table.rs",
        "Some(_) if view.came_along.contains(&member.node) => None,",
        "Some(_) => None,",
    )
    .by("group::table::tests::who_was_in_another_view_meanwhile_has_left"),
    mutant(
        "a lost token is never noticed",
        "ring/operate.rs",
        "let overdue = self.log.len() > 1 && core.now >= self.token_alive + core.timers.token;",
        "let overdue = false;",
    ),
    mutant(
        "what was not heard while this node itself did not run counts as silence of its peers",
        "ring/core.rs",
        "self.peers.values_mut().for_each(|peer| peer.restart_silence(now));",
        "",
    ),
    mutant(
        "who slept past the token timeout speaks before it has listened",
        "ring/operate.rs",
        "Phase::Gather(self.into_gather(core, true).listening(core))",
        "Phase::Gather(self.into_gather(core, true))",
    )
    .by("ring::tests::sleeper::a_sleeper_listens_before_it_speaks"),
    mutant(
        "a view opens for somebody who has given one of its members up",
        "ring/operate.rs",
        "None if join.refuses(&core.me, core.incarnation) => Phase::Operate(self),",
        "",
    )
    .by("ring::tests::sleeper::a_view_does_not_open_for_somebody_who_has_given_it_up"),
    mutant(
        "the state of a ring is written down without the time of its next beat",
        "ring/core.rs",
        "    next_beat: Moment,\n",
        "    #[serde(skip)]\n    next_beat: Moment,\n",
    )
    .by("record::tests::a_recording_begins_in_the_middle_and_is_done_again_from_there"),
];
