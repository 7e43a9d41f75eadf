//! A SQL Server instance as it is registered: where it is, how to log in, what others call it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::hash::Sha256;
use super::name::NamedRef;
use super::naming::Naming;
use super::object_name::ObjectName;

/// The port a default instance listens on.
pub const DEFAULT_PORT: u16 = 1433;

/// What is registered about one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    pub address: Address,
    pub credential: NamedRef,
    /// What others call it in object names; unique without regard to case.
    pub peer_name: ObjectName,
    pub naming: Naming,
    pub tls: Tls,
    pub transport: Transport,
    pub endpoint: ExpectedEndpoint,
}

/// What its mirroring endpoint should be like; what is absent is not looked at. It is compared, never brought about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedEndpoint {
    /// The port it listens on, 1 to 65535: what the partners' `SET PARTNER` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Where an instance is reached. At least one of `port` and `instance_name` is effective: neither means port 1433.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// A host name or an IP address, never a URL and never with a port.
    pub host: String,
    /// Dialled when given.
    pub port: Option<u16>,
    /// With a port: checked after log-in. Alone: resolved by SQL Server Browser (UDP 1434).
    pub instance_name: Option<String>,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.instance_name, self.port) {
            (Some(instance), None) => write!(f, "{}\\{instance}", self.host),
            (_, port) => write!(f, "{}:{}", self.host, port.unwrap_or(DEFAULT_PORT)),
        }
    }
}

/// How the connection to the instance is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Tls {
    /// TLS inside TDS 7.4, certificate verified.
    Required(Verification),
    /// TDS 8.0: TLS before anything else, certificate verified. SQL Server 2022 and later.
    Strict(Verification),
    /// TLS inside TDS 7.4 with this very certificate and its key, whoever issued it, whatever its names and dates.
    Pinned { sha256: Sha256 },
    /// Encrypted, but anyone on the path can pose as the server and read the log-in's password.
    TrustServerCertificate,
    /// Not encrypted at all: anyone on the path reads the log-in's password.
    Off,
}

/// What a server certificate is verified against.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// CA certificates in PEM, the only ones that count; without any the operating system's do.
    pub ca_pem: Option<String>,
    /// The name to expect in the certificate when it is not the host.
    pub server_name: Option<String>,
}

impl Default for Tls {
    fn default() -> Self {
        Self::Required(Verification::default())
    }
}

impl Tls {
    #[must_use]
    pub fn is_verified(&self) -> bool {
        matches!(
            self,
            Self::Required(_) | Self::Strict(_) | Self::Pinned { .. }
        )
    }
}

/// How a peer's certificate reaches this acceptor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// As a binary literal in the batch: no file anywhere. SQL Server 2012 and later.
    #[default]
    Binary,
    /// From a file that somebody put where the acceptor reads it; mirrorgate copies no files.
    File { path: PathTemplate },
}

/// A path as the acceptor sees it, with `{peer}` in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathTemplate(String);

/// Why a text is no path template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a usable path: wanted is a complete path of at most 256 characters as the server sees it (C:\\…, \\\\host\\share\\… or /…), with {{peer}} in it and no control characters"
)]
pub struct InvalidPath {
    pub found: String,
}

impl PathTemplate {
    /// Checks `text`.
    ///
    /// # Errors
    /// When it is no complete path, lacks `{peer}`, is over 256 characters or holds control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let mut start = text.chars();
        let drive = start.next().is_some_and(|c| c.is_ascii_alphabetic())
            && start.next() == Some(':')
            && start.next() == Some('\\');
        let complete = drive || text.starts_with("\\\\") || text.starts_with('/');
        let clean = !text.chars().any(char::is_control) && text.chars().count() <= 256;
        if complete && clean && text.contains("{peer}") {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPath {
                found: text.chars().take(80).collect(),
            })
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the file that holds `peer`'s certificate.
    #[must_use]
    pub fn fill(&self, peer: &ObjectName) -> String {
        self.0.replace("{peer}", peer.as_str())
    }
}

impl TryFrom<String> for PathTemplate {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl From<PathTemplate> for String {
    fn from(path: PathTemplate) -> Self {
        path.0
    }
}

/// Whether `text` is a host name or an IP address: nothing with a scheme, a port, a path or white space.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let labels = text.strip_suffix('.').unwrap_or(text);
    text.parse::<IpAddr>().is_ok()
        || (!labels.is_empty()
            && labels.len() <= 253
            && labels.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            }))
}

