//! One claimed job: an attempt under a lease that is kept alive, and its end written down.

use std::fmt::Write as _;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{Attempt, Interrupted};
use super::claim_loop::LETTING_GO;
use super::heartbeat::Signals;
use super::settings::Settings;
use super::{Claimed, Worker, backoff, heartbeat};
use crate::domain::deadline::Deadline;
use crate::domain::failure::error_chain;
use crate::domain::job::{AttemptOutcome, FailureCode, Job, JobState};
use crate::store::lease::{self, Lease};
use crate::store::{self, StoreError, deadline};

/// How long handing back may take: the process is to stop, and the lease runs out anyway.
const HANDING_BACK: Duration = Duration::from_secs(2);

/// Carries the attempt out. `stop_now` hands the job back, wherever the attempt is: another one will look anew.
pub(super) async fn carry_out(worker: &Worker, claimed: Claimed, stop_now: &CancellationToken) {
    let Claimed { lease, job, since } = claimed;
    let span = tracing::info_span!(
        "attempt",
        job.id = %job.id,
        job.kind = job.kind.as_str(),
        subject = %job.subject.named().name,
        attempt = lease.attempt
    );
    let length = worker.settings.lease;
    let signals = Signals::until(since + length);
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
    let keeping = heartbeat::keep(&worker.store, &lease, length, news, &signals);
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
        outcome = Box::pin(attempt.run()) => match outcome {
            Ok(outcome) => Ended::With(outcome),
            Err(interrupted) => Ended::By(interrupted),
        },
        () = attempt.cancelled_before_apply() => Ended::By(Interrupted::Cancelled),
        () = Box::pin(attempt.out_of_time()) => Ended::By(Interrupted::OutOfTime),
        () = stop_now.cancelled() => Ended::Stopped,
    }
}

async fn write_down(attempt: &Attempt<'_>, ended: Ended, stop_now: &CancellationToken) {
    let settled = match ended {
        Ended::Stopped => return release(attempt).await,
        Ended::With(outcome) => settle(attempt, outcome, stop_now).await,
        Ended::By(Interrupted::Cancelled) => acknowledge(attempt, stop_now).await,
        // Boxed for its size, as the attempt itself is.
        Ended::By(Interrupted::OutOfTime) => Box::pin(run_out(attempt, stop_now)).await,
        Ended::By(interrupted) => Err(interrupted),
    };
    match settled {
        Ok(state) => tracing::info!(state = state.as_str(), "attempt ended"),
        // The lease runs out by itself, and whoever claims next looks anew.
        Err(Interrupted::Store(error)) if error.is_unavailable() => {
            tracing::error!(%error, "attempt given up: what became of it cannot be written");
        }
        Err(Interrupted::Store(error)) => fail_as_our_own(attempt, &error, stop_now).await,
        Err(Interrupted::LeaseLost | Interrupted::Cancelled | Interrupted::OutOfTime) => {
            abandon(attempt, stop_now).await;
        }
    }
}

/// The lease ran out, most likely because PostgreSQL was away. If nobody has taken the job meanwhile, the next attempt need not
/// look like one more process that died of it.
async fn abandon(attempt: &Attempt<'_>, stop_now: &CancellationToken) {
    let settings = &attempt.worker.settings;
    let pause = pause(attempt.job, settings);
    // The cap on the number is kept by leaving no time for another one.
    let total = match attempt.job.attempts < settings.max_attempts {
        true => settings.retry_total,
        false => Duration::ZERO,
    };
    let letting_go = attempt.outwait(|| async {
        let mut conn = attempt.worker.store.acquire().await?;
        lease::abandon(&mut conn, attempt.lease, pause, total).await
    });
    let abandon = tokio::select! {
        abandon = letting_go => abandon,
        () = stop_now.cancelled() => return,
    };
    match abandon {
        Ok(state) => {
            tracing::warn!(
                state = state.as_str(),
                "attempt given up: its lease ran out; the job is free again"
            );
            // This slot rests: the attempts of other processes have to say the same before anybody claims.
            let _stopped = stop_now
                .run_until_cancelled(tokio::time::sleep(LETTING_GO))
                .await;
        }
        Err(StoreError::LeaseLost) => {
            tracing::warn!(
                "attempt over: the lease is no longer ours; the end is written, or another worker has the job"
            );
        }
        Err(error) => tracing::error!(%error, "attempt given up; its lease runs out"),
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

/// The deadline passed before anything was begun that changes something: the job ends, and says what it waited for.
async fn run_out(
    attempt: &Attempt<'_>,
    stop_now: &CancellationToken,
) -> Result<JobState, Interrupted> {
    let passed = attempt.job.options.deadline.map(Deadline::passed);
    let passed = passed.unwrap_or_default();
    let writing = attempt.persist(|| async {
        let mut conn = attempt.worker.store.acquire().await?;
        let awaited = deadline::awaited(&mut conn, attempt.lease).await?;
        let mut detail = match awaited.is_empty() {
            true => format!("{passed} before anything was changed"),
            false => format!("{passed} before {} answered", awaited.join(", ")),
        };
        if let Some(problem) = &attempt.job.last_problem {
            let _ = write!(detail, "; the attempt before ran into: {problem}");
        }
        let code = FailureCode::DeadlineExceeded;
        lease::fail(&mut conn, attempt.lease, code, &detail).await
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
            let (pause, total) = (pause(job, settings), settings.retry_total);
            lease::retry_later(&mut conn, lease, *code, detail, pause, total).await
        }
        AttemptOutcome::RetryLater { code, detail } | AttemptOutcome::Failed { code, detail } => {
            lease::fail(&mut conn, lease, *code, detail).await
        }
    }
}

fn pause(job: &Job, settings: &Settings) -> Duration {
    backoff::pause(
        job.id,
        job.attempts,
        settings.retry_base,
        settings.retry_cap,
    )
}

/// PostgreSQL refuses what the attempt has to write, and would the next time too.
async fn fail_as_our_own(attempt: &Attempt<'_>, error: &StoreError, stop_now: &CancellationToken) {
    tracing::error!(error = %error_chain(error), "the history refuses what the attempt has to write");
    let outcome = AttemptOutcome::Failed {
        code: FailureCode::Internal,
        detail: format!(
            "{error}; the log of {} tells why",
            attempt.worker.settings.name
        ),
    };
    if settle(attempt, outcome, stop_now).await.is_err() {
        tracing::error!("attempt given up; its lease runs out");
    }
}

async fn release(attempt: &Attempt<'_>) {
    let handing = attempt.persist(|| async {
        let mut conn = attempt.worker.store.acquire().await?;
        lease::release(&mut conn, attempt.lease).await
    });
    match tokio::time::timeout(HANDING_BACK, handing).await {
        Ok(Ok(state)) => tracing::info!(state = state.as_str(), "attempt handed back"),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("attempt could not be handed back; its lease runs out");
        }
    }
}
