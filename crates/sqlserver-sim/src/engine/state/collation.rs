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

    /// By their keys, which plain ASCII texts need not be written out for.
    pub fn compare(&self, a: &str, b: &str) -> Ordering {
        if a.is_ascii() && b.is_ascii() {
            let (a, b) = (a.trim_end_matches(' '), b.trim_end_matches(' '));
            return if self.ignores_case {
                let lower = |b: u8| b.to_ascii_lowercase();
                a.bytes().map(lower).cmp(b.bytes().map(lower))
            } else {
                a.cmp(b)
            };
        }
        self.key(a).cmp(&self.key(b))
    }
}
