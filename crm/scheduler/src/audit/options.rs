//! The cluster options that the audit needs.

use super::setting;
use crate::rule::RuleContext;
use crate::situation::Situation;

/// What a partition without quorum may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Everything.
    Ignore,
    /// Keep what runs.
    Freeze,
    /// Nothing new, and nothing promoted.
    Demote,
    /// Nothing.
    Stop,
    /// Nothing; its nodes are fenced.
    Fence,
}

/// The options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Nodes may be fenced.
    pub(super) fencing: bool,
    /// Nodes that never reported anything count as unclean.
    pub(super) startup_fencing: bool,
    /// What happens without quorum.
    pub(super) policy: Policy,
    /// Nothing is managed.
    pub(super) maintenance: bool,
    /// What is managed unless it says otherwise.
    pub(super) managed: bool,
    /// Nothing is to run.
    pub(super) stop_all: bool,
}

impl Options {
    pub(super) fn of(situation: &Situation) -> Options {
        let context = RuleContext { now_ms: situation.now_ms, ..RuleContext::default() };
        let values: Vec<(&str, &str)> = setting::values(&situation.configuration.properties, &context).collect();
        let text = |names: &[&str]| {
            names.iter().find_map(|name| values.iter().find(|(known, _)| known == name)).map(|it| it.1)
        };
        let yes = |names: &[&str], default: bool| setting::yes(text(names)).unwrap_or(default);
        let fencing = yes(&["fencing-enabled", "stonith-enabled"], true);
        let policy = match text(&["no-quorum-policy"]).unwrap_or_default().to_ascii_lowercase().as_str() {
            "ignore" => Policy::Ignore,
            "freeze" => Policy::Freeze,
            "demote" => Policy::Demote,
            // Where nobody can be fenced, or no quorum was lost, the next best is to stop.
            "fence" | "suicide" if fencing && !situation.never_quorate => Policy::Fence,
            _ => Policy::Stop,
        };
        Options {
            fencing,
            startup_fencing: yes(&["startup-fencing"], true),
            policy,
            maintenance: yes(&["maintenance-mode"], false),
            managed: yes(&["is-managed-default"], true),
            stop_all: yes(&["stop-all-resources"], false),
        }
    }
}
