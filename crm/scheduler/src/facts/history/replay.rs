//! One resource's history on one node, played back from the oldest operation to the newest: the role it ends in, and
//! the worst that a failure asks for.
//!
//! ```text
//! role:    unknown -> (each operation: what its success or failure means) -> role on this node
//! on-fail: ignore  -> (each failure: the worse of both; each success that ends a failure: ignore) -> reaction
//! ```
//!
//! The reaction is carried out by [`super::effect`], once, for what is left at the end.

use super::expiry;
use super::outcome::{self, Outcome, Verdict, code};
use super::{migration, running, sequence};
use crate::facts::Facts;
use crate::facts::operation::{self, OnFail};
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::{OperationHistory, OperationStatus, ResourceHistory};

/// What is known so far.
#[derive(Debug)]
pub(super) struct Replay<'f, 'a> {
    /// Changed in passing where an operation says something about more than this resource on this node.
    pub facts: &'f mut Facts<'a>,
    /// Whose history.
    pub resource: ResourceIx,
    /// Where.
    pub node: NodeIx,
    /// The history.
    pub history: &'a ResourceHistory,
    /// The role on this node after the operations so far.
    pub role: Role,
    /// What the failures so far ask for.
    pub on_fail: OnFail,
    /// The last failure.
    pub failure: Option<&'a OperationHistory>,
}

/// Plays back the history of `resource` on `node`. Returns role, reaction and the failure that asks for it.
pub(super) fn replay<'f, 'a>(
    facts: &'f mut Facts<'a>,
    resource: ResourceIx,
    node: NodeIx,
    history: &'a ResourceHistory,
) -> Replay<'f, 'a> {
    let (role, on_fail) = (Role::Unknown, OnFail::Ignore);
    let mut replay = Replay { facts, resource, node, history, role, on_fail, failure: None };
    for operation in sequence::in_order(history) {
        replay.operation(operation);
    }
    replay
}

