//! One claimed job: an attempt under a lease that is kept alive, and its end written down.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{Attempt, Interrupted};
use super::lease_keeper::Signals;
use super::{Worker, backoff, lease_keeper};
use crate::domain::job::{AttemptOutcome, Job, JobState};
use crate::store::lease::{self, Lease};
use crate::store::{self, StoreError};

/// How long handing back may take: the process is to stop, and the lease runs out anyway.
const HANDING_BACK: Duration = Duration::from_secs(2);

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
    let signals = Signals::default();
    if job.cancel_requested_at.is_some() {
        signals.cancel.cancel();
    }
    let news = worker.wakeups.watch(job.id);
    let attempt = Attempt::new(worker, &lease, &job, &signals);
    let working = async {
        tracing::info!("attempt begins");
        let ended = run(&attempt, stop_now).await;
        write_down(&attempt, ended, stop_now).await;
    };
    // The lease is kept until the end is written, not only until it is reached.
    let keeping = lease_keeper::keep(&worker.store, &lease, worker.settings.lease, news, &signals);
    async {
        tokio::select! {
            () = working => {}
            () = keeping => {}
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

async fn run(attempt: &Attempt<'_>, stop_now: &CancellationToken) -> Ended {
    tokio::select! {
        outcome = attempt.run() => match outcome {
            Ok(outcome) => Ended::With(outcome),
            Err(interrupted) => Ended::By(interrupted),
        },
        () = attempt.cancelled_in_time() => Ended::By(Interrupted::Cancelled),
        () = stop_now.cancelled() => Ended::Stopped,
    }
}

async fn write_down(attempt: &Attempt<'_>, ended: Ended, stop_now: &CancellationToken) {
    let settled = match ended {
        Ended::Stopped => return hand_back(attempt).await,
        Ended::With(outcome) => settle(attempt, outcome, stop_now).await,
        Ended::By(Interrupted::Cancelled) => acknowledge(attempt, stop_now).await,
        Ended::By(interrupted) => Err(interrupted),
    };
    match settled {
        Ok(state) => tracing::info!(state = state.as_str(), "attempt ended"),
        // The lease runs out by itself, and whoever claims next looks anew.
        Err(Interrupted::Store(error)) => {
            tracing::error!(%error, "attempt given up: what became of it cannot be written");
        }
        Err(_) => tracing::warn!("attempt given up: the lease went elsewhere"),
    }
}

async fn settle(
    attempt: &Attempt<'_>,
    outcome: AttemptOutcome,
    stop_now: &CancellationToken,
) -> Result<JobState, Interrupted> {
    match &outcome {
        AttemptOutcome::Succeeded => tracing::info!("attempt succeeded"),
        AttemptOutcome::Failed { code, detail } => {
            tracing::warn!(code = code.as_str(), detail, "attempt failed for good");
        }
        AttemptOutcome::RetryLater { code, detail } => {
            tracing::warn!(code = code.as_str(), detail, "attempt failed for now");
        }
    }
    let writing =
        attempt.persist(|| write_end(attempt.worker, attempt.lease, attempt.job, &outcome));
    tokio::select! {
        written = writing => written,
        () = past(stop_now) => Err(unwritten()),
    }
}

async fn acknowledge(
    attempt: &Attempt<'_>,
    stop_now: &CancellationToken,
) -> Result<JobState, Interrupted> {
    let writing = attempt.persist(|| async {
        let mut conn = attempt.worker.store.acquire().await?;
        lease::acknowledge_cancel(&mut conn, attempt.lease).await
    });
    tokio::select! {
        written = writing => written,
        () = past(stop_now) => Err(unwritten()),
    }
}

/// A process that is to stop does not wait for PostgreSQL longer than it takes to hand a job back.
async fn past(stop_now: &CancellationToken) {
    stop_now.cancelled().await;
    tokio::time::sleep(HANDING_BACK).await;
}

fn unwritten() -> Interrupted {
    Interrupted::Store(store::timed_out())
}

async fn write_end(
    worker: &Worker,
    lease: &Lease,
    job: &Job,
    outcome: &AttemptOutcome,
) -> Result<JobState, StoreError> {
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
            let total = settings.retry_total;
            lease::retry_later(&mut conn, lease, *code, detail, pause, total).await
        }
        AttemptOutcome::RetryLater { code, detail } | AttemptOutcome::Failed { code, detail } => {
            lease::fail(&mut conn, lease, *code, detail).await
        }
    }
}

async fn hand_back(attempt: &Attempt<'_>) {
    let handing = attempt.persist(|| async {
        let mut conn = attempt.worker.store.acquire().await?;
        lease::hand_back(&mut conn, attempt.lease).await
    });
    match tokio::time::timeout(HANDING_BACK, handing).await {
        Ok(Ok(state)) => tracing::info!(state = state.as_str(), "attempt handed back"),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("attempt could not be handed back; its lease runs out");
        }
    }
}
