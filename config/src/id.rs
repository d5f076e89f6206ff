//! Names: what an operator calls a node, a resource, a fence device.
//!
//! A name is its own identifier everywhere (wire, logs, CLI); there are no numeric ids to invent. A name is 1 to 64
//! characters of `A-Z a-z 0-9 . _ -` and starts with a letter or digit, so that it is safe in file names, in
//! environment variables' values and in certificates.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Longest name accepted, in bytes.
pub const MAX_NAME: usize = 64;

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The text is longer than [`MAX_NAME`] bytes.
    TooLong,
    /// This character may not stand in a name (or not at its start).
    BadCharacter(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => write!(f, "a name cannot be empty"),
            NameError::TooLong => write!(f, "a name has at most {MAX_NAME} characters"),
            NameError::BadCharacter(c) => {
                write!(f, "{c:?} cannot stand here in a name (letters, digits, '.', '_', '-'; first a letter or digit)")
            }
        }
    }
}

impl std::error::Error for NameError {}

fn check(text: &str) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    if text.len() > MAX_NAME {
        return Err(NameError::TooLong);
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::BadCharacter(first));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(bad) => Err(NameError::BadCharacter(bad)),
        None => Ok(()),
    }
}

/// A name, or one with the number of an instance behind it (`web:1`): what the cluster itself writes.
fn check_instance(text: &str) -> Result<(), NameError> {
    match text.split_once(':') {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => check(name),
        _ => check(text),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $read:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks `text` and makes a name of it.
            ///
            /// # Errors
            /// [`NameError`] when the text is empty, too long or has a character that names cannot have.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(Arc::from(text)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                $read(&text).map(|()| Self(Arc::from(text)))
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// The name of a cluster node, as in `[nodes.NAME]`.
    NodeId, check
}
name! {
    /// The name of a resource or a group (they share one namespace), as in `[resources.NAME]`.
    ResourceId, check_instance
}
name! {
    /// The name of a fence device, as in `[fencing.NAME]`.
    DeviceId, check
}

impl ResourceId {
    /// Instance `number` of a globally-unique clone of this resource: `web:1`. No operator can write such a name.
    #[must_use]
    pub fn instance(&self, number: u32) -> ResourceId {
        ResourceId(Arc::from(format!("{}:{number}", self.base())))
    }

    /// The name in the cluster file: without the number of an instance.
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::ResourceId;

    #[test]
    fn instances_have_names_that_nobody_can_write() {
        let web = ResourceId::new("web").unwrap();
        let first = web.instance(1);
        assert_eq!((first.as_str(), first.base(), first.instance(2).as_str()), ("web:1", "web", "web:2"));
        assert_eq!(ResourceId::try_from("web:1".to_owned()), Ok(first));
        assert!(ResourceId::new("web:1").is_err());
        for bad in ["web:", "web:a", ":1", "web:1:2"] {
            assert!(ResourceId::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
