//! Who a node is: the cluster's certificate authority, the certificate it signs for each node, and the files that hold
//! them.
//!
//! One authority (ECDSA P-256) per cluster is the whole trust: whoever has a certificate signed by it for the name
//! `beta` *is* node beta, from whatever address it speaks. The node name stands in the certificate twice: as the
//! common name, for people, and as a DNS name in a form that is exact (see [`name`]), for the check. So does the id of
//! the cluster, drawn when its first authority is made: two clusters never meet, even if somebody gave them one
//! authority and one name.
//!
//! `ca.pem` may hold several certificates. While the authority is being replaced every node trusts the old one and the
//! new one, until each has a certificate of the new one. A certificate that fell into wrong hands is revoked: named by
//! its fingerprint, and refused from then on whoever signed it.
//!
//! ```text
//! authority directory           node directory
//!   ca.pem   0644                 ca.pem    0644
//!   ca.key   0600                 node.pem  0644
//!                                 node.key  0600
//! ```

mod authority;
mod certificate;
mod files;
pub(crate) mod name;

pub use authority::{Authority, NodeKeys};
pub use certificate::Certificate;
pub use name::of as node_named_in;

use config::NodeId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The authority's certificate.
const CA_CERTIFICATE: &str = "ca.pem";
/// The authority's private key.
const CA_KEY: &str = "ca.key";
/// A node's certificate.
const NODE_CERTIFICATE: &str = "node.pem";
/// A node's private key.
const NODE_KEY: &str = "node.key";

/// Why certificates could not be made, written or used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file is not there.
    #[error(
        "{what} {path} does not exist; `paceline cluster init` makes it, or copy the node's key directory here again"
    )]
    Missing {
        /// What the file would hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read a private key.
    #[error("{path} can be read by others (mode {mode:03o}); run `chmod 600 {path}` and consider making a new key")]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("{path} is not usable: {reason}; restore it, or issue this node a new certificate")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Making a key or a certificate failed.
    #[error("cannot make a certificate for {subject}: {reason}")]
    Make {
        /// For whom.
        subject: String,
        /// Why.
        reason: String,
    },
}

/// What one node needs to prove who it is and to check who the others are. Read from files with [`Identity::load`].
pub struct Identity {
    node: NodeId,
    authorities: Vec<CertificateDer<'static>>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    about: Certificate,
    revoked: BTreeSet<[u8; 32]>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Clone for Identity {
    fn clone(&self) -> Identity {
        Identity {
            node: self.node.clone(),
            authorities: self.authorities.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone_key(),
            about: self.about.clone(),
            revoked: self.revoked.clone(),
        }
    }
}

impl Identity {
    /// Reads `ca.pem`, `node.pem` and `node.key` from `dir` and checks that they belong together and that the
    /// certificate is valid now.
    ///
    /// # Errors
    /// [`IdentityError`] names the file and what to do about it.
    pub fn load(dir: &Path) -> Result<Identity, IdentityError> {
        let key_path = dir.join(NODE_KEY);
        let key_pem = files::read(&key_path, "the node's private key")?;
        files::private(&key_path)?;
        let authorities = files::certificates(&dir.join(CA_CERTIFICATE), "the cluster's certificate")?;
        let certificate_path = dir.join(NODE_CERTIFICATE);
        let certificate = files::certificate(&certificate_path, "the node's certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|error| IdentityError::Damaged {
            path: key_path.clone(),
            reason: format!("no key in it ({error})"),
        })?;
        let damaged = |reason| IdentityError::Damaged { path: certificate_path.clone(), reason };
        let node = check(&authorities, &certificate).map_err(damaged)?;
        let about = Certificate::read(&certificate).map_err(damaged)?;
        let identity = Identity { node, authorities, certificate, key, about, revoked: BTreeSet::new() };
        crate::quic::check_pair(&identity).map_err(|reason| IdentityError::Damaged { path: key_path, reason })?;
        Ok(identity)
    }

