//! Every exchange of an attempt with PostgreSQL: within bounded time, fenced by its lease, and again while the lease
//! lasts.
//!
//! Here the steps; `ends` gathers how they ended, `keep` has what is kept of an observation, `end` how an attempt ends. No transaction outlasts a
//! call.

mod end;
mod ends;
mod keep;

use ends::Ends;
pub(super) use keep::{Keep, Kept, Then};

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::interrupted::Interrupted;
use crate::domain::certificate::Certificate;
use crate::domain::clock::Clock;
use crate::domain::estate::KnownInstance;
use crate::domain::job::Job;
use crate::domain::step::{NewStep, StepEnd};
use crate::store::estate::{self, About};
use crate::store::lease::Lease;
use crate::store::{self, Conn, Store, StoreError, deadline, steps};
use crate::worker::Worker;
use crate::worker::heartbeat::Signals;
use crate::worker::settings::Settings;

/// Writes about one attempt, as long as its lease is held.
pub(in crate::worker) struct Journal<'a> {
    store: &'a Store,
    clock: &'a Clock,
    settings: &'a Settings,
    lease: &'a Lease,
    job: &'a Job,
    signals: &'a Signals,
    committed_to_apply: AtomicBool,
    /// How steps ended, as far as it is not written down. Whatever becomes of the attempt, its end takes them along.
    ends: Ends,
}

/// A certificate that was read from its endpoint instead of uploaded.
pub(super) struct Obtained {
    /// Whose it is.
    pub instance_id: Uuid,
    pub instance: String,
    pub certificate: Certificate,
}

impl<'a> Journal<'a> {
    pub(in crate::worker) fn new(
        worker: &'a Worker,
        lease: &'a Lease,
        job: &'a Job,
        signals: &'a Signals,
    ) -> Self {
        Self {
            store: &worker.store,
            clock: &worker.clock,
            settings: &worker.settings,
            lease,
            job,
            signals,
            committed_to_apply: AtomicBool::new(false),
            ends: Ends::default(),
        }
    }

    /// Tries until it is done, or refused, or the lease is lost: PostgreSQL may be away for a moment, and a finished
    /// batch is worth more than that. `exchange` must bear repetition, since it may have been done when only the
    /// answer was lost.
    pub(super) async fn while_held<T, F>(&self, exchange: impl Fn() -> F) -> Result<T, Interrupted>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let bounds = &self.settings.bounds;
        let mut told = false;
        loop {
            self.check_lease()?;
            let error = match store::within(bounds.exchange, Box::pin(exchange())).await {
                Err(error) if error.is_unavailable() => error,
                other => return Ok(other?),
            };
            if !told {
                tracing::warn!(%error, "PostgreSQL does not answer; trying on while the lease lasts");
                told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(bounds.exchange_again) => {}
                () = self.signals.lost.cancelled() => {}
            }
        }
    }

    /// Tries until PostgreSQL has answered, however long it stays away. The future may be dropped at any time.
    async fn when_back<T, F>(&self, exchange: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let bounds = &self.settings.bounds;
        loop {
            match store::within(bounds.exchange, exchange()).await {
                Err(error) if error.is_unavailable() => {
                    tokio::time::sleep(bounds.exchange_again).await;
                }
                other => return other,
            }
        }
    }

    /// To be asked before every batch.
    pub(super) fn check_lease(&self) -> Result<(), Interrupted> {
        match self.is_held() {
            true => Ok(()),
            false => Err(Interrupted::LeaseLost),
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.signals.is_held()
    }

    /// Whether somebody asked for the job to be cancelled.
    pub(super) fn is_to_cancel(&self) -> bool {
        self.signals.cancel.is_cancelled()
    }

    /// Whether an apply batch may have been sent: from then on neither a cancellation nor the deadline stops the
    /// attempt, they only keep it from sending another one.
    pub(in crate::worker) fn is_committed_to_apply(&self) -> bool {
        self.committed_to_apply.load(Ordering::Relaxed)
    }

    /// By this process's clock, for what the history shows.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// How long the job's deadline leaves, by PostgreSQL's clock; `None` once it has passed.
    pub(in crate::worker) async fn time_left(&self) -> Result<Option<Duration>, StoreError> {
        let asking = || async {
            let mut conn = self.store.acquire().await?;
            deadline::time_left_of(&mut conn, self.lease).await
        };
        self.when_back(asking).await
    }

    /// Writes down how steps ended that nobody has written down yet, and what is about to be asked. Gives PostgreSQL's time before
    /// anything was.
    pub(super) async fn start_steps(
        &self,
        started: &[NewStep],
    ) -> Result<DateTime<Utc>, Interrupted> {
        let ends = self.ends.waiting();
        let starting = || async {
            let mut tx = self.store.begin().await?;
            self.write_ends(&mut tx, &ends).await?;
            let at = steps::start(&mut tx, self.lease, started).await?;
            tx.commit().await?;
            Ok(at)
        };
        let at = self.while_held(starting).await?;
        self.ends.remove(&ends);
        Ok(at)
    }

    /// Writes down how steps ended, and asks whom else it concerns what they showed.
    pub(super) async fn look_up(&self, about: &About) -> Result<Vec<KnownInstance>, Interrupted> {
        let ends = self.ends.waiting();
        let asking = || async {
            let mut tx = self.store.begin().await?;
            self.write_ends(&mut tx, &ends).await?;
            let known = estate::read(&mut tx, about).await?;
            tx.commit().await?;
            Ok(known)
        };
        let known = self.while_held(asking).await?;
        self.ends.remove(&ends);
        Ok(known)
    }

    /// The first thing of a transaction that writes more; nothing where there are none.
    async fn write_ends(&self, conn: &mut Conn, ends: &[StepEnd]) -> Result<(), StoreError> {
        match ends.is_empty() {
            true => Ok(()),
            false => steps::end(conn, self.lease, ends).await,
        }
    }

    fn commit_to_apply(&self) {
        self.committed_to_apply.store(true, Ordering::Relaxed);
    }
}
