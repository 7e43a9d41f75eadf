//! Ends what nobody holds: attempts whose lease ran out, and jobs without a worker. The caller has locked the job's row.
//!
//! An attempt that lives ends its job itself, in `lease`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::attempts::{self, AttemptEnd};
use super::claim::parked;
use super::events::{self, Audience, EventKind};
use super::read::At;
use super::{Conn, StoreError, steps};
use crate::domain::job::{FailureCode, JobEvent, JobState};

/// The attempt whose lease ran out: nobody will end it any more, and nobody knows what became of its open steps.
pub(super) async fn lose_attempt(
    conn: &mut Conn,
    job: Uuid,
    attempt: i32,
) -> Result<(), StoreError> {
    attempts::end(conn, job, attempt, AttemptEnd::Lost, None, None).await?;
    steps::close_open(conn, job, attempt).await?;
    let lost = json!({"attempt": attempt});
    events::record(conn, job, Audience::Changed, EventKind::AttemptLost, lost).await
}

/// It was asked for, and nobody works on it (any more).
pub(super) async fn cancel(conn: &mut Conn, job: Uuid) -> Result<(), StoreError> {
    end(conn, job, JobEvent::Cancelled, None).await
}

/// For good.
pub(super) async fn fail(
    conn: &mut Conn,
    job: Uuid,
    code: FailureCode,
    detail: &str,
) -> Result<(), StoreError> {
    end(conn, job, JobEvent::FailedForGood, Some((code, detail))).await
}

async fn end(
    conn: &mut Conn,
    job: Uuid,
    event: JobEvent,
    failure: Option<(FailureCode, &str)>,
) -> Result<(), StoreError> {
    let at = At {
        table: "jobs",
        id: job,
    };
    let state = sqlx::query_scalar!("select state from jobs where id = $1", job)
        .fetch_one(&mut *conn)
        .await?;
    let next = JobState::parse(&state)
        .ok_or(at.wrong("state"))?
        .after(event)?;
    sqlx::query!(
        "update jobs
         set state = $2, failure_code = $3, failure_detail = $4, finished_at = clock_timestamp(), next_attempt_at = null,
             lease_token = null, lease_until = null, lease_worker = null
         where id = $1",
        job,
        next.as_str(),
        failure.map(|(code, _)| code.as_str()),
        failure.map(|(_, detail)| detail),
    )
    .execute(&mut *conn)
    .await?;
    give_back(conn, job).await?;
    let told = ended(next, failure);
    events::record(conn, job, Audience::WorkToDo, EventKind::Ended, told).await
}

/// Its instances are free; those that are parked for them come back.
pub(super) async fn give_back(conn: &mut Conn, job: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "update instance_leases set job_id = null, token = null, until = '-infinity' where job_id = $1",
        job
    )
    .execute(&mut *conn)
    .await?;
    let named = sqlx::query_scalar!(
        "select instance_id from job_instances where job_id = $1",
        job
    )
    .fetch_all(&mut *conn)
    .await?;
    parked::back(conn, &named).await
}

/// What the last event of a job says.
pub(super) fn ended(state: JobState, failure: Option<(FailureCode, &str)>) -> Value {
    match failure {
        Some((code, detail)) => {
            json!({"state": state.as_str(), "code": code.as_str(), "detail": detail})
        }
        None => json!({"state": state.as_str()}),
    }
}
