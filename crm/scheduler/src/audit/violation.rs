//! What the audit found, as data and as a sentence.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One reason not to carry a schedule out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule that is broken.
    pub rule: Rule,
    /// The id of the action that breaks it, where one does.
    pub action: Option<u32>,
    /// The resource it is about.
    pub resource: Option<String>,
    /// The node it is about.
    pub node: Option<String>,
    /// What is wrong, as a sentence without an end.
    pub says: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (rule {}", self.says, self.rule.word())?;
        match self.action {
            Some(id) => write!(f, ", action {id})"),
            None => f.write_str(")"),
        }
    }
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Ids are unique, edges lead to actions that exist, and never in a circle.
    Shape,
    /// Nothing is ordered twice.
    Double,
    /// What must run once is never planned to run twice.
    Single,
    /// What may run somewhere unseen is looked for before it is started.
    Probe,
    /// A clone has no more instances, and no more promoted ones, than it may have.
    Instances,
    /// Orders go to nodes that can carry them out.
    Place,
    /// What a lost node ran is stopped by its fencing alone, and nothing is started before that is confirmed.
    Unclean,
    /// Nodes are fenced only where that is enabled, allowed and called for.
    Fencing,
    /// Without quorum nothing comes up that the operator did not exempt.
    Quorum,
    /// Nothing is started where a location constraint, or its target role, forbids it.
    Forbidden,
    /// What is not managed is not touched.
    Managed,
    /// The steps of one resource follow each other.
    Steps,
    /// Orders between resources are kept.
    Order,
    /// What must be together, or apart, is.
    Together,
    /// A live migration goes from where the resource is, step by step.
    Migration,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 15] = [
        Rule::Shape,
        Rule::Double,
        Rule::Single,
        Rule::Probe,
        Rule::Instances,
        Rule::Place,
        Rule::Unclean,
        Rule::Fencing,
        Rule::Quorum,
        Rule::Forbidden,
        Rule::Managed,
        Rule::Steps,
        Rule::Order,
        Rule::Together,
        Rule::Migration,
    ];

    /// Its name, as in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Rule::Shape => "shape",
            Rule::Double => "double",
            Rule::Single => "single",
            Rule::Probe => "probe",
            Rule::Instances => "instances",
            Rule::Place => "place",
            Rule::Unclean => "unclean",
            Rule::Fencing => "fencing",
            Rule::Quorum => "quorum",
            Rule::Forbidden => "forbidden",
            Rule::Managed => "managed",
            Rule::Steps => "steps",
            Rule::Order => "order",
            Rule::Together => "together",
            Rule::Migration => "migration",
        }
    }
}
