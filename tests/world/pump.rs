//! The second pump: carries inputs to the machines of one simulated machine and their effects out, as the daemon does.
//! Ring and node are joined by a queue in each direction, with a small random delay, as between two threads.

use crate::checks::histories_are_not_merged;
use crate::clock::{MS, SECOND};
use crate::disk::Written;
use crate::event::Event;
use crate::machine::Running;
use crate::mutation::Mutation;
use crate::services::{Call, Verb, fence_fate, service_fate};
use crate::store::StoreVerb;
use crate::trace::{Detail, note};
use crate::world::World;
use crate::{cluster, services};
use bytes::Bytes;
use crm::event::EventKind;
use crm::node::{Effect, Input, JobKey, Moment};
use membership::{Configuration, Delivery, View};
use resource_agents::{Exit, Finished, Job, OUTPUT_LIMIT};
use std::time::Duration;

/// Longest frame that the links carry, in bytes.
pub(crate) const FRAME_LIMIT: usize = 1_400;

/// Takes away what is delivered in the same step in which the view ends.
fn drop_recovered(outputs: &mut Vec<membership::Output>) {
    if let Some(view) = outputs.iter().position(|output| matches!(output, membership::Output::View(_))) {
        let mut place = 0;
        outputs.retain(|output| {
            place += 1;
            place > view || !matches!(output, membership::Output::Deliver(_))
        });
    }
}

impl World {
    fn alive(&self, at: usize, life: u64) -> bool {
        self.machines[at].daemon.as_ref().is_some_and(|daemon| daemon.life == life)
    }

    /// Something reaches the ring of this life.
    pub(crate) fn ring_hears(&mut self, at: usize, life: u64, input: membership::Input) {
        if self.alive(at, life) {
            self.step_ring(at, input);
        }
    }

    /// Something reaches the node of this life.
    pub(crate) fn node_hears(&mut self, at: usize, life: u64, input: Input) {
        if self.alive(at, life) {
            self.step_node(at, input);
        }
    }

    pub(crate) fn wake_ring(&mut self, at: usize, life: u64) {
        let now = self.clock.now();
        let Some(daemon) = self.machines[at].daemon.as_mut().filter(|daemon| daemon.life == life) else { return };
        if daemon.ring_wake != Some(now) {
            return;
        }
        daemon.ring_wake = None;
        if daemon.ring.deadline().is_some_and(|deadline| self.clock.at(deadline) <= now) {
            self.step_ring(at, membership::Input::Wake);
        } else {
            self.plan_ring_wake(at);
        }
    }

    pub(crate) fn wake_node(&mut self, at: usize, life: u64) {
        let now = self.clock.now();
        let Some(daemon) = self.machines[at].daemon.as_mut().filter(|daemon| daemon.life == life) else { return };
        if daemon.node_wake != Some(now) {
            return;
        }
        daemon.node_wake = None;
        if daemon.node.deadline().is_some_and(|deadline| self.clock.at(deadline) <= now) {
            self.step_node(at, Input::Wake);
        } else {
            self.plan_node_wake(at);
        }
    }

    /// A wake that is planned early enough stays: when it comes, the deadline is looked at again.
    fn plan_ring_wake(&mut self, at: usize) {
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        let Some(deadline) = daemon.ring.deadline() else { return };
        let when = self.clock.at(deadline);
        if daemon.ring_wake.is_none_or(|planned| planned > when || planned < self.clock.now()) {
            daemon.ring_wake = Some(when);
            let life = daemon.life;
            self.clock.schedule(when, Event::WakeRing { at, life });
        }
    }

    fn plan_node_wake(&mut self, at: usize) {
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        let Some(deadline) = daemon.node.deadline() else { return };
        let when = self.clock.at(deadline);
        if daemon.node_wake.is_none_or(|planned| planned > when || planned < self.clock.now()) {
            daemon.node_wake = Some(when);
            let life = daemon.life;
            self.clock.schedule(when, Event::WakeNode { at, life });
        }
    }

    /// One step of a ring, and what it wants done.
    pub(crate) fn step_ring(&mut self, at: usize, input: membership::Input) {
        let now = self.clock.instant();
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        self.steps += 1;
        let mut outputs = daemon.ring.step(now, input);
        if self.mutation == Some(Mutation::DropsRecovered) && at == 0 {
            drop_recovered(&mut outputs);
        }
        for output in outputs {
            self.ring_output(at, output);
        }
        self.plan_ring_wake(at);
    }

