//! The process's ways to its PostgreSQL: given by URL, or a private one that is started here.

use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::make_data_dir;
use crate::config::DatabaseConfig;
use crate::postgres::Cluster;
use crate::store::reach::{self, Unreached};
use crate::store::{Store, StoreError};

/// How long PostgreSQL may stay away at the start before the process gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long its name may lead nowhere: a misspelt one does so for ever.
const PATIENCE_WITH_A_NAME: Duration = Duration::from_secs(10);

/// The ways to PostgreSQL, kept apart so that neither side can use up the other's connections.
pub(super) struct Stores {
    pub requests: Store,
    pub workers: Store,
}

impl Stores {
    pub async fn close(&self) {
        self.requests.close().await;
        self.workers.close().await;
    }
}

pub(super) async fn open_database(
    config: &DatabaseConfig,
    lease: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<(Option<Cluster>, Stores)> {
    let connections = config.database_connections;
    if let Some(url) = config.url()? {
        let url = url.expose_secret();
        return Ok((None, await_database(url, connections, lease, stop).await?));
    }
    let data_dir = make_data_dir(config)?;
    let cluster = Cluster::start(&data_dir.join("postgres")).await?;
    info!("no DATABASE_URL: {}", cluster.describe());
    match connect(cluster.url(), connections, lease).await {
        Ok(stores) => Ok((Some(cluster), stores)),
        Err(error) => {
            cluster.stop().await?;
            Err(error).context("the private PostgreSQL cannot be reached")
        }
    }
}

/// A third of the connections is the workers': theirs are in use for a moment at a time.
async fn connect(url: &str, connections: u32, lease: Duration) -> Result<Stores, StoreError> {
    let workers = connections.div_ceil(3).max(2);
    Ok(Stores {
        requests: Store::connect(url, connections - workers).await?,
        workers: Store::for_workers(url, workers, lease / 3)?,
    })
}

/// Waits for a PostgreSQL that is still starting; a process that gave up at once would only be restarted. What no
/// waiting mends ends it at once.
async fn await_database(
    url: &str,
    connections: u32,
    lease: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<Stores> {
    let began = tokio::time::Instant::now();
    let mut told = false;
    loop {
        let (problem, patience) = match reach::reach(url).await {
            Ok(()) => match connect(url, connections, lease).await {
                Ok(stores) => return Ok(stores),
                Err(error) if error.is_unavailable() => (anyhow::Error::new(error), PATIENCE),
                Err(error) => return Err(error).context("PostgreSQL cannot be used"),
            },
            Err(error @ Unreached::Name { .. }) => (error.into(), PATIENCE_WITH_A_NAME),
            Err(error @ Unreached::Away { .. }) => (error.into(), PATIENCE),
            Err(error @ (Unreached::Url { .. } | Unreached::Refused { .. })) => {
                return Err(error.into());
            }
        };
        if began.elapsed() >= patience {
            anyhow::bail!("{problem:#}; is DATABASE_URL right?");
        }
        if !told {
            warn!(
                "PostgreSQL cannot be reached yet; waiting up to {} s: {problem:#}",
                patience.as_secs()
            );
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = stop.cancelled() => anyhow::bail!("told to stop before PostgreSQL could be reached"),
        }
    }
}
