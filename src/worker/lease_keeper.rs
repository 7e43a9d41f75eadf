//! Keeps a lease alive while its attempt runs, says when it is lost, and hears when the job is to be cancelled. Judges
//! nothing about the job.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::lease::{self, Lease, Renewed};
use crate::store::wake::JobWatch;
use crate::store::{self, Store, StoreError};

/// What an attempt has to know of the world while it runs. Both stay as they are once set.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    /// The lease is no longer ours: nothing more may be sent or written.
    pub lost: CancellationToken,
    /// Somebody asked for the job to be cancelled.
    pub cancel: CancellationToken,
}

/// Renews at a third of the lease's length, and at once when somebody may have asked for a cancellation. When the lease is
/// lost, or could not be renewed for so long that it must have run out, `lost` is set and nothing more happens; the future
/// never ends by itself, it is to be dropped.
pub(super) async fn keep(
    store: &Store,
    lease: &Lease,
    length: Duration,
    mut news: JobWatch,
    signals: &Signals,
) {
    let mut renewed = Instant::now();
    loop {
        let asked = async {
            match signals.cancel.is_cancelled() {
                true => std::future::pending().await,
                false => news.cancel_asked().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(length / 3) => {}
            () = asked => {}
        }
        let begun = Instant::now();
        match renew(store, lease, length).await {
            Ok(found) => {
                // The lease counts from the renewal, which was not before it was asked for.
                renewed = begun;
                if found.cancel_requested && !signals.cancel.is_cancelled() {
                    tracing::info!(job.id = %lease.job_id, "asked to cancel");
                    signals.cancel.cancel();
                }
            }
            Err(StoreError::LeaseLost) => break,
            Err(error) if renewed.elapsed() < length => {
                tracing::warn!(job.id = %lease.job_id, %error, "the lease could not be renewed; trying on");
            }
            Err(_) => break,
        }
    }
    tracing::warn!(job.id = %lease.job_id, "the lease is lost; the attempt stops before its next batch");
    signals.lost.cancel();
    std::future::pending().await
}

/// Not longer than until the next renewal would be due: a line that is dead must not use up the whole lease.
async fn renew(store: &Store, lease: &Lease, length: Duration) -> Result<Renewed, StoreError> {
    let renewing = async {
        let mut conn = store.acquire().await?;
        lease::renew(&mut conn, lease, length).await
    };
    store::within(length / 3, renewing).await
}
