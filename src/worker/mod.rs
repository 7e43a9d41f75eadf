//! THE HANDS: claims jobs, carries out one attempt at a time for each, and writes down what happened.
//!
//! Reading order: `claim_loop` (when), `supervisor` (one claimed job under its lease, which `heartbeat` keeps), `attempt` (the
//! flow: observe, plan, apply, observe again), `backoff` (when another one follows).
//! No transaction is open while a SQL Server is being talked to. No T-SQL is written here, no rule of preflight decided.

mod attempt;
mod backoff;
mod claim_loop;
mod heartbeat;
mod in_flight;
mod retention;
mod settings;
mod supervisor;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::job::Job;
use crate::sqlserver::Pools;
use crate::store::claim::{self, Terms};
use crate::store::lease::Lease;
use crate::store::seal::SealKey;
use crate::store::wake::Wakeups;
use crate::store::{self, Store, StoreError, deadline};

pub use settings::Settings;

/// How long claiming may take, before its connection is taken for dead.
const CLAIMING: Duration = Duration::from_secs(5);

/// Works on jobs. Cloning shares everything, the sessions to SQL Server included.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    wakeups: Wakeups,
    clock: Clock,
    seal_key: SealKey,
    pools: Pools,
    in_flight: in_flight::InFlight,
    settings: Arc<Settings>,
}

impl Worker {
    #[must_use]
    pub fn new(
        store: Store,
        wakeups: Wakeups,
        clock: Clock,
        seal_key: SealKey,
        settings: Settings,
    ) -> Self {
        Self {
            store,
            wakeups,
            clock,
            seal_key,
            pools: Pools::new(settings.pool),
            in_flight: in_flight::InFlight::default(),
            settings: Arc::new(settings),
        }
    }

    /// Claims and carries out one due job, now; `None` when none is due.
    ///
    /// # Errors
    /// When PostgreSQL could not be asked. What becomes of the job itself is written in its history.
    pub async fn run_next(&self) -> Result<Option<Uuid>, StoreError> {
        self.end_overdue().await?;
        let Some(claimed) = self.claim(true).await? else {
            return Ok(None);
        };
        let id = claimed.job.id;
        supervisor::carry_out(self, claimed, &CancellationToken::new()).await;
        Ok(Some(id))
    }

    /// Sessions to SQL Server that are open now.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.pools.open_sessions()
    }

    /// Ends what has waited beyond its deadline.
    async fn end_overdue(&self) -> Result<(), StoreError> {
        let ending = async {
            let mut conn = self.store.acquire().await?;
            deadline::end_overdue(&mut conn).await
        };
        let ended = store::within(CLAIMING, ending).await?;
        if ended > 0 {
            tracing::warn!(ended, "jobs ended whose deadline had passed");
        }
        Ok(())
    }

    async fn claim(&self, suspects: bool) -> Result<Option<Claimed>, StoreError> {
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
                suspects,
                ..Terms::new(name, *lease, *poison_after)
            };
            claim::claim(&mut conn, &terms).await
        };
        // A claim whose answer is lost runs out like any other.
        let claimed = store::within(CLAIMING.min(*lease), claiming).await?;
        Ok(claimed.map(|(lease, job)| Claimed { lease, job, since }))
    }
}

/// A job that this process has.
struct Claimed {
    lease: Lease,
    job: Job,
    /// Not after the lease began, by this process's monotonic clock.
    since: Instant,
}
