//! Removes history that is older than is to be kept, in small pieces, beside the claim loop.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::store::{self, StoreError, prune};

/// Jobs removed in one transaction.
const PIECE: i64 = 200;

impl Worker {
    /// Works until `shutdown`. Does nothing when history is kept for ever.
    pub(super) async fn forget_history(&self, shutdown: CancellationToken) {
        let Some(keep) = self.settings.history_retention else {
            return;
        };
        let bounds = &self.settings.bounds;
        loop {
            let pause = match store::within(bounds.prune, self.forget_some(keep)).await {
                Ok(removed) if removed >= PIECE.unsigned_abs() => bounds.prune_again,
                Ok(_) => bounds.prune_every,
                Err(error) => {
                    tracing::warn!(%error, "old history could not be removed; trying again later");
                    bounds.prune_every
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn forget_some(&self, keep: Duration) -> Result<u64, StoreError> {
        let mut conn = self.store.acquire().await?;
        let removed = prune::prune(&mut conn, keep, PIECE).await?;
        if removed > 0 {
            tracing::info!(jobs = removed, "removed old history");
        }
        Ok(removed)
    }
}
