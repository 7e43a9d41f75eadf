//! Why an attempt ends without an outcome of its own.

use crate::store::StoreError;

/// Why an attempt ends without an outcome of its own.
#[derive(Debug)]
pub(in crate::worker) enum Interrupted {
    /// Another worker may be at it; nothing more may be sent or written.
    LeaseLost,
    /// The job is to be cancelled, and nothing is under way.
    Cancelled,
    /// The job's deadline has passed, and nothing is under way.
    OutOfTime,
    Store(StoreError),
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::LeaseLost,
            other => Self::Store(other),
        }
    }
}
