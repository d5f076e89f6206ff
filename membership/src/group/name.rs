//! The name of a group.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// 1 to 64 visible ASCII characters, no spaces.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(Arc<str>);

/// Why a text is not a group's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupNameError {
    /// It has no characters, or too many.
    #[error("the name of a group has 1 to 64 characters, not {0}")]
    Length(usize),
    /// It has one that is not visible ASCII.
    #[error("{0:?} cannot stand in the name of a group (visible ASCII characters only, no spaces)")]
    Character(char),
}

impl GroupName {
    /// Most characters.
    pub const MAX: usize = 64;

    /// The group of this name.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn new(text: &str) -> Result<GroupName, GroupNameError> {
        if text.is_empty() || text.len() > GroupName::MAX {
            return Err(GroupNameError::Length(text.chars().count()));
        }
        match text.chars().find(|c| !c.is_ascii_graphic()) {
            Some(bad) => Err(GroupNameError::Character(bad)),
            None => Ok(GroupName(text.into())),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for GroupName {
    type Error = GroupNameError;

    fn try_from(text: String) -> Result<GroupName, GroupNameError> {
        GroupName::new(&text)
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> String {
        name.as_str().to_owned()
    }
}

impl std::str::FromStr for GroupName {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<GroupName, GroupNameError> {
        GroupName::new(text)
    }
}

impl Borrow<str> for GroupName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_visible() {
        assert_eq!(GroupName::new("db/leader:1").unwrap().as_str(), "db/leader:1");
        assert_eq!(GroupName::new(""), Err(GroupNameError::Length(0)));
        assert_eq!(GroupName::new(&"x".repeat(65)), Err(GroupNameError::Length(65)));
        assert_eq!(GroupName::new("two words"), Err(GroupNameError::Character(' ')));
        assert_eq!(GroupName::new("caf\u{e9}"), Err(GroupNameError::Character('\u{e9}')));
    }
}