    fn ring_output(&mut self, at: usize, output: membership::Output) {
        use membership::Output;
        match output {
            Output::Send { to, bytes } => {
                if let Some(to) = self.machines.iter().position(|machine| machine.name == to) {
                    self.send(at, to, bytes);
                }
            }
            Output::Broadcast(bytes) => {
                for to in 0..self.machines.len() {
                    if to != at {
                        self.send(at, to, bytes.clone());
                    }
                }
            }
            Output::Deliver(delivery) => self.ring_delivers(at, delivery),
            Output::View(view) => self.ring_installs(at, view),
            Output::StoreRingNumber(number) => self.store_number(at, number),
            Output::Notice(notice) => {
                note!(self, Some(at), "notice {notice:?}");
                self.seam_to_node(at, Input::Notice(notice));
            }
            Output::Left => self.seam_to_node(at, Input::Left),
        }
    }

    fn send(&mut self, from: usize, to: usize, bytes: Bytes) {
        if bytes.len() > FRAME_LIMIT {
            let text = format!("{} sends a frame of {} bytes", cluster::MACHINES[from], bytes.len());
            self.broken(Err(crate::Violation::new("world", text)));
        }
        let link = self.links[from * self.machines.len() + to];
        if link == 0 {
            return;
        }
        let mut copies = self.network.carry(from, to);
        if self.trace.detail >= Detail::Frames {
            note!(self, Some(from), "frame of {} bytes to {} in {copies:?} us", bytes.len(), cluster::MACHINES[to]);
        }
        if let Some(again) = copies[1].take() {
            self.clock.after(again, Event::Frame { from, to, link, bytes: bytes.clone() });
        }
        if let Some(delay) = copies[0] {
            self.clock.after(delay, Event::Frame { from, to, link, bytes });
        }
    }

    pub(crate) fn frame_arrives(&mut self, from: usize, to: usize, link: u64, bytes: Bytes) {
        if self.links[from * self.machines.len() + to] == link {
            let from = self.machines[from].name.clone();
            self.step_ring(to, membership::Input::Frame { from, bytes });
        }
    }

    fn ring_delivers(&mut self, at: usize, delivery: Delivery) {
        if self.mutation == Some(Mutation::SwapsDeliveries) && at == 1 {
            let Some(daemon) = &mut self.machines[at].daemon else { return };
            let Some(held) = daemon.held_back.take() else {
                daemon.held_back = Some(delivery);
                return;
            };
            // The places stay in order; only what stands at them is exchanged.
            let first = Delivery { seq: held.seq, ..delivery.clone() };
            let second = Delivery { seq: delivery.seq, ..held };
            self.hand_over(at, first);
            self.hand_over(at, second);
            return;
        }
        self.hand_over(at, delivery);
    }

    fn hand_over(&mut self, at: usize, delivery: Delivery) {
        if self.trace.detail >= Detail::Events {
            let Delivery { ring, seq, from, configuration, payload, .. } = &delivery;
            let size = payload.len();
            note!(self, Some(at), "delivers {seq} of {ring} from {from}, {size} bytes, {configuration:?}");
        }
        let verdict = self.checks.deliveries.same_order(at, &delivery);
        self.broken(verdict);
        if self.mutation == Some(Mutation::MissesDelivery) && at == 1 && self.rng.u32(0..12) == 0 {
            return;
        }
        self.seam_to_node(at, Input::Delivered(delivery));
    }

    fn ring_installs(&mut self, at: usize, view: View) {
        if let Some(held) = self.machines[at].daemon.as_mut().and_then(|daemon| daemon.held_back.take()) {
            self.hand_over(at, held);
        }
        note!(self, Some(at), "installs view {} of {:?}, along {:?}", view.ring, view.members.keys(), view.came_along);
        let verdict = self.checks.deliveries.virtual_synchrony(at, &view);
        self.broken(verdict);
        let verdict = self.checks.deliveries.ring_numbers_grow(at, &view);
        self.broken(verdict);
        self.checks.sides.leaves(at);
        self.seam_to_node(at, Input::View(view));
    }

    fn seam_to_node(&mut self, at: usize, input: Input) {
        let delay = self.rng.u64(5..150);
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        let when = daemon.seam_to_node.max(self.clock.now() + delay);
        daemon.seam_to_node = when;
        let life = daemon.life;
        self.clock.schedule(when, Event::ToNode { at, life, input: Box::new(input) });
    }

