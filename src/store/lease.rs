//! Leases: who may write about a job now. Every write of a worker names its token; when no row answers, the lease went
//! elsewhere or ran out, and the attempt must stop. All times are PostgreSQL's clock.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection as _;
use uuid::Uuid;

use super::claim::parked;
use super::events::{self, Audience, EventKind};
use super::read::At;
use super::{Conn, StoreError, attempts, ending, steps};
use crate::domain::deadline::Deadline;
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
    /// One more attempt that comes to no end, and it is poisoned: it may be what kills the processes that take it.
    pub suspect: bool,
}

/// How an attempt wants to end.
struct End<'a> {
    event: JobEvent,
    problem: Option<(FailureCode, Cow<'a, str>)>,
    /// For an attempt that another one shall follow.
    due_in: Option<Duration>,
    /// How long after its first attempt began a job may still begin another one.
    total: Option<Duration>,
    /// Also when the lease has run out, as long as nobody else has taken the job.
    late: bool,
}

impl End<'_> {
    fn of(event: JobEvent) -> Self {
        Self {
            event,
            problem: None,
            due_in: None,
            total: None,
            late: false,
        }
    }
}

/// What a renewal learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// Somebody asked for the job to be cancelled: the attempt shall stop before it changes anything more.
    pub cancel_requested: bool,
}

/// Puts the lease's end `length` into the future.
///
/// # Errors
/// [`StoreError::LeaseLost`] when another worker has it or when it ran out, even if nobody has taken it yet: what this
/// attempt knows may be old.
pub async fn renew(
    conn: &mut Conn,
    lease: &Lease,
    length: Duration,
) -> Result<Renewed, StoreError> {
    let mut tx = conn.begin().await?;
    let renewed = sqlx::query!(
        r#"update jobs set lease_until = clock_timestamp() + make_interval(secs => $3)
           where id = $1 and lease_token = $2 and lease_until > clock_timestamp()
           returning lease_until as "until!", cancel_requested_at is not null as "cancel_requested!""#,
        lease.job_id,
        lease.token,
        length.as_secs_f64()
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(StoreError::LeaseLost)?;
    // In the order in which claims take them.
    let held = sqlx::query!(
        "with mine as (select instance_id from instance_leases where token = $1 order by instance_id for update)
         update instance_leases l set until = $2 from mine where l.instance_id = mine.instance_id",
        lease.token,
        renewed.until
    )
    .execute(&mut *tx)
    .await?;
    if held.rows_affected() != lease.instances.len() as u64 {
        return Err(StoreError::LeaseLost);
    }
    tx.commit().await?;
    Ok(Renewed {
        cancel_requested: renewed.cancel_requested,
    })
}

/// Holds the lease until the caller's transaction ends: the first call of every transaction that writes anything on the
/// attempt's behalf (trusts, observations, obtained certificates). Also locks the status of the job's instances, in order.
///
/// # Errors
/// [`StoreError::LeaseLost`].
pub async fn hold(conn: &mut Conn, lease: &Lease) -> Result<(), StoreError> {
    let held = sqlx::query_scalar!(
        r#"with held as (
               select id from jobs where id = $1 and lease_token = $2 and lease_until > clock_timestamp() for no key update),
           locked as (
               select s.instance_id from instance_status s
               where s.instance_id in (
                   select n.instance_id from job_instances n where n.job_id = (select id from held))
               order by s.instance_id for no key update of s)
           select (select count(*) from locked) from held"#,
        lease.job_id,
        lease.token
    )
    .fetch_optional(conn)
    .await?;
    held.map(drop).ok_or(StoreError::LeaseLost)
}

/// Nothing is missing any more. Gives the job's state, as all endings do.
///
/// A job that was asked to be cancelled ends `cancelled` by every ending but this one, whatever its attempt ran into: that
/// is kept as the attempt's failure.
///
/// # Errors
/// [`StoreError::LeaseLost`]; so with all the others here.
pub async fn succeed(conn: &mut Conn, lease: &Lease) -> Result<JobState, StoreError> {
    end_attempt(conn, lease, End::of(JobEvent::Succeeded)).await
}

