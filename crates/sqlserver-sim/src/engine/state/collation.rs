//! How names and texts compare: one collation for the instance and its databases.
//!
//! Linguistic rules beyond case and trailing blanks are not simulated.

use std::cmp::Ordering;

/// A collation by its SQL Server name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collation {
    pub name: String,
    ignores_case: bool,
}

impl Collation {
    /// `_CS_`, `_BIN` and `_BIN2` names compare exactly; everything else ignores case.
    pub fn new(name: &str) -> Self {
        let upper = name.to_ascii_uppercase();
        Self {
            name: name.to_owned(),
            ignores_case: !(upper.contains("_CS") || upper.contains("_BIN")),
        }
    }

    /// What two texts must share to be equal; trailing blanks never count.
    pub fn key(&self, text: &str) -> String {
        let trimmed = text.trim_end_matches(' ');
        if self.ignores_case {
            trimmed.to_lowercase()
        } else {
            trimmed.to_owned()
        }
    }

    /// Folds case only, for LIKE and REPLACE, where blanks count.
    pub fn fold(&self, text: &str) -> String {
        if self.ignores_case {
            text.chars()
                .map(|c| c.to_lowercase().next().unwrap_or(c))
                .collect()
        } else {
            text.to_owned()
        }
    }

    pub fn same(&self, a: &str, b: &str) -> bool {
        self.compare(a, b) == Ordering::Equal
    }

    pub fn compare(&self, a: &str, b: &str) -> Ordering {
        self.key(a).cmp(&self.key(b))
    }
}