    fn seam_to_ring(&mut self, at: usize, input: membership::Input) {
        let delay = self.rng.u64(5..150);
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        let when = daemon.seam_to_ring.max(self.clock.now() + delay);
        daemon.seam_to_ring = when;
        let life = daemon.life;
        self.clock.schedule(when, Event::ToRing { at, life, input: Box::new(input) });
    }

    /// One step of a node, and what it wants done.
    pub(crate) fn step_node(&mut self, at: usize, input: Input) {
        let moment = self.moment(at);
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        self.steps += 1;
        if let Input::View(view) = &input {
            daemon.view = Some(view.clone());
            self.checks.sides.arrives(at);
        }
        let place = match &input {
            Input::Delivered(delivery) if delivery.configuration == Configuration::Regular => {
                Some((delivery.ring.clone(), delivery.seq))
            }
            _ => None,
        };
        let effects = daemon.node.step(moment, input);
        for effect in &effects {
            if let Effect::Store(durable) = effect {
                self.holds_version(at, durable.generation, Some(durable));
            }
        }
        self.judge_node(at, place);
        self.judge_sides(at);
        for effect in effects {
            self.node_effect(at, effect);
        }
        self.plan_node_wake(at);
    }

    fn moment(&self, at: usize) -> Moment {
        Moment { at: self.clock.instant(), wall_ms: self.machines[at].wall_ms + self.clock.now() / MS }
    }

    fn judge_node(&mut self, at: usize, place: Option<(membership::RingId, u64)>) {
        let Some(daemon) = &self.machines[at].daemon else { return };
        let durable = &daemon.node.cib().durable;
        let generation = durable.generation;
        if !self.checks.histories.knows(durable) {
            self.holds_version(at, generation, None);
        }
        if let (Some((ring, seq)), Some(daemon)) = (place, &self.machines[at].daemon)
            && daemon.view.as_ref().is_some_and(|view| view.ring == ring)
        {
            let verdict = self.checks.same_cib(at, &ring, seq, daemon.node.cib());
            self.broken(verdict);
        }
    }

    /// A machine in a view that may act is beside no other such view. With two machines it may be: fencing decides.
    /// What a machine believes while its ring looks for another view is old.
    fn judge_sides(&mut self, at: usize) {
        let Some(daemon) = &self.machines[at].daemon else { return };
        let (node, operates) = (&daemon.node, daemon.ring.status().phase == "operate");
        if !node.quorate() || !operates || self.machines.len() == 2 {
            self.checks.sides.rests(at);
            return;
        }
        let counts = node.quorum().map(|quorum| quorum.voters.keys().cloned().collect()).unwrap_or_default();
        self.checks.sides.counts(at, counts);
        let members = daemon.view.iter().flat_map(|view| view.members.keys().cloned()).collect();
        if self.checks.sides.knows(at, &members) {
            return;
        }
        for (other, machine) in self.machines.iter().enumerate() {
            let stale = machine.daemon.as_ref().is_none_or(|daemon| daemon.ring.status().phase != "operate");
            if stale || machine.paused.is_some() {
                self.checks.sides.rests(other);
            }
        }
        let forks =
            self.machines[at].daemon.iter().flat_map(|daemon| daemon.node.cib().durable.forks.clone()).collect();
        let verdict = self.checks.sides.one_side_acts(at, members, forks);
        self.broken(verdict);
    }

    fn holds_version(&mut self, at: usize, generation: crm::cib::Generation, durable: Option<&crm::cib::Durable>) {
        // Two nodes may both go on alone, with the same number for different versions: when they meet again they
        // notice.
        if self.machines.len() == 2 {
            return;
        }
        let Some(daemon) = &self.machines[at].daemon else { return };
        let durable = durable.unwrap_or(&daemon.node.cib().durable);
        let quorate = self.checks.quorate(daemon.view.as_ref()) || generation == crm::cib::Generation::default();
        let verdict = self.checks.histories.same_content(at, durable, quorate);
        if self.trace.detail >= Detail::Events {
            let line = format!("holds version {generation}, change {:?}", cluster::marker(&durable.text));
            self.note_line(Some(at), &line);
        }
        self.broken(verdict);
    }

