//! Failure counts: how often what failed where, what is forgotten, and who may not run where because of it.

use crate::index::{NodeIx, ResourceIx};
use std::collections::BTreeMap;

/// Failure counts of primitives on nodes.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    /// By resource (first instance of an anonymous clone stands for all) and node.
    pub counts: BTreeMap<(ResourceIx, NodeIx), FailureCount>,
}

/// Failures of one resource on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureCount {
    /// How many that still count, all operations together; [`i64::MAX`] for INFINITY.
    pub count: i64,
    /// How many ever recorded, also expired ones.
    pub recorded: i64,
    /// When the last one happened, seconds since 1970.
    pub last: Option<i64>,
    /// The operations whose failures are recorded (`monitor_10000`), with their counts.
    pub operations: Vec<(String, i64)>,
    /// All of it has expired and is to be cleared.
    pub expired: bool,
    /// The history must be cleared for another reason (the definition changed, a remote was fenced), given here.
    pub clear: Option<&'static str>,
}
