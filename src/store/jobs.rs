//! Jobs as a record: asking for one, reading and listing them. Claiming is `claim`'s, ending `lease`'s.
//!
//! Every change writes its event, which counts the job's `version` on and tells of it: see `events`.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::events::{self, Audience, EventKind};
use super::lease::Lease;
use super::read::{At, to_json};
use super::{Conn, StoreError};
use crate::domain::deadline::Deadline;
use crate::domain::job::{Accepted, Job, JobKind, JobOptions, JobState, Subject, SubjectKind};
use crate::domain::plan::Plan;
use crate::domain::script::Script;

pub use super::cancel::request as request_cancel;

const TABLE: &str = "jobs";

/// A job that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    pub id: Uuid,
    pub kind: JobKind,
    pub subject: Subject,
    pub options: JobOptions,
    pub accepted: Accepted,
    pub request_id: Option<String>,
    pub created_at: DateTime<Utc>,
}

impl NewJob {
    /// Whether its attempts may change something, and so hold their instances.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.kind.may_change(&self.options)
    }

    /// The instances it names, in the order leases are taken in, with their names.
    fn instances(&self) -> Vec<(Uuid, String)> {
        let members = self.accepted.members.iter().map(|m| &m.instance);
        let mut all: Vec<_> = members.map(|n| (n.id, n.name.key())).collect();
        all.sort();
        all.dedup_by_key(|(id, _)| *id);
        all
    }
}

struct Row {
    id: Uuid,
    kind: String,
    subject_kind: String,
    subject_id: Uuid,
    subject_name: String,
    options: Value,
    accepted: Value,
    state: String,
    failure_code: Option<String>,
    failure_detail: Option<String>,
    attempts: i32,
    claims: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    last_problem: Option<String>,
    cancel_requested_at: Option<DateTime<Utc>>,
    plan: Option<Value>,
    version: i64,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    request_id: Option<String>,
}

/// The one select list of this table; the rest of the statement is the caller's.
macro_rules! rows {
    ($rest:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "select id, kind, subject_kind, subject_id, subject_name, options, accepted, state, failure_code, failure_detail,
                    attempts, claims, next_attempt_at, last_problem, cancel_requested_at, plan, version, created_at, started_at, finished_at, request_id
             from jobs " + $rest
            $(, $argument)*
        )
    };
}

mod listing;

pub use listing::{JobFilter, list};

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At {
            table: TABLE,
            id: row.id,
        };
        let subject_kind: SubjectKind = at.word("subject_kind", &row.subject_kind)?;
        let named = at.named("subject_name", row.subject_id, &row.subject_name)?;
        let failure = match (row.failure_code, row.failure_detail) {
            (Some(code), Some(detail)) => {
                let code = at.word("failure_code", &code)?;
                Some((code, detail))
            }
            _ => None,
        };
        Ok(Self {
            id: row.id,
            kind: at.word("kind", &row.kind)?,
            subject: subject_kind.of(named),
            options: at.json::<JobOptions>("options", row.options)?,
            accepted: at.json::<Accepted>("accepted", row.accepted)?,
            state: at.word("state", &row.state)?,
            failure,
            attempts: row.attempts,
            attempts_begun: row.claims,
            next_attempt_at: row.next_attempt_at,
            last_problem: row.last_problem,
            cancel_requested_at: row.cancel_requested_at,
            // One that another version wrote, and this one cannot read, is as good as none: the next attempt plans anew.
            plan: row.plan.and_then(|p| at.json::<Plan>("plan", p).ok()),
            version: row.version,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            request_id: row.request_id,
        })
    }
}

/// Writes the job down, due at once. It exists when the caller's transaction commits, together with what caused it.
///
/// # Errors
/// [`StoreError::Taken`] when the subject has an open changing job and this is one.
pub async fn enqueue(conn: &mut Conn, new: &NewJob) -> Result<(), StoreError> {
    let (ids, names): (Vec<Uuid>, Vec<String>) = new.instances().into_iter().unzip();
    let holds: &[Uuid] = if new.is_changing() { &ids } else { &[] };
    sqlx::query!(
        "insert into jobs (id, kind, subject_kind, subject_id, subject_name, dry_run, changing, holds, options, accepted,
                           state, next_attempt_at, version, created_at, request_id, deadline)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, clock_timestamp(), 0, $12, $13, $14)",
        new.id,
        new.kind.as_str(),
        new.subject.kind().as_str(),
        new.subject.named().id,
        new.subject.named().name.as_str(),
        new.options.dry_run,
        new.is_changing(),
        holds,
        to_json(&new.options)?,
        to_json(&new.accepted)?,
        JobState::Queued.as_str(),
        new.created_at,
        new.request_id,
        new.options.deadline.map(Deadline::moment),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into job_instances (job_id, instance_id, instance_name_key)
         select $1, n.id, n.name from unnest($2::uuid[], $3::text[]) as n (id, name)",
        new.id,
        &ids,
        &names
    )
    .execute(&mut *conn)
    .await?;
    let accepted = json!({
        "kind": new.kind.as_str(),
        "subject": new.subject.named().name.as_str(),
        "dry_run": new.options.dry_run,
    });
    events::record(
        conn,
        new.id,
        Audience::WorkToDo,
        EventKind::Accepted,
        accepted,
    )
    .await
}

