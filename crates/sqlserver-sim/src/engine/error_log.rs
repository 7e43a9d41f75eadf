//! The instance's error log.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDateTime;

/// Lines of the log in use beyond this are dropped, oldest first: whoever fails to log in must not fill the memory.
const LONGEST: usize = 20_000;

/// Earlier logs kept; the installer's default.
const ARCHIVED: usize = 6;

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

/// The log in use and those before it.
#[derive(Debug, Default)]
pub struct ErrorLog(Mutex<Logs>);

#[derive(Debug, Default)]
struct Logs {
    current: Vec<LogLine>,
    /// The newest first: `ERRORLOG.1` and so on.
    archived: Vec<Vec<LogLine>>,
}

impl ErrorLog {
    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self, line: LogLine) {
        let log = &mut self.logs().current;
        if log.len() >= LONGEST {
            log.drain(..LONGEST / 10);
        }
        log.push(line);
    }

    /// Every line kept, those of earlier logs first.
    pub fn all(&self) -> Vec<LogLine> {
        let logs = self.logs();
        let earlier = logs.archived.iter().rev().flatten();
        earlier.chain(&logs.current).cloned().collect()
    }

    /// The log in use (0) or the n-th before it.
    pub fn numbered(&self, n: usize) -> Option<Vec<LogLine>> {
        let logs = self.logs();
        match n.checked_sub(1) {
            None => Some(logs.current.clone()),
            Some(n) => logs.archived.get(n).cloned(),
        }
    }

    /// Begins a new log, as every start does; the oldest of the kept ones goes.
    pub fn cycle(&self) {
        let mut logs = self.logs();
        let full = std::mem::take(&mut logs.current);
        logs.archived.insert(0, full);
        logs.archived.truncate(ARCHIVED);
    }
}
