//! How an attempt ends, written down. What becomes of the job then is `store::lease`'s.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Interrupted, Journal};
use crate::domain::deadline::Deadline;
use crate::domain::job::{AttemptOutcome, FailureCode, JobState};
use crate::store::{Conn, StoreError, deadline, lease};
use crate::worker::backoff;
use crate::worker::settings::Settings;

impl Journal<'_> {
    pub(in crate::worker) async fn end(
        &self,
        outcome: &AttemptOutcome,
    ) -> Result<JobState, Interrupted> {
        self.settle_ends().await?;
        let ending = || async {
            let mut conn = self.store.acquire().await?;
            self.write_end(&mut conn, outcome).await
        };
        self.while_held(ending).await
    }

    pub(super) async fn write_end(
        &self,
        conn: &mut Conn,
        outcome: &AttemptOutcome,
    ) -> Result<JobState, StoreError> {
        let lease = self.lease;
        match outcome {
            AttemptOutcome::Succeeded => lease::succeed(conn, lease).await,
            AttemptOutcome::RetryLater { code, detail } if self.may_follow() => {
                let (pause, total) = (self.pause(), self.settings.retry_total);
                lease::retry_later(conn, lease, *code, detail, pause, total).await
            }
            AttemptOutcome::RetryLater { code, detail }
            | AttemptOutcome::Failed { code, detail } => {
                lease::fail(conn, lease, *code, detail).await
            }
        }
    }

    /// The attempt stopped because the job was to be cancelled.
    pub(in crate::worker) async fn acknowledge_cancel(&self) -> Result<JobState, Interrupted> {
        self.settle_ends().await?;
        let writing = || async {
            let mut conn = self.store.acquire().await?;
            lease::acknowledge_cancel(&mut conn, self.lease).await
        };
        self.while_held(writing).await
    }

    /// The deadline passed before anything was begun that changes something: the job ends, and says what it waited for.
    pub(in crate::worker) async fn end_overdue(&self) -> Result<JobState, Interrupted> {
        // Who has answered is not named as awaited.
        self.settle_ends().await?;
        let passed = self.job.options.deadline.map(Deadline::passed);
        let passed = passed.unwrap_or_default();
        let writing = || async {
            let mut conn = self.store.acquire().await?;
            let awaited = deadline::awaited(&mut conn, self.lease).await?;
            let mut detail = match awaited.is_empty() {
                true => format!("{passed} before anything was changed"),
                false => format!("{passed} before {} answered", awaited.join(", ")),
            };
            if let Some(problem) = &self.job.last_problem {
                let _ = write!(detail, "; the attempt before ran into: {problem}");
            }
            let code = FailureCode::DeadlineExceeded;
            lease::fail(&mut conn, self.lease, code, &detail).await
        };
        self.while_held(writing).await
    }

    /// Gives the job back: another process may go on with it at once.
    pub(in crate::worker) async fn release(&self) -> Result<JobState, Interrupted> {
        self.settle_ends().await?;
        let writing = || async {
            let mut conn = self.store.acquire().await?;
            lease::release(&mut conn, self.lease).await
        };
        self.while_held(writing).await
    }

    /// The lease ran out, most likely because PostgreSQL was away. If nobody has taken the job meanwhile, the next
    /// attempt need not look like one more process that died of it. Waits for PostgreSQL, however long that takes.
    pub(in crate::worker) async fn abandon(&self) -> Result<JobState, StoreError> {
        // The cap on the number is kept by leaving no time for another one.
        let total = match self.may_follow() {
            true => self.settings.retry_total,
            false => Duration::ZERO,
        };
        let writing = || async {
            let mut conn = self.store.acquire().await?;
            lease::abandon(&mut conn, self.lease, self.pause(), total).await
        };
        self.when_back(writing).await
    }

    /// Whether another attempt may follow, as far as their number goes.
    fn may_follow(&self) -> bool {
        self.job.attempts < self.settings.max_attempts
    }

    fn pause(&self) -> Duration {
        let Settings {
            retry_base,
            retry_cap,
            ..
        } = self.settings;
        backoff::pause(self.job.id, self.job.attempts, *retry_base, *retry_cap)
    }
}