    /// Whose certificate this is.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// What this node's certificate says.
    #[must_use]
    pub fn about(&self) -> &Certificate {
        &self.about
    }

    /// The same, refusing certificates with these fingerprints.
    #[must_use]
    pub fn revoking(mut self, revoked: BTreeSet<[u8; 32]>) -> Identity {
        self.revoked = revoked;
        self
    }

    /// The fingerprints of the certificates that are refused.
    pub(crate) fn revoked(&self) -> &BTreeSet<[u8; 32]> {
        &self.revoked
    }

    /// What this node has against a peer's certificate, that TLS does not see: it was revoked, or is of another
    /// cluster.
    fn objection(&self, certificate: &CertificateDer<'_>) -> Option<String> {
        let about = match Certificate::read(certificate) {
            Ok(about) => about,
            Err(reason) => return Some(format!("its certificate cannot be read: {reason}")),
        };
        if self.revoked.contains(&about.fingerprint) {
            let fingerprint = config::write_fingerprint(&about.fingerprint);
            return Some(format!("its certificate {fingerprint} was revoked; it needs another one"));
        }
        let id = |of: &Certificate| of.cluster.clone().unwrap_or_else(|| "none".to_owned());
        (about.cluster != self.about.cluster).then(|| {
            let (theirs, ours) = (id(&about), id(&self.about));
            format!("its certificate is of another cluster: the id of that one is {theirs}, of this one {ours}")
        })
    }

    /// Why a certificate is not accepted now, although TLS accepted it: [`Identity::objection`], or its authority is
    /// not trusted any more since the handshake began.
    pub(crate) fn rejects(&self, certificate: &CertificateDer<'_>) -> Option<String> {
        let untrusted = || "its certificate is not signed by this cluster's authority any more".to_owned();
        self.objection(certificate).or_else(|| (!self.trusts(certificate)).then(untrusted))
    }

    /// Whether one of the authorities that this node trusts now signed the certificate.
    fn trusts(&self, certificate: &CertificateDer<'_>) -> bool {
        !check(&self.authorities, certificate).is_err_and(|reason| reason.starts_with(UNTRUSTED))
    }

    /// The same certificate, trusting whom `other` trusts.
    #[cfg(test)]
    pub(crate) fn trusting_as(mut self, other: &Identity) -> Identity {
        self.authorities = other.authorities.clone();
        self
    }

    /// The authorities one of which must have signed a peer's certificate.
    pub(crate) fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// This node's certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// This node's key.
    #[must_use]
    pub fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }
}

/// How the reason begins why a certificate is not accepted whose authority is none of the cluster's.
const UNTRUSTED: &str = "it is not signed by the cluster's authority";

/// The node whose certificate this is, when one of `authorities` signed it and it is valid now.
fn check(authorities: &[CertificateDer<'_>], certificate: &CertificateDer<'_>) -> Result<NodeId, String> {
    let anchors: Result<Vec<_>, _> = authorities.iter().map(webpki::anchor_from_trusted_cert).collect();
    let anchors = anchors.map_err(|error| format!("bad {CA_CERTIFICATE}: {error}"))?;
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|error| error.to_string())?;
    parsed
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &[],
            UnixTime::now(),
            webpki::KeyUsage::client_auth(),
            None,
            None,
        )
        .map_err(|error| match error {
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
                format!("{UNTRUSTED} in {CA_CERTIFICATE}")
            }
            webpki::Error::CertExpired { .. } => {
                "the certificate has expired (or the clock of this host is wrong)".into()
            }
            webpki::Error::CertNotValidYet { .. } => {
                "the certificate is not valid yet: is the clock of this host right?".to_owned()
            }
            other => format!("the certificate does not verify: {other}"),
        })?;
    name::of(certificate).ok_or_else(|| "the certificate names no paceline node".to_owned())
}

#[cfg(test)]
mod tests;
