//! Keeps a lease alive while its attempt runs, and says when it is lost. Judges nothing about the job.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::lease::{self, Lease};
use crate::store::{Store, StoreError};

/// Renews at a third of the lease's length. When it is lost, or could not be renewed for so long that it must have run
/// out, `lost` is cancelled and nothing more happens; the future never ends by itself, it is to be dropped.
pub(super) async fn keep(store: &Store, lease: &Lease, length: Duration, lost: &CancellationToken) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(length / 3).await;
        match renew(store, lease, length).await {
            Ok(()) => renewed = Instant::now(),
            Err(StoreError::LeaseLost) => break,
            Err(error) if renewed.elapsed() < length => {
                tracing::warn!(job.id = %lease.job_id, %error, "the lease could not be renewed; trying on");
            }
            Err(_) => break,
        }
    }
    tracing::warn!(job.id = %lease.job_id, "the lease is lost; the attempt stops before its next batch");
    lost.cancel();
    std::future::pending().await
}

async fn renew(store: &Store, lease: &Lease, length: Duration) -> Result<(), StoreError> {
    let mut conn = store.acquire().await?;
    lease::renew(&mut conn, lease, length).await
}
