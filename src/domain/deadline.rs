//! When a job is no longer wanted. Whose clock it is weighed by is not decided here: it is PostgreSQL's.

use std::fmt;

use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

/// A moment after which a job begins nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deadline(DateTime<Utc>);

impl Deadline {
    /// Finer parts than PostgreSQL keeps are cut off.
    #[must_use]
    pub fn at(moment: DateTime<Utc>) -> Self {
        Self(moment.trunc_subsecs(6))
    }

    /// Reads RFC 3339, with any offset from UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self::at(moment.to_utc()))
    }

    #[must_use]
    pub fn moment(self) -> DateTime<Utc> {
        self.0
    }

    /// How every ending because of it begins.
    #[must_use]
    pub fn passed(self) -> String {
        format!("the deadline {self} passed")
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_with_any_offset_and_shown_in_utc() {
        for (text, shown) in [
            ("2026-11-27T22:00:00Z", "2026-11-27T22:00:00Z"),
            ("2026-11-27T23:00:00+01:00", "2026-11-27T22:00:00Z"),
            (
                "2026-11-27T22:00:00.1234567Z",
                "2026-11-27T22:00:00.123456Z",
            ),
        ] {
            assert_eq!(Deadline::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "30s", "2026-11-27", "2026-11-27T22:00:00", "tomorrow"] {
            assert_eq!(Deadline::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_ending_because_of_it_names_the_moment() {
        let deadline = Deadline::parse("2026-11-27T23:00:00+01:00").unwrap();
        assert_eq!(
            deadline.passed(),
            "the deadline 2026-11-27T22:00:00Z passed"
        );
    }
}
