//! The first words on a connection, in both directions: which cluster, which node, which life of its daemon.
//!
//! The certificate proves the name; the hello adds what it cannot know. The life tells a peer that came back from the
//! one that was there before. Layout, all of it fixed by hand:
//!
//! ```text
//! "paceline" 8 | newest version u8 | oldest version u8 | incarnation u64 LE | link u8
//!             | node length u8, bytes | cluster length u8, bytes
//! ```
//!
//! The first ten bytes are the same in every version, so that two nodes of different releases can always tell whether
//! they understand each other, and in which version they speak: the highest that both know.

use config::NodeId;
use membership::{Incarnation, Versions};

const MAGIC: &[u8; 8] = b"paceline";
const FIXED: usize = 8 + 1 + 1 + 8 + 1;

/// No hello is longer.
pub(crate) const MAX_HELLO: usize = FIXED + 2 * 256;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) versions: Versions,
    pub(crate) incarnation: Incarnation,
    pub(crate) node: NodeId,
    pub(crate) cluster: String,
    /// Which of the dialer's links this is, from 0. The accepter's word means nothing.
    pub(crate) link: u8,
}

impl Hello {
    /// The bytes. A cluster name is cut after 255 bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_HELLO);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[self.versions.newest, self.versions.oldest]);
        bytes.extend_from_slice(&self.incarnation.0.to_le_bytes());
        bytes.push(self.link);
        let mut end = self.cluster.len().min(255);
        while !self.cluster.is_char_boundary(end) {
            end -= 1;
        }
        for text in [self.node.as_str(), &self.cluster[..end]] {
            bytes.push(u8::try_from(text.len()).expect("at most 255"));
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// Which versions the sender of these bytes speaks. This part is the same in every version.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn versions(bytes: &[u8]) -> Result<Versions, String> {
        versions(bytes).map(|(versions, _)| versions)
    }

    /// The whole of `bytes` as a hello.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Hello, String> {
        let (versions, rest) = versions(bytes)?;
        let (incarnation, rest) = rest.split_first_chunk::<8>().ok_or("its hello is cut short")?;
        let (&link, rest) = rest.split_first().ok_or("its hello is cut short")?;
        let (node, rest) = text(rest)?;
        let (cluster, rest) = text(rest)?;
        if !rest.is_empty() {
            return Err("its hello is too long".to_owned());
        }
        Ok(Hello {
            versions,
            incarnation: Incarnation(u64::from_le_bytes(*incarnation)),
            node: NodeId::new(node).map_err(|error| format!("it calls itself {node:?}: {error}"))?,
            cluster: cluster.to_owned(),
            link,
        })
    }
}

fn versions(bytes: &[u8]) -> Result<(Versions, &[u8]), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("its first words are not paceline's")?;
    let (&[newest, oldest], rest) = rest.split_first_chunk::<2>().ok_or("its hello is cut short")?;
    Ok((Versions { oldest, newest }, rest))
}

fn text(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let (&length, rest) = bytes.split_first().ok_or("its hello is cut short")?;
    let (text, rest) = rest.split_at_checked(usize::from(length)).ok_or("its hello is cut short")?;
    Ok((std::str::from_utf8(text).map_err(|_| "its hello is not text")?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        let versions = Versions { oldest: 3, newest: 4 };
        Hello {
            versions,
            incarnation: Incarnation(7),
            node: NodeId::new("beta").unwrap(),
            cluster: "shop".to_owned(),
            link: 3,
        }
    }

    #[test]
    fn round_trip() {
        assert_eq!(Hello::decode(&hello().encode()), Ok(hello()));
        let long = Hello { cluster: "ü".repeat(200), ..hello() };
        let bytes = long.encode();
        assert!(bytes.len() <= MAX_HELLO);
        assert_eq!(Hello::decode(&bytes).unwrap().cluster, "ü".repeat(127));
    }

    #[test]
    fn every_truncation_and_every_tail_is_refused() {
        let bytes = hello().encode();
        for end in 0..bytes.len() {
            assert!(Hello::decode(&bytes[..end]).is_err(), "{end}");
        }
        assert!(Hello::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn the_versions_are_read_whatever_follows() {
        let bytes = [&b"paceline\x09\x07"[..], b"of another time"].concat();
        assert_eq!(Hello::versions(&bytes), Ok(Versions { oldest: 7, newest: 9 }));
        assert!(Hello::versions(&bytes[..9]).is_err());
        assert!(Hello::versions(b"PACELINE\x09\x07").is_err());
    }
}
