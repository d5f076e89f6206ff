//! The cluster's certificate authority and the keys it issues.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Clocks of hosts differ; a certificate used a moment after it was made must be valid everywhere.
const SKEW: Duration = DAY;
/// How long a node certificate is valid.
const NODE_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How long the authority is valid: longer than any certificate issued in its first years.
const AUTHORITY_LIFE: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The cluster's certificate authority. Whoever holds its key can add nodes to the cluster: keep it off the nodes.
pub struct Authority {
    certificate_pem: String,
    certificate: CertificateDer<'static>,
    key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A node's new key and certificate, to be written to its key directory.
pub struct NodeKeys {
    node: NodeId,
    authority_pem: String,
    authority: CertificateDer<'static>,
    certificate_pem: String,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeKeys").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority for the cluster of this name (a label for people).
    ///
    /// # Errors
    /// [`IdentityError::Make`] when the system has no randomness to give.
    pub fn create(cluster: &str) -> Result<Authority, IdentityError> {
        let failed =
            |error: rcgen::Error| IdentityError::Make { subject: cluster.to_owned(), reason: error.to_string() };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        validity(&mut params, SystemTime::now() - SKEW, SystemTime::now() + AUTHORITY_LIFE);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("paceline cluster {cluster}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Authority {
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key_pem: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Reads `ca.pem` and `ca.key` from `dir`.
    ///
    /// # Errors
    /// [`IdentityError`] names the file and what to do about it.
    pub fn load(dir: &Path) -> Result<Authority, IdentityError> {
        let key_path = dir.join(CA_KEY);
        let key_pem = files::read(&key_path, "the cluster's private key")?;
        files::private(&key_path)?;
        let path = dir.join(CA_CERTIFICATE);
        let pem = files::read(&path, "the cluster's certificate")?;
        let certificate = files::certificate(&path, "the cluster's certificate")?;
        let damaged = |path: &Path, reason: String| IdentityError::Damaged { path: path.to_owned(), reason };
        let key_pem = String::from_utf8(key_pem).map_err(|_| damaged(&key_path, "it is not text".to_owned()))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|error| damaged(&key_path, error.to_string()))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|error| damaged(&path, error.to_string()))?;
        let authority = Authority {
            certificate_pem: String::from_utf8(pem).map_err(|_| damaged(&path, "it is not text".to_owned()))?,
            certificate,
            key_pem,
            issuer,
        };
        // A key that does not belong to the certificate would sign certificates that nobody accepts.
        let probe = NodeId::new("probe").expect("a valid name");
        check(&authority.certificate, &authority.issue(&probe)?.certificate)
            .map_err(|reason| damaged(&key_path, format!("it does not belong to {CA_CERTIFICATE} ({reason})")))?;
        Ok(authority)
    }

    /// Writes `ca.pem` (0644) and `ca.key` (0600) to `dir`, which is made if need be.
    ///
    /// # Errors
    /// [`IdentityError::Write`].
    pub fn save(&self, dir: &Path) -> Result<(), IdentityError> {
        files::write(dir, CA_KEY, self.key_pem.as_bytes(), 0o600)?;
        files::write(dir, CA_CERTIFICATE, self.certificate_pem.as_bytes(), 0o644)
    }

    /// Makes a key and a certificate for `node`, valid from yesterday (clocks differ) for ten years.
    ///
    /// # Errors
    /// [`IdentityError::Make`] when the system has no randomness to give.
    pub fn issue(&self, node: &NodeId) -> Result<NodeKeys, IdentityError> {
        self.issue_for(node, SystemTime::now() - SKEW, SystemTime::now() + NODE_LIFE)
    }

    /// Like [`Authority::issue`], valid between these moments.
    ///
    /// # Errors
    /// [`IdentityError::Make`] when the system has no randomness to give.
    pub fn issue_for(&self, node: &NodeId, from: SystemTime, until: SystemTime) -> Result<NodeKeys, IdentityError> {
        let failed = |error: rcgen::Error| IdentityError::Make { subject: node.to_string(), reason: error.to_string() };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        validity(&mut params, from, until);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, node.as_str());
        params.subject_alt_names = vec![SanType::DnsName(name::encode(node).try_into().map_err(failed)?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(NodeKeys {
            node: node.clone(),
            authority_pem: self.certificate_pem.clone(),
            authority: self.certificate.clone(),
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        })
    }
}

impl NodeKeys {
    /// Writes `ca.pem`, `node.pem` (0644) and `node.key` (0600) to `dir`, which is made if need be.
    ///
    /// # Errors
    /// [`IdentityError::Write`].
    pub fn save(&self, dir: &Path) -> Result<(), IdentityError> {
        files::write(dir, NODE_KEY, self.key.serialize_pem().as_bytes(), 0o600)?;
        files::write(dir, NODE_CERTIFICATE, self.certificate_pem.as_bytes(), 0o644)?;
        files::write(dir, CA_CERTIFICATE, self.authority_pem.as_bytes(), 0o644)
    }

    /// For use in this process, without files and without the checks of [`Identity::load`].
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            node: self.node.clone(),
            authority: self.authority.clone(),
            certificate: self.certificate.clone(),
            key: rustls::pki_types::PrivatePkcs8KeyDer::from(self.key.serialize_der()).into(),
        }
    }
}

fn validity(params: &mut CertificateParams, from: SystemTime, until: SystemTime) {
    let beginning = date_time_ymd(1970, 1, 1);
    let since = |moment: SystemTime| moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    params.not_before = beginning + since(from);
    params.not_after = beginning + since(until);
}
