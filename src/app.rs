//! The composition root: builds what a process consists of, runs it, and takes it down in order.

mod database;
mod seal;
mod settings;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum_server::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use database::{Stores, open_database};

use crate::config::{DatabaseConfig, ServeConfig};
use crate::domain::clock::Clock;
use crate::domain::desired_state::Thresholds;
use crate::http;
use crate::ingress;
use crate::postgres::Cluster;
use crate::store::Store;
use crate::store::seal::SealKey;
use crate::store::wake::{self, Wakeups};
use crate::worker::{self, Worker};

/// One whole process: HTTP, workers, and the private PostgreSQL if it has one.
pub struct App {
    listener: std::net::TcpListener,
    router: axum::Router,
    limits: ingress::Limits,
    readiness: http::Readiness,
    worker: Worker,
    concurrency: u16,
    grace: Duration,
    stores: Stores,
    tasks: TaskTracker,
    background: CancellationToken,
    cluster: Option<Cluster>,
}

impl App {
    /// Builds the process: checks the whole configuration first, then starts PostgreSQL or waits for it, migrates,
    /// and listens.
    ///
    /// # Errors
    /// Whatever makes serving impossible, in words for the person who started it.
    pub async fn build(
        config: ServeConfig,
        clock: Clock,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let token = config.token()?;
        let seal_path = config.seal_key_path()?;
        let made_here = config.seal_key_file.is_none();
        let listener = std::net::TcpListener::bind(config.listen)
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        listener.set_nonblocking(true)?;

        // Everything that can be wrong with the configuration is, before anything is started.
        if made_here {
            make_data_dir(&config.database)?;
        }
        let source = seal::Source {
            path: &seal_path,
            made_here,
            lost: config.seal_key_lost.as_deref(),
        };
        let key = seal::read(&source)?;
        let (cluster, stores) = open_database(&config.database, config.worker.lease, &stop).await?;
        let prepared = async {
            let migrated = stores.requests.migrate().await;
            migrated.context("the database schema could not be brought up to date")?;
            seal::settle(&stores.requests, key, &source).await
        };
        let seal = match prepared.await {
            Ok(seal) => seal,
            Err(error) => {
                stores.close().await;
                if let Some(cluster) = cluster {
                    cluster.stop().await?;
                }
                return Err(error);
            }
        };
        let settings = http::Settings {
            token: token.as_ref().map(http::TokenDigest::of),
            // One judgement for jobs and for uploads.
            thresholds: Thresholds::from(&config.worker),
            ..http::Settings::default()
        };
        Ok(Self::assemble(
            listener, stores, seal, clock, settings, &config, cluster,
        ))
    }

    fn assemble(
        listener: std::net::TcpListener,
        stores: Stores,
        seal: SealKey,
        clock: Clock,
        settings: http::Settings,
        config: &ServeConfig,
        cluster: Option<Cluster>,
    ) -> Self {
        let share = ingress::Share::of(ingress::raise());
        let background = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (wakeups, listening) = wake::listen(&stores.workers, background.clone());
        tasks.spawn(listening);
        let readiness = http::Readiness::default();
        let router = http::router(http::Api::new(http::Parts {
            store: stores.requests.clone(),
            wakeups: wakeups.clone(),
            seal: seal.clone(),
            clock: clock.clone(),
            settings,
            readiness: readiness.clone(),
        }));
        Self {
            listener,
            router,
            limits: config.ingress.limits(share),
            readiness,
            worker: new_worker(&stores.workers, wakeups, clock, seal, config, share),
            concurrency: config.worker.concurrency(),
            grace: config.worker.grace,
            stores,
            tasks,
            background,
            cluster,
        }
    }

    /// The address it listens on: the real port where 0 was asked for.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is cancelled, then drains: HTTP and running batches may end, within the grace time.
    ///
    /// # Errors
    /// When serving fails.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        info!("listening on http://{}", self.address()?);
        let handle = Handle::new();
        let worker = (self.concurrency > 0).then(|| {
            let (worker, stop) = (self.worker.clone(), stop.clone());
            self.tasks.spawn(async move { worker.run(stop).await })
        });
        self.readiness.set(true);
        let serving = self.tasks.spawn(ingress::serve(
            self.listener,
            self.router,
            self.limits,
            handle.clone(),
        ));
        let mut worker = worker;
        let worked = tokio::select! {
            // First: a worker that was told to stop may have ended by the time this is looked at.
            biased;
            () = stop.cancelled() => None,
            // It is this process's own child: whoever looks after this process starts both again.
            ended = postgres_ended(&mut self.cluster) => {
                stop.cancel();
                Some(Err(ended))
            }
            // It ends only when it is told to: a process that takes jobs it will never do is worse than none.
            ended = ended_early(&mut worker) => {
                stop.cancel();
                Some(ended)
            }
        };
        self.readiness.set(false);
        handle.graceful_shutdown(Some(self.grace));
        let worked = match (worked, worker) {
            (Some(ended), _) => ended,
            (None, Some(worker)) => worker.await.context("the worker failed"),
            (None, None) => Ok(()),
        };
        let served = serving.await.context("the HTTP server failed")?;
        self.background.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.stores.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        info!("stopped");
        served.context("the HTTP server failed")?;
        worked
    }
}

/// Returns when the private PostgreSQL has ended although nobody told it to; never where there is none.
async fn postgres_ended(cluster: &mut Option<Cluster>) -> anyhow::Error {
    match cluster {
        Some(cluster) => cluster.ended().await.into(),
        None => std::future::pending().await,
    }
}

/// Returns when the worker has ended although nobody told it to; never where there is none.
async fn ended_early(worker: &mut Option<JoinHandle<()>>) -> anyhow::Result<()> {
    match worker {
        None => std::future::pending().await,
        Some(worker) => match worker.await {
            Ok(()) => anyhow::bail!("the worker ended by itself"),
            Err(error) => Err(error).context("the worker failed"),
        },
    }
}

fn new_worker(
    store: &Store,
    wakeups: Wakeups,
    clock: Clock,
    seal: SealKey,
    config: &ServeConfig,
    share: ingress::Share,
) -> Worker {
    let mut settings = worker::Settings::from(&config.worker);
    settings.pool = settings.pool.within(share.sessions);
    Worker::new(store.clone(), wakeups, clock, seal, settings)
}

/// `mirrorgate migrate`: the schema and nothing else.
///
/// # Errors
/// When the database cannot be reached or the schema not brought up to date.
pub async fn migrate(config: &DatabaseConfig) -> anyhow::Result<()> {
    let (cluster, stores) =
        open_database(config, Duration::from_secs(10), &CancellationToken::new()).await?;
    let migrated = stores.requests.migrate().await;
    stores.close().await;
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    migrated.context("the database schema could not be brought up to date")?;
    info!("the database has this version's schema");
    Ok(())
}

fn make_data_dir(config: &DatabaseConfig) -> anyhow::Result<std::path::PathBuf> {
    let data_dir = config.data_dir();
    std::fs::create_dir_all(&data_dir)
        .with_context(|| format!("the data directory {} cannot be made", data_dir.display()))?;
    Ok(data_dir)
}
