//! The name of a plan, by which it is approved.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::hash::Sha256;

/// SHA-256 of what a plan would do, as 64 hexadecimal digits in lower case: two plans that do the same have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanHash(Sha256);

impl PlanHash {
    #[must_use]
    pub fn of(content: &str) -> Self {
        Self(Sha256::of(content.as_bytes()))
    }

    /// Reads what `Display` writes; none for anything else, capitals included.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hash = Self(Sha256::parse(text).ok()?);
        (hash.to_string() == text).then_some(hash)
    }

    /// The first twelve digits, for people to tell plans apart.
    #[must_use]
    pub fn short(self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written_and_in_no_other_way() {
        let hash = PlanHash::of("a plan");
        let text = hash.to_string();
        assert_eq!(PlanHash::parse(&text), Some(hash));
        assert_eq!(hash.short(), text[..12]);
        for other in [
            "",
            "x",
            &text[..63],
            &text.to_uppercase(),
            &format!("{text}0"),
        ] {
            assert_eq!(PlanHash::parse(other), None, "{other}");
        }
    }
}
