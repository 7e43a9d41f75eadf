//! Keeps a lease alive while its attempt runs, says when it is lost, and hears when the job is to be cancelled. Judges
//! nothing about the job.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::lease::{self, Lease, Renewed};
use crate::store::wake::JobWatch;
use crate::store::{self, Store, StoreError};

/// Between a renewal that failed and the next try.
const AGAIN: Duration = Duration::from_millis(250);

/// What an attempt has to know of the world while it runs. Both stay as they are once set.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    /// The lease is no longer ours: nothing more may be sent or written.
    pub lost: CancellationToken,
    /// Somebody asked for the job to be cancelled.
    pub cancel: CancellationToken,
    /// Until when the lease surely lasts.
    until: watch::Sender<Instant>,
}

impl Signals {
    pub(super) fn until(end: Instant) -> Self {
        Self {
            lost: CancellationToken::new(),
            cancel: CancellationToken::new(),
            until: watch::Sender::new(end),
        }
    }

    /// Whether the lease is ours at this very moment, also when this process has slept since it last looked.
    pub(super) fn is_held(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < *self.until.borrow()
    }
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
    let mut pause = length / 3;
    loop {
        let asked = async {
            match signals.cancel.is_cancelled() {
                true => std::future::pending().await,
                false => news.cancel_asked().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = asked => {}
        }
        let begun = Instant::now();
        match renew(store, lease, length).await {
            Ok(found) => {
                // The lease counts from the renewal, which was not before it was asked for.
                signals.until.send_replace(begun + length);
                pause = length / 3;
                if found.cancel_requested && !signals.cancel.is_cancelled() {
                    tracing::info!(job.id = %lease.job_id, "asked to cancel");
                    signals.cancel.cancel();
                }
            }
            Err(StoreError::LeaseLost) => break,
            Err(error) if signals.is_held() => {
                tracing::warn!(job.id = %lease.job_id, %error, "the lease could not be renewed; trying on");
                // Soon: what is left of the lease may be little, and a write of the attempt's own may have been in the way.
                pause = AGAIN.min(length / 3);
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
