//! Random stories: views that break at any point of the order, power cuts, restarts, slow disks, agents that fail or
//! hang, fencings that fail. Throughout, no service runs twice (the cluster of the tests asserts it at every start) and
//! members of a view agree. At the end everything is mended, and then all that was acknowledged must be there, and
//! every service must run.

use super::THREE;
use super::cluster::{Cluster, file, node, resource, service};
use crate::cib::OverrideEdit;
use crate::control::{Request, Response};
use crate::node::{ClientId, Input};
use config::{NodeId, TargetRole};
use std::collections::BTreeSet;
use std::time::Duration;

const STORIES: u64 = 60;
const STEPS: u32 = 250;
const WISHES: u64 = 12;

struct Story {
    cluster: Cluster,
    random: fastrand::Rng,
    wishes: u64,
    granted: BTreeSet<u64>,
}

fn wish(number: u64) -> String {
    format!("wish{number}")
}

impl Story {
    fn new(seed: u64) -> Story {
        let mut rest = service("web") + &service("db");
        for number in 0..WISHES {
            rest += &service(&wish(number));
            rest += "target-role = \"stopped\"\n";
        }
        rest += "[[colocation]]\ndependent = \"web\"\nprimary = \"db\"\n";
        let mut cluster = Cluster::new(THREE, &file(THREE, &rest));
        cluster.join(&[THREE]);
        Story { cluster, random: fastrand::Rng::with_seed(seed), wishes: 0, granted: BTreeSet::new() }
    }

    fn anybody(&mut self) -> &'static str {
        THREE[self.random.usize(..THREE.len())]
    }

    fn living(&self) -> Vec<&'static str> {
        THREE.iter().copied().filter(|name| self.cluster.nodes.contains_key(&node(name))).collect()
    }

    fn step(&mut self) {
        match self.random.u32(..100) {
            0..4 => self.break_views(),
            4..6 => {
                let name = self.anybody();
                self.cluster.power_off(name);
            }
            6 => {
                let name = self.anybody();
                self.cluster.kill_daemon(name);
            }
            7..13 => {
                let name = self.anybody();
                if !self.cluster.nodes.contains_key(&node(name)) {
                    self.cluster.boot(name);
                    self.break_views();
                }
            }
            13..18 => self.make_a_wish(),
            18..20 => {
                let name = node(self.anybody());
                if !self.cluster.slow_disks.remove(&name) {
                    self.cluster.slow_disks.insert(name);
                }
            }
            20..22 => {
                let call = ["start web", "stop web", "start db", "stop db"][self.random.usize(..4)].to_owned();
                if !self.cluster.failing.remove(&call) {
                    self.cluster.failing.insert(call);
                }
            }
            22..24 => {
                let call = ["start web", "stop web", "check db"][self.random.usize(..3)].to_owned();
                if !self.cluster.hanging.remove(&call) {
                    self.cluster.hanging.insert(call);
                }
            }
            25 => {
                // A service dies by itself.
                let dead = self.cluster.running.iter().next().cloned();
                dead.map(|dead| self.cluster.running.remove(&dead));
            }
            24 => self.cluster.fencing_fails = self.random.u32(..3),
            26..40 => {
                let time = Duration::from_millis(self.random.u64(1..20_000));
                self.cluster.advance(time);
            }
            _ => {
                for _ in 0..self.random.u32(1..80) {
                    self.something_happens();
                }
            }
        }
        self.hear_answers();
    }

    fn something_happens(&mut self) {
        match self.random.u32(..3) {
            0 => self.cluster.write(),
            1 => self.cluster.work_any(&mut self.random),
            _ => self.cluster.deliver(),
        };
    }

    /// Some hear more of the end of the old views than others, each a prefix; then new views begin.
    fn break_views(&mut self) {
        let mut hearing: Vec<NodeId> = THREE.iter().map(|name| node(name)).collect();
        while !hearing.is_empty() && self.random.bool() {
            let gone = self.random.usize(..hearing.len());
            hearing.remove(gone);
            self.cluster.deliver_to(&|name| hearing.contains(name));
        }
        let mut groups: [Vec<&str>; 2] = [Vec::new(), Vec::new()];
        let whole = self.random.u32(..3) == 0;
        for name in self.living() {
            let side = usize::from(!whole && self.random.bool());
            groups[side].push(name);
        }
        let groups: Vec<&[&str]> = groups.iter().map(Vec::as_slice).filter(|group| !group.is_empty()).collect();
        self.cluster.join(&groups);
    }

    fn make_a_wish(&mut self) {
        let name = node(self.anybody());
        if self.wishes == WISHES || !self.cluster.nodes.contains_key(&name) {
            return;
        }
        let edit = OverrideEdit::TargetRole { resource: resource(&wish(self.wishes)), role: Some(TargetRole::Stopped) };
        let client = ClientId(self.wishes);
        self.wishes += 1;
        self.cluster.step(&name, Input::Request { client, request: Request::Override { edit } });
    }

    fn hear_answers(&mut self) {
        for (_, client, response) in self.cluster.replies.drain(..) {
            if matches!(response, Response::Done { changed: true, .. }) {
                self.granted.insert(client.0);
            }
        }
    }

    fn mend(&mut self) {
        let cluster = &mut self.cluster;
        cluster.slow_disks.clear();
        cluster.failing.clear();
        cluster.hanging.clear();
        cluster.fencing_fails = 0;
        // A fencing that was under way may still take a node down, which then comes back.
        for _ in 0..4 {
            for name in THREE {
                if !cluster.nodes.contains_key(&node(name)) {
                    cluster.boot(name);
                }
            }
            cluster.join(&[THREE]);
            cluster.pass(Duration::from_secs(100));
        }
        cluster.ask("alpha", Request::Cleanup { resource: None, node: None });
        cluster.pass(Duration::from_secs(60));
    }

    fn judge(&mut self) {
        let summary = self.cluster.summary("beta");
        assert!(self.living() == THREE && self.cluster.nodes.values().all(|node| node.quorate()));
        assert_eq!(summary.activity, "idle", "{summary:#?}");
        for number in &self.granted {
            let roles = &self.cluster.nodes[&node("gamma")].cib().durable.overrides.target_roles;
            assert_eq!(roles.get(&resource(&wish(*number))), Some(&TargetRole::Stopped), "wish {number} was granted");
        }
        assert!(self.cluster.place("db").is_some(), "{summary:#?}");
        assert_eq!(self.cluster.place("db"), self.cluster.place("web"), "{summary:#?}");
    }
}

#[test]
fn whatever_happens_nothing_runs_twice_and_nothing_acknowledged_is_lost() {
    let mut granted = 0;
    for seed in 0..STORIES {
        let mut story = Story::new(seed);
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..STEPS {
                story.step();
            }
            story.mend();
            story.judge();
        }));
        assert!(told.is_ok(), "story {seed} failed; its last events:\n{}", story.cluster.last_events(80));
        granted += story.granted.len();
    }
    assert!(granted > 50, "stories in which next to nothing is acknowledged prove nothing: {granted}");
}
