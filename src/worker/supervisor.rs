//! One claimed job: an attempt under a lease that is kept alive, and its end written down.

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{self, Concluded, Interrupted, Journal};
use super::claim::Claimed;
use super::heartbeat::{self, Signals};
use super::slots::Slot;
use super::{Bounds, Worker};
use crate::domain::failure::error_chain;
use crate::domain::job::{AttemptOutcome, FailureCode, Job, JobState};
use crate::store::{self, StoreError};

/// Carries the attempt out. `stop_now` hands the job back, wherever the attempt is: another one will look anew.
pub(super) async fn carry_out(
    worker: &Worker,
    claimed: Claimed,
    slot: &Slot,
    stop_now: &CancellationToken,
) {
    let Claimed { lease, job, since } = claimed;
    let span = tracing::info_span!(
        "attempt",
        job.id = %job.id,
        job.kind = job.kind.as_str(),
        subject = %job.subject.named().name,
        attempt = lease.attempt
    );
    let signals = Signals::until(since + worker.settings.lease);
    if job.cancel_requested_at.is_some() {
        signals.cancel.cancel();
    }
    let news = worker.wakeups.watch(job.id);
    let journal = Journal::new(worker, &lease, &job, &signals);
    let supervisor = Supervisor {
        worker,
        job: &job,
        journal: &journal,
        signals: &signals,
        slot,
        stop_now,
    };
    let working = async {
        tracing::info!("attempt begins");
        let ended = supervisor.run().await;
        supervisor.write_down(ended).await;
    };
    // The lease is kept until the end is written, not only until it is reached.
    let keeping = heartbeat::keep(&worker.store, &lease, &worker.settings, news, &signals);
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
    With(Concluded),
    By(Interrupted),
    Stopped,
}

struct Supervisor<'a> {
    worker: &'a Worker,
    job: &'a Job,
    journal: &'a Journal<'a>,
    signals: &'a Signals,
    slot: &'a Slot,
    stop_now: &'a CancellationToken,
}

impl Supervisor<'_> {
    fn bounds(&self) -> &Bounds {
        &self.worker.settings.bounds
    }

    async fn run(&self) -> Ended {
        let Self {
            worker,
            job,
            journal,
            slot,
            ..
        } = *self;
        tokio::select! {
            outcome = Box::pin(attempt::run(worker, job, journal, slot)) => match outcome {
                Ok(concluded) => Ended::With(concluded),
                Err(interrupted) => Ended::By(interrupted),
            },
            () = self.cancelled_before_apply() => Ended::By(Interrupted::Cancelled),
            () = Box::pin(self.out_of_time()) => Ended::By(Interrupted::OutOfTime),
            () = self.stop_now.cancelled() => Ended::Stopped,
        }
    }

    /// Ends when the job is to be cancelled and the attempt can be dropped where it stands, because it has changed
    /// nothing.
    async fn cancelled_before_apply(&self) {
        self.signals.cancel.cancelled().await;
        self.unless_committed_to_apply().await;
    }

    /// Ends when the job's deadline has passed, by PostgreSQL's clock, and the attempt can be dropped where it stands.
    async fn out_of_time(&self) {
        if self.job.options.deadline.is_none() {
            return std::future::pending().await;
        }
        loop {
            match self.journal.time_left().await {
                Ok(Some(left)) => tokio::time::sleep(left.min(self.bounds().deadline_again)).await,
                Ok(None) => break,
                // What begins a change asks again.
                Err(_) => return std::future::pending().await,
            }
        }
        self.unless_committed_to_apply().await;
    }

    async fn unless_committed_to_apply(&self) {
        if self.journal.is_committed_to_apply() {
            std::future::pending::<()>().await;
        }
    }

    async fn write_down(&self, ended: Ended) {
        let settled = match ended {
            Ended::Stopped => return self.release().await,
            Ended::With(concluded) => self.settle(concluded).await,
            Ended::By(Interrupted::Cancelled) => {
                self.in_time(self.journal.acknowledge_cancel()).await
            }
            // Boxed for its size, as the attempt itself is.
            Ended::By(Interrupted::OutOfTime) => {
                Box::pin(self.in_time(self.journal.end_overdue())).await
            }
            Ended::By(interrupted) => Err(interrupted),
        };
        match settled {
            Ok(state) => tracing::info!(state = state.as_str(), "attempt ended"),
            // The lease runs out by itself, and whoever claims next looks anew.
            Err(Interrupted::Store(error)) if error.is_unavailable() => {
                tracing::error!(%error, "attempt given up: what became of it cannot be written");
            }
            Err(Interrupted::Store(error)) => self.fail_as_our_own(&error).await,
            Err(Interrupted::LeaseLost | Interrupted::Cancelled | Interrupted::OutOfTime) => {
                self.abandon().await;
            }
        }
    }

    async fn settle(&self, concluded: Concluded) -> Result<JobState, Interrupted> {
        let Concluded { outcome, state } = concluded;
        match &outcome {
            AttemptOutcome::Succeeded => tracing::info!("attempt succeeded"),
            AttemptOutcome::Failed { code, detail } => {
                tracing::warn!(code = code.as_str(), detail, "attempt failed for good");
            }
            AttemptOutcome::RetryLater { code, detail } => {
                tracing::warn!(code = code.as_str(), detail, "attempt failed for now");
            }
        }
        match state {
            Some(written) => Ok(written),
            None => self.in_time(self.journal.end(&outcome)).await,
        }
    }

    /// A process that is to stop does not wait for PostgreSQL longer than it takes to hand a job back.
    async fn in_time(
        &self,
        writing: impl Future<Output = Result<JobState, Interrupted>>,
    ) -> Result<JobState, Interrupted> {
        let too_late = async {
            self.stop_now.cancelled().await;
            tokio::time::sleep(self.bounds().release).await;
        };
        tokio::select! {
            written = writing => written,
            () = too_late => Err(Interrupted::Store(store::timed_out())),
        }
    }

    /// PostgreSQL refuses what the attempt has to write, and would the next time too.
    async fn fail_as_our_own(&self, error: &StoreError) {
        tracing::error!(error = %error_chain(error), "the history refuses what the attempt has to write");
        let outcome = AttemptOutcome::Failed {
            code: FailureCode::Internal,
            detail: format!(
                "{error}; the log of {} tells why",
                self.worker.settings.name
            ),
        };
        let concluded = Concluded {
            outcome,
            state: None,
        };
        if self.settle(concluded).await.is_err() {
            tracing::error!("attempt given up; its lease runs out");
        }
    }

    /// The lease ran out: the job becomes free again, unless somebody has taken it.
    async fn abandon(&self) {
        let abandoned = tokio::select! {
            abandoned = self.journal.abandon() => abandoned,
            () = self.stop_now.cancelled() => return,
        };
        match abandoned {
            Ok(state) => {
                tracing::warn!(
                    state = state.as_str(),
                    "attempt given up: its lease ran out; the job is free again"
                );
                // This slot rests: the attempts of other processes have to say the same before anybody claims.
                let _stopped = self
                    .stop_now
                    .run_until_cancelled(tokio::time::sleep(self.bounds().all_back()))
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

    async fn release(&self) {
        match tokio::time::timeout(self.bounds().release, self.journal.release()).await {
            Ok(Ok(state)) => tracing::info!(state = state.as_str(), "attempt handed back"),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("attempt could not be handed back; its lease runs out");
            }
        }
    }
}
