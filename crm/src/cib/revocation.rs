//! Certificates that no member accepts any more, although the cluster's authority signed them: who has the key of one
//! could speak as its node. Kept with the cluster file, so that every member knows at the same place of the order, and
//! whoever was away when it is back.

use super::apply::{Context, News, quorate};
use super::{Cib, Refused};
use crate::control::Refusal;
use config::NodeId;
use serde::{Deserialize, Serialize};

/// So many are remembered; who has that many to revoke needs another authority.
const MOST: usize = 1000;

/// One certificate that is refused from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The node it was issued for.
    pub node: NodeId,
    /// Its fingerprint: `sha256:` and 64 digits.
    pub certificate: String,
}

impl Cib {
    /// Whether this certificate can be revoked.
    pub(crate) fn may_revoke(&self, revocation: &Revocation) -> Result<(), Refused> {
        let refuse = |what: String, hint| Err(Refused::new(Refusal::Invalid, what, Some(hint)));
        let certificate = &revocation.certificate;
        let read = config::read_fingerprint(certificate);
        if read.is_none_or(|bytes| config::write_fingerprint(&bytes) != *certificate) {
            let what = format!("{certificate:?} is not the fingerprint of a certificate");
            return refuse(what, "see: paceline cluster keys show");
        }
        if self.durable.revoked.len() >= MOST && !self.durable.revoked.contains_key(certificate) {
            let what = format!("{MOST} certificates are revoked already, and no more are remembered");
            return refuse(what, "replace the authority: paceline cluster keys roll");
        }
        Ok(())
    }

    pub(super) fn revoke(&mut self, revocation: &Revocation, context: Context) -> Result<Option<News>, Refused> {
        quorate(context, "the certificate was not revoked")?;
        self.may_revoke(revocation)?;
        let known = self.durable.revoked.insert(revocation.certificate.clone(), revocation.node.clone());
        if known.is_some_and(|node| node == revocation.node) {
            return Ok(None);
        }
        self.durable.generation = self.next_generation(context);
        Ok(Some(News::Revoked(revocation.clone())))
    }
}
