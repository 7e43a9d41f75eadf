//! One claim: what is overdue is ended, and one due job is taken under a lease. When to claim is `claim_loop`'s.

use std::time::Instant;

use super::{Settings, Worker};
use crate::domain::job::Job;
use crate::store::claim::{self, Terms};
use crate::store::lease::Lease;
use crate::store::{self, StoreError, deadline};

/// A job that this process has.
pub(super) struct Claimed {
    pub lease: Lease,
    pub job: Job,
    /// Not after the lease began, by this process's monotonic clock.
    pub since: Instant,
}

/// Which due jobs a claim may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct May {
    /// One whose attempt has failed or was lost before.
    pub retry: bool,
    /// See `Terms::suspects`.
    pub be_suspect: bool,
}

impl May {
    pub(super) const ANYTHING: Self = Self {
        retry: true,
        be_suspect: true,
    };
}

impl Worker {
    /// Ends what has waited beyond its deadline.
    pub(super) async fn end_overdue(&self) -> Result<(), StoreError> {
        let ending = async {
            let mut conn = self.store.acquire().await?;
            deadline::end_overdue(&mut conn).await
        };
        let ended = store::within(self.settings.bounds.claim, ending).await?;
        if ended > 0 {
            tracing::warn!(ended, "jobs ended whose deadline had passed");
        }
        Ok(())
    }

    pub(super) async fn claim(&self, may: May) -> Result<Option<Claimed>, StoreError> {
        let since = Instant::now();
        let Settings {
            name,
            lease,
            poison_after,
            pool,
            ..
        } = self.settings.as_ref();
        let saturated = self.in_flight.saturated(pool.per_instance);
        let claiming = async {
            let mut conn = self.store.acquire().await?;
            let terms = Terms {
                saturated: &saturated,
                retries: may.retry,
                suspects: may.be_suspect,
                ..Terms::new(name, *lease, *poison_after)
            };
            claim::claim(&mut conn, &terms).await
        };
        // A claim whose answer is lost runs out like any other.
        let claimed = store::within(self.settings.claim(), claiming).await?;
        Ok(claimed.map(|(lease, job)| Claimed { lease, job, since }))
    }
}
