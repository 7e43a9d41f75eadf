//! The claim: which job a worker does next. One short transaction; nothing is done in it but taking.
//!
//! A job whose lease ran out is claimed by the same query as a fresh one, so nobody has to look after dead workers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use uuid::Uuid;

use super::attempts::{self, AttemptEnd};
use super::jobs::{News, notify};
use super::lease::Lease;
use super::read::At;
use super::{Conn, StoreError, jobs, steps};
use crate::domain::id::new_id;
use crate::domain::job::{FailureCode, Job, JobEvent, JobState};

/// How often one claim looks again after losing a race for instances, before it leaves the rest to the next wake-up.
const LOOKS: usize = 8;

/// Attempts that may run at one instance, over all replicas, before jobs that only look wait for their turn there. An
/// instance that answers nothing would otherwise hold every hand, because looking jobs do not exclude one another.
const MOST_AT_ONE_INSTANCE: i64 = 4;

/// What a look at the queue came to.
enum Look {
    Claimed(Box<(Lease, Job)>),
    /// Something was done or lost; there may be more.
    Again,
    Nothing,
}

struct Candidate {
    id: Uuid,
    state: String,
    holds: Vec<Uuid>,
    claims: i32,
    unended_claims: i32,
    /// When a lease taken now ends.
    until: DateTime<Utc>,
}

/// Claims the oldest job that is due and whose instances are free, for `length`.
///
/// A changing job takes its instances with it; while it waits for one of them, no younger changing job overtakes it
/// there. Looking jobs take nothing, but only a few of them run at one instance. A job that was claimed `max_unended` times in a row without ever coming to an end is failed as poisoned: it kills its process.
///
/// # Errors
/// When the database does not answer; nothing is claimed then.
pub async fn claim(
    conn: &mut Conn,
    worker: &str,
    length: Duration,
    max_unended: i32,
) -> Result<Option<(Lease, Job)>, StoreError> {
    for _ in 0..LOOKS {
        match look(conn, worker, length, max_unended).await? {
            Look::Claimed(claimed) => return Ok(Some(*claimed)),
            Look::Again => {}
            Look::Nothing => break,
        }
    }
    Ok(None)
}

async fn look(
    conn: &mut Conn,
    worker: &str,
    length: Duration,
    max_unended: i32,
) -> Result<Look, StoreError> {
    let mut tx = conn.begin().await?;
    let Some(found) = candidate(&mut tx, length).await? else {
        return Ok(Look::Nothing);
    };
    if JobState::parse(&found.state) == Some(JobState::Running) {
        lose_attempt(&mut tx, &found).await?;
    }
    if found.unended_claims >= max_unended {
        fail_poisoned(&mut tx, &found).await?;
        tx.commit().await?;
        return Ok(Look::Again);
    }
    let lease = Lease {
        job_id: found.id,
        token: new_id(),
        attempt: found.claims + 1,
        instances: found.holds.clone(),
    };
    if !take_instances(&mut tx, &lease, found.until).await? {
        tx.rollback().await?;
        return Ok(Look::Again);
    }
    let job = take_job(&mut tx, &lease, &found, worker).await?;
    tx.commit().await?;
    Ok(Look::Claimed(Box::new((lease, job))))
}

