//! Events of a job: every change of it, in commit order. Written by the file that makes the change, in its transaction.
//!
//! A job's `version` counts its events: it is raised here and nowhere else, under the lock of the job's row. So the events
//! of a job have no gaps, and whoever has seen number n has missed nothing before it, whatever commits at the same time.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::read::At;
use super::{Conn, StoreError};
use crate::domain::words::words;

/// The channel of all news about jobs; see [`Audience::payload`].
pub(super) const CHANNEL: &str = "mirrorgate_jobs";

/// Who should look up when an event is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Those who wait for this job.
    Changed,
    /// Workers too: there may be something to claim.
    WorkToDo,
    /// The worker that has it, too: it is asked to stop.
    CancelAsked,
}

impl Audience {
    /// The job's id, and behind it what workers have to know. Read by `wake`.
    pub(super) fn payload(self, job: Uuid) -> String {
        match self {
            Self::Changed => job.to_string(),
            Self::WorkToDo => format!("{job} work"),
            Self::CancelAsked => format!("{job} cancel"),
        }
    }
}

/// One event as a feed shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEvent {
    /// From 1, without gaps: the job's version with this event.
    pub seq: i64,
    /// One of [`EventKind`]; a reader of an older version may find kinds it does not know.
    pub kind: String,
    /// PostgreSQL's clock.
    pub at: DateTime<Utc>,
    /// Always an object; which members it has depends on the kind.
    pub data: Value,
}

/// What can happen to a job.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum EventKind {
    /// Always the first. `kind`, `subject`.
    Accepted,
    /// A worker has claimed it. `attempt`, `worker`.
    AttemptStarted,
    /// The attempt's lease ran out. `attempt`.
    AttemptLost,
    /// A batch is about to be sent. `attempt`, `ordinal`, `instance`, `kind`, `summary`.
    StepStarted,
    /// `attempt`, `ordinal`, `instance`, `kind`, `outcome`.
    StepEnded,
    /// The attempt has a plan. `attempt`, `plan_hash`, `findings`, `changes`.
    Planned,
    /// Another attempt is due. `attempt`, `code`, `detail`, `next_attempt_at`.
    RetryScheduled,
    /// The worker's process is stopping; the attempt does not count. `attempt`.
    HandedBack,
    CancelRequested,
    /// Always the last. `state`, and why it failed: `code`, `detail`.
    Ended,
}

words!(EventKind);

/// A job's events after number `after_seq` (0: from the first), at most `limit` of them. None for a job that does not exist.
pub async fn list(
    conn: &mut Conn,
    job: Uuid,
    after_seq: i64,
    limit: u32,
) -> Result<Vec<JobEvent>, StoreError> {
    Ok(sqlx::query_as!(
        JobEvent,
        "select seq, kind, at, data from job_events where job_id = $1 and seq > $2 order by seq limit $3",
        job,
        after_seq,
        i64::from(limit)
    )
    .fetch_all(conn)
    .await?)
}

/// Writes one event and tells the world of it when (and only if) the transaction commits.
pub(super) async fn record(
    conn: &mut Conn,
    job: Uuid,
    news: Audience,
    kind: EventKind,
    data: Value,
) -> Result<(), StoreError> {
    record_all(conn, job, news, kind, vec![data]).await
}

/// Writes events of one kind, in this order, and tells of them once.
pub(super) async fn record_all(
    conn: &mut Conn,
    job: Uuid,
    news: Audience,
    kind: EventKind,
    data: Vec<Value>,
) -> Result<(), StoreError> {
    if data.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "with counted as (
             update jobs set version = version + cardinality($3::jsonb[]) where id = $1
             returning version - cardinality($3::jsonb[]) as base),
         written as (
             insert into job_events (job_id, seq, kind, data, at)
             select $1, counted.base + n.place, $2, n.data, clock_timestamp()
             from counted, unnest($3::jsonb[]) with ordinality as n (data, place)
             returning seq)
         select pg_notify($4, $5) from written limit 1",
        job,
        kind.as_str(),
        &data,
        CHANNEL,
        news.payload(job)
    )
    .execute(conn)
    .await?;
    At {
        table: "jobs",
        id: job,
    }
    .exactly_one(written.rows_affected())
}

#[cfg(test)]
mod tests;
