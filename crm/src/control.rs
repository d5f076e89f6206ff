//! What a client may ask a node over its control socket, and the answers. One JSON object per line in each direction;
//! this is the stable, versioned interface of the daemon.

mod ring;

pub use ring::{CertificateReport, LinkReport, PeerLinks, RingReport};

use crate::cib::{Attribute, Attributes, Forced, Generation, OverrideEdit, Revocation};
use crate::event::Event;
use crate::summary::Summary;
use config::{NodeId, Problem, QuorumOptions, ResourceId};
use fencing::{HistoryEntry, Request as FencingRequest};
use membership::Quorum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of this interface, sent in [`Response::Refused`] when a request is not understood.
pub const VERSION: u32 = 1;

/// Longest line accepted, in bytes.
pub const MAX_LINE: usize = 4 * 1024 * 1024;

/// The names under which `paceline` stands in the path of OCF agents: commands of the peer that they call. Those that
/// it does not offer say so, before a peer that is installed but not in charge is asked.
pub const AGENT_COMMANDS: [&str; 8] =
    ["attrd_updater", "cibadmin", "crm_attribute", "crm_master", "crm_mon", "crm_node", "crm_resource", "pacemakerd"];

/// A question or a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// The whole situation; answered with [`Response::Summary`].
    Status,
    /// Votes; answered with [`Response::Quorum`].
    Quorum,
    /// Go on without the nodes that are not here, although there is no quorum. Answered like [`Request::Apply`].
    ForceQuorum {
        /// Those, as the operator knows them.
        given_up: BTreeSet<NodeId>,
        /// Whether the cluster is to fence them first; else the operator swears that they are off.
        fence: bool,
    },
    /// This node's ring and links; answered with [`Response::Ring`].
    Ring,
    /// Write down what this node's ring did of late; answered with [`Response::Recorded`].
    RecordRing,
    /// Open requests and verdicts; answered with [`Response::Fencing`].
    Fencing,
    /// The cluster file in force; answered with [`Response::Config`].
    Config,
    /// Everything that the scheduler looks at, complete, to be looked at elsewhere; answered with
    /// [`Response::Situation`].
    Situation,
    /// What would change if this were the cluster file, and which actions that would cause; changes nothing. Answered
    /// with [`Response::Plan`] or [`Response::Invalid`]. Any member answers.
    Plan {
        /// The file.
        text: String,
    },
    /// Make this the cluster file. Answered with [`Response::Done`] once a quorum of nodes has it on disk.
    Apply {
        /// The file.
        text: String,
        /// Only if the version in force is still this one.
        base: Option<Generation>,
    },
    /// Change an override. Answered like [`Request::Apply`].
    Override {
        /// What.
        edit: OverrideEdit,
    },
    /// Note an attribute of a node or of the cluster, or remove it. Answered like [`Request::Apply`] when it is noted
    /// for good, else as soon as it is in force.
    Note {
        /// What.
        attribute: Attribute,
    },
    /// A certificate of a node is not to be accepted any more. Answered like [`Request::Apply`].
    Revoke(Revocation),
    /// The keys in this node's key directory are others now: use them. Answered with [`Response::Done`].
    Renew,
    /// All attributes that were noted; answered with [`Response::Attributes`].
    Attributes,
    /// Forget failures; answered with [`Response::Done`].
    Cleanup {
        /// Which resource; absent for all.
        resource: Option<ResourceId>,
        /// Where; absent for everywhere.
        node: Option<NodeId>,
    },
    /// Stop and start a resource once.
    Restart {
        /// Which.
        resource: ResourceId,
    },
    /// The operator swears that this node is off.
    ConfirmFenced {
        /// Who.
        node: NodeId,
    },
    /// Answer with [`Response::Done`] as soon as the cluster has nothing left to do (or with [`Response::Refused`] if
    /// it cannot get there, saying what blocks it).
    WaitIdle {
        /// Give up after this many milliseconds.
        timeout_ms: u64,
    },
    /// Events from now on, each as one [`Response::Event`], until the client hangs up.
    Events {
        /// First the remembered ones.
        history: bool,
    },
    /// Leave the cluster in order: resources move away, then the daemon ends. Answered with [`Response::Done`] when
    /// left.
    Shutdown,
}

/// How quorum comes about in this cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumSetting {
    /// The options in force.
    pub options: QuorumOptions,
    /// The votes that the cluster file gives to each node.
    pub nodes: BTreeMap<NodeId, u32>,
    /// All nodes were seen together since the last full stop, or quorum was reached.
    pub all_seen: bool,
    /// Quorum was forced, and is still.
    pub forced: Option<Forced>,
    /// Nodes of which nobody knows that they are off: were quorum forced now, they would have to be.
    pub in_doubt: Vec<NodeId>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "kebab-case")]
pub enum Response {
    /// To [`Request::Status`].
    Summary(Box<Summary>),
    /// To [`Request::Quorum`].
    Quorum {
        /// The decision and its numbers.
        quorum: Quorum,
        /// The view, as text.
        view: String,
        /// Its members.
        members: Vec<NodeId>,
        /// What else is to be said of it.
        #[serde(default)]
        setting: Box<QuorumSetting>,
    },
    /// To [`Request::Ring`].
    Ring(Box<RingReport>),
    /// To [`Request::RecordRing`].
    Recorded {
        /// The file, on the node that was asked.
        file: String,
    },
    /// To [`Request::Fencing`].
    Fencing {
        /// Without a verdict yet.
        open: Vec<FencingRequest>,
        /// Verdicts, newest last.
        history: Vec<HistoryEntry>,
    },
    /// To [`Request::Attributes`].
    Attributes {
        /// The node that answers.
        node: NodeId,
        /// Of each node that is configured, those that last until it leaves.
        lives: BTreeMap<NodeId, BTreeMap<String, String>>,
        /// Those that last for good.
        lasting: Attributes,
    },
    /// To [`Request::Config`].
    Config {
        /// The cluster file.
        text: String,
        /// Its version.
        generation: Generation,
    },
    /// To [`Request::Situation`].
    Situation {
        /// A [`scheduler::situation::Situation`] as JSON: what `paceline simulate --state` reads.
        situation: serde_json::Value,
    },
    /// To [`Request::Plan`].
    Plan {
        /// The version it was computed against; give it as `base` to apply exactly this.
        base: Generation,
        /// What differs between the files, in sentences; empty: nothing.
        differences: Vec<String>,
        /// The actions it would cause, in a possible order: what, and why.
        actions: Vec<PlannedAction>,
        /// Resources that would run nowhere, and why.
        stopped: Vec<PlannedAction>,
        /// Warnings of the checker.
        warnings: Vec<Problem>,
    },
    /// The file is not valid.
    Invalid {
        /// Everything wrong with it.
        problems: Vec<Problem>,
    },
    /// Done, and safe from power loss where that applies.
    Done {
        /// Version of the durable part afterwards.
        generation: Generation,
        /// False when it was already so.
        changed: bool,
    },
    /// Not done.
    Refused {
        /// What kind of refusal; decides the exit code of the CLI.
        kind: Refusal,
        /// What was tried, and why not.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// One event.
    Event(Event),
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// This partition has no quorum.
    NotQuorate,
    /// Something else changed the configuration first.
    Conflict,
    /// No such node, resource, ...
    NotFound,
    /// The request makes no sense here, or was not understood.
    Invalid,
    /// Not acknowledged in time: it may or may not take effect; ask again.
    Unknown,
    /// The node is busy or leaving.
    Unavailable,
}

/// An action in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// "start web on beta".
    pub what: String,
    /// "beta is the only node left".
    pub why: String,
}
