//! THE HANDS: claims jobs, carries out one attempt at a time for each, and writes down what happened.
//!
//! Reading order: `claim_loop` (when), `carry_out` (one claimed job under its lease), `attempt` (the flow: look, think,
//! do, look again), `load`, `looking`, `applying`, `record` (its parts), `outcome` and `backoff` (its decisions, pure).
//! No transaction is open while a SQL Server is being talked to. No T-SQL is written here, no rule of preflight decided.

mod applying;
mod attempt;
mod backoff;
mod carry_out;
mod claim_loop;
mod lease_keeper;
mod load;
mod looking;
mod outcome;
mod record;
mod settings;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::sqlserver::Pools;
use crate::store::seal::SealKey;
use crate::store::wake::Wakeups;
use crate::store::{Store, StoreError, claim};

pub use settings::Settings;

/// Works on jobs. Cloning shares everything, the sessions to SQL Server included.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    wakeups: Wakeups,
    clock: Clock,
    seal_key: SealKey,
    pools: Pools,
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
            settings: Arc::new(settings),
        }
    }

    /// Claims and carries out one due job, now; `None` when none is due.
    ///
    /// # Errors
    /// When PostgreSQL could not be asked. What becomes of the job itself is written in its history.
    pub async fn run_next(&self) -> Result<Option<Uuid>, StoreError> {
        let claimed = self.claim().await?;
        let Some((lease, job)) = claimed else {
            return Ok(None);
        };
        let id = job.id;
        carry_out::carry_out(self, lease, job, &CancellationToken::new()).await;
        Ok(Some(id))
    }

    /// Sessions to SQL Server that are open now.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.pools.open_sessions()
    }

    async fn claim(
        &self,
    ) -> Result<Option<(crate::store::lease::Lease, crate::domain::job::Job)>, StoreError> {
        let mut conn = self.store.acquire().await?;
        let Settings {
            name,
            lease,
            max_unended,
            ..
        } = self.settings.as_ref();
        claim::claim(&mut conn, name, *lease, *max_unended).await
    }
}