/// Skips what other workers are just taking. Whether instances are free is only foreseen here; `take_instances` decides.
async fn candidate(conn: &mut Conn, length: Duration) -> Result<Option<Candidate>, StoreError> {
    Ok(sqlx::query_as!(
        Candidate,
        r#"with crowded as materialized (
               select n.instance_id
               from jobs r join job_instances n on n.job_id = r.id
               where r.state = 'running' and r.lease_until > clock_timestamp()
               group by n.instance_id
               having count(*) >= $2)
           select j.id, j.state, j.holds, j.claims, j.unended_claims,
                  clock_timestamp() + make_interval(secs => $1) as "until!"
           from jobs j
           where j.state in ('queued', 'running')
             and coalesce(j.next_attempt_at, j.lease_until) <= clock_timestamp()
             and not exists (
                 select from instance_leases l
                 where l.instance_id = any(j.holds) and l.job_id <> j.id and l.until > clock_timestamp())
             and not exists (
                 select from jobs older
                 where older.state in ('queued', 'running') and older.id < j.id and older.holds && j.holds
                   and coalesce(older.next_attempt_at, older.lease_until) <= clock_timestamp())
             and (j.changing or not exists (
                 select from job_instances n join crowded c on c.instance_id = n.instance_id where n.job_id = j.id))
           order by j.id
           limit 1
           for update of j skip locked"#,
        length.as_secs_f64(),
        MOST_AT_ONE_INSTANCE
    )
    .fetch_optional(conn)
    .await?)
}

/// Takes all instances or says no. The primary key of the leases is what decides between two workers; taking them in
/// one order keeps them from waiting for each other in a circle.
async fn take_instances(
    conn: &mut Conn,
    lease: &Lease,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let taken = sqlx::query!(
        "insert into instance_leases (instance_id, job_id, token, until)
         select i.id, $2, $3, $4 from unnest($1::uuid[]) as i (id) order by i.id
         on conflict (instance_id) do update
         set job_id = excluded.job_id, token = excluded.token, until = excluded.until
         where instance_leases.until <= clock_timestamp() or instance_leases.job_id = excluded.job_id",
        &lease.instances,
        lease.job_id,
        lease.token,
        until
    )
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() == lease.instances.len() as u64)
}

async fn take_job(
    conn: &mut Conn,
    lease: &Lease,
    found: &Candidate,
    worker: &str,
) -> Result<Job, StoreError> {
    let at = At {
        table: "jobs",
        id: found.id,
    };
    let next = JobState::parse(&found.state)
        .ok_or(at.wrong("state"))?
        .after(JobEvent::Claimed)?;
    sqlx::query!(
        "update jobs
         set state = $2, attempts = attempts + 1, claims = $3, unended_claims = unended_claims + 1,
             lease_token = $4, lease_until = $5, lease_worker = $6, next_attempt_at = null,
             started_at = coalesce(started_at, clock_timestamp()), version = version + 1
         where id = $1",
        found.id,
        next.as_str(),
        lease.attempt,
        lease.token,
        found.until,
        worker
    )
    .execute(&mut *conn)
    .await?;
    attempts::begin(conn, found.id, lease.attempt, worker).await?;
    notify(conn, found.id, News::Changed).await?;
    jobs::get(conn, found.id).await?.ok_or(at.wrong("id"))
}

/// The attempt whose lease ran out: nobody will end it any more, and nobody knows what became of its open steps.
async fn lose_attempt(conn: &mut Conn, found: &Candidate) -> Result<(), StoreError> {
    attempts::end(conn, found.id, found.claims, AttemptEnd::Lost, None, None).await?;
    steps::close_open(conn, found.id, found.claims).await
}

async fn fail_poisoned(conn: &mut Conn, found: &Candidate) -> Result<(), StoreError> {
    let at = At {
        table: "jobs",
        id: found.id,
    };
    let next = JobState::parse(&found.state)
        .ok_or(at.wrong("state"))?
        .after(JobEvent::FailedForGood)?;
    let detail = format!(
        "begun {} times in a row without ever coming to an end; the last attempts show how far it got",
        found.unended_claims
    );
    sqlx::query!(
        "update jobs
         set state = $2, failure_code = $3, failure_detail = $4, finished_at = clock_timestamp(), next_attempt_at = null,
             lease_token = null, lease_until = null, lease_worker = null, version = version + 1
         where id = $1",
        found.id,
        next.as_str(),
        FailureCode::Poisoned.as_str(),
        detail
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from instance_leases where job_id = $1", found.id)
        .execute(&mut *conn)
        .await?;
    notify(conn, found.id, News::WorkToDo).await
}

#[cfg(test)]
mod tests;
