//! Claims jobs, carries out one attempt at a time for each, and writes down what happened.
//!
//! Reading order: `claim_loop` (when), `slots` (how many at once), `supervisor` (one claimed job under its lease, which
//! `heartbeat` keeps), `attempt` (the flow: observe, plan, apply, observe again), `backoff` (when another one follows). No
//! transaction is open while a SQL Server is being talked to. No T-SQL is written here, no rule of preflight decided.

mod attempt;
mod backoff;
mod claim;
mod claim_loop;
mod heartbeat;
mod in_flight;
mod rests;
mod retention;
mod settings;
mod slots;
mod supervisor;

use std::sync::Arc;

use crate::domain::clock::Clock;
use crate::sqlserver::Pools;
use crate::store::Store;
use crate::store::seal::SealKey;
use crate::store::wake::Wakeups;

pub use settings::{Bounds, Settings};

/// Works on jobs. Cloning shares everything, the sessions to SQL Server included.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    wakeups: Wakeups,
    clock: Clock,
    seal_key: SealKey,
    pools: Pools,
    in_flight: in_flight::InFlight,
    rests: rests::Rests,
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
            rests: rests::Rests::new(settings.retry_base, settings.rest_cap()),
            settings: Arc::new(settings),
        }
    }

    /// Sessions to SQL Server that are open now.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.pools.open_sessions()
    }
}