/// The job failed for good.
pub async fn fail(
    conn: &mut Conn,
    lease: &Lease,
    code: FailureCode,
    detail: &str,
) -> Result<JobState, StoreError> {
    let end = End {
        problem: Some((code, detail.into())),
        ..End::of(JobEvent::FailedForGood)
    };
    end_attempt(conn, lease, end).await
}

/// The attempt failed for now; the next one is due after `delay`. If by then more than `total` would have passed since the
/// job's first attempt began, the job fails for good instead, and so it does with `deadline_exceeded` if its deadline would
/// have passed. The cap on the number of attempts is the caller's.
pub async fn retry_later(
    conn: &mut Conn,
    lease: &Lease,
    code: FailureCode,
    detail: &str,
    delay: Duration,
    total: Duration,
) -> Result<JobState, StoreError> {
    let end = End {
        problem: Some((code, detail.into())),
        due_in: Some(delay),
        total: Some(total),
        ..End::of(JobEvent::FailedForNow)
    };
    end_attempt(conn, lease, end).await
}

/// The process is stopping: another one may go on at once, and the attempt does not count.
pub async fn release(conn: &mut Conn, lease: &Lease) -> Result<JobState, StoreError> {
    let end = End {
        due_in: Some(Duration::ZERO),
        ..End::of(JobEvent::HandedBack)
    };
    end_attempt(conn, lease, end).await
}

/// The attempt lives, but its lease ran out while PostgreSQL was away, and nobody has taken the job yet: it is free again
/// after `delay`, within `total` as for [`retry_later`]. The attempt ends as lost, but does not speak for the job killing its
/// process.
pub async fn abandon(
    conn: &mut Conn,
    lease: &Lease,
    delay: Duration,
    total: Duration,
) -> Result<JobState, StoreError> {
    let detail = "the lease ran out: PostgreSQL did not answer in time";
    let end = End {
        problem: Some((FailureCode::AttemptsExhausted, detail.into())),
        due_in: Some(delay),
        total: Some(total),
        late: true,
        ..End::of(JobEvent::FailedForNow)
    };
    end_attempt(conn, lease, end).await
}

/// The attempt has stopped because the job was to be cancelled.
pub async fn acknowledge_cancel(conn: &mut Conn, lease: &Lease) -> Result<JobState, StoreError> {
    end_attempt(conn, lease, End::of(JobEvent::Cancelled)).await
}

async fn end_attempt(
    conn: &mut Conn,
    lease: &Lease,
    wanted: End<'_>,
) -> Result<JobState, StoreError> {
    // It asks nothing, and has no step that is open: one statement does it.
    if wanted.event == JobEvent::Succeeded {
        return finish(conn, lease, &wanted).await;
    }
    let mut tx = conn.begin().await?;
    let end = allowed(&mut tx, lease, wanted).await?;
    steps::close_open(&mut tx, lease.job_id, lease.attempt).await?;
    let state = finish(&mut tx, lease, &end).await?;
    tx.commit().await?;
    Ok(state)
}

/// What the end becomes under the lock of the job's row: nobody can ask for a cancellation between this and the commit.
async fn allowed<'a>(
    conn: &mut Conn,
    lease: &Lease,
    wanted: End<'a>,
) -> Result<End<'a>, StoreError> {
    let found = sqlx::query!(
        r#"select cancel_requested_at is not null as "cancel_requested!",
                  coalesce(started_at + make_interval(secs => $3) < clock_timestamp() + make_interval(secs => $4), false)
                      as "too_late!",
                  deadline, coalesce(deadline <= clock_timestamp(), false) as "passed!",
                  coalesce(deadline <= clock_timestamp() + make_interval(secs => $4), false) as "overdue!"
           from jobs where id = $1 and lease_token = $2 and (lease_until > clock_timestamp() or $5) for update"#,
        lease.job_id,
        lease.token,
        wanted.total.map(|d| d.as_secs_f64()),
        wanted.due_in.map(|d| d.as_secs_f64()),
        wanted.late,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(StoreError::LeaseLost)?;
    let event = match wanted.event {
        JobEvent::Succeeded => JobEvent::Succeeded,
        _ if found.cancel_requested => JobEvent::Cancelled,
        JobEvent::FailedForNow if found.too_late || found.overdue => JobEvent::FailedForGood,
        event => event,
    };
    let follows = matches!(event, JobEvent::FailedForNow | JobEvent::HandedBack);
    let in_time = wanted.event != JobEvent::FailedForNow || !found.overdue;
    let problem = match (wanted.problem, found.deadline) {
        (Some((_, last)), Some(deadline)) if !in_time => {
            let words = no_time(Deadline::at(deadline), found.passed, &last);
            Some((FailureCode::DeadlineExceeded, words.into()))
        }
        (problem, _) => problem,
    };
    Ok(End {
        event,
        problem,
        due_in: wanted.due_in.filter(|_| follows),
        ..wanted
    })
}