    fn node_effect(&mut self, at: usize, effect: Effect) {
        match effect {
            Effect::Multicast(bytes) => self.seam_to_ring(at, membership::Input::Multicast(bytes.into())),
            Effect::Reconfigure { config, .. } => {
                let to = membership::Reconfiguration {
                    nodes: config.nodes.keys().cloned().collect(),
                    token: config.cluster.token,
                    frame_limit: FRAME_LIMIT,
                };
                self.seam_to_ring(at, membership::Input::Reconfigure(to));
                self.drop_strangers(at);
            }
            Effect::Leave => self.seam_to_ring(at, membership::Input::Leave),
            Effect::Start { key, job } => self.job_starts(at, key, &job),
            Effect::Kill(key) => self.job_killed(at, key),
            Effect::Store(durable) => {
                if self.machines[at].disk.store(durable) {
                    self.plan_write(at);
                }
            }
            Effect::Reply { client, response } => self.answered(at, client, response),
            Effect::Event(event) => self.node_tells(at, &event),
            Effect::Stop { reason, .. } => {
                note!(self, Some(at), "stops: {reason}");
                if reason.contains("cannot be merged") {
                    self.moves_state_away(at);
                }
                self.daemon_stops(at);
            }
        }
    }

    fn node_tells(&mut self, at: usize, event: &crm::event::Event) {
        note!(self, Some(at), "event {:?} {}", event.kind, event.text);
        self.lie_in_wait(at, event.kind);
        if event.kind != EventKind::Plan {
            return;
        }
        // Only a DC plans: who does takes itself for it.
        let view = self.machines[at].daemon.as_ref().and_then(|daemon| daemon.view.as_ref());
        if let Some(view) = view.map(|view| view.ring.to_string()) {
            let verdict = self.checks.one_dc_per_view(at, &view, cluster::MACHINES[at]);
            self.broken(verdict);
        }
    }

    fn plan_write(&mut self, at: usize) {
        let Some(daemon) = &self.machines[at].daemon else { return };
        let disk = &self.machines[at].disk;
        let delay = if disk.full { SECOND } else { self.rng.u64(MS..12 * MS) * disk.slowness() };
        self.clock.after(delay, Event::Written { at, life: daemon.life });
    }

    pub(crate) fn written(&mut self, at: usize, life: u64) {
        if !self.alive(at, life) {
            return;
        }
        let lies = self.mutation == Some(Mutation::DiskLies);
        let before = self.machines[at].disk.durable.clone();
        let written = self.machines[at].disk.finish(lies);
        let verdict = histories_are_not_merged(at, before.as_ref(), self.machines[at].disk.durable.as_ref());
        self.broken(verdict);
        note!(self, Some(at), "disk {written:?}");
        if self.machines[at].disk.busy() {
            self.plan_write(at);
        }
        match written {
            Written::Stored(generation) => self.step_node(at, Input::Stored(generation)),
            Written::Full(generation) => {
                let reason = "write the state file: no space left on device".to_owned();
                self.step_node(at, Input::StoreFailed { generation, reason });
            }
            Written::Nothing => {}
        }
    }

    fn store_number(&mut self, at: usize, number: u64) {
        let Some(daemon) = &self.machines[at].daemon else { return };
        let delay = self.rng.u64(MS..12 * MS) * self.machines[at].disk.slowness();
        self.clock.after(delay, Event::NumberWritten { at, life: daemon.life, number });
    }

    pub(crate) fn number_written(&mut self, at: usize, life: u64, number: u64) {
        if !self.alive(at, life) {
            return;
        }
        let disk = &mut self.machines[at].disk;
        if disk.full {
            self.clock.after(SECOND, Event::NumberWritten { at, life, number });
            return;
        }
        disk.ring_number = disk.ring_number.max(number);
        self.step_ring(at, membership::Input::RingNumberStored(number));
    }

