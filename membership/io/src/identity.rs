//! Who a node is: the cluster's certificate authority, the certificate it signs for each node, and the files that hold
//! them.
//!
//! One authority (ECDSA P-256) per cluster is the whole trust: whoever has a certificate signed by it for the name
//! `beta` *is* node beta, from whatever address it speaks. The node name stands in the certificate twice: as the
//! common name, for people, and as a DNS name in a form that is exact (see [`name`]), for the check.
//!
//! ```text
//! authority directory           node directory
//!   ca.pem   0644                 ca.pem    0644
//!   ca.key   0600                 node.pem  0644
//!                                 node.key  0600
//! ```

mod authority;
mod files;
pub(crate) mod name;

pub use authority::{Authority, NodeKeys};
pub use name::of as node_named_in;

use config::NodeId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
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
    authority: CertificateDer<'static>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
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
            authority: self.authority.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone_key(),
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
        let authority = files::certificate(&dir.join(CA_CERTIFICATE), "the cluster's certificate")?;
        let certificate_path = dir.join(NODE_CERTIFICATE);
        let certificate = files::certificate(&certificate_path, "the node's certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|error| IdentityError::Damaged {
            path: key_path.clone(),
            reason: format!("no key in it ({error})"),
        })?;
        let node = check(&authority, &certificate)
            .map_err(|reason| IdentityError::Damaged { path: certificate_path.clone(), reason })?;
        let identity = Identity { node, authority, certificate, key };
        crate::quic::check_pair(&identity).map_err(|reason| IdentityError::Damaged { path: key_path, reason })?;
        Ok(identity)
    }

    /// Whose certificate this is.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The authority that every peer's certificate must be signed by.
    pub(crate) fn authority(&self) -> &CertificateDer<'static> {
        &self.authority
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

/// The node whose certificate this is, when `authority` signed it and it is valid now.
fn check(authority: &CertificateDer<'_>, certificate: &CertificateDer<'_>) -> Result<NodeId, String> {
    let anchor =
        webpki::anchor_from_trusted_cert(authority).map_err(|error| format!("bad {CA_CERTIFICATE}: {error}"))?;
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|error| error.to_string())?;
    parsed
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &[anchor],
            &[],
            UnixTime::now(),
            webpki::KeyUsage::client_auth(),
            None,
            None,
        )
        .map_err(|error| match error {
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
                format!("it is not signed by the cluster's authority in {CA_CERTIFICATE}")
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
