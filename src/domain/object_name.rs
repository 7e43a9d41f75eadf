//! Names of SQL Server objects: those a catalog told us, and those mirrorgate may give to what it creates.
//!
//! Both are only data here; how they are quoted is `tsql::quote`'s to know, and how they compare is the server's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::invisible::is_invisible;

/// The most UTF-16 code units a `sysname` holds.
pub const SYSNAME_UNITS: usize = 128;

/// Principals that every server has; an object of that name would be taken for them, or be refused (15405).
const FIXED_PRINCIPALS: [&str; 27] = [
    "sa",
    "public",
    "dbo",
    "guest",
    "sys",
    "information_schema",
    "sysadmin",
    "securityadmin",
    "serveradmin",
    "setupadmin",
    "processadmin",
    "diskadmin",
    "dbcreator",
    "bulkadmin",
    "db_owner",
    "db_accessadmin",
    "db_securityadmin",
    "db_ddladmin",
    "db_backupoperator",
    "db_datareader",
    "db_datawriter",
    "db_denydatareader",
    "db_denydatawriter",
    "builtin",
    "master",
    "system",
    "nt authority",
];

/// Why a text cannot be an object's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObjectName {
    #[error("the name is empty; wanted are 1 to 128 UTF-16 code units")]
    Empty,
    #[error("the name has {units} UTF-16 code units; SQL Server takes at most 128")]
    TooLong { units: usize },
    #[error(
        "the name {name:?} contains {found:?}; SQL Server refuses it in the name of a SQL login"
    )]
    Backslash { name: String, found: char },
    #[error("the name {name:?} contains a control character")]
    Control { name: String },
    #[error(
        "the name {name:?} contains an invisible character (U+{code:04X}) that makes it read as another name"
    )]
    Invisible { name: String, code: u32 },
    #[error(
        "the name {name:?} begins or ends with white space, which SQL Server ignores when it compares names"
    )]
    OuterBlank { name: String },
    #[error("the name {name:?} contains ##, which SQL Server keeps for its own objects")]
    Reserved { name: String },
    #[error("the name {name:?} is that of a principal which every SQL Server has")]
    FixedPrincipal { name: String },
}

/// Chooses how the character before it looks; names with emoji have them, and some were taken before.
fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// A name mirrorgate may give to an object it creates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(String);

