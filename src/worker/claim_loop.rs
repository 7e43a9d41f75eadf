//! When to claim: as soon as there is work and a free hand, and not once a stop was asked for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Worker;
use super::carry_out::carry_out;

/// How much of the grace, at most, is kept for handing back what does not end in time.
const HANDING_BACK: Duration = Duration::from_secs(2);

impl Worker {
    /// Works until `shutdown`, then waits for what is running, at most for the grace, and hands back the rest.
    pub async fn run(&self, shutdown: CancellationToken) {
        let hands = Arc::new(Semaphore::new(self.settings.concurrency));
        let freed = Arc::new(Notify::new());
        let running = TaskTracker::new();
        let stop_now = CancellationToken::new();
        let forgetting = {
            let (worker, shutdown) = (self.clone(), shutdown.clone());
            running.spawn(async move { worker.forget_history(shutdown).await })
        };
        // Armed before the first look: what is announced while looking is looked for again.
        let mut new_jobs = self.wakeups.subscribe_new_jobs();
        while !shutdown.is_cancelled() {
            self.claim_all(&hands, &freed, &running, &stop_now).await;
            self.pools.sweep();
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = new_jobs.wait() => {}
                () = freed.notified() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
        running.close();
        forgetting.abort();
        // What is left of the grace is for handing back.
        let patience = self.settings.grace - HANDING_BACK.min(self.settings.grace / 4);
        if tokio::time::timeout(patience, running.wait())
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

    /// Claims no more than there are free hands: a claimed job that waits would only hold its lease.
    async fn claim_all(
        &self,
        hands: &Arc<Semaphore>,
        freed: &Arc<Notify>,
        running: &TaskTracker,
        stop_now: &CancellationToken,
    ) {
        while let Ok(hand) = Arc::clone(hands).try_acquire_owned() {
            let (lease, job) = match self.claim().await {
                Ok(Some(claimed)) => claimed,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "no job could be claimed; trying again");
                    return;
                }
            };
            let (worker, stop_now, freed) = (self.clone(), stop_now.clone(), Arc::clone(freed));
            let members = job.accepted.members.iter();
            let present = self.crowd.enter(members.map(|m| m.instance.id).collect());
            running.spawn(async move {
                carry_out(&worker, lease, job, &stop_now).await;
                drop((hand, present));
                freed.notify_one();
            });
        }
    }
}
