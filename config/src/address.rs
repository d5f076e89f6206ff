//! An address of a node: `HOST` or `HOST:PORT`, where HOST is a name, an IPv4 or an IPv6 address.

use std::fmt;
use std::net::Ipv6Addr;

/// The parts of an address as written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// UDP port; `None` for the cluster's [`port`](crate::Cluster::port).
    pub port: Option<u16>,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// There is no host.
    NoHost,
    /// The host has a character that neither names nor IP addresses have, or is longer than 253 bytes.
    BadHost,
    /// Several colons, but not an IPv6 address.
    BadIpv6,
    /// The port is not a number from 1 to 65535.
    BadPort,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::NoHost => "there is no host in it",
            AddressError::BadHost => "the host is neither a name nor an IP address",
            AddressError::BadIpv6 => "it looks like IPv6, but is none",
            AddressError::BadPort => "the port is not a number from 1 to 65535",
        })
    }
}

impl std::error::Error for AddressError {}

impl Address {
    /// Takes `10.0.0.1`, `alpha.example.net:5405`, `fd00::1` or `[fd00::1]:5405` apart.
    ///
    /// # Errors
    /// [`AddressError`] says which part is wrong. Whether the name resolves is not asked.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or(AddressError::BadIpv6)?;
            let port = match rest {
                "" => None,
                _ => Some(port(rest.strip_prefix(':').ok_or(AddressError::BadPort)?)?),
            };
            return Ok(Address { host: ipv6(host)?, port });
        }
        if text.matches(':').count() > 1 {
            return Ok(Address { host: ipv6(text)?, port: None });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, digits)) => (host, Some(port(digits)?)),
            None => (text, None),
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.len() > 253 || !host.chars().all(plain) || !host.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(AddressError::BadHost);
        }
        Ok(Address { host: host.to_ascii_lowercase(), port })
    }
}

fn ipv6(text: &str) -> Result<String, AddressError> {
    let address: Ipv6Addr = text.parse().map_err(|_| AddressError::BadIpv6)?;
    Ok(address.to_string())
}

fn port(digits: &str) -> Result<u16, AddressError> {
    match digits.parse() {
        Ok(0) | Err(_) => Err(AddressError::BadPort),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    #[test]
    fn takes_addresses_apart() {
        for (text, host, port) in [
            ("10.0.0.1", "10.0.0.1", None),
            ("Alpha.example.net:5405", "alpha.example.net", Some(5405)),
            ("fd00::1", "fd00::1", None),
            ("[FD00:0::1]:7", "fd00::1", Some(7)),
            ("[::1]", "::1", None),
        ] {
            assert_eq!(Address::parse(text), Ok(Address { host: host.to_owned(), port }), "{text}");
        }
    }

    #[test]
    fn says_which_part_is_wrong() {
        for (text, error) in [
            ("", AddressError::NoHost),
            (":5405", AddressError::NoHost),
            ("alpha beta", AddressError::BadHost),
            ("-alpha", AddressError::BadHost),
            ("alpha:0", AddressError::BadPort),
            ("alpha:65536", AddressError::BadPort),
            ("alpha:", AddressError::BadPort),
            ("[::1]5405", AddressError::BadPort),
            ("1:2:3", AddressError::BadIpv6),
            ("[alpha]:1", AddressError::BadIpv6),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
    }
}
