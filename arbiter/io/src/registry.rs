//! What outlives the process: its own key, the clusters that it serves, and to whom it gave its vote.
//!
//! ```text
//! state directory
//!   keys/       the arbiter's own key and certificate, as a node's
//!   clusters/NAME/ca.pem        authorities whose nodes are of this cluster, one or more
//!   clusters/NAME/grant.json    the last grant; never to be restored from a backup
//!   clusters/NAME/revoked.json  certificates of its nodes that are refused
//! ```

use crate::tls;
use arbiter::{Fingerprint, Grant};
use config::{NodeId, read_fingerprint, write_fingerprint};
use membership_io::{Authority, Identity, IdentityError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, Error, RootCertStore};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Clusters of one arbiter.
const MOST_CLUSTERS: usize = 1000;

/// Longest file that is read.
const LONGEST: u64 = 256 * 1024;

/// The form of `grant.json` and `revoked.json`.
const FORM: u32 = 1;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file could not be read or written.
    #[error("cannot {what} {path}: {source}")]
    File {
        /// `read`, `write`, ...
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} is not usable: {reason}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The arbiter's own key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What was asked for cannot be done.
    #[error("{0}")]
    Refused(String),
}

/// The state directory.
#[derive(Clone, Debug)]
pub struct Registry {
    directory: PathBuf,
}

/// A grant as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    form: u32,
    grant: Grant,
}

/// Fingerprints as they are stored.
#[derive(Serialize, Deserialize)]
struct Revoked {
    form: u32,
    revoked: BTreeSet<String>,
}

impl Registry {
    /// The one in this directory, which need not exist yet.
    #[must_use]
    pub fn new(directory: &Path) -> Registry {
        Registry { directory: directory.to_owned() }
    }

    fn keys(&self) -> PathBuf {
        self.directory.join("keys")
    }

    fn cluster(&self, name: &str) -> PathBuf {
        self.directory.join("clusters").join(name)
    }

    /// Makes the arbiter's own key and certificate, once. Returns its fingerprint.
    ///
    /// # Errors
    /// When it has one already, or the files cannot be written.
    pub fn init(&self) -> Result<[u8; 32], RegistryError> {
        let keys = self.keys();
        if keys.exists() {
            let shown = write_fingerprint(&self.fingerprint()?);
            return Err(RegistryError::Refused(format!(
                "there is a key in {} already, with the fingerprint {shown}; move that directory away to make a new one, \
                 and tell every cluster its new fingerprint",
                keys.display()
            )));
        }
        let me = NodeId::new("arbiter").expect("a valid name");
        Authority::create("arbiter")?.issue(&me)?.save(&keys)?;
        self.hand_over(&keys)?;
        self.fingerprint()
    }

    /// The arbiter's own identity.
    ///
    /// # Errors
    /// When it has none, or one that cannot be used.
    pub fn identity(&self) -> Result<Identity, RegistryError> {
        if !self.keys().exists() {
            let text = format!("{} has no key; run `paceline-arbiter init` first", self.directory.display());
            return Err(RegistryError::Refused(text));
        }
        Ok(Identity::load(&self.keys())?)
    }

    /// What cluster files name this arbiter by.
    ///
    /// # Errors
    /// As for [`Registry::identity`].
    pub fn fingerprint(&self) -> Result<[u8; 32], RegistryError> {
        Ok(tls::fingerprint(self.identity()?.certificate()))
    }

