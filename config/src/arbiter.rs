//! The arbiter that a cluster asks when it breaks: `[quorum.arbiter]`.

use crate::address::Address;
use crate::quorum::TieBreaker;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A service outside of the cluster with votes of its own (peer: a quorum device with `model: net`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arbiter {
    /// `address`: where it listens, as written: `HOST` or `HOST:PORT`.
    pub address: String,
    /// `fingerprint`: of its certificate, SHA-256. Whoever shows another one is not the arbiter.
    pub fingerprint: [u8; 32],
    /// `algorithm`: whom it chooses, and with how many votes.
    pub algorithm: Algorithm,
    /// `tie-breaker`: whose part goes on when nothing else tells two parts apart.
    pub tie_breaker: TieBreaker,
    /// `heuristics`: command lines that a node runs when its view changes; the more of them end well, the better.
    pub heuristics: Vec<String>,
    /// `heuristics-timeout`: a command that takes longer has failed.
    pub heuristics_timeout: Duration,
}

/// How an arbiter chooses (peer: `algorithm` of `ffsplit` or `lms`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// `"split"`: one vote, for one of two halves.
    Split,
    /// `"last-man-standing"`: one vote less than the nodes have together, so that a single node may go on.
    LastManStanding,
}

impl Algorithm {
    /// The arbiter's votes, in a cluster whose nodes have `nodes` votes together.
    #[must_use]
    pub fn votes(self, nodes: u32) -> u32 {
        match self {
            Algorithm::Split => 1,
            Algorithm::LastManStanding => nodes.saturating_sub(1).max(1),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Split => "split",
            Algorithm::LastManStanding => "last-man-standing",
        }
    }
}

impl Arbiter {
    /// UDP port used where the address names none.
    pub const PORT: u16 = 5403;

    /// The parts of the address.
    #[must_use]
    pub fn place(&self) -> Address {
        Address::parse(&self.address).expect("checked when it was read")
    }

    /// The fingerprint as it is written.
    #[must_use]
    pub fn fingerprint_text(&self) -> String {
        write_fingerprint(&self.fingerprint)
    }
}

/// A fingerprint as people see it: `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn write_fingerprint(bytes: &[u8; 32]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// Reads what [`write_fingerprint`] wrote; colons between the digits are let pass, as other tools write them.
#[must_use]
pub fn read_fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: String = text.strip_prefix("sha256:")?.chars().filter(|c| *c != ':').collect();
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_survives_and_nothing_else_is_one() {
        let bytes: [u8; 32] = std::array::from_fn(|place| u8::try_from(7 * place % 256).unwrap());
        let text = write_fingerprint(&bytes);
        assert_eq!(read_fingerprint(&text), Some(bytes));
        let colons: Vec<&str> = (7..71).step_by(2).map(|at| &text[at..at + 2]).collect();
        assert_eq!(read_fingerprint(&format!("sha256:{}", colons.join(":").to_uppercase())), Some(bytes));
        for other in ["", "sha256:", &text[7..], &text[..70], &format!("{text}0"), &text.replace('0', "ü")] {
            assert_eq!(read_fingerprint(other), None, "{other}");
        }
    }

    #[test]
    fn votes_follow_the_rule() {
        assert_eq!(Algorithm::Split.votes(4), 1);
        // Of 4 + 3 votes one node has with the arbiter 4, which is more than half.
        assert_eq!(Algorithm::LastManStanding.votes(4), 3);
    }
}
