//! One claimed job: an attempt under a lease that is kept alive, and its end written down.

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{Attempt, Interrupted};
use super::{Worker, backoff, lease_keeper};
use crate::domain::job::{AttemptOutcome, Job};
use crate::store::StoreError;
use crate::store::lease::{self, Lease};

/// Carries the attempt out. `stop_now` hands the job back, wherever the attempt is: another one will look anew.
pub(super) async fn carry_out(
    worker: &Worker,
    lease: Lease,
    job: Job,
    stop_now: &CancellationToken,
) {
    let span = tracing::info_span!(
        "attempt",
        job.id = %job.id,
        job.kind = job.kind.as_str(),
        subject = %job.subject.named().name,
        attempt = lease.attempt
    );
    async {
        tracing::info!("attempt begins");
        match under_lease(worker, &lease, &job, stop_now).await {
            Ended::With(outcome) => settle(worker, &lease, &job, outcome).await,
            Ended::Stopped => hand_back(worker, &lease).await,
            Ended::By(Interrupted::LeaseLost) => {
                tracing::warn!("attempt given up: the lease went elsewhere");
            }
            // The lease runs out by itself, and whoever claims next looks anew.
            Ended::By(Interrupted::Store(error)) => {
                tracing::error!(%error, "attempt given up: its progress cannot be written");
            }
        }
    }
    .instrument(span)
    .await;
}

enum Ended {
    With(AttemptOutcome),
    By(Interrupted),
    Stopped,
}

async fn under_lease(
    worker: &Worker,
    lease: &Lease,
    job: &Job,
    stop_now: &CancellationToken,
) -> Ended {
    let lost = CancellationToken::new();
    let attempt = Attempt {
        worker,
        lease,
        job,
        lost: &lost,
    };
    tokio::select! {
        outcome = attempt.run() => match outcome {
            Ok(outcome) => Ended::With(outcome),
            Err(interrupted) => Ended::By(interrupted),
        },
        () = lease_keeper::keep(&worker.store, lease, worker.settings.lease, &lost) => {
            Ended::By(Interrupted::LeaseLost)
        }
        () = stop_now.cancelled() => Ended::Stopped,
    }
}

async fn settle(worker: &Worker, lease: &Lease, job: &Job, outcome: AttemptOutcome) {
    let written = write_end(worker, lease, job, &outcome).await;
    match &outcome {
        AttemptOutcome::Succeeded => tracing::info!("attempt succeeded"),
        AttemptOutcome::Failed { code, detail } => {
            tracing::warn!(code = code.as_str(), detail, "attempt failed for good");
        }
        AttemptOutcome::RetryLater { code, detail } => {
            tracing::warn!(code = code.as_str(), detail, "attempt failed for now");
        }
    }
    if let Err(error) = written {
        tracing::error!(%error, "the attempt's end could not be written; the job will be claimed again");
    }
}

async fn write_end(
    worker: &Worker,
    lease: &Lease,
    job: &Job,
    outcome: &AttemptOutcome,
) -> Result<(), StoreError> {
    let mut conn = worker.store.acquire().await?;
    let settings = &worker.settings;
    match outcome {
        AttemptOutcome::Succeeded => lease::succeed(&mut conn, lease).await,
        AttemptOutcome::RetryLater { code, detail } if job.attempts < settings.max_attempts => {
            let pause = backoff::pause(
                job.id,
                job.attempts,
                settings.retry_base,
                settings.retry_cap,
            );
            lease::retry_later(&mut conn, lease, *code, detail, pause).await
        }
        AttemptOutcome::RetryLater { code, detail } | AttemptOutcome::Failed { code, detail } => {
            lease::fail(&mut conn, lease, *code, detail).await
        }
    }
}

async fn hand_back(worker: &Worker, lease: &Lease) {
    let handed = async {
        let mut conn = worker.store.acquire().await?;
        lease::hand_back(&mut conn, lease).await
    };
    match handed.await {
        Ok(()) => tracing::info!("attempt handed back"),
        Err(error) => {
            tracing::warn!(%error, "attempt could not be handed back; its lease runs out")
        }
    }
}
