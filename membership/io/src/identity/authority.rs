//! The cluster's certificate authority and the keys it issues.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use std::time::{Duration, SystemTime};

/// What a certificate ends with in a PEM file.
const END: &str = "-----END CERTIFICATE-----";
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Clocks of hosts differ; a certificate used a moment after it was made must be valid everywhere.
const SKEW: Duration = DAY;
/// How long a node certificate is valid.
const NODE_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How long the authority is valid: longer than any certificate issued in its first years.
const AUTHORITY_LIFE: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The cluster's certificate authority. Whoever holds its key can add nodes to the cluster: keep it off the nodes.
pub struct Authority {
    /// Of the cluster's id.
    id: Option<String>,
    /// Its own certificate.
    certificate_pem: String,
    /// Its own, then those of authorities that are being replaced.
    trusted: Vec<CertificateDer<'static>>,
    trusted_pem: String,
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
    authorities_pem: String,
    authorities: Vec<CertificateDer<'static>>,
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
        let mut id = [0; 8];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut id).map_err(|_| IdentityError::Make {
            subject: cluster.to_owned(),
            reason: "the system has no randomness to give".to_owned(),
        })?;
        Authority::with_id(cluster, Some(format!("{:016x}", u64::from_be_bytes(id))))
    }

    /// An authority that takes the place of this one: of the same cluster, with a key of its own. Whoever is given its
    /// certificate is given this one's too, until [`Authority::settled`].
    ///
    /// # Errors
    /// [`IdentityError::Make`] when the system has no randomness to give.
    pub fn successor(&self, cluster: &str) -> Result<Authority, IdentityError> {
        let next = Authority::with_id(cluster, self.id.clone())?;
        let trusted = [next.trusted.as_slice(), &self.trusted].concat();
        Ok(Authority { trusted, trusted_pem: next.trusted_pem + &self.trusted_pem, ..next })
    }

    /// The same authority, and the ones before it are not trusted any more.
    #[must_use]
    pub fn settled(mut self) -> Authority {
        self.trusted.truncate(1);
        self.trusted_pem = self.certificate_pem.clone();
        self
    }

    /// How many authorities are trusted: more than one while one is being replaced.
    #[must_use]
    pub fn trusted(&self) -> usize {
        self.trusted.len()
    }

    /// The same authority, issuing for another cluster.
    #[cfg(test)]
    pub(crate) fn with_the_id_of(&self, other: &Authority) -> Authority {
        let key = KeyPair::from_pem(&self.key_pem).expect("its own");
        Authority {
            id: other.id.clone(),
            certificate_pem: self.certificate_pem.clone(),
            trusted: self.trusted.clone(),
            trusted_pem: self.trusted_pem.clone(),
            key_pem: self.key_pem.clone(),
            issuer: Issuer::from_ca_cert_der(&self.trusted[0], key).expect("its own"),
        }
    }

    fn with_id(cluster: &str, id: Option<String>) -> Result<Authority, IdentityError> {
        let failed =
            |error: rcgen::Error| IdentityError::Make { subject: cluster.to_owned(), reason: error.to_string() };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        validity(&mut params, SystemTime::now() - SKEW, SystemTime::now() + AUTHORITY_LIFE);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("paceline cluster {cluster}"));
        if let Some(id) = &id {
            let id = name::of_cluster(id).try_into().map_err(failed)?;
            params.subject_alt_names = vec![SanType::DnsName(id)];
        }
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Authority {
            id,
            certificate_pem: certificate.pem(),
            trusted: vec![certificate.der().clone()],
            trusted_pem: certificate.pem(),
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
        let trusted = files::certificates(&path, "the cluster's certificate")?;
        let damaged = |path: &Path, reason: String| IdentityError::Damaged { path: path.to_owned(), reason };
        let key_pem = String::from_utf8(key_pem).map_err(|_| damaged(&key_path, "it is not text".to_owned()))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|error| damaged(&key_path, error.to_string()))?;
        let issuer = Issuer::from_ca_cert_der(&trusted[0], key).map_err(|error| damaged(&path, error.to_string()))?;
        let trusted_pem = String::from_utf8(pem).map_err(|_| damaged(&path, "it is not text".to_owned()))?;
        let own = trusted_pem.find(END).map_or(trusted_pem.len(), |at| at + END.len());
        let authority = Authority {
            id: name::cluster_of(&trusted[0]),
            certificate_pem: format!("{}\n", &trusted_pem[..own]),
            trusted,
            trusted_pem,
            key_pem,
            issuer,
        };
        // A key that does not belong to the certificate would sign certificates that nobody accepts.
        let probe = NodeId::new("probe").expect("a valid name");
        check(&authority.trusted[..1], &authority.issue(&probe)?.certificate)
            .map_err(|reason| damaged(&key_path, format!("it does not belong to {CA_CERTIFICATE} ({reason})")))?;
        Ok(authority)
    }

    /// Writes `ca.pem` (0644) and `ca.key` (0600) to `dir`, which is made if need be.
    ///
    /// # Errors
    /// [`IdentityError::Write`].
    pub fn save(&self, dir: &Path) -> Result<(), IdentityError> {
        files::write(dir, CA_KEY, self.key_pem.as_bytes(), 0o600)?;
        files::write(dir, CA_CERTIFICATE, self.trusted_pem.as_bytes(), 0o644)
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
        let names = [name::encode(node)].into_iter().chain(self.id.as_deref().map(name::of_cluster));
        let names: Result<Vec<_>, _> = names.map(|name| name.try_into().map(SanType::DnsName)).collect();
        params.subject_alt_names = names.map_err(failed)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(NodeKeys {
            node: node.clone(),
            authorities_pem: self.trusted_pem.clone(),
            authorities: self.trusted.clone(),
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
        files::write(dir, CA_CERTIFICATE, self.authorities_pem.as_bytes(), 0o644)
    }

    /// For use in this process, without files and without the checks of [`Identity::load`].
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            node: self.node.clone(),
            authorities: self.authorities.clone(),
            about: Certificate::read(&self.certificate).expect("it was made a moment ago"),
            revoked: BTreeSet::new(),
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
