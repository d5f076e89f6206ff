//! Operations of a resource: one of a kind, and intervals only where something repeats.

use super::Check;
use crate::duration::format_duration;
use crate::resource::{OnFail, Operation, OperationName, Resource};
use crate::spot::Spot;
use std::collections::BTreeSet;

impl Check<'_, '_, '_> {
    /// The operations of every resource make sense together.
    pub(super) fn operations(&mut self) {
        for resource in self.config.resources.values() {
            let mut seen = BTreeSet::new();
            for (at, operation) in resource.operations.iter().enumerate() {
                let again = !seen.insert((operation.name, operation.interval));
                let Some((message, hint)) = self.wrong_operation(resource, operation, again) else { continue };
                let span = self.spots.of(&Spot::Operation(resource.name.clone(), at));
                self.report.error(span, message, Some(hint.to_owned()));
            }
        }
    }

    fn wrong_operation(
        &self,
        resource: &Resource,
        operation: &Operation,
        again: bool,
    ) -> Option<(String, &'static str)> {
        let (of, name) = (&resource.name, operation.name.as_str());
        if operation.name != OperationName::Monitor && operation.interval.is_some() {
            let hint = "only monitor has an interval; remove it";
            return Some((format!("`{name}` of `{of}` has an interval, but happens once"), hint));
        }
        if again {
            let message = match operation.interval {
                Some(interval) => format!("`{of}` has two monitors with the interval {}", format_duration(interval)),
                None => format!("`{of}` has two operations `{name}` without an interval"),
            };
            return Some((message, "merge them, or give each monitor another interval"));
        }
        if operation.on_fail == Some(OnFail::Fence) && !self.config.properties.fencing_enabled {
            let message = format!("a failed `{name}` of `{of}` should fence the node, but fencing is disabled");
            return Some((message, "set fencing-enabled = true, or choose another on-fail"));
        }
        None
    }
}
