//! What a certificate says about itself, for people and for the checks that TLS does not make.

use super::name;
use config::NodeId;
use rustls::pki_types::CertificateDer;
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The node it was issued for; none for one of an authority.
    pub node: Option<NodeId>,
    /// The id of the cluster that it is of.
    pub cluster: Option<String>,
    /// SHA-256 of the whole.
    pub fingerprint: [u8; 32],
    /// Until when it is valid.
    pub expires: SystemTime,
}

impl Certificate {
    /// Reads one. Whether it can be trusted is another question.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Certificate, String> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
        Ok(Certificate {
            node: name::of(certificate),
            cluster: name::cluster_of(certificate),
            fingerprint: digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes"),
            expires: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        })
    }

    /// Whole days until it expires, seen at `now`; 0 when it has.
    #[must_use]
    pub fn days_left(&self, now: SystemTime) -> u64 {
        self.expires.duration_since(now).map_or(0, |left| left.as_secs() / (24 * 3600))
    }
}
