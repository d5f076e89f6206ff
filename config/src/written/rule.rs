//! Rules as written: conditions on node attributes, dates, and on the resource or operation that asks.

use serde::{Deserialize, Serialize};

/// Conditions, joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name in the configuration.
    pub id: String,
    /// How the conditions are joined.
    pub combine: Combine,
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// How conditions are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Combine {
    /// All must hold.
    #[default]
    And,
    /// One must hold.
    Or,
}

/// What a location rule is worth where it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleScore {
    /// A fixed score, as text (`INFINITY`, `-20`); text so that a bad one can be named.
    Score(String),
    /// The value of this node attribute.
    Attribute(String),
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// On an attribute of the node in question.
    Attribute {
        /// Its name in the configuration.
        id: String,
        /// Which attribute; `#uname`, `#id`, `#kind`, `#cluster-name`, `#site-name`, `#role`, `#ra-version` are built
        /// in.
        attribute: String,
        /// The test.
        comparison: Comparison,
        /// What it is compared with.
        value: Option<String>,
        /// Where `value` comes from.
        source: ValueSource,
        /// How the two are compared; `None`: as numbers or text, by what the value looks like.
        value_type: Option<ValueType>,
    },
    /// On the time.
    Date {
        /// Its name in the configuration.
        id: String,
        /// The test.
        test: DateTest,
        /// First moment, ISO 8601.
        start: Option<String>,
        /// Last moment, ISO 8601.
        end: Option<String>,
        /// Length of the range, instead of `end`.
        duration: Option<DateParts>,
        /// For [`DateTest::Spec`].
        spec: Option<DateParts>,
    },
    /// On the agent of the resource whose defaults are read.
    Resource {
        /// Its name in the configuration.
        id: String,
        /// The agent's class, when it matters.
        class: Option<String>,
        /// The agent's provider, when it matters.
        provider: Option<String>,
        /// The agent's type, when it matters.
        agent: Option<String>,
    },
    /// On the operation whose defaults are read.
    Operation {
        /// Its name in the configuration.
        id: String,
        /// The operation's name.
        name: String,
        /// The operation's interval, when it matters.
        interval: Option<String>,
    },
    /// A rule inside a rule.
    Rule(Rule),
}

/// A test on a node attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `lt`.
    Less,
    /// `lte`.
    LessOrEqual,
    /// `gt`.
    Greater,
    /// `gte`.
    GreaterOrEqual,
    /// `eq`.
    Equal,
    /// `ne`.
    NotEqual,
    /// The attribute has a value.
    Defined,
    /// The attribute has none.
    NotDefined,
    /// Not a test that exists; never holds.
    Unknown,
}

/// Where the value of an attribute condition comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueSource {
    /// The value itself.
    #[default]
    Literal,
    /// The value names a parameter of the constrained resource.
    Parameter,
    /// The value names a meta attribute of the constrained resource.
    Meta,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueType {
    /// As text, without regard to case.
    Text,
    /// As whole numbers.
    Integer,
    /// As floating-point numbers.
    Number,
    /// As version numbers, part by part.
    Version,
}

/// A test on the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DateTest {
    /// After `start`.
    Greater,
    /// Before `end`.
    Less,
    /// From `start` to `end` (or `start` plus `duration`).
    InRange,
    /// Every part of `spec` matches.
    Spec,
}

/// Parts of a date: ranges such as `1-5` in a specification, numbers in a duration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateParts {
    /// Name (`hours`, `monthdays`, `weekdays`, `weekyears`, ...) and range, as written.
    pub parts: Vec<(String, String)>,
}