    /// Serves nodes whose certificates the authority in `file` has signed, as the cluster `name`. What a cluster of
    /// this name had before is replaced, but for its grant and the certificates that it has revoked.
    ///
    /// # Errors
    /// When the file holds no certificate, or another cluster has this authority.
    pub fn add(&self, name: &str, file: &Path) -> Result<(), RegistryError> {
        NodeId::new(name).map_err(|error| RegistryError::Refused(format!("{name:?} is no name: {error}")))?;
        let text = read(file)?;
        let authorities = authorities(file, &text)?;
        let known = self.clusters()?;
        for (other, cluster) in known.iter().filter(|(other, _)| *other != name) {
            if cluster.authorities.iter().any(|authority| authorities.contains(authority)) {
                let text = format!("{} is the authority of the cluster {other} already", file.display());
                return Err(RegistryError::Refused(text));
            }
        }
        if known.len() >= MOST_CLUSTERS && !known.contains_key(name) {
            return Err(RegistryError::Refused(format!("an arbiter serves at most {MOST_CLUSTERS} clusters")));
        }
        let directory = self.cluster(name);
        fs::create_dir_all(&directory).map_err(|source| RegistryError::File {
            what: "make",
            path: directory.clone(),
            source,
        })?;
        write(&directory, "ca.pem", &text)?;
        self.hand_over(&self.directory.join("clusters"))
    }

    /// Serves a cluster no more, and forgets to whom it gave its vote there.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove(&self, name: &str) -> Result<(), RegistryError> {
        let directory = self.cluster(name);
        if NodeId::new(name).is_err() || !directory.exists() {
            return Err(RegistryError::Refused(format!("there is no cluster {name}")));
        }
        // Out of the way first: a grant that the service stores at this moment is not left behind for a later cluster
        // of the same name.
        let aside = self.cluster(&format!(".{name}.removed"));
        let removed = (|| {
            match fs::remove_dir_all(&aside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::rename(&directory, &aside)?;
            fs::remove_dir_all(&aside)
        })();
        removed.map_err(|source| RegistryError::File { what: "remove", path: directory, source })
    }

    /// Every cluster that it serves.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn clusters(&self) -> Result<BTreeMap<String, Cluster>, RegistryError> {
        let home = self.directory.join("clusters");
        let failed = |source| RegistryError::File { what: "read", path: home.clone(), source };
        let entries = match fs::read_dir(&home) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut clusters = BTreeMap::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            let file = self.cluster(&name).join("ca.pem");
            if !name.starts_with('.') && file.exists() {
                clusters.insert(name, Cluster::new(authorities(&file, &read(&file)?)?, &file)?);
            }
        }
        Ok(clusters)
    }

    /// What an earlier life put down for this cluster last.
    ///
    /// # Errors
    /// When it cannot be read: then nothing may be granted.
    pub(crate) fn grant(&self, name: &str) -> Result<Option<Grant>, RegistryError> {
        let file = self.cluster(name).join("grant.json");
        let stored: Option<Stored> = stored(&file)?;
        stored.map(|stored| formed(&file, stored.form).map(|()| stored.grant)).transpose()
    }

    /// The certificates that the nodes of this cluster have called revoked.
    ///
    /// # Errors
    /// When they cannot be read: then whoever has the key of one could have the vote go anywhere.
    pub(crate) fn revoked(&self, name: &str) -> Result<BTreeSet<Fingerprint>, RegistryError> {
        let file = self.cluster(name).join("revoked.json");
        let Some(Revoked { form, revoked }) = stored(&file)? else { return Ok(BTreeSet::new()) };
        formed(&file, form)?;
        let read = |text: &String| {
            let reason = || format!("{text:?} is no fingerprint");
            read_fingerprint(text).ok_or_else(|| RegistryError::Damaged { path: file.clone(), reason: reason() })
        };
        revoked.iter().map(read).collect()
    }

    /// Puts them on stable storage.
    ///
    /// # Errors
    /// When that fails; then they may or may not be there.
    pub(crate) fn store_revoked(&self, name: &str, revoked: &BTreeSet<Fingerprint>) -> Result<(), RegistryError> {
        let revoked = Revoked { form: FORM, revoked: revoked.iter().map(write_fingerprint).collect() };
        let text = serde_json::to_vec(&revoked).expect("strings have a JSON form");
        write(&self.cluster(name), "revoked.json", &text)
    }

    /// Puts a grant on stable storage.
    ///
    /// # Errors
    /// When that fails; then it may or may not be there.
    pub(crate) fn store(&self, name: &str, grant: &Grant) -> Result<(), RegistryError> {
        let text = serde_json::to_vec(&Stored { form: FORM, grant: grant.clone() }).expect("a grant has a JSON form");
        write(&self.cluster(name), "grant.json", &text)
    }

    /// Makes the owner of the state directory the owner of what an administrator has put into it.
    fn hand_over(&self, path: &Path) -> Result<(), RegistryError> {
        let failed = |path: &Path, source| RegistryError::File { what: "hand over", path: path.to_owned(), source };
        let owner = fs::metadata(&self.directory).map_err(|error| failed(&self.directory, error))?;
        let of = fs::metadata(path).map_err(|error| failed(path, error))?;
        if (of.uid(), of.gid()) != (owner.uid(), owner.gid()) {
            chown(path, Some(owner.uid()), Some(owner.gid())).map_err(|error| failed(path, error))?;
        }
        if of.is_dir() {
            for entry in fs::read_dir(path).map_err(|error| failed(path, error))? {
                self.hand_over(&entry.map_err(|error| failed(path, error))?.path())?;
            }
        }
        Ok(())
    }
}