    fn job_starts(&mut self, at: usize, key: JobKey, job: &Job) {
        let names: Vec<&str> = self.machines.iter().map(|machine| machine.name.as_str()).collect();
        let Some(call) = Call::of(job, &cluster::RESOURCES, &names) else {
            let text = format!("{} runs a job that nobody asked for: {job:?}", cluster::MACHINES[at]);
            self.broken(Err(crate::Violation::new("world", text)));
            return;
        };
        let fate = match call {
            Call::Service(verb, _) => service_fate(&mut self.rng, verb, self.manners, job.timeout),
            Call::Store(verb) => verb.fate(&mut self.rng, self.manners, job.timeout),
            Call::Off(_) | Call::Reboot(_) | Call::On(_) | Call::PowerStatus(_) | Call::Query => {
                let mood = self.mood_for(call);
                fence_fate(&mut self.rng, mood, job.timeout)
            }
        };
        note!(self, Some(at), "job {key:?} {call:?} begins, ends in {} us: {:?}", fate.ends, fate.exit);
        if let Call::Service(Verb::Start, resource) = call {
            self.judge_start(at, resource);
        }
        if call == Call::Store(StoreVerb::Promote) {
            self.judge_promotion(at);
        }
        let now = self.clock.now();
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        let life = daemon.life;
        daemon.jobs.insert(key, Running { call, exit: fate.exit, since: now });
        if let Some(acts) = fate.acts {
            self.clock.after(acts, Event::JobActs { at, life, key });
        }
        self.clock.after(fate.ends, Event::JobEnds { at, life, key });
    }

    fn judge_start(&mut self, at: usize, resource: usize) {
        let verdict = self.checks.no_start_before_confirmed_fencing(resource, at);
        self.broken(verdict);
        let view = self.machines[at].daemon.as_ref().and_then(|daemon| daemon.view.as_ref());
        let verdict = self.checks.minority_changes_nothing(resource, at, view);
        self.broken(verdict);
        self.checks.holds(resource, at);
    }

    fn job_killed(&mut self, at: usize, key: JobKey) {
        let soon = self.rng.u64(MS..20 * MS);
        let Some(daemon) = &mut self.machines[at].daemon else { return };
        if let Some(job) = daemon.jobs.get_mut(&key) {
            job.exit = Exit::Cancelled;
            let life = daemon.life;
            self.clock.after(soon, Event::JobEnds { at, life, key });
        }
    }

    pub(crate) fn job_acts(&mut self, at: usize, life: u64, key: JobKey) {
        if !self.alive(at, life) {
            return;
        }
        let Some(job) = self.machines[at].daemon.as_ref().and_then(|daemon| daemon.jobs.get(&key)) else { return };
        if job.exit == Exit::Cancelled {
            return;
        }
        match job.call {
            Call::Service(Verb::Start, resource) => self.service_starts(at, resource),
            Call::Service(Verb::Stop, resource) => self.service_ends(at, resource),
            Call::Store(verb) => self.store_acts(at, verb),
            Call::Off(target) | Call::Reboot(target) => self.fence_acts(job.call, target),
            Call::On(target) => self.switch_on_soon(target),
            Call::Service(Verb::Check, _) | Call::PowerStatus(_) | Call::Query => {}
        }
    }

    pub(crate) fn job_ends(&mut self, at: usize, life: u64, key: JobKey) {
        if !self.alive(at, life) {
            return;
        }
        let Some(job) = self.machines[at].daemon.as_mut().and_then(|daemon| daemon.jobs.remove(&key)) else { return };
        let exit = self.answer(at, &job);
        note!(self, Some(at), "job {key:?} {:?} ends: {exit:?}", job.call);
        if self.mutation == Some(Mutation::LosesAnswers) && self.settling.is_some() && at == 0 {
            return;
        }
        let stderr = if exit == Exit::Code(1) { "it does not want to".to_owned() } else { String::new() };
        debug_assert!(stderr.len() < OUTPUT_LIMIT);
        let elapsed = Duration::from_micros(self.clock.now() - job.since);
        self.step_node(at, Input::JobDone { key, finished: Finished { exit, stdout: String::new(), stderr, elapsed } });
    }

    /// What the agent says, looking at its machine if it was asked about that.
    fn answer(&mut self, at: usize, job: &Running) -> Exit {
        let well = job.exit == Exit::Code(0);
        match job.call {
            Call::Service(Verb::Check, resource) if well => {
                if self.machines[at].running[resource] {
                    return Exit::Code(0);
                }
                self.checks.released(resource, at);
                return Exit::Code(7);
            }
            Call::Service(Verb::Stop, resource) if well => self.checks.released(resource, at),
            Call::Store(verb) if well => return self.store_answers(at, verb),
            Call::PowerStatus(target) if well => {
                return Exit::Code(if self.machines[target].power { 0 } else { services::EXIT_OFF });
            }
            _ => {}
        }
        job.exit.clone()
    }
}
