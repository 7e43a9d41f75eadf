//! The claim: which job a worker does next. One short transaction; nothing is done in it but taking.
//!
//! A job whose lease ran out is claimed by the same query as a fresh one, so nobody has to look after dead workers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Connection as _;
use uuid::Uuid;

use super::events::{self, Audience, EventKind};
use super::lease::Lease;
use super::read::{At, words};
use super::{Conn, StoreError, attempts, ending, jobs};
use crate::domain::id::new_id;
use crate::domain::job::{FailureCode, Job, JobEvent, JobKind, JobOptions, JobState, SubjectKind};

/// How often one claim tries again after losing a race for instances, before it leaves the rest to the next wake-up.
const TRIES: usize = 8;
/// An attempt is a handful of round trips; one that holds an instance for longer has most likely met one that is dead.
pub const STUCK_AFTER: Duration = Duration::from_secs(5);
/// How long a job that waits for a stuck instance lets younger ones pass: nothing may wait for ever.
const OVERTAKEN_FOR: Duration = Duration::from_secs(5 * 60);

/// What one try at the queue came to.
enum ClaimAttempt {
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
    /// Somebody asked for it to be cancelled while an attempt was running that nobody will end any more.
    cancel_requested: bool,
    /// When a lease taken now ends.
    until: DateTime<Utc>,
}

/// Under which terms a worker claims.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Shown in the history as who made the attempt.
    pub worker: &'a str,
    /// How long the lease lasts without a renewal.
    pub length: Duration,
    /// A job claimed this many times in a row without ever coming to an end is failed as poisoned: it kills its process.
    pub poison_after: i32,
    /// No job that names one of these: the process is at them with all the sessions it has.
    pub saturated: &'a [Uuid],
    /// An attempt that has held an instance for longer is taken for stuck there.
    pub stuck_after: Duration,
    /// Whether it may be one that has had an attempt before. Of these a process has only so many at once.
    pub retries: bool,
    /// Whether it may be a suspect: a job that one more claim without an end makes poisoned. Not while the process is at one
    /// already: of those that were there when processes died, only the one that killed them shall be given up.
    pub suspects: bool,
    pub known: Known<'a>,
}

/// Which jobs a process can read. What a newer release wrote waits for a newer one, and stands in nobody's way.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub kinds: &'a [JobKind],
    pub subjects: &'a [SubjectKind],
    pub format: i16,
}

impl Known<'_> {
    const HERE: Known<'static> = Known {
        kinds: JobKind::ALL,
        subjects: SubjectKind::ALL,
        format: JobOptions::FORMAT,
    };
}

impl<'a> Terms<'a> {
    /// With no instance saturated, stuck after [`STUCK_AFTER`], suspects included.
    #[must_use]
    pub fn new(worker: &'a str, length: Duration, poison_after: i32) -> Self {
        Self {
            worker,
            length,
            poison_after,
            saturated: &[],
            stuck_after: STUCK_AFTER,
            retries: true,
            suspects: true,
            known: Known::HERE,
        }
    }
}

/// Claims the job that has been due for the longest and whose instances are free. One that was tried before stands behind
/// what came due before it is due again: what failed keeps nobody waiting who has not been tried.
///
/// A changing job takes its instances with it. While it waits for one of them, no changing job that came due later overtakes it
/// at the others, unless what it waits for is stuck: then letting the others pass costs it nothing, and a dead instance delays
/// only those who need it. One that has been due for 5 minutes is not overtaken any more, whatever it waits for.
/// What the terms keep this process from claiming now (retries, suspects) stands in nobody's way meanwhile. One whose deadline has passed is not claimed: `deadline` ends it.
///
/// # Errors
/// When the database does not answer; nothing is claimed then.
pub async fn claim(conn: &mut Conn, terms: &Terms<'_>) -> Result<Option<(Lease, Job)>, StoreError> {
    for _ in 0..TRIES {
        match attempt(conn, terms).await? {
            ClaimAttempt::Claimed(claimed) => return Ok(Some(*claimed)),
            ClaimAttempt::Again => {}
            ClaimAttempt::Nothing => break,
        }
    }
    Ok(None)
}

async fn attempt(conn: &mut Conn, terms: &Terms<'_>) -> Result<ClaimAttempt, StoreError> {
    let mut tx = conn.begin().await?;
    let Some(found) = candidate(&mut tx, terms).await? else {
        return Ok(ClaimAttempt::Nothing);
    };
    if JobState::parse(&found.state) == Some(JobState::Running) {
        ending::lose_attempt(&mut tx, found.id, found.claims).await?;
    }
    if found.cancel_requested {
        ending::cancel(&mut tx, found.id).await?;
        tx.commit().await?;
        return Ok(ClaimAttempt::Again);
    }
    if found.unended_claims >= terms.poison_after {
        fail_poisoned(&mut tx, &found).await?;
        tx.commit().await?;
        return Ok(ClaimAttempt::Again);
    }
    let lease = Lease {
        job_id: found.id,
        token: new_id(),
        attempt: found.claims + 1,
        instances: found.holds.clone(),
        suspect: found.unended_claims >= terms.poison_after - 1,
    };
    if !take_instances(&mut tx, &lease, found.until).await? {
        tx.rollback().await?;
        return Ok(ClaimAttempt::Again);
    }
    match take_job(&mut tx, &lease, &found, terms.worker).await {
        Ok(job) => {
            tx.commit().await?;
            Ok(ClaimAttempt::Claimed(Box::new((lease, job))))
        }
        Err(unreadable @ StoreError::Inconsistent { .. }) => {
            tx.rollback().await?;
            set_aside(conn, &found, &unreadable).await?;
            Ok(ClaimAttempt::Again)
        }
        Err(error) => Err(error),
    }
}

