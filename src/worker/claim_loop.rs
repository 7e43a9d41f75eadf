//! When to claim: as soon as there is work and a free slot, and not once a stop was asked for.

use std::sync::Mutex;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Worker;
use super::claim::{Claimed, May};
use super::slots::{FreeSlot, Slot, Slots};
use super::supervisor::carry_out;
use crate::store::StoreError;

/// How many jobs one claim takes. A process that has more slots free asks again.
const MOST_AT_ONCE: usize = 16;

impl Worker {
    /// Claims and carries out one due job, now; `None` when none is due.
    ///
    /// # Errors
    /// When PostgreSQL could not be asked. What becomes of the job itself is written in its history.
    pub async fn run_next(&self) -> Result<Option<Uuid>, StoreError> {
        let Some(claimed) = self.claim(May::ANYTHING, 1).await?.pop() else {
            return Ok(None);
        };
        let id = claimed.job.id;
        carry_out(self, claimed, &Slot::default(), &CancellationToken::new()).await;
        Ok(Some(id))
    }

    /// Works until `shutdown`, then waits for what is running, at most for the grace, and hands back the rest.
    pub async fn run(&self, shutdown: CancellationToken) {
        let slots = Slots::new(self.settings.concurrency, self.settings.bounds.lend_after);
        let running = TaskTracker::new();
        let stop_now = CancellationToken::new();
        let shared = Shared {
            slots: slots.clone(),
            running: running.clone(),
            stop_now: stop_now.clone(),
            tended: Mutex::default(),
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
                () = slots.freed() => {}
                () = self.rests.next_over() => {}
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
    /// is nothing to claim, no slot free, or a stop was asked for.
    async fn claim_all(
        &self,
        shared: &Shared,
        shutdown: &CancellationToken,
    ) -> Result<(), StoreError> {
        while !shutdown.is_cancelled() {
            let mut free = shared.slots.free(MOST_AT_ONCE);
            let asked = free.len();
            let Some(first) = free.first() else {
                return self.tend(shared).await;
            };
            let may = May {
                retry: first.may_retry(),
                be_suspect: first.may_be_suspect(),
            };
            let claimed = self.claim(may, asked).await?;
            // Of those at one instance each claim takes one: only when it takes none there are none.
            let is_dry = claimed.is_empty();
            for claimed in claimed {
                // The first one has the place for a suspect.
                let free = match claimed.lease.suspect {
                    true => free.drain(..1).next(),
                    false => free.pop(),
                };
                if let Some(free) = free {
                    self.begin(claimed, free, shared);
                }
            }
            if is_dry {
                break;
            }
        }
        Ok(())
    }

    /// What is overdue is ended, and what waits for a rest that is over called back, also while no slot is free. Once a poll, since
    /// whoever claims sees it anyway; but a rest that is over is waited for no more, or this would be asked for without end.
    async fn tend(&self, shared: &Shared) -> Result<(), StoreError> {
        let last = shared.tended.lock().map(|last| *last).ok().flatten();
        let is_early = last.is_some_and(|last| last.elapsed() < self.settings.poll);
        if is_early && !self.rests.is_any_over() {
            return Ok(());
        }
        self.claim(May::NOTHING, 0).await?;
        if let Ok(mut tended) = shared.tended.lock() {
            *tended = Some(Instant::now());
        }
        Ok(())
    }

    fn begin(&self, claimed: Claimed, free: FreeSlot, shared: &Shared) {
        let slot = free.take(claimed.job.attempts > 1, claimed.lease.suspect);
        let (worker, stop_now) = (self.clone(), shared.stop_now.clone());
        let members = claimed.job.accepted.members.iter();
        let guard = self
            .in_flight
            .enter(members.map(|m| m.instance.id).collect());
        shared.running.spawn(async move {
            carry_out(&worker, claimed, &slot, &stop_now).await;
            // Whoever is told of the slot shall find the instances free, too.
            drop(guard);
            drop(slot);
        });
    }
}

/// What the attempts of one process share.
struct Shared {
    slots: Slots,
    running: TaskTracker,
    stop_now: CancellationToken,
    /// When what is overdue was last ended without a slot to claim for.
    tended: Mutex<Option<Instant>>,
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
