//! Keeps a lease alive while its attempt runs, says when it is lost, and hears when the job is to be cancelled. Judges
//! nothing about the job.

use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::settings::Settings;
use crate::store::lease::{self, Lease, Renewed};
use crate::store::wake::JobWatch;
use crate::store::{self, Store, StoreError};

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

/// Renews at a third of the lease's length, and at once when somebody may have asked for a cancellation. When the
/// lease is lost, or could not be renewed for so long that it must have run out, `lost` is set and nothing more
/// happens; the future never ends by itself, it is to be dropped.
pub(super) async fn keep(
    store: &Store,
    lease: &Lease,
    settings: &Settings,
    mut news: JobWatch,
    signals: &Signals,
) {
    let mut pause = settings.renewal();
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
        match renew(store, lease, settings).await {
            Ok(found) => {
                // The lease counts from the renewal, which was not before it was asked for.
                signals.until.send_replace(begun + settings.lease);
                pause = settings.renewal();
                if found.cancel_requested && !signals.cancel.is_cancelled() {
                    tracing::info!(job.id = %lease.job_id, "asked to cancel");
                    signals.cancel.cancel();
                }
            }
            Err(StoreError::LeaseLost) => break,
            Err(error) if signals.is_held() => {
                tracing::warn!(job.id = %lease.job_id, %error, "the lease could not be renewed; trying on");
                pause = settings.renew_again();
            }
            Err(_) => break,
        }
    }
    tracing::warn!(job.id = %lease.job_id, "the lease is lost; the attempt stops before its next batch");
    signals.lost.cancel();
    std::future::pending().await
}

async fn renew(store: &Store, lease: &Lease, settings: &Settings) -> Result<Renewed, StoreError> {
    let renewing = async {
        let mut conn = store.acquire().await?;
        lease::renew(&mut conn, lease, settings.lease).await
    };
    store::within(settings.renewal(), renewing).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, Utc};
    use sqlx::PgPool;

    use super::*;
    use crate::config::WorkerConfig;
    use crate::store::MIGRATOR;
    use crate::store::claim::{self, Terms};
    use crate::store::fixture;
    use crate::store::wake;

    const LENGTH: Duration = Duration::from_secs(6);

    /// When the renewal that waits for a lock now was begun.
    async fn waiting_since(pool: &PgPool) -> Option<DateTime<Utc>> {
        sqlx::query_scalar(
            "select max(query_start) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query like 'update jobs set lease_until%'",
        )
        .fetch_one(pool)
        .await
        .unwrap()
    }

    async fn until(pool: &PgPool) -> DateTime<Utc> {
        sqlx::query_scalar("select lease_until from jobs")
            .fetch_one(pool)
            .await
            .unwrap()
    }

    #[test]
    fn a_lease_whose_time_is_over_is_not_held_whoever_has_noticed() {
        let soon = Instant::now() + LENGTH;
        let signals = Signals::until(soon);
        assert!(signals.is_held());
        signals.until.send_replace(Instant::now());
        assert!(!signals.is_held());
        let signals = Signals::until(soon);
        signals.lost.cancel();
        assert!(!signals.is_held());
    }

    /// A transaction of the attempt's own, or of a replica that was stopped, holds the job's row beyond one renewal.
    #[sqlx::test(migrator = "MIGRATOR")]
    async fn a_renewal_that_fails_is_tried_again_while_the_lease_lasts(pool: PgPool) {
        let store = Store::from_pool(pool.clone());
        let mut conn = store.acquire().await.unwrap();
        let fleet = fixture::fleet(&mut conn, 2).await;
        let erp = fixture::pair(&mut conn, "erp", &fleet[0], &fleet[1]).await;
        let job = fixture::queued(&mut conn, &erp).await;
        let since = Instant::now();
        let terms = Terms::new("tests", LENGTH, 3);
        let (lease, _) = claim::claim(&mut conn, &terms).await.unwrap().unwrap();
        let before = until(&pool).await;
        let signals = Signals::until(since + LENGTH);
        let (wakeups, _listening) = wake::listen(&store, CancellationToken::new());
        let news = wakeups.watch(job.id);
        let settings = Settings {
            lease: LENGTH,
            ..Settings::from(&WorkerConfig::default())
        };
        let mut holder = pool.begin().await.unwrap();
        sqlx::query("select id from jobs for update")
            .execute(&mut *holder)
            .await
            .unwrap();
        let hindering = async {
            let first = loop {
                if let Some(since) = waiting_since(&pool).await {
                    break since;
                }
            };
            while waiting_since(&pool)
                .await
                .is_none_or(|since| since <= first)
            {
                assert!(!signals.lost.is_cancelled(), "given up too early");
            }
            holder.rollback().await.unwrap();
            while until(&pool).await <= before {
                assert!(!signals.lost.is_cancelled(), "not tried again in time");
            }
        };
        tokio::select! {
            () = keep(&store, &lease, &settings, news, &signals) => unreachable!("it never ends"),
            () = hindering => {}
        }
        assert!(signals.is_held());
    }
}
