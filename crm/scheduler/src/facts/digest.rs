//! Whether a recorded call was made with the parameters of today.
//!
//! A history keeps fingerprints instead of parameters: MD5 of the parameters as an XML element, attributes sorted by
//! name, and of recurring operations their timeout among them (`CRM_meta_timeout`, milliseconds):
//!
//! ```text
//! " <parameters CRM_meta_timeout=\"20000\" ip=\"192.0.2.1\"/>\n"
//! ```
//!
//! One fingerprint covers all parameters; a second one, where the agent can reload, only those whose change needs a
//! restart, which the history names (`op-force-restart`).

use super::{Facts, operation, sets};
use crate::index::{NodeIx, ResourceIx};
use crate::rule::RuleContext;
use crate::situation::OperationHistory;
use md5::{Digest, Md5};
use std::collections::BTreeMap;

/// What changed since a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Nothing.
    Same,
    /// That was not recorded.
    Unknown,
    /// Something that the agent can take up while it runs.
    Reload,
    /// Something that needs a restart; of a recurring operation: that it is ordered anew.
    Restart,
}

impl Difference {
    /// Whether something is known to have changed.
    #[must_use]
    pub fn changed(self) -> bool {
        matches!(self, Difference::Reload | Difference::Restart)
    }
}

/// Compares the parameters that `operation` of `resource` was called with on `node` with those of today.
#[must_use]
pub fn compare(facts: &Facts<'_>, resource: ResourceIx, node: NodeIx, operation: &OperationHistory) -> Difference {
    let Some(recorded) = &operation.digest else { return Difference::Unknown };
    let today = parameters(facts, resource, node, &operation.name, operation.interval_ms);
    if let Some(recorded) = &operation.restart_digest {
        let named = operation.restart_params.as_deref();
        // Where none is named, all count.
        let names = |name: &str| named.is_none_or(|named| named.split_whitespace().any(|named| named == name));
        let relevant = today.iter().filter(|(name, _)| names(name));
        if hex(&element(relevant)) != *recorded {
            return Difference::Restart;
        }
    }
    if hex(&element(today.iter())) == *recorded {
        Difference::Same
    } else if operation.secure_digest.is_some() && today.values().any(|value| is_mask(value)) {
        without_secrets(&today, operation)
    } else if operation.interval_ms == 0 && operation.restart_digest.is_some() && !has_own(facts, resource, operation) {
        Difference::Reload
    } else {
        Difference::Restart
    }
}

/// Whether the operation has parameters of its own. A reload would be called without them.
fn has_own(facts: &Facts<'_>, resource: ResourceIx, operation: &OperationHistory) -> bool {
    let configured = operation::find(&facts[resource], &operation.name, operation.interval_ms);
    configured.and_then(|found| found.written).is_some_and(|written| !written.params.is_empty())
}

/// Whether a value stands in for a secret, in a configuration that was given away.
fn is_mask(value: &str) -> bool {
    value.len() > 1 && value.bytes().all(|byte| byte == b'*')
}

/// Compares what is not secret.
fn without_secrets(today: &BTreeMap<String, String>, operation: &OperationHistory) -> Difference {
    let Some(recorded) = &operation.secure_digest else { return Difference::Unknown };
    let secret = operation.secure_params.as_deref().unwrap_or_default();
    // What the fencing service itself reads does not count either.
    let left_out = |name: &str| name.starts_with("CRM_meta_") || name.starts_with("pcmk_");
    let secret = |name: &str| left_out(name) || secret.split_whitespace().any(|named| named == name);
    let rest = today.iter().filter(|(name, _)| !secret(name));
    if hex(&element(rest)) == *recorded { Difference::Same } else { Difference::Restart }
}

/// The fingerprint to record with a call that is made with these [parameters].
#[must_use]
pub fn of(parameters: &BTreeMap<String, String>) -> String {
    hex(&element(parameters.iter()))
}

/// The parameters that a call of operation `name` would be made with today, as far as fingerprints cover them: what its
/// agent gets, and of recurring operations the timeout (`CRM_meta_timeout`, milliseconds).
#[must_use]
pub fn parameters(
    facts: &Facts<'_>,
    resource: ResourceIx,
    node: NodeIx,
    name: &str,
    interval_ms: u64,
) -> BTreeMap<String, String> {
    let mut parameters = operation::parameters(facts, resource, Some(node));
    if let Some(written) = operation::find(&facts[resource], name, interval_ms).and_then(|found| found.written) {
        let node = Some(&facts[node].attributes);
        let context = RuleContext { now_ms: facts.situation.now_ms, node, ..RuleContext::default() };
        parameters.extend(sets::values(&written.params, &context));
    }
    // The connection into a container goes to wherever the container is.
    if parameters.get("addr").is_some_and(|address| address == "#uname")
        && let Some(host) = facts[resource].container.and_then(|container| facts[container].on.first())
    {
        parameters.insert("addr".to_string(), facts[*host].name.clone());
    }
    parameters.retain(|name, _| !name.starts_with("CRM_meta_") && name != "crm_feature_set");
    if interval_ms > 0 {
        let options = operation::options(facts, resource, name, interval_ms);
        parameters.insert("CRM_meta_timeout".to_string(), options.timeout_ms.to_string());
    }
    parameters
}

/// The fingerprint of a text, as hexadecimal digits.
fn hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = Vec::with_capacity(32);
    for byte in Md5::digest(text) {
        hex.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    String::from_utf8(hex).expect("digits are text")
}

/// The parameters as an element.
fn element<'p>(parameters: impl Iterator<Item = (&'p String, &'p String)>) -> String {
    let mut text = " <parameters".to_string();
    for (name, value) in parameters {
        text.push(' ');
        text.push_str(name);
        text.push_str("=\"");
        escape(value, &mut text);
        text.push('"');
    }
    text.push_str("/>\n");
    text
}

fn escape(value: &str, into: &mut String) {
    for letter in value.chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\n' => into.push_str("&#10;"),
            '\t' => into.push_str("&#9;"),
            '\r' => into.push_str("&#13;"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_serialised_as_recorded() {
        let none = BTreeMap::new();
        assert_eq!(hex(&element(none.iter())), "f2317cad3d54cec5d7d7aa7d0bf35cf8");
        let timeout = BTreeMap::from([("CRM_meta_timeout".to_string(), "20000".to_string())]);
        assert_eq!(hex(&element(timeout.iter())), "4811cef7f7f94e3a35a70be7916cb2fd");
        let quoted = BTreeMap::from([("a".to_string(), "<\"&\">".to_string())]);
        assert_eq!(element(quoted.iter()), " <parameters a=\"&lt;&quot;&amp;&quot;&gt;\"/>\n");
    }
}
