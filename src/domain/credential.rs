//! Stored log-ins for instances, and which hosts they may be sent to.

use crate::domain::words::words;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::instance::is_number;
use super::invisible::is_unseen;

/// A credential as it is registered; the password is kept sealed and never comes back out of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialSpec {
    pub kind: CredentialKind,
    /// The SQL login's name.
    pub user: String,
    pub hosts: Vec<HostPattern>,
}

/// The closed list of credential kinds; others will come.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CredentialKind {
    SqlLogin,
}

words!(CredentialKind);

/// An opened log-in: lives from unsealing to LOGIN7.
#[derive(Clone)]
pub struct LoginSecret {
    pub user: String,
    pub password: SecretString,
}

/// The most UTF-16 units that SQL Server takes in a login's name, and in its password.
const MAX_UNITS: usize = 128;

/// Why a text is no name of a SQL login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUser {
    #[error(
        "wanted are 1 to {MAX_UNITS} UTF-16 units, none of them a control character or one that is not seen"
    )]
    Shape,
    #[error("a name with a backslash is a Windows log-in; only SQL log-ins can be stored so far")]
    WindowsLogin,
}

impl RefusedUser {
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Shape => "invalid_user",
            Self::WindowsLogin => "windows_login",
        }
    }
}

/// Checks the name of a SQL login.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_user(user: &str) -> Result<(), RefusedUser> {
    if !is_short(user) || user.chars().any(is_unseen) {
        Err(RefusedUser::Shape)
    } else if user.contains('\\') {
        Err(RefusedUser::WindowsLogin)
    } else {
        Ok(())
    }
}

/// What a password is that SQL Server refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wanted are 1 to {MAX_UNITS} UTF-16 units")]
pub struct RefusedPassword;

/// Checks the length of a password.
///
/// # Errors
/// When it is empty or too long.
pub fn check_password(password: &SecretString) -> Result<(), RefusedPassword> {
    match is_short(password.expose_secret()) {
        true => Ok(()),
        false => Err(RefusedPassword),
    }
}

fn is_short(text: &str) -> bool {
    (1..=MAX_UNITS).contains(&text.encode_utf16().count())
}

/// A host a credential may be sent to: an exact name or address, or `*.suffix` for any depth below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(String);

/// Why a text is no host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostPattern {
    #[error("{found:?} is not a host pattern: wanted is a host name, an address, or *.suffix")]
    Shape { found: String },
    #[error(
        "{found:?} is a number that resolvers take for an address: write the address as 10.0.0.1"
    )]
    Number { found: String },
    #[error(
        "{found:?} covers all names below a top-level domain, whoever they belong to: wanted is a suffix of two labels or more"
    )]
    TopLevel { found: String },
}

/// Top-level domains that belong to nobody on the internet, and so to whoever uses them inside.
const PRIVATE: [&str; 12] = [
    "corp",
    "domain",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "private",
    "test",
];

impl HostPattern {
    /// Checks `text`.
    ///
    /// # Errors
    /// When it is neither a host nor `*.` in front of one; a lone `*` is refused, because a credential names its hosts.
    pub fn parse(text: &str) -> Result<Self, InvalidHostPattern> {
        let host = text.strip_prefix("*.").unwrap_or(text);
        if super::instance::is_host(host) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidHostPattern::Shape { found: start(text) })
        }
    }

    /// Checks a pattern that somebody gives now; [`Self::parse`] reads those that were taken before, too.
    ///
    /// # Errors
    /// As there; and for what would send a password to more hosts, or to others, than a reader of the pattern expects.
    pub fn declare(text: &str) -> Result<Self, InvalidHostPattern> {
        let pattern = Self::parse(text)?;
        let found = || start(text);
        match pattern.0.strip_prefix("*.") {
            None if is_number(&pattern.0) => Err(InvalidHostPattern::Number { found: found() }),
            Some(suffix) if is_number(suffix) => Err(InvalidHostPattern::Number { found: found() }),
            Some(suffix) if is_top_level(suffix) => {
                Err(InvalidHostPattern::TopLevel { found: found() })
            }
            _ => Ok(pattern),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `host` is covered, without regard to case or a final dot.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        match self.0.strip_prefix('*') {
            Some(dot_suffix) => host.len() > dot_suffix.len() && host.ends_with(dot_suffix),
            None => host == self.0,
        }
    }
}

fn is_top_level(suffix: &str) -> bool {
    let suffix = suffix.strip_suffix('.').unwrap_or(suffix);
    !suffix.contains('.') && !PRIVATE.contains(&suffix)
}

