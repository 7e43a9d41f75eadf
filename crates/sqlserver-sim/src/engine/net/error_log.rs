//! The instance's error log.

use chrono::NaiveDateTime;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub at: NaiveDateTime,
    /// `Logon`, `spid51`, `Server`, as the log's second column.
    pub source: String,
    /// 0 for lines without a message number.
    pub number: i32,
    pub text: String,
}