/// A job that this version cannot read is failed: it must not keep the others from being claimed.
async fn set_aside(conn: &mut Conn, found: &Candidate, why: &StoreError) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let unchanged = sqlx::query_scalar!(
        "select id from jobs where id = $1 and state = $2 and claims = $3 for update",
        found.id,
        found.state,
        found.claims
    )
    .fetch_optional(&mut *tx)
    .await?;
    if unchanged.is_some() {
        if JobState::parse(&found.state) == Some(JobState::Running) {
            ending::lose_attempt(&mut tx, found.id, found.claims).await?;
        }
        let detail = format!("this version of mirrorgate cannot read the job: {why}");
        ending::fail(&mut tx, found.id, FailureCode::Internal, &detail).await?;
    }
    Ok(tx.commit().await?)
}

/// Skips what other workers are just taking. Whether instances are free is only foreseen here; `take_instances` decides.
async fn candidate(conn: &mut Conn, terms: &Terms<'_>) -> Result<Option<Candidate>, StoreError> {
    Ok(sqlx::query_as!(
        Candidate,
        r#"select j.id, j.state, j.holds, j.claims, j.unended_claims,
                  j.cancel_requested_at is not null as "cancel_requested!",
                  clock_timestamp() + make_interval(secs => $1) as "until!"
           from jobs j
           where j.state in ('queued', 'running')
             and j.kind = any($7) and j.subject_kind = any($8) and j.format <= $9
             and coalesce(j.next_attempt_at, j.lease_until) <= clock_timestamp()
             and (j.deadline is null or j.deadline > clock_timestamp())
             and ($5 or j.unended_claims < $6 - 1 or j.unended_claims >= $6 or j.cancel_requested_at is not null)
             and ($10 or j.attempts = 0 or j.cancel_requested_at is not null)
             and (cardinality($2::uuid[]) = 0 or not exists (
                 select from job_instances n where n.job_id = j.id and n.instance_id = any($2)))
             and not exists (
                 select from instance_leases l
                 where l.instance_id = any(j.holds) and l.job_id <> j.id and l.until > clock_timestamp())
             and not exists (
                 select from jobs older
                 where older.state in ('queued', 'running')
                   and (coalesce(older.next_attempt_at, older.lease_until), older.queue_position)
                       < (coalesce(j.next_attempt_at, j.lease_until), j.queue_position)
                   and older.kind = any($7) and older.subject_kind = any($8) and older.format <= $9
                   and older.holds && j.holds
                   and coalesce(older.next_attempt_at, older.lease_until) <= clock_timestamp()
                   and ($5 or older.unended_claims < $6 - 1 or older.unended_claims >= $6)
                   and ($10 or older.attempts = 0)
                   and (coalesce(older.next_attempt_at, older.lease_until)
                            <= clock_timestamp() - make_interval(secs => $4)
                        or not older.holds && $2 and not exists (
                            select from instance_leases stuck
                            where stuck.instance_id = any(older.holds) and stuck.job_id <> older.id
                              and stuck.until > clock_timestamp()
                              and stuck.since <= clock_timestamp() - make_interval(secs => $3))))
           order by coalesce(j.next_attempt_at, j.lease_until), j.queue_position
           limit 1
           for update of j skip locked"#,
        terms.length.as_secs_f64(),
        terms.saturated,
        terms.stuck_after.as_secs_f64(),
        OVERTAKEN_FOR.as_secs_f64(),
        terms.suspects,
        terms.poison_after,
        &words(terms.known.kinds),
        &words(terms.known.subjects),
        terms.known.format,
        terms.retries,
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
        "insert into instance_leases (instance_id, job_id, token, since, until)
         select i.id, $2, $3, clock_timestamp(), $4 from unnest($1::uuid[]) as i (id) order by i.id
         on conflict (instance_id) do update
         set job_id = excluded.job_id, token = excluded.token, since = excluded.since, until = excluded.until
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
             started_at = coalesce(started_at, clock_timestamp())
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
    let begun = json!({"attempt": lease.attempt, "worker": worker});
    events::record(
        conn,
        found.id,
        Audience::Changed,
        EventKind::AttemptStarted,
        begun,
    )
    .await?;
    jobs::get(conn, found.id).await?.ok_or(at.wrong("id"))
}

async fn fail_poisoned(conn: &mut Conn, found: &Candidate) -> Result<(), StoreError> {
    let detail = format!(
        "begun {} times in a row without ever coming to an end; the last attempts show how far it got",
        found.unended_claims
    );
    ending::fail(conn, found.id, FailureCode::Poisoned, &detail).await
}

#[cfg(test)]
mod tests;
