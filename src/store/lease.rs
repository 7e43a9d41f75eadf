//! Leases: who may write about a job now. Every write of a worker names its token; when no row answers, the lease went
//! elsewhere or ran out, and the attempt must stop. All times are PostgreSQL's clock.

use std::time::Duration;

use sqlx::Connection as _;
use uuid::Uuid;

use super::jobs::{News, notify};
use super::{Conn, StoreError, attempts, steps};
use crate::domain::job::{FailureCode, JobEvent, JobState};

/// The right to carry out one attempt, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub job_id: Uuid,
    /// Fresh at every claim.
    pub token: Uuid,
    /// Number of the attempt's row, hand-backs included; how many attempts *count* is `Job::attempts`.
    pub attempt: i32,
    /// The instances it holds exclusively; none for a job that only looks.
    pub instances: Vec<Uuid>,
}

/// How an attempt ends.
struct End<'a> {
    event: JobEvent,
    outcome: attempts::AttemptEnd,
    problem: Option<(FailureCode, &'a str)>,
    /// For an attempt that another one shall follow.
    due_in: Option<Duration>,
}

/// Puts the lease's end `length` into the future.
///
/// # Errors
/// [`StoreError::LeaseLost`] when another worker has it or when it ran out, even if nobody has taken it yet: what this
/// attempt knows may be old.
pub async fn renew(conn: &mut Conn, lease: &Lease, length: Duration) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let until = sqlx::query_scalar!(
        r#"update jobs set lease_until = clock_timestamp() + make_interval(secs => $3)
           where id = $1 and lease_token = $2 and lease_until > clock_timestamp()
           returning lease_until as "until!""#,
        lease.job_id,
        lease.token,
        length.as_secs_f64()
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(StoreError::LeaseLost)?;
    let held = sqlx::query!(
        "update instance_leases set until = $2 where token = $1",
        lease.token,
        until
    )
    .execute(&mut *tx)
    .await?;
    if held.rows_affected() != lease.instances.len() as u64 {
        return Err(StoreError::LeaseLost);
    }
    Ok(tx.commit().await?)
}

/// Holds the lease until the caller's transaction ends: the first call of every transaction that writes anything on the
/// attempt's behalf (trusts, observations, obtained certificates). Also locks the status of the job's instances, in order.
///
/// # Errors
/// [`StoreError::LeaseLost`].
pub async fn hold(conn: &mut Conn, lease: &Lease) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "select id from jobs where id = $1 and lease_token = $2 and lease_until > clock_timestamp() for update",
        lease.job_id,
        lease.token
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(StoreError::LeaseLost)?;
    sqlx::query_scalar!(
        "select s.instance_id from instance_status s
         where s.instance_id in (select n.instance_id from job_instances n where n.job_id = $1)
         order by s.instance_id for no key update of s",
        lease.job_id
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Nothing is missing any more.
///
/// # Errors
/// [`StoreError::LeaseLost`]; so with all the others here.
pub async fn succeed(conn: &mut Conn, lease: &Lease) -> Result<(), StoreError> {
    let end = End {
        event: JobEvent::Succeeded,
        outcome: attempts::AttemptEnd::Succeeded,
        problem: None,
        due_in: None,
    };
    end_attempt(conn, lease, &end).await
}

/// The job failed for good.
pub async fn fail(
    conn: &mut Conn,
    lease: &Lease,
    code: FailureCode,
    detail: &str,
) -> Result<(), StoreError> {
    let end = End {
        event: JobEvent::FailedForGood,
        outcome: attempts::AttemptEnd::Failed,
        problem: Some((code, detail)),
        due_in: None,
    };
    end_attempt(conn, lease, &end).await
}

/// The attempt failed for now; the next one is due after `delay`. The cap on attempts is the caller's.
pub async fn retry_later(
    conn: &mut Conn,
    lease: &Lease,
    code: FailureCode,
    detail: &str,
    delay: Duration,
) -> Result<(), StoreError> {
    let end = End {
        event: JobEvent::FailedForNow,
        outcome: attempts::AttemptEnd::Retry,
        problem: Some((code, detail)),
        due_in: Some(delay),
    };
    end_attempt(conn, lease, &end).await
}

/// The process is stopping: another one may go on at once, and the attempt does not count.
pub async fn hand_back(conn: &mut Conn, lease: &Lease) -> Result<(), StoreError> {
    let end = End {
        event: JobEvent::HandedBack,
        outcome: attempts::AttemptEnd::HandedBack,
        problem: None,
        due_in: Some(Duration::ZERO),
    };
    end_attempt(conn, lease, &end).await
}

/// The attempt has stopped because the job was to be cancelled.
pub async fn acknowledge_cancel(conn: &mut Conn, lease: &Lease) -> Result<(), StoreError> {
    let end = End {
        event: JobEvent::Cancelled,
        outcome: attempts::AttemptEnd::Cancelled,
        problem: None,
        due_in: None,
    };
    end_attempt(conn, lease, &end).await
}

async fn end_attempt(conn: &mut Conn, lease: &Lease, end: &End<'_>) -> Result<(), StoreError> {
    let next = JobState::Running.after(end.event)?;
    let mut tx = conn.begin().await?;
    write_job(&mut tx, lease, end, next).await?;
    sqlx::query!("delete from instance_leases where token = $1", lease.token)
        .execute(&mut *tx)
        .await?;
    let (code, detail) = end.problem.unzip();
    attempts::end(
        &mut tx,
        lease.job_id,
        lease.attempt,
        end.outcome,
        code,
        detail,
    )
    .await?;
    steps::close_open(&mut tx, lease.job_id, lease.attempt).await?;
    // Instances have become free, or the job is due again: either way there may be something to claim.
    notify(&mut tx, lease.job_id, News::WorkToDo).await?;
    Ok(tx.commit().await?)
}

async fn write_job(
    conn: &mut Conn,
    lease: &Lease,
    end: &End<'_>,
    next: JobState,
) -> Result<(), StoreError> {
    let failed = end.problem.filter(|_| next == JobState::Failed);
    let problem = end.problem.filter(|_| next != JobState::Failed);
    let not_counted = i32::from(end.event == JobEvent::HandedBack);
    let written = sqlx::query!(
        "update jobs
         set state = $3, failure_code = $4, failure_detail = $5, last_problem = coalesce($6, last_problem),
             attempts = attempts - $7, unended_claims = 0, version = version + 1,
             next_attempt_at = clock_timestamp() + make_interval(secs => $8),
             finished_at = case when $9 then clock_timestamp() end,
             lease_token = null, lease_until = null, lease_worker = null
         where id = $1 and lease_token = $2 and lease_until > clock_timestamp()",
        lease.job_id,
        lease.token,
        next.as_str(),
        failed.map(|(code, _)| code.as_str()),
        failed.map(|(_, detail)| detail),
        problem.map(|(_, detail)| detail),
        not_counted,
        end.due_in.map(|d| d.as_secs_f64()),
        next.has_ended(),
    )
    .execute(conn)
    .await?;
    if written.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::LeaseLost)
    }
}

#[cfg(test)]
mod tests;
