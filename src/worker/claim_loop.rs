//! When to claim: as soon as there is work and a free slot, and not once a stop was asked for.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Worker;
use super::supervisor::carry_out;
use crate::store::StoreError;

impl Worker {
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
        carry_out(self, claimed, &CancellationToken::new()).await;
        Ok(Some(id))
    }

    /// Works until `shutdown`, then waits for what is running, at most for the grace, and hands back the rest.
    pub async fn run(&self, shutdown: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.settings.concurrency));
        let slot_freed = Arc::new(Notify::new());
        let running = TaskTracker::new();
        let stop_now = CancellationToken::new();
        // One suspect at a time: see `Terms::suspects`.
        let suspect_slot = Arc::new(Semaphore::new(1));
        let shared = Shared {
            slots,
            suspect_slot,
            slot_freed: Arc::clone(&slot_freed),
            running: running.clone(),
            stop_now: stop_now.clone(),
        };
        let mut outage = None;
        let forgetting = {
            let (worker, shutdown) = (self.clone(), shutdown.clone());
            running.spawn(async move { worker.forget_history(shutdown).await })
        };
        // Armed before the first look: what is announced while looking is looked for again.
        let mut new_jobs = self.wakeups.subscribe_new_jobs();
        while !shutdown.is_cancelled() {
            let claimed = self.claim_after(outage, &shared, &shutdown).await;
            outage = after(outage, &claimed);
            self.pools.sweep();
            let pause = match claimed {
                Ok(_) => self.settings.poll,
                Err(_) => self.settings.claim_again(),
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = new_jobs.wait() => {}
                () = slot_freed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        running.close();
        forgetting.abort();
        if tokio::time::timeout(self.settings.patience(), running.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                running = running.len(),
                "handing back what is still running"
            );
            stop_now.cancel();
            running.wait().await;
        }
        self.pools.close();
    }

    /// Claims; but when PostgreSQL was away for longer than leases last, those who were at a job say so first
    /// (`lease::abandon`): a job that is claimed before looks as if its process had died of it.
    async fn claim_after(
        &self,
        outage: Option<Instant>,
        shared: &Shared,
        shutdown: &CancellationToken,
    ) -> Result<(), StoreError> {
        if outage.is_some_and(|since| since.elapsed() > self.settings.lease) {
            self.store.ping().await?;
            let _stopped = shutdown
                .run_until_cancelled(tokio::time::sleep(self.settings.bounds.all_back()))
                .await;
        }
        self.claim_all(shared, shutdown).await
    }

    /// Claims no more than there are free slots: a claimed job that waits would only hold its lease. Ends when there
    /// is nothing to claim, no slot free, or a stop was asked for. What is overdue is ended first, whether or not a
    /// slot is free.
    async fn claim_all(
        &self,
        shared: &Shared,
        shutdown: &CancellationToken,
    ) -> Result<(), StoreError> {
        self.end_overdue().await?;
        while let Ok(slot) = Arc::clone(&shared.slots).try_acquire_owned() {
            if shutdown.is_cancelled() {
                break;
            }
            let suspect_slot = Arc::clone(&shared.suspect_slot).try_acquire_owned().ok();
            let Some(claimed) = self.claim(suspect_slot.is_some()).await? else {
                break;
            };
            let suspect_slot = suspect_slot.filter(|_| claimed.lease.suspect);
            let (worker, stop_now) = (self.clone(), shared.stop_now.clone());
            let slot_freed = Arc::clone(&shared.slot_freed);
            let members = claimed.job.accepted.members.iter();
            let guard = self
                .in_flight
                .enter(members.map(|m| m.instance.id).collect());
            shared.running.spawn(async move {
                carry_out(&worker, claimed, &stop_now).await;
                drop((slot, suspect_slot, guard));
                slot_freed.notify_one();
            });
        }
        Ok(())
    }
}

/// What the attempts of one process share.
struct Shared {
    slots: Arc<Semaphore>,
    suspect_slot: Arc<Semaphore>,
    slot_freed: Arc<Notify>,
    running: TaskTracker,
    stop_now: CancellationToken,
}

/// Since when claims have been failing, after this one; told once when it begins and once when it is over.
fn after(outage: Option<Instant>, claimed: &Result<(), StoreError>) -> Option<Instant> {
    match (outage, claimed) {
        (None, Err(error)) => {
            tracing::warn!(%error, "no job can be claimed; trying on");
            Some(Instant::now())
        }
        (Some(_), Ok(())) => {
            tracing::info!("jobs can be claimed again");
            None
        }
        (outage, _) => outage,
    }
}