impl ObjectName {
    /// Checks `text`: 1–128 UTF-16 units, no backslash, no control characters, no outer blanks, no `##`, no fixed principal.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidObjectName> {
        let name = || text.chars().take(140).collect::<String>();
        let units = text.encode_utf16().count();
        if units == 0 {
            return Err(InvalidObjectName::Empty);
        }
        if units > SYSNAME_UNITS {
            return Err(InvalidObjectName::TooLong { units });
        }
        if text.contains('\\') {
            return Err(InvalidObjectName::Backslash {
                name: name(),
                found: '\\',
            });
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidObjectName::Control { name: name() });
        }
        if let Some(hidden) = text
            .chars()
            .find(|c| is_invisible(*c) && !is_variation_selector(*c))
        {
            return Err(InvalidObjectName::Invisible {
                name: name(),
                code: u32::from(hidden),
            });
        }
        if text.trim() != text {
            return Err(InvalidObjectName::OuterBlank { name: name() });
        }
        if text.contains("##") {
            return Err(InvalidObjectName::Reserved { name: name() });
        }
        if FIXED_PRINCIPALS.contains(&text.to_lowercase().as_str()) {
            return Err(InvalidObjectName::FixedPrincipal { name: name() });
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This name with `suffix` behind it, shortened in front of the suffix where 128 units would be exceeded.
    ///
    /// # Errors
    /// When the result breaks a rule (a suffix that is itself no name).
    pub fn with_suffix(&self, suffix: &str) -> Result<Self, InvalidObjectName> {
        let room = SYSNAME_UNITS.saturating_sub(suffix.encode_utf16().count());
        let mut kept = String::new();
        let mut units = 0;
        for c in self.0.chars() {
            units += c.len_utf16();
            if units > room {
                break;
            }
            kept.push(c);
        }
        Self::parse(&format!("{}{suffix}", kept.trim_end()))
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ObjectName {
    type Error = InvalidObjectName;

    fn try_from(text: String) -> Result<Self, InvalidObjectName> {
        Self::parse(&text)
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.0
    }
}

/// A name as a server's catalog shows it: any text of at most 128 UTF-16 units, hostile or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SysName(String);

impl SysName {
    /// Takes over a name read from a catalog.
    ///
    /// # Errors
    /// When it is empty, longer than a `sysname`, or holds NUL: then it did not come from a catalog.
    pub fn observed(text: &str) -> Result<Self, InvalidObjectName> {
        let units = text.encode_utf16().count();
        if units == 0 {
            return Err(InvalidObjectName::Empty);
        }
        if units > SYSNAME_UNITS {
            return Err(InvalidObjectName::TooLong { units });
        }
        if text.contains('\0') {
            return Err(InvalidObjectName::Control {
                name: text.replace('\0', "\u{fffd}"),
            });
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SysName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SysName {
    type Error = InvalidObjectName;

    fn try_from(text: String) -> Result<Self, InvalidObjectName> {
        Self::observed(&text)
    }
}

impl From<SysName> for String {
    fn from(name: SysName) -> Self {
        name.0
    }
}

impl From<ObjectName> for SysName {
    fn from(name: ObjectName) -> Self {
        Self(name.0)
    }
}

impl From<&ObjectName> for SysName {
    fn from(name: &ObjectName) -> Self {
        Self(name.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses_its_own_offence() {
        use InvalidObjectName as E;
        assert_eq!(ObjectName::parse(""), Err(E::Empty));
        assert!(matches!(
            ObjectName::parse(&"x".repeat(129)),
            Err(E::TooLong { units: 129 })
        ));
        assert!(matches!(
            ObjectName::parse(&"\u{1F512}".repeat(65)),
            Err(E::TooLong { units: 130 })
        ));
        assert!(matches!(
            ObjectName::parse(r"CORP\x"),
            Err(E::Backslash { .. })
        ));
        assert!(matches!(ObjectName::parse("a\nb"), Err(E::Control { .. })));
        assert!(matches!(
            ObjectName::parse("a\u{202e}b"),
            Err(E::Invisible { code: 0x202e, .. })
        ));
        assert!(matches!(ObjectName::parse(" a"), Err(E::OuterBlank { .. })));
        assert!(matches!(ObjectName::parse("##a"), Err(E::Reserved { .. })));
        assert!(matches!(
            ObjectName::parse("DBO"),
            Err(E::FixedPrincipal { .. })
        ));
        assert!(ObjectName::parse("a]b'c\"d é").is_ok());
        // A heart as an emoji: its last character only chooses how it looks.
        assert!(ObjectName::parse("\u{2764}\u{fe0f}").is_ok());
    }

    #[test]
    fn a_suffix_never_makes_a_name_too_long() -> Result<(), InvalidObjectName> {
        let long = ObjectName::parse(&"x".repeat(128))?;
        let renewed = long.with_suffix("_01234567")?;
        assert_eq!(renewed.as_str().len(), 128);
        assert!(renewed.as_str().ends_with("x_01234567"));
        Ok(())
    }

    #[test]
    fn names_are_kept_as_they_are_and_checked_by_their_own_rules_when_they_are_read() {
        let given = serde_json::from_value::<ObjectName>;
        let observed = serde_json::from_value::<SysName>;
        let name = given("HOST_B".into()).unwrap();
        assert_eq!(serde_json::to_value(&name).unwrap(), "HOST_B");
        // A catalog may well have what mirrorgate would not make.
        let windows = observed(r"CORP\sql".into()).unwrap();
        assert_eq!(serde_json::to_value(&windows).unwrap(), r"CORP\sql");
        assert!(given(r"CORP\sql".into()).is_err());
        assert!(observed("".into()).is_err());
    }
}
