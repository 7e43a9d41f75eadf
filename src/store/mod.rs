//! PostgreSQL through sqlx, one file per noun, free functions that take a connection so that they compose
//! in one transaction. No HTTP, no SQL Server, no decisions: what a row *means* is the domain's.
//!
//! A job and the change that caused it commit together: begin, change, enqueue, commit. No transaction may be open while
//! a SQL Server is being talked to.

pub mod attempts;
pub mod binding;
mod cancel;
pub mod certificate_copies;
pub mod certificate_uses;
pub mod certificates;
pub mod claim;
pub mod credentials;
pub mod deadline;
mod ending;
pub mod endpoint_certificates;
mod error;
pub mod estate;
pub mod events;
#[cfg(test)]
pub(crate) mod fixture;
pub mod idempotency;
pub mod instance_status;
pub mod instances;
pub mod jobs;
pub mod lease;
pub mod list;
pub mod looks;
pub mod pairs;
pub mod peers;
pub mod prune;
pub mod reach;
mod read;
pub mod seal;
pub mod seal_keys;
pub mod selection;
pub mod steps;
mod transaction;
pub mod trusts;
pub mod turns;
pub mod wake;

use std::str::FromStr;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use error::{StoreError, Unique};
pub use transaction::{Conn, Pooled, Transaction};

/// The migrations, in the binary.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// How long anyone waits for a free or a new connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// More than there are different statements.
const STATEMENTS: usize = 250;
/// A connection that has shown so lately that it is alive is lent without being asked again.
const FRESH: Duration = Duration::from_secs(1);
/// How long a connection may take to show that it is alive.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a worker waits for a lock at most.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How long one of several starting replicas waits for the one that migrates.
const MIGRATION_LOCK_TIMEOUT: &str = "60s";

/// One process's way to its PostgreSQL. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Connects with at most `max_connections`, each with limits on statements, locks and idle transactions, so that
    /// a stuck session cannot hold up the others for good. For those who serve requests.
    ///
    /// # Errors
    /// When the URL cannot be read or the database cannot be reached in 5 s.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let options = options(url, "mirrorgate requests", "10s")?;
        let pool = pool_options(max_connections).connect_with(options).await?;
        Ok(Self { pool })
    }

    /// Connections to the same database for the workers alone, made when they are needed: requests that wait for something must
    /// not keep a lease from being renewed. What waits behind another one's lock gives up after `patience`, at most 3 s.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn for_workers(
        url: &str,
        max_connections: u32,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let lock_timeout = format!("{}ms", patience.min(LOCK_PATIENCE).as_millis().max(1));
        // Their statements are long, find everything by an index, and have one plan each, made once a connection: by an index also
        // while the tables are still small, since nobody plans anew when they have grown.
        let planning = [
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
        ];
        let options = options(url, "mirrorgate workers", &lock_timeout)?.options(planning);
        let pool = pool_options(max_connections).connect_lazy_with(options);
        Ok(Self { pool })
    }

    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Begins a transaction; dropping it undoes it.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction::new(self.pool.begin().await?))
    }

    /// A connection on which every statement commits by itself.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn acquire(&self) -> Result<Pooled, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// Brings the schema up to date. Replicas that start together take turns under an advisory lock.
    ///
    /// # Errors
    /// When a migration fails, when one that was applied has changed since, or when the lock is not free within a minute.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // A connection of its own: its settings must not come back into the pool.
        let mut conn = self.pool.acquire().await?.detach();
        sqlx::query("select set_config('lock_timeout', $1, false), set_config('statement_timeout', '0', false)")
            .bind(MIGRATION_LOCK_TIMEOUT)
            .execute(&mut conn)
            .await?;
        MIGRATOR.run(&mut conn).await?;
        conn.close().await?;
        Ok(())
    }

    /// Whether the database answers, within the 2 s that a connection is given to show that it is alive.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let asking = async {
            sqlx::query("select 1").execute(&self.pool).await?;
            Ok(())
        };
        within(PING_TIMEOUT, asking).await
    }

    /// How it stands with the queue; in the time of [`Self::ping`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn queue(&self) -> Result<jobs::Queue, StoreError> {
        let asking = async {
            let mut conn = self.acquire().await?;
            jobs::queue(&mut conn).await
        };
        within(PING_TIMEOUT, asking).await
    }

    /// Closes all connections, once those in use are given back.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn options(url: &str, name: &str, lock_timeout: &str) -> Result<PgConnectOptions, StoreError> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name(name)
        .options([
            ("statement_timeout", "30s"),
            ("lock_timeout", lock_timeout),
            // A replica that was stopped in the middle holds its locks for no longer.
            ("idle_in_transaction_session_timeout", "6s"),
            // Nothing here runs long enough for compiled code to be worth its making, whatever the planner reckons.
            ("jit", "off"),
        ])
        // One connection may come to have all of them: each is then planned and described once.
        .statement_cache_capacity(STATEMENTS))
}

fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // In place of sqlx's own test, which waits for ever on a line that died without a word.
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                match meta.idle_for < FRESH {
                    true => Ok(true),
                    false => answers(conn).await,
                }
            })
        })
        // sqlx asks once more itself then, without an end to its patience.
        .after_release(|conn, _| Box::pin(answers(conn)))
}

/// Whether the connection's server is still there; an error when it does not say so in time, for which it is closed at once.
async fn answers(conn: &mut Conn) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(PING_TIMEOUT, conn.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_silence) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Bounds `work`: a connection that died without a word would be waited for as long as TCP cares to. Dropping the work gives
/// its connection back to the pool, which finds out whether it is dead.
///
/// # Errors
/// [`StoreError::Unavailable`] when it takes longer than `limit`; whether it was done is then unknown.
pub async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

/// No answer in time.
#[must_use]
pub fn timed_out() -> StoreError {
    StoreError::Unavailable(sqlx::Error::PoolTimedOut)
}

#[cfg(test)]
mod tests;
