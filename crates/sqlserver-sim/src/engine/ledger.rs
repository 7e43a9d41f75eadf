//! What happened on an instance: counters, and every statement executed, in order.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDateTime;

/// One executed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at: NaiveDateTime,
    pub session: u16,
    pub login: String,
    pub application: String,
    /// `CREATE LOGIN`, `SELECT`, ... as faults name them.
    pub kind: &'static str,
    pub text: String,
    /// Number of the error it ended with.
    pub error: Option<i32>,
}

/// Sums since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    pub logins: u64,
    pub refused_logins: u64,
    /// Complete request messages: log-ins, batches, calls, transaction requests.
    pub round_trips: u64,
    pub batches: u64,
    pub calls: u64,
    pub bytes_received: u64,
    pub statements: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Kept {
    counters: Counters,
    entries: Vec<Entry>,
    /// Entries dropped so far.
    dropped: u64,
    /// Bytes of the entries' texts.
    bytes: usize,
}

/// The instance's book.
#[derive(Debug, Default)]
pub struct Ledger {
    kept: Mutex<Kept>,
}

/// Entries beyond this are dropped, oldest first.
const LONGEST: usize = 20_000;

/// Bytes of all texts beyond which the older half is dropped.
const MOST_BYTES: usize = 64 << 20;

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.lock().counters);
    }

    pub fn enter(&self, entry: Entry) {
        let mut kept = self.lock();
        *kept.counters.statements.entry(entry.kind).or_default() += 1;
        kept.bytes += entry.text.len();
        if kept.entries.len() >= LONGEST || kept.bytes > MOST_BYTES {
            let oldest = kept.entries.len().div_ceil(2);
            let gone: usize = kept.entries.drain(..oldest).map(|e| e.text.len()).sum();
            kept.bytes -= gone;
            kept.dropped += oldest as u64;
        }
        kept.entries.push(entry);
    }

    pub fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// At most `most` entries from the `from`-th since the start on, each with its number; dropped ones are left out.
    pub fn entries_from(&self, from: u64, most: usize) -> Vec<(u64, Entry)> {
        let kept = self.lock();
        let numbered = (kept.dropped..).zip(&kept.entries);
        numbered
            .skip_while(|(n, _)| *n < from)
            .take(most)
            .map(|(n, entry)| (n, entry.clone()))
            .collect()
    }

    /// Sets the counters to zero; the entries stay.
    pub fn reset(&self) {
        self.lock().counters = Counters::default();
    }
}
