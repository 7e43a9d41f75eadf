//! One claim: what is overdue is ended, and one due job is taken under a lease. When to claim is `claim_loop`'s.

use std::time::Instant;

use super::{Settings, Worker};
use crate::domain::job::Job;
use crate::store::claim::{self, Terms, parked};
use crate::store::lease::Lease;
use crate::store::{self, StoreError};

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
    pub(super) const NOTHING: Self = Self {
        retry: false,
        be_suspect: false,
    };
}

impl Worker {
    /// At most `most` jobs, no two of them at the same instance. What is overdue is ended first.
    pub(super) async fn claim(&self, may: May, most: usize) -> Result<Vec<Claimed>, StoreError> {
        let since = Instant::now();
        let Settings {
            name,
            lease,
            poison_after,
            pool,
            ..
        } = self.settings.as_ref();
        let saturated = self.in_flight.saturated(pool.per_instance);
        let resting = self.rests.waited_for(|id| self.in_flight.is_at(id));
        let claiming = async {
            let mut conn = self.store.acquire().await?;
            let over = self.rests.over();
            if !over.is_empty() {
                parked::back(&mut conn, &over).await?;
            }
            let terms = Terms {
                saturated: &saturated,
                resting: &resting,
                retries: may.retry,
                suspects: may.be_suspect,
                ..Terms::new(name, *lease, *poison_after)
            };
            claim::claim_some(&mut conn, &terms, most).await
        };
        // A claim whose answer is lost runs out like any other.
        let claims = store::within(self.settings.claim(), claiming).await?;
        if claims.overdue > 0 {
            tracing::warn!(
                ended = claims.overdue,
                "jobs ended whose deadline had passed"
            );
        }
        let jobs = claims.jobs.into_iter();
        Ok(jobs
            .map(|(lease, job)| Claimed { lease, job, since })
            .collect())
    }
}