impl<'a> Replay<'_, 'a> {
    fn operation(&mut self, op: &'a OperationHistory) {
        let outcome = outcome::judge(op, self.facts[self.resource].managed);
        let expired = expiry::expired(self.facts, self.resource, self.node, self.history, op, outcome);
        if outcome.masked && !expired {
            self.ban_here(Reason::AgentUnable { operation: op.name.clone() });
        }
        if expired {
            // What the failure asked for is forgotten, not what it proved.
            if outcome.role == Some(Role::Promoted) {
                self.role = Role::Promoted;
            }
            let node = &self.facts[self.node];
            if op.interval_ms > 0 && !op.is_last_failure() && node.online && !node.unclean {
                let forgotten = (op.interval_ms, self.node, op.call);
                self.facts.resources[self.resource.at()].expired_monitors.push(forgotten);
            }
            return;
        }
        match outcome.verdict {
            Verdict::Void => {}
            Verdict::Pending => self.pending(op),
            Verdict::Fine => {
                self.take_role(outcome);
                if outcome.exit_code == code::NOT_RUNNING {
                    self.forgive();
                }
                self.success(op, outcome.exit_code);
            }
            Verdict::Failed | Verdict::FailedHere | Verdict::FailedEverywhere => {
                self.take_role(outcome);
                self.failed(op, outcome);
            }
        }
    }

    fn take_role(&mut self, outcome: Outcome) {
        if let Some(role) = outcome.role {
            self.role = role;
        }
    }

    /// It runs, in the lowest role that it can run in.
    fn active(&mut self) {
        let top = self.facts.top(self.resource);
        self.role = if self.facts[top].promotable() || self.facts[self.resource].promotable() {
            Role::Unpromoted
        } else {
            Role::Started
        };
    }

    fn pending(&mut self, op: &'a OperationHistory) {
        match op.name.as_str() {
            "start" => {
                self.facts.resources[self.resource.at()].start_pending = true;
                self.active();
            }
            "promote" => self.role = Role::Promoted,
            "migrate_to" if self.facts[self.node].unclean => {
                // Nobody knows how far it came: the target must be stopped too.
                if let Some(target) = op.migrate_target.as_deref().and_then(|name| super::node_named(self.facts, name))
                {
                    let must_stop = &mut self.facts.resources[self.resource.at()].must_stop_on;
                    must_stop.push((target, Reason::MigrationCutOff));
                }
            }
            _ => {}
        }
        let resource = &mut self.facts.resources[self.resource.at()];
        if resource.pending.is_none() && !outcome::is_probe(op) {
            resource.pending = Some((op.name.clone(), self.node));
        }
    }

    /// The resource is where `op` wanted it to be, with this exit code.
    fn success(&mut self, op: &'a OperationHistory, exit_code: i32) {
        let ends_failures = match op.name.as_str() {
            _ if exit_code == code::NOT_INSTALLED => {
                self.role = Role::Stopped;
                false
            }
            _ if exit_code == code::NOT_RUNNING => true,
            "monitor" => {
                self.at_least_active();
                self.failure.is_some_and(|failure| failure.key == op.key)
            }
            "start" | "migrate_from" => {
                self.at_least_started(op);
                true
            }
            "stop" => {
                self.role = Role::Stopped;
                true
            }
            "promote" => {
                self.role = Role::Promoted;
                true
            }
            "demote" => {
                self.role = Role::Unpromoted;
                self.on_fail == OnFail::Demote
            }
            "migrate_to" => {
                migration::migrate_to_succeeded(self, op);
                false
            }
            _ => {
                self.at_least_active();
                false
            }
        };
        if ends_failures && cleared_by_success(self.on_fail, super::reconnect_interval_ms(self.facts, self.resource)) {
            self.forgive();
        }
    }

    /// What failures asked for so far has been done, or is not needed any more.
    fn forgive(&mut self) {
        self.on_fail = OnFail::Ignore;
        self.facts.resources[self.resource.at()].next_role = None;
    }

    fn at_least_active(&mut self) {
        if self.role < Role::Started {
            self.active();
        }
    }

    fn at_least_started(&mut self, op: &OperationHistory) {
        if op.name == "migrate_from" {
            self.role = Role::Started;
        } else {
            self.active();
        }
    }

    fn failed(&mut self, op: &'a OperationHistory, outcome: Outcome) {
        if op.status == OperationStatus::NotConnected {
            self.connection_lost();
        }
        if op.name == "stop"
            && outcome.verdict == Verdict::FailedHere
            && !super::fencing::can_fence(self.facts, self.node)
        {
            // It cannot be stopped, and its node cannot be stopped either: nothing is left to do.
            let because = self.because(op);
            self.facts.resources[self.resource.at()].failed = true;
            running::block(self.facts, self.resource, because);
        }
        let options = operation::options(self.facts, self.resource, &op.name, op.interval_ms);
        let containers_stop = options.on_fail == OnFail::RestartContainer && op.name == "stop";
        if options.on_fail == OnFail::Ignore || containers_stop {
            self.success(op, op.expected_exit_code.max(code::OK));
            self.facts.resources[self.resource.at()].failure_ignored = true;
            if containers_stop && rank(self.on_fail) <= rank(OnFail::Restart) {
                self.on_fail = OnFail::RestartContainer;
                self.failure = Some(op);
            }
            return;
        }
        self.failure(op, outcome.exit_code, options.on_fail, options.fail_role);
        let because = self.because(op);
        match outcome.verdict {
            Verdict::FailedHere => self.ban_here(because),
            Verdict::FailedEverywhere => self.ban_everywhere(because),
            Verdict::Pending | Verdict::Fine | Verdict::Void | Verdict::Failed => {}
        }
    }

    fn failure(&mut self, op: &'a OperationHistory, exit_code: i32, on_fail: OnFail, fail_role: Role) {
        self.failure = Some(op);
        if rank(self.on_fail) < rank(on_fail) {
            self.on_fail = on_fail;
        }
        let because = self.because(op);
        match op.name.as_str() {
            "stop" => {
                let node = self.node;
                self.facts.resources[self.resource.at()].bans.push((node, because.clone()));
            }
            "migrate_to" => migration::migrate_to_failed(self, op),
            "migrate_from" => migration::migrate_from_failed(self, op),
            "promote" => self.role = Role::Promoted,
            "demote" if on_fail == OnFail::Block => {
                self.role = Role::Promoted;
                self.facts.resources[self.resource.at()].next_role = Some((Role::Stopped, because.clone()));
            }
            "demote" if exit_code == code::NOT_RUNNING => self.role = Role::Stopped,
            "demote" => self.role = Role::Unpromoted,
            _ => {}
        }
        if outcome::is_probe(op) && exit_code == code::NOT_INSTALLED {
            self.role = Role::Stopped;
        } else if self.role < Role::Started {
            self.active();
        }
        let resource = &mut self.facts.resources[self.resource.at()];
        if fail_role != Role::Started && resource.next_role.as_ref().is_none_or(|(role, _)| *role < fail_role) {
            resource.next_role = Some((fail_role, because.clone()));
        }
        if fail_role == Role::Stopped {
            self.ban_everywhere(because);
        }
    }

    /// The node behind a connection cannot be asked: whatever the connection's own history says, it is down.
    fn connection_lost(&mut self) {
        let Some(connection) = self.facts[self.node].connection else { return };
        let connection = &mut self.facts.resources[connection.at()];
        if connection.managed {
            connection.failed = true;
            connection.recover.get_or_insert(Reason::Failed);
        }
    }

    /// What is said of an instance of an anonymous clone is said of all.
    fn banned(&self) -> ResourceIx {
        super::owner::anonymous_clone(self.facts, self.resource).unwrap_or(self.resource)
    }

    fn ban_here(&mut self, because: Reason) {
        let (banned, node) = (self.banned(), self.node);
        self.facts.resources[banned.at()].bans.push((node, because));
    }

    fn ban_everywhere(&mut self, because: Reason) {
        let banned = self.banned();
        for node in self.facts.all_nodes() {
            self.facts.resources[banned.at()].bans.push((node, because.clone()));
        }
    }

    /// The failure as a reason.
    pub(super) fn because(&self, op: &OperationHistory) -> Reason {
        Reason::OperationFailed {
            resource: self.facts[self.resource].id.clone(),
            operation: op.name.clone(),
            node: self.facts[self.node].name.clone(),
            exit_code: op.exit_code,
        }
    }
}

/// How bad a reaction is; the worst of several is carried out.
pub(super) fn rank(on_fail: OnFail) -> u8 {
    match on_fail {
        OnFail::Ignore => 0,
        OnFail::Demote => 1,
        OnFail::Restart => 2,
        OnFail::ResetRemote => 3,
        OnFail::RestartContainer => 4,
        OnFail::Ban => 5,
        OnFail::Block => 6,
        OnFail::Stop => 7,
        OnFail::Standby => 8,
        OnFail::Fence => 9,
    }
}

/// Whether a later success ends what a failure asked for. What was asked for a whole node, or for good, stays until
/// somebody cleans up.
fn cleared_by_success(on_fail: OnFail, reconnect_interval_ms: i64) -> bool {
    match on_fail {
        OnFail::Stop | OnFail::Fence | OnFail::Ban | OnFail::Standby => false,
        OnFail::ResetRemote => reconnect_interval_ms == 0,
        OnFail::Block | OnFail::Ignore | OnFail::Demote | OnFail::Restart | OnFail::RestartContainer => true,
    }
}
