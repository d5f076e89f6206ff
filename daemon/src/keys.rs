//! This node's keys: read at the start, and again when an operator has put others there; and a word in time before they
//! expire.

use anyhow::{Context, Result};
use crm::cib::Durable;
use membership_io::{Certificate, Identity};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Certificates that are valid for less than this are warned of.
const SOON: u64 = 30;

/// How often that is looked at.
pub const LOOK: Duration = Duration::from_secs(24 * 3600);

/// The keys as they lie in the directory now.
///
/// # Errors
/// What is wrong with them, and what to do.
pub fn load(directory: &Path, durable: &Durable) -> Result<Identity> {
    let identity = Identity::load(directory)
        .with_context(|| format!("cannot load the keys of this node from {}", directory.display()))?;
    Ok(identity.revoking(revoked(durable.revoked.keys())))
}

/// The fingerprints as bytes. All were checked when they were revoked.
pub fn revoked<'a>(written: impl Iterator<Item = &'a String>) -> BTreeSet<[u8; 32]> {
    written.filter_map(|text| config::read_fingerprint(text)).collect()
}

/// What to say about a certificate that expires soon.
pub fn expiring(certificate: &Certificate) -> Option<String> {
    let days = certificate.days_left(SystemTime::now());
    (days < SOON).then(|| {
        format!(
            "the certificate of this node expires in {days} days, and nobody will connect to it then; make another one \
             with `paceline cluster keys issue`"
        )
    })
}
