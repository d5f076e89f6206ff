//! Which parameters are secrets, and how text is freed of them before anyone sees it.

use std::collections::BTreeMap;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Shorter values are no secrets; masking them would only garble the text.
const SHORTEST: usize = 3;

/// Whether a parameter with this name (`password`, `snmp_priv_passwd`, `api_token`, ...) is to be kept out of sight.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let script = name.ends_with("script") || name.ends_with("file") || name.ends_with("path");
    let words =
        ["passw", "passphrase", "secret", "token", "credential", "community", "apikey", "api_key", "access_key"];
    !script && words.iter().any(|word| name.contains(word))
}

/// `text` without the values of secret parameters.
#[must_use]
pub fn redact(text: &str, params: &BTreeMap<String, String>) -> String {
    let mut secrets: Vec<&str> = params
        .iter()
        .filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST)
        .map(|(_, value)| value.as_str())
        .collect();
    // The longest first: a secret may contain another.
    secrets.sort_by_key(|value| std::cmp::Reverse(value.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in ["password", "passwd", "OCF_RESKEY_admin_password", "snmp_priv_passwd", "community", "secret_key"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["ip", "username", "passwd_script", "password_script", "identity_file", "plug"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_leave_the_text() {
        let params = [("password", "hunter2"), ("passwd", "hunter2x"), ("ip", "10.0.0.1"), ("token", "a")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(redact("login hunter2x / hunter2 at 10.0.0.1", &params), "login *** / *** at 10.0.0.1");
    }
}
