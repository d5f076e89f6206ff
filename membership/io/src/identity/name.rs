//! How a node's name stands in its certificate.
//!
//! TLS compares DNS names without regard to case and knows no `_`, node names differ in case and may have one. The name
//! is therefore written as hexadecimal labels: node `db_1` is `64625f31.node.paceline`. Labels hold at most 63
//! characters, so a name is cut after 31 bytes: at most three labels for the 64 bytes a name may have.

use config::NodeId;
use rustls::pki_types::CertificateDer;
use std::fmt::Write;

/// What all these names end in.
const SUFFIX: &str = ".node.paceline";
/// What the name of a cluster's id ends in.
const CLUSTER: &str = ".cluster.paceline";
/// Bytes of the name in one label.
const LABEL: usize = 31;

/// The DNS name that stands for `node`.
pub(crate) fn encode(node: &NodeId) -> String {
    let mut text = String::with_capacity(2 * node.as_str().len() + SUFFIX.len() + 2);
    for (place, label) in node.as_str().as_bytes().chunks(LABEL).enumerate() {
        if place > 0 {
            text.push('.');
        }
        for byte in label {
            write!(text, "{byte:02x}").expect("writing to a string works");
        }
    }
    text.push_str(SUFFIX);
    text
}

/// The node that a DNS name stands for.
fn decode(text: &str) -> Option<NodeId> {
    let digits: String = text.strip_suffix(SUFFIX)?.split('.').collect();
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect();
    let node = NodeId::new(std::str::from_utf8(&bytes?).ok()?).ok()?;
    // One name, one spelling.
    (encode(&node) == text).then_some(node)
}

/// The node that a certificate was issued for, if it was issued for exactly one.
#[must_use]
pub fn of(certificate: &CertificateDer<'_>) -> Option<NodeId> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut names = parsed.valid_dns_names().filter(|name| !name.ends_with(CLUSTER));
    let only = names.next()?;
    if names.next().is_some() {
        return None;
    }
    decode(only)
}

/// The DNS name that stands for the id of a cluster.
pub(super) fn of_cluster(id: &str) -> String {
    format!("{id}{CLUSTER}")
}

/// The id of the cluster that a certificate is of.
pub(super) fn cluster_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut ids = parsed.valid_dns_names().filter_map(|name| name.strip_suffix(CLUSTER));
    ids.next().filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_survives_and_is_a_dns_name() {
        let long = "x".repeat(config::MAX_NAME);
        for name in ["alpha", "a", "db_1", "n.example.org", "A-b_C.d", &long] {
            let node = NodeId::new(name).unwrap();
            let dns = encode(&node);
            assert!(rustls::pki_types::ServerName::try_from(dns.clone()).is_ok(), "{dns}");
            assert_eq!(decode(&dns), Some(node));
        }
    }

    #[test]
    fn names_that_differ_in_case_differ() {
        assert_ne!(encode(&NodeId::new("Alpha").unwrap()), encode(&NodeId::new("alpha").unwrap()));
    }

    #[test]
    fn other_names_are_no_nodes() {
        for text in [
            "",
            ".node.paceline",
            "alpha",
            "6.node.paceline",
            "zz.node.paceline",
            "2d.node.paceline",
            "éé.node.paceline",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("61.62.node.paceline"), None, "a second spelling of 'ab'");
    }
}