/// The authorities of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    authorities: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Cluster {
    fn new(authorities: Vec<CertificateDer<'static>>, file: &Path) -> Result<Cluster, RegistryError> {
        let damaged = |reason: String| RegistryError::Damaged { path: file.to_owned(), reason };
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|error| damaged(error.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), tls::provider())
            .build()
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Cluster { authorities, verifier })
    }
}

/// The clusters that are served now, for whoever has to know whose certificate one is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members(Arc<RwLock<BTreeMap<String, Cluster>>>);

impl Members {
    /// Replaces them.
    pub(crate) fn set(&self, clusters: BTreeMap<String, Cluster>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = clusters;
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The cluster whose authority has signed this certificate of a node.
    ///
    /// # Errors
    /// None has, or it is not valid now.
    pub(crate) fn cluster_of(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<String, Error> {
        let clusters = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut worse = None;
        for (name, cluster) in &*clusters {
            match cluster.verifier.verify_client_cert(certificate, &[], now) {
                Ok(_) => return Ok(name.clone()),
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {}
                Err(error) => worse = Some(format!("its certificate is of the cluster {name}, but: {error}")),
            }
        }
        let stranger = "no registered cluster has signed its certificate (paceline-arbiter add CLUSTER CA.pem)";
        Err(Error::General(worse.unwrap_or_else(|| stranger.to_owned())))
    }
}

fn authorities(file: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, RegistryError> {
    let damaged = |reason: String| RegistryError::Damaged { path: file.to_owned(), reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| damaged(error.to_string()))?;
    if found.is_empty() {
        return Err(damaged("no certificate in it; it is the `ca.pem` that `paceline cluster init` made".to_owned()));
    }
    Ok(found)
}

/// What lies in a file of the service's own, if it is there.
fn stored<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, RegistryError> {
    if !file.exists() {
        return Ok(None);
    }
    let damaged =
        |error: serde_json::Error| RegistryError::Damaged { path: file.to_owned(), reason: error.to_string() };
    serde_json::from_slice(&read(file)?).map(Some).map_err(damaged)
}

/// Whether a file has the form that this program reads.
fn formed(file: &Path, form: u32) -> Result<(), RegistryError> {
    let reason = || format!("it has form {form}, this program reads form {FORM}");
    if form == FORM { Ok(()) } else { Err(RegistryError::Damaged { path: file.to_owned(), reason: reason() }) }
}

fn read(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let failed = |source| RegistryError::File { what: "read", path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > LONGEST {
        return Err(RegistryError::Damaged { path: path.to_owned(), reason: format!("{size} bytes are too many") });
    }
    fs::read(path).map_err(failed)
}

/// Written beside, made durable, then renamed: after a loss of power it is the old file or the new one.
fn write(directory: &Path, name: &str, content: &[u8]) -> Result<(), RegistryError> {
    let path = directory.join(name);
    let beside = directory.join(format!(".{name}.new"));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(directory)?.sync_all()
    })();
    written.map_err(|source| RegistryError::File { what: "write", path, source })
}

#[cfg(test)]
mod tests;
