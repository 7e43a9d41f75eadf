//! The fault suite: real processes, a real PostgreSQL, and a simulated fleet whose ledger says what was done to it.
//!
//! The same tests run in a short form (`scripts/test`) and at length (`scripts/soak MINUTES`, by the environment variables
//! of `soak`). Nothing here reaches into mirrorgate: replicas are the built binary, hurt by signals and by their links.

mod boundaries;
mod cancel;
mod clocks;
mod database;
mod drain;
mod entry;
mod history;
mod kills;
mod ledger;
mod links;
mod memory;
mod own_postgres;
mod poison;
mod proxy;
mod replica;
mod runbook;
mod serial;
mod site;
mod soak;
mod start;
mod stuck;
mod turnstile;
mod upgrade;
mod zombie;

use std::time::Duration;

/// Waits for a condition, looking every 20 ms, and fails when `limit` has passed.
pub async fn within<F, Fut>(limit: Duration, what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = tokio::time::Instant::now() + limit;
    while !condition().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited {limit:?} in vain: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
