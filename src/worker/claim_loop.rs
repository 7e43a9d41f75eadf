//! When to claim: as soon as there is work and a free hand, and not once a stop was asked for.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Worker;
use super::carry_out::carry_out;

impl Worker {
    /// Works until `shutdown`, then waits for what is running, at most for the grace, and hands back the rest.
    pub async fn run(&self, shutdown: CancellationToken) {
        let hands = Arc::new(Semaphore::new(self.settings.concurrency));
        let freed = Arc::new(Notify::new());
        let running = TaskTracker::new();
        let stop_now = CancellationToken::new();
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
        if tokio::time::timeout(self.settings.grace, running.wait())
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
            running.spawn(async move {
                carry_out(&worker, lease, job, &stop_now).await;
                drop(hand);
                freed.notify_one();
            });
        }
    }
}
