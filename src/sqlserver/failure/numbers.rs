//! What SQL Server's error numbers mean, and those our own T-SQL throws.

use crate::domain::cause::Refusal;
use crate::domain::failure::FailureClass;
use crate::tsql::throws::{FILE_MISMATCH, LOCK_BUSY};

/// What an error number means in a batch. A number of the log-in says something else there: the session is there
/// already.
#[must_use]
pub(super) fn class_of(number: i32) -> FailureClass {
    match number {
        // Deadlock, lock and latch time-outs, snapshot conflicts, rows that moved away: nothing was done.
        1205 | 1222 | 601 | 844 | 845 | 846 | 3960 | 3961 | 5030 | LOCK_BUSY => {
            FailureClass::Transient
        }
        // Out of locks, memory, or room in a file or log.
        1204 | 701 | 802 | 8628 | 8645 | 8651 | 1101 | 1105 | 9002 => FailureClass::Transient,
        // A database is starting, recovering, restoring, being changed or taken over, or the server is going down.
        904 | 921 | 922 | 924 | 927 | 941 | 952 | 955 | 956 | 983 | 6005 => FailureClass::Transient,
        15025 | 15023 | 15063 | 15278 | 15232 => FailureClass::AlreadyExists,
        229 | 230 | 262 | 297 | 300 | 916 | 15151 | 15247 | 15517 => {
            FailureClass::PermissionMissing
        }
        15208 => FailureClass::FileUnusable,
        FILE_MISMATCH => FailureClass::FileMismatch,
        // Paused, shutting down, overloaded: the server's state, which passes.
        _ => match log_in_class_of(number) {
            Some(FailureClass::Unreachable) => FailureClass::Transient,
            _ => FailureClass::Rejected,
        },
    }
}

/// What an error number means while connecting; `None` for one that says nothing about log-ins.
pub(super) fn log_in_class_of(number: i32) -> Option<FailureClass> {
    if Refusal::of(number).is_some() {
        return Some(FailureClass::LoginRefused);
    }
    match number {
        // 18401 (upgrade under way) passes, its neighbours do not.
        18401 | 17142 | 17187 | 17188 | 17189 | 17197 | 17198 | 17809 | 17829 | 17830 | 233
        | 4221 | 10928 | 10929 | 40143 | 40197 | 40501 | 40540 | 40613 | 42108 | 42109 | 49918
        | 49919 | 49920 => Some(FailureClass::Unreachable),
        17828 | 17832 | 17836 => Some(FailureClass::Protocol),
        17835 => Some(FailureClass::TlsNotTrusted),
        _ => None,
    }
}