/// Whether resolvers may take the host name for an IPv4 address, although it is not written as one: `2130706433`, `127.1`, `0x7f.1`.
/// Any name whose last label is a number is such a one; no top-level domain is.
#[must_use]
pub fn is_number(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let last = labels.rsplit('.').next().unwrap_or_default();
    let is_hex = last
        .strip_prefix("0x")
        .or(last.strip_prefix("0X"))
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let is_decimal = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    (is_hex || is_decimal) && host.parse::<IpAddr>().is_err()
}

/// Whether `text` can be the name of a SQL Server instance: 1–16 letters, digits, `_`, `$` or `#`, the first a letter or `_`.
#[must_use]
pub fn is_instance_name(text: &str) -> bool {
    (1..=16).contains(&text.chars().count())
        && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses_only() {
        let label = "l".repeat(63);
        // 253 characters, the most that DNS has.
        let longest = format!("{label}.{label}.{label}.{}", &label[2..]);
        for good in [
            "host-a.corp",
            "HOST_A",
            "10.0.0.1",
            "::1",
            "a.",
            &longest,
            &format!("{longest}."),
        ] {
            assert!(is_host(good), "{good:?}");
        }
        for bad in [
            "",
            "a:1433",
            "tcp://a",
            "a b",
            "-a",
            "a-",
            "a.-b",
            "a-.b",
            "a..b",
            "a\\b",
            "a;b",
            ".",
            "..",
            &format!("{label}l"),
            // Each label fits, all of them together do not.
            &format!("{longest}l"),
        ] {
            assert!(!is_host(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_number_is_no_name() {
        for bad in [
            "1",
            "127.1",
            "0177.0.0.1",
            "0x7f000001",
            "0X7F.1",
            "a.0x",
            "a.1.",
            "1.2.3.4.5",
            "256.0.0.1",
        ] {
            assert!(is_host(bad) && is_number(bad), "{bad:?}");
        }
        for good in ["127.0.0.1", "::1", "1a", "0xg", "1.example", "sql1", "0x.a"] {
            assert!(!is_number(good), "{good:?}");
        }
    }

    #[test]
    fn a_path_is_complete_and_names_the_peer() {
        for good in [
            r"C:\certs\{peer}.cer",
            r"\\nas\c\{peer}.cer",
            "/var/{peer}.cer",
        ] {
            assert!(PathTemplate::parse(good).is_ok(), "{good:?}");
        }
        for bad in [
            r"certs\{peer}.cer",
            r"C:\certs\b.cer",
            "/a\n/{peer}",
            "/a\n",
            r"C:{peer}.cer",
            r"C\{peer}.cer",
            r"1:\{peer}.cer",
            r"\{peer}.cer",
            "{peer}",
            "",
        ] {
            assert!(PathTemplate::parse(bad).is_err(), "{bad:?}");
        }
        let of = |length: usize| format!("/{{peer}}{}", "ä".repeat(length - 7));
        assert!(PathTemplate::parse(&of(256)).is_ok());
        assert!(PathTemplate::parse(&of(257)).is_err());
    }

    #[test]
    fn a_path_is_kept_as_it_was_written_and_checked_when_it_is_read() {
        let text = r"C:\Certs\{peer}.cer";
        let path = PathTemplate::parse(text).unwrap();
        assert_eq!(path.as_str(), text);
        assert_eq!(serde_json::to_value(&path).unwrap(), text);
        assert_eq!(
            serde_json::from_value::<PathTemplate>(text.into()).unwrap(),
            path
        );
        assert!(serde_json::from_value::<PathTemplate>("b.cer".into()).is_err());
        let peer = ObjectName::parse("HOST_B").unwrap();
        assert_eq!(path.fill(&peer), r"C:\Certs\HOST_B.cer");
    }

    #[test]
    fn an_instance_name_is_short_and_begins_with_a_letter_or_underscore() {
        for good in ["SQL2019", "_x", "a$#1", "é", "S", &"a".repeat(16)] {
            assert!(is_instance_name(good), "{good:?}");
        }
        for bad in [
            "",
            "1a",
            "$a",
            "#a",
            "a b",
            "a-b",
            r"a\b",
            "a.b",
            &"a".repeat(17),
        ] {
            assert!(!is_instance_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_server_is_verified_by_an_authority_or_a_pin_alone() {
        let verification = Verification::default();
        for (tls, is_verified) in [
            (Tls::Required(verification.clone()), true),
            (Tls::Strict(verification), true),
            (
                Tls::Pinned {
                    sha256: Sha256::of(b""),
                },
                true,
            ),
            (Tls::TrustServerCertificate, false),
            (Tls::Off, false),
        ] {
            assert_eq!(tls.is_verified(), is_verified, "{tls:?}");
        }
    }
}
