//! Names that clients give to registrations. Names of SQL Server objects live in `object_name`.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name of a registration: `[A-Za-z0-9][A-Za-z0-9_.-]{0,62}`.
///
/// Paths ignore case; the spelling of the first registration is what bodies and `Location` show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistrationName(String);

/// Why a text is no registration name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a name: wanted are 1 to 63 letters, digits, '_', '.' or '-', the first a letter or digit"
)]
pub struct InvalidName {
    pub found: String,
}

impl RegistrationName {
    /// The longest name, in bytes (all are ASCII).
    pub const MAX: usize = 63;

    /// Checks `text`.
    ///
    /// # Errors
    /// [`InvalidName`] when the text does not have the documented shape.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let bytes = text.as_bytes();
        let well_formed = (1..=Self::MAX).contains(&bytes.len())
            && bytes[0].is_ascii_alphanumeric()
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName {
                found: text.chars().take(80).collect(),
            })
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is unique: lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for RegistrationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RegistrationName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<RegistrationName> for String {
    fn from(name: RegistrationName) -> Self {
        name.0
    }
}

/// A registration that another one refers to: the id is what is kept, the name is what people read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NamedRef {
    pub id: Uuid,
    pub name: RegistrationName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_documented_shape_are_refused() {
        for bad in ["", "-a", "a b", "a/b", "ä", ".a", &"a".repeat(64)] {
            assert!(RegistrationName::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "HOST_A", "sql-01.corp", &"a".repeat(63)] {
            assert!(RegistrationName::parse(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn case_makes_no_other_name() -> Result<(), InvalidName> {
        let (a, b) = (
            RegistrationName::parse("Erp")?,
            RegistrationName::parse("eRP")?,
        );
        assert!(a.is_same_as(&b));
        assert_eq!((a.key(), b.key()), ("erp".to_owned(), "erp".to_owned()));
        let other = RegistrationName::parse("Erp2")?;
        assert!(!a.is_same_as(&other));
        assert_eq!(a.as_str(), "Erp");
        Ok(())
    }

    #[test]
    fn a_name_is_kept_as_it_was_spelt_and_checked_when_it_is_read() {
        let name = RegistrationName::parse("Erp").unwrap();
        assert_eq!(serde_json::to_value(&name).unwrap(), "Erp");
        let read = serde_json::from_value::<RegistrationName>;
        assert_eq!(read("Erp".into()).unwrap(), name);
        assert!(read("a b".into()).is_err());
    }
}
