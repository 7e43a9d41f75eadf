//! How an attempt writes to PostgreSQL: within bounded time, and again while the lease lasts, or while PostgreSQL is away.
//! What is written is others'.

use std::time::Duration;

use super::attempt::{Attempt, Interrupted};
use crate::store::{self, StoreError};

/// How long one write may take, before its connection is taken for dead.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

impl Attempt<'_> {
    /// Tries until it is written, or refused, or the lease is lost: PostgreSQL may be away for a moment, and a finished batch
    /// is worth more than that. `write` must bear repetition, since it may have been done when only the answer was lost.
    pub(super) async fn persist<T, F>(&self, write: impl Fn() -> F) -> Result<T, Interrupted>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut told = false;
        loop {
            self.check_lease()?;
            let error = match store::within(PATIENCE, Box::pin(write())).await {
                Err(error) if error.is_unavailable() => error,
                other => return Ok(other?),
            };
            if !told {
                tracing::warn!(%error, "PostgreSQL does not answer; trying on while the lease lasts");
                told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.signals.lost.cancelled() => {}
            }
        }
    }

    /// Tries until PostgreSQL has answered, however long it stays away. The future may be dropped at any time.
    pub(super) async fn outwait<T, F>(&self, write: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match store::within(PATIENCE, write()).await {
                Err(error) if error.is_unavailable() => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
    }
}