/// One job.
pub async fn get(conn: &mut Conn, id: Uuid) -> Result<Option<Job>, StoreError> {
    rows!("where id = $1", id)
        .fetch_optional(conn)
        .await?
        .map(Job::try_from)
        .transpose()
}

/// Each of these jobs, or why it cannot be read.
pub(super) async fn by_ids(
    conn: &mut Conn,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Result<Job, StoreError>>, StoreError> {
    let rows = rows!("where id = any($1)", ids).fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, Job::try_from(row)))
        .collect())
}

/// How far a job is: what those who wait look at, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub state: JobState,
    /// Counts its events: the number of the last one.
    pub version: i64,
}

/// One job's progress, without all the rest of it.
pub async fn progress(conn: &mut Conn, id: Uuid) -> Result<Option<Progress>, StoreError> {
    let row = sqlx::query!("select state, version from jobs where id = $1", id)
        .fetch_optional(conn)
        .await?;
    let at = At { table: TABLE, id };
    row.map(|row| {
        Ok(Progress {
            state: at.word("state", &row.state)?,
            version: row.version,
        })
    })
    .transpose()
}

/// One job with the T-SQL that belongs to the plan it shows; none where it has no plan.
pub async fn get_with_scripts(
    conn: &mut Conn,
    id: Uuid,
) -> Result<Option<(Job, Script)>, StoreError> {
    loop {
        let Some(job) = get(conn, id).await? else {
            return Ok(None);
        };
        if job.plan.is_none() {
            return Ok(Some((job, Script::default())));
        }
        let scripts = sqlx::query_scalar!(
            "select scripts from jobs where id = $1 and version = $2",
            id,
            job.version
        )
        .fetch_optional(&mut *conn)
        .await?;
        // None: another attempt has moved it on meanwhile, and may have planned anew.
        if let Some(scripts) = scripts {
            let scripts = At { table: TABLE, id }.json("scripts", scripts)?;
            return Ok(Some((job, scripts)));
        }
    }
}

/// How it stands with the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// The database takes no changes: it is a standby, or was told so.
    pub is_read_only: bool,
    /// For how long the job has been due that has been for the longest and that nobody has taken.
    pub oldest_due: Option<Duration>,
}

/// One look into each part of the queue.
pub(super) async fn queue(conn: &mut Conn) -> Result<Queue, StoreError> {
    let queue = sqlx::query!(
        r#"select current_setting('transaction_read_only')::boolean as "is_read_only!",
               extract(epoch from statement_timestamp() - least(
               (select min(next_attempt_at) from jobs
                where state = 'queued' and attempts = 0 and parked_on is null and (origin = 'watch') = false),
               (select min(next_attempt_at) from jobs
                where state = 'queued' and attempts = 0 and parked_on is null and (origin = 'watch') = true),
               (select min(next_attempt_at) from jobs where state = 'queued' and attempts > 0 and parked_on is null),
               (select min(next_attempt_at) from jobs where state = 'queued' and parked_on is not null)))::float8 as oldest_due"#
    )
    .fetch_one(conn)
    .await?;
    Ok(Queue {
        is_read_only: queue.is_read_only,
        oldest_due: queue
            .oldest_due
            .filter(|seconds| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

/// The subject's open changing job; there is at most one.
pub async fn open_changing(conn: &mut Conn, subject: Uuid) -> Result<Option<Job>, StoreError> {
    rows!(
        "where subject_id = $1 and changing and finished_at is null",
        subject
    )
    .fetch_optional(conn)
    .await?
    .map(Job::try_from)
    .transpose()
}

/// Keeps the plan that the attempt acts on, with its T-SQL; the last attempt's wins. Not for the plan of the look
/// afterwards: an empty one must not hide what was done. To be called in a transaction, so that its event commits with it.
///
/// # Errors
/// [`StoreError::LeaseLost`].
pub async fn save_plan(
    conn: &mut Conn,
    lease: &Lease,
    plan: &Plan,
    script: &Script,
) -> Result<(), StoreError> {
    let planned = json!({
        "attempt": lease.attempt,
        "plan_hash": plan.plan_hash,
        "findings": plan.findings.len(),
        "changes": plan.changes().count(),
    });
    // It may be saved twice, when the answer to the first time was lost: it is told once.
    let saved = sqlx::query!(
        r#"with saved as (
               update jobs j set plan = $3, scripts = $4, version = j.version + case when t.told then 0 else 1 end
               from (select exists (
                         select from job_events where job_id = $1 and kind = $5
                           and data @> jsonb_build_object('attempt', $6::int, 'plan_hash', $7::text)) as told) t
               where j.id = $1 and j.lease_token = $2 and j.lease_until > clock_timestamp()
               returning j.version, t.told),
           told as (
               insert into job_events (job_id, seq, kind, data, at)
               select $1, s.version, $5, $8, clock_timestamp() from saved s where not s.told
               returning job_id)
           select (select pg_notify($9, $10) from told)::text as told from saved"#,
        lease.job_id,
        lease.token,
        to_json(plan)?,
        to_json(script)?,
        EventKind::Planned.as_str(),
        lease.attempt,
        plan.plan_hash.to_string(),
        planned,
        events::CHANNEL,
        Audience::Changed.payload(lease.job_id),
    )
    .fetch_optional(conn)
    .await?;
    match saved {
        Some(_) => Ok(()),
        None => Err(StoreError::LeaseLost),
    }
}
