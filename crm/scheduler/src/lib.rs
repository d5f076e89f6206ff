//! What should run where, and the way there: a pure function from a cluster's situation to a plan.
pub mod situation;