/// As much of a text as a message repeats.
fn start(text: &str) -> String {
    text.chars().take(80).collect()
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidHostPattern;

    fn try_from(text: String) -> Result<Self, InvalidHostPattern> {
        Self::parse(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.0
    }
}

impl CredentialSpec {
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.covers(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_for_hosts_that_somebody_has_to_do_with() {
        for good in [
            "*.corp",
            "*.example.com",
            "sql1",
            "10.0.0.1",
            "::1",
            "*.a.com.",
            "1.example",
        ] {
            assert!(HostPattern::declare(good).is_ok(), "{good:?}");
        }
        for bad in ["*.com", "*.COM", "*.com.", "*.de", "*.xn--p1ai"] {
            let refused = HostPattern::declare(bad).unwrap_err();
            assert!(
                matches!(refused, InvalidHostPattern::TopLevel { .. }),
                "{refused}"
            );
        }
        for bad in [
            "2130706433",
            "0x7f.1",
            "127.1",
            "0177.0.0.1",
            "*.0.0.1",
            "*.1",
            "1.2.3.4.",
        ] {
            let refused = HostPattern::declare(bad).unwrap_err();
            assert!(
                matches!(refused, InvalidHostPattern::Number { .. }),
                "{refused}"
            );
            assert!(HostPattern::parse(bad).is_ok(), "what is stored is read");
        }
    }

    #[test]
    fn a_sql_login_has_a_short_name_without_a_domain() {
        for good in ["sa", "\u{1f512}", &"u".repeat(128)] {
            assert_eq!(check_user(good), Ok(()), "{good:?}");
        }
        for bad in ["", "a\nb", &"u".repeat(129), &"\u{1f512}".repeat(65)] {
            assert_eq!(check_user(bad), Err(RefusedUser::Shape), "{bad:?}");
        }
        assert_eq!(check_user(r"CORP\sa"), Err(RefusedUser::WindowsLogin));
    }

    #[test]
    fn a_password_has_an_end() {
        for (length, fits) in [(0, false), (1, true), (128, true), (129, false)] {
            let password = SecretString::from("p".repeat(length));
            assert_eq!(check_password(&password).is_ok(), fits, "{length}");
        }
    }

    #[test]
    fn a_pattern_covers_what_it_says_and_no_more() -> Result<(), InvalidHostPattern> {
        let below = HostPattern::parse("*.corp.example")?;
        assert!(below.covers("SQL1.corp.example."));
        assert!(below.covers("a.b.corp.example"));
        assert!(!below.covers("corp.example"));
        assert!(!below.covers("evilcorp.example"));
        assert!(!below.covers(".corp.example"));
        assert!(HostPattern::parse("127.0.0.1")?.covers("127.0.0.1"));
        for bad in ["*", "*.", "a*b", "", "x y", "*.*"] {
            assert!(HostPattern::parse(bad).is_err(), "{bad:?}");
        }
        Ok(())
    }

    #[test]
    fn a_refused_user_is_told_by_its_own_code() {
        let code = |user| check_user(user).map_err(RefusedUser::code);
        assert_eq!(code(""), Err("invalid_user"));
        assert_eq!(code(r"CORP\sa"), Err("windows_login"));
    }

    #[test]
    fn a_pattern_is_kept_in_lower_case_and_checked_when_it_is_read() {
        let pattern = HostPattern::parse("*.Corp.Example").unwrap();
        assert_eq!(pattern.as_str(), "*.corp.example");
        let kept = serde_json::json!("*.corp.example");
        assert_eq!(serde_json::to_value(&pattern).unwrap(), kept);
        assert_eq!(
            serde_json::from_value::<HostPattern>(kept).unwrap(),
            pattern
        );
        assert!(serde_json::from_value::<HostPattern>("*".into()).is_err());
    }

    #[test]
    fn a_credential_covers_what_any_of_its_patterns_covers() {
        let spec = |hosts: &[&str]| CredentialSpec {
            kind: CredentialKind::SqlLogin,
            user: "sa".to_owned(),
            hosts: hosts
                .iter()
                .map(|h| HostPattern::parse(h).unwrap())
                .collect(),
        };
        let both = spec(&["sql1", "*.corp"]);
        assert!(both.covers("SQL1") && both.covers("sql2.corp"));
        assert!(!both.covers("sql2"));
        assert!(!spec(&[]).covers("sql1"));
    }
}