/// Why there is no other attempt, and what the last one ran into.
fn no_time(deadline: Deadline, passed: bool, last: &str) -> String {
    let why = match passed {
        true => deadline.passed(),
        false => format!("the deadline {deadline} leaves no time for another attempt"),
    };
    format!("{why}; the last one ran into: {last}")
}

fn problem_of<'e>(end: &'e End<'_>) -> Option<(FailureCode, &'e str)> {
    let (code, detail) = end.problem.as_ref()?;
    Some((*code, detail.as_ref()))
}

fn outcome(end: &End<'_>) -> attempts::AttemptEnd {
    match end.event {
        JobEvent::FailedForNow if end.late => attempts::AttemptEnd::Lost,
        JobEvent::Succeeded => attempts::AttemptEnd::Succeeded,
        JobEvent::FailedForNow => attempts::AttemptEnd::Retry,
        JobEvent::HandedBack => attempts::AttemptEnd::HandedBack,
        JobEvent::Cancelled => attempts::AttemptEnd::Cancelled,
        JobEvent::FailedForGood | JobEvent::Claimed | JobEvent::Lost => {
            attempts::AttemptEnd::Failed
        }
    }
}

/// Writes the end of the job's attempt under its lease: the job, the attempt, the instances given back, those that were parked for
/// them called back, and the event. The instances have become free, or the job is due again: either way there may be something to
/// claim, and workers are told.
async fn finish(conn: &mut Conn, lease: &Lease, end: &End<'_>) -> Result<JobState, StoreError> {
    let next = JobState::Running.after(end.event)?;
    let (code, detail) = problem_of(end).unzip();
    let failed = next == JobState::Failed;
    let (kind, data) = told(lease, end, next);
    let finished = sqlx::query_file!(
        "src/store/lease/finish.sql",
        lease.job_id,
        lease.token,
        next.as_str(),
        code.map(FailureCode::as_str),
        detail,
        i32::from(end.event == JobEvent::HandedBack),
        end.due_in.map(|d| d.as_secs_f64()),
        next.has_ended(),
        end.late,
        outcome(end).as_str(),
        failed,
        lease.attempt,
        parked::AT_ONCE,
        kind.as_str(),
        data,
        end.event == JobEvent::FailedForNow,
        events::CHANNEL,
        Audience::WorkToDo.payload(lease.job_id),
    )
    .fetch_optional(conn)
    .await?
    .ok_or(StoreError::LeaseLost)?;
    let at = At::new("job_attempts", lease.job_id);
    at.exactly(finished.ended == 1, "outcome")?;
    Ok(next)
}

/// The event that tells of the end; when the next attempt is due is added where it is known.
fn told(lease: &Lease, end: &End<'_>, next: JobState) -> (EventKind, Value) {
    let attempt = json!({"attempt": lease.attempt});
    match (end.event, problem_of(end)) {
        (JobEvent::FailedForNow, _) if end.late => (EventKind::AttemptLost, attempt),
        (JobEvent::HandedBack, _) => (EventKind::HandedBack, attempt),
        (JobEvent::FailedForNow, Some((code, detail))) => {
            let data = json!({"attempt": lease.attempt, "code": code.as_str(), "detail": detail});
            (EventKind::RetryScheduled, data)
        }
        (_, problem) => {
            let failure = problem.filter(|_| next == JobState::Failed);
            (EventKind::Ended, ending::ended(next, failure))
        }
    }
}

#[cfg(test)]
mod tests;
