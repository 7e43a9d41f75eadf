//! Deadlines of jobs, by PostgreSQL's clock: how long one still has, and the end of those that waited too long.
//!
//! Who works on a job ends it himself when its deadline passes; here ends what nobody works on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use uuid::Uuid;

use super::lease::Lease;
use super::read::words;
use super::{Conn, StoreError, ending};
use crate::domain::deadline::Deadline;
use crate::domain::job::{FailureCode, JobState};
use crate::domain::step::NewStep;

/// How long until then; `None` when it has passed.
///
/// # Errors
/// When the database does not answer.
pub async fn time_left(
    conn: &mut Conn,
    deadline: Deadline,
) -> Result<Option<Duration>, StoreError> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from $1 - clock_timestamp())::float8 as "seconds!""#,
        deadline.moment()
    )
    .fetch_one(conn)
    .await?;
    Ok(positive(seconds))
}

/// What is too long for a duration is for ever.
fn positive(seconds: f64) -> Option<Duration> {
    (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// How long the leased job has; `None` when its deadline has passed.
///
/// # Errors
/// When the database does not answer.
pub async fn time_left_of(conn: &mut Conn, lease: &Lease) -> Result<Option<Duration>, StoreError> {
    let seconds = sqlx::query_scalar!(
        r#"select coalesce(extract(epoch from deadline - clock_timestamp())::float8, 'infinity') as "seconds!"
           from jobs where id = $1"#,
        lease.job_id
    )
    .fetch_one(conn)
    .await?;
    Ok(positive(seconds))
}

/// Whether the leased job's deadline has passed. In the transaction that writes down what is to be changed, so that nothing
/// is begun after it. Not for steps that are written down already: only the answer to that was lost.
///
/// # Errors
/// When the database does not answer.
pub async fn has_passed(
    conn: &mut Conn,
    lease: &Lease,
    steps: &[NewStep],
) -> Result<bool, StoreError> {
    let ids: Vec<Uuid> = steps.iter().map(|step| step.id).collect();
    Ok(sqlx::query_scalar!(
        r#"select coalesce(deadline <= clock_timestamp(), false)
                  and not exists (select from steps where id = any($2)) as "passed!"
           from jobs where id = $1"#,
        lease.job_id,
        &ids
    )
    .fetch_one(conn)
    .await?)
}

/// The instances whose look in this attempt has not ended.
///
/// # Errors
/// When the database does not answer.
pub async fn awaited(conn: &mut Conn, lease: &Lease) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select distinct instance_name from steps
         where job_id = $1 and attempt = $2 and outcome is null order by instance_name",
        lease.job_id,
        lease.attempt
    )
    .fetch_all(conn)
    .await?)
}

struct Overdue {
    id: Uuid,
    state: String,
    claims: i32,
    deadline: DateTime<Utc>,
    last_problem: Option<String>,
    cancel_requested: bool,
    /// Its attempts have sent something that changes an instance, or may have.
    has_changed: bool,
    /// Who holds what it would need: `HOST_A by job …`.
    held: Option<String>,
}

/// Ends every job whose deadline has passed and that nobody works on; gives how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_overdue(conn: &mut Conn) -> Result<usize, StoreError> {
    let mut ended = 0;
    // What a newer release made of a job in a state of its own is for a newer one to end.
    let known = words(JobState::ALL);
    // Most often there is none, and one question tells.
    while is_any_overdue(conn, &known).await? && end_one(conn, &known).await? {
        ended += 1;
    }
    Ok(ended)
}

async fn is_any_overdue(conn: &mut Conn, known: &[String]) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from jobs
               where deadline is not null and deadline <= clock_timestamp()
                 and finished_at is null and state = any($1)
                 and coalesce(lease_until <= clock_timestamp(), true)) as "any!""#,
        known
    )
    .fetch_one(conn)
    .await?)
}

/// `false` when there is none, or others are just ending it.
async fn end_one(conn: &mut Conn, known: &[String]) -> Result<bool, StoreError> {
    let mut tx = conn.begin().await?;
    let Some(found) = overdue(&mut tx, known).await? else {
        return Ok(false);
    };
    if JobState::parse(&found.state) == Some(JobState::Running) {
        ending::lose_attempt(&mut tx, found.id, found.claims).await?;
    }
    if found.cancel_requested {
        ending::cancel(&mut tx, found.id).await?;
    } else {
        let (code, detail) = (FailureCode::DeadlineExceeded, found.describe());
        ending::fail(&mut tx, found.id, code, &detail).await?;
    }
    tx.commit().await?;
    Ok(true)
}

async fn overdue(conn: &mut Conn, known: &[String]) -> Result<Option<Overdue>, StoreError> {
    Ok(sqlx::query_as!(
        Overdue,
        r#"select j.id, j.state, j.claims, j.deadline as "deadline!", j.last_problem,
                  j.cancel_requested_at is not null as "cancel_requested!",
                  exists (select from steps s where s.job_id = j.id and s.kind not in ('observe', 'verify')
                          and (s.outcome is null or s.outcome in ('done', 'unknown'))) as "has_changed!",
                  (select string_agg(i.name || ' by job ' || l.job_id, ', ' order by i.name)
                   from instance_leases l
                   join instances i on i.id = l.instance_id
                   where l.instance_id = any(j.holds) and l.job_id <> j.id and l.until > clock_timestamp()) as held
           from jobs j
           where j.deadline is not null and j.deadline <= clock_timestamp()
             and j.finished_at is null and j.state = any($1)
             and coalesce(j.lease_until <= clock_timestamp(), true)
           order by j.deadline
           limit 1
           for update of j skip locked"#,
        known
    )
    .fetch_optional(conn)
    .await?)
}

impl Overdue {
    fn describe(&self) -> String {
        let mut words = Deadline::at(self.deadline).passed();
        if self.claims == 0 {
            words.push_str(" before an attempt could begin");
            if let Some(held) = &self.held {
                words = format!("{words}; other jobs held what it needs: {held}");
            }
        }
        if let Some(problem) = &self.last_problem {
            words = format!("{words}; the last attempt ran into: {problem}");
        }
        if self.has_changed {
            words.push_str("; attempts had begun to change something: the steps tell what, a verify-inbound what is in place now");
        }
        words
    }
}

#[cfg(test)]
mod tests;
