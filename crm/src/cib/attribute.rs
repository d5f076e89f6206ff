//! Node attributes: what agents and operators note about a node, or about the cluster, for rules, for other agents,
//! and for the scheduler (how much an instance wants to be promoted is one).
//!
//! What is noted until the node leaves is status: it goes with the node's life, and comes back with a node that was
//! only cut off for a moment. What is noted for good is durable like the cluster file, and needs quorum as it does.

use super::apply::quorate;
use super::{Cib, Context, News, Refused};
use crate::control::Refusal;
use config::NodeId;
use membership::Incarnation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What the cluster alone says about a node, to its scheduler.
const OWN: [&str; 2] = ["shutdown", "terminate"];

/// What only an operator says about a node, and not as an attribute: else the scheduler would heed it and nobody else.
const MODES: [&str; 2] = ["standby", "maintenance"];

/// What the names of failure counts begin with.
const OWN_PREFIXES: [&str; 2] = ["fail-count-", "last-failure-"];

/// Longest name, in bytes.
pub const MAX_ATTRIBUTE_NAME: usize = 256;

/// Longest value, in bytes.
pub const MAX_ATTRIBUTE_VALUE: usize = 4096;

/// Most attributes of one node (or of the cluster), of one kind.
pub const MOST_ATTRIBUTES: usize = 512;

/// What something is noted about, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A node, until it leaves (peer: lifetime reboot).
    Life {
        /// Which.
        node: NodeId,
    },
    /// A node, for good (peer: lifetime forever).
    Node {
        /// Which.
        node: NodeId,
    },
    /// The cluster, for good.
    Cluster,
}

/// One note, made or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// About what.
    pub subject: Subject,
    /// Its name.
    pub name: String,
    /// Its value; `None` removes it.
    pub value: Option<String>,
}

/// What is noted for good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// About nodes.
    #[serde(default)]
    pub nodes: BTreeMap<NodeId, BTreeMap<String, String>>,
    /// About the cluster.
    #[serde(default)]
    pub cluster: BTreeMap<String, String>,
}

impl Attribute {
    /// Whether it is noted for good.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        !matches!(self.subject, Subject::Life { .. })
    }

    fn well_formed(&self) -> Result<(), Refused> {
        let refuse = |message: String| Err(Refused::new(Refusal::Invalid, message, None));
        let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '<' | '>' | '&' | '=');
        if self.name.is_empty() || self.name.len() > MAX_ATTRIBUTE_NAME || self.name.contains(odd) {
            return refuse(format!(
                "{:?} is no name of an attribute: 1 to {MAX_ATTRIBUTE_NAME} visible characters without quotes, <, >, & \
                 and =",
                self.name
            ));
        }
        let Some(value) = &self.value else { return Ok(()) };
        if OWN.contains(&self.name.as_str()) || OWN_PREFIXES.iter().any(|prefix| self.name.starts_with(prefix)) {
            return refuse(format!("{} is the cluster's own word about a node and cannot be noted", self.name));
        }
        if MODES.contains(&self.name.as_str()) {
            let message = format!("{} is no attribute of a node", self.name);
            return Err(Refused::new(Refusal::Invalid, message, Some("run: paceline node standby|maintenance NODE")));
        }
        if value.len() > MAX_ATTRIBUTE_VALUE || value.contains(char::is_control) {
            return refuse(format!(
                "the value of {} has {} bytes or a line break; it may have {MAX_ATTRIBUTE_VALUE} on one line",
                self.name,
                value.len()
            ));
        }
        Ok(())
    }

    /// Carries it out. Whether anything is different afterwards.
    fn note(&self, notes: &mut BTreeMap<String, String>) -> Result<bool, Refused> {
        match &self.value {
            Some(_) if notes.len() >= MOST_ATTRIBUTES && !notes.contains_key(&self.name) => {
                let message = format!("{} is not noted: there are {MOST_ATTRIBUTES} attributes already", self.name);
                Err(Refused::new(Refusal::Invalid, message, Some("remove some: paceline node attribute --delete")))
            }
            Some(value) => Ok(notes.insert(self.name.clone(), value.clone()).as_ref() != Some(value)),
            None => Ok(notes.remove(&self.name).is_some()),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attribute { subject, name, value } = self;
        match subject {
            Subject::Life { node } | Subject::Node { node } => write!(f, "{node}: ")?,
            Subject::Cluster => write!(f, "cluster: ")?,
        }
        match value {
            Some(value) => write!(f, "{name} is {value}"),
            None => write!(f, "{name} is removed"),
        }
    }
}

impl Cib {
    /// Whether this note could be made now.
    pub(crate) fn may_note(&self, attribute: &Attribute) -> Result<(), Refused> {
        attribute.well_formed()?;
        match &attribute.subject {
            Subject::Cluster => Ok(()),
            Subject::Node { node } => self.known_node(node),
            Subject::Life { node } => {
                self.known_node(node)?;
                if self.online(node).is_some() {
                    return Ok(());
                }
                let message = format!("{node} is not online, so nothing can be noted until it leaves");
                Err(Refused::new(Refusal::Unavailable, message, Some("note it for good: --forever")))
            }
        }
    }

    /// What is noted under this name about exactly this subject.
    #[must_use]
    pub fn attribute(&self, subject: &Subject, name: &str) -> Option<&str> {
        let lasting = &self.durable.attributes;
        let value = match subject {
            Subject::Life { node } => self.status.nodes.get(node)?.attributes.get(name),
            Subject::Node { node } => lasting.nodes.get(node).and_then(|notes| notes.get(name)),
            Subject::Cluster => lasting.cluster.get(name),
        };
        value.map(String::as_str)
    }

    /// The life that a note would be about, where it is about one.
    pub(crate) fn life_of(&self, subject: &Subject) -> Option<Incarnation> {
        match subject {
            Subject::Life { node } => self.online(node),
            Subject::Node { .. } | Subject::Cluster => None,
        }
    }

    pub(super) fn note(
        &mut self,
        attribute: &Attribute,
        life: Option<Incarnation>,
        context: Context,
    ) -> Result<Option<News>, Refused> {
        self.may_note(attribute)?;
        if self.life_of(&attribute.subject) != life {
            // It was on its way while the node was lost and came back: what is noted ended with the life before.
            let message = format!("nothing was noted ({attribute}): that node has begun another life since");
            return Err(Refused::new(Refusal::Conflict, message, Some("note it again, if it still holds")));
        }
        let changed = match &attribute.subject {
            Subject::Life { node } => {
                let status = self.status.nodes.get_mut(node).expect("may_note() found it online");
                attribute.note(&mut status.attributes)?
            }
            Subject::Node { .. } | Subject::Cluster => {
                quorate(context, "nothing was noted")?;
                self.note_for_good(attribute, context)?
            }
        };
        Ok(changed.then(|| News::Noted(attribute.clone())))
    }

    fn note_for_good(&mut self, attribute: &Attribute, context: Context) -> Result<bool, Refused> {
        let lasting = &mut self.durable.attributes;
        let changed = match &attribute.subject {
            Subject::Node { node } => {
                let notes = lasting.nodes.entry(node.clone()).or_default();
                let changed = attribute.note(notes);
                lasting.nodes.retain(|_, notes| !notes.is_empty());
                changed?
            }
            Subject::Life { .. } | Subject::Cluster => attribute.note(&mut lasting.cluster)?,
        };
        if changed {
            self.durable.generation = self.next_generation(context);
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests;
