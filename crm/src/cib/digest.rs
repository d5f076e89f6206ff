//! Fingerprints by which members find out, without sending it, whether they hold the same CIB; and its form on the
//! wire.

use super::{Cib, Durable, Status};
use serde::Serialize;

/// FNV-1a over the JSON text of a value. Detects a difference between well-meaning members; it is no proof against
/// malice.
fn fingerprint<T: Serialize>(value: &T) -> u64 {
    let text = serde_json::to_vec(value).expect("these types are maps with text keys and plain values");
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Durable {
    /// Fingerprint of the content, without the generation.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let asked = (&self.overrides, &self.attributes, &self.revoked);
        fingerprint(&(&self.text, asked, &self.roll, &self.forced, &self.forks))
    }

    /// The form in snapshots: JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain values")
    }
}

impl Status {
    /// Fingerprint of the whole status.
    #[must_use]
    pub fn digest(&self) -> u64 {
        fingerprint(self)
    }

    /// The form in snapshots: JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps with text keys and plain values")
    }
}

impl Cib {
    /// Fingerprint of everything, for checks that all members of a view agree.
    #[must_use]
    pub fn digest(&self) -> u64 {
        fingerprint(&(&self.durable, &self.status))
    }
}
