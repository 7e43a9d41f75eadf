//! Steps of attempts: written as started before the batch is sent, ended when the answer is known. A record, never a
//! program counter.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::events::{self, Audience, EventKind};
use super::lease::Lease;
use super::list::{Page, one_more};
use super::read::{At, to_json};
use super::{Conn, StoreError};
use crate::domain::step::{NewStep, Step, StepEnd, StepOutcome};

const TABLE: &str = "steps";

/// Writes the steps down as started, in this order, behind those the attempt has already, and gives PostgreSQL's time: what is
/// seen from then on is newer than it. Repeating it changes nothing: an answer from PostgreSQL may have been lost.
///
/// One statement, that stands by itself or in the caller's transaction: the fence, the steps, and their events.
///
/// # Errors
/// [`StoreError::LeaseLost`]: then the batch must not be sent.
pub async fn start(
    conn: &mut Conn,
    lease: &Lease,
    new: &[NewStep],
) -> Result<DateTime<Utc>, StoreError> {
    let at = At::new(TABLE, lease.job_id);
    let count = i32::try_from(new.len()).map_err(|_| at.wrong("ordinal"))?;
    let text = |of: fn(&NewStep) -> &String| new.iter().map(of).cloned().collect::<Vec<_>>();
    let peers: Vec<Option<String>> = new.iter().map(|s| s.peer.clone()).collect();
    // Instances work side by side: the counter in the attempt's row gives each of them its own ordinals. The mark beside it is read
    // under the row's lock: a repetition that was waiting for the first try to commit does not see its steps, but this.
    let started = sqlx::query!(
        r#"with held as (
               select id from jobs where id = $1 and lease_token = $2 and lease_until > clock_timestamp() for no key update),
           counted as (
               update job_attempts a set steps = a.steps + $4, last_start = ($5::uuid[])[1]
               from held
               where a.job_id = held.id and a.number = $3 and a.last_start is distinct from ($5::uuid[])[1]
                 and not exists (select from steps s where s.id = ($5::uuid[])[1])
               returning a.steps - $4 as base),
           written as (
               insert into steps (id, job_id, attempt, ordinal, instance_id, instance_name, peer, kind, summary, statement, started_at)
               select n.id, $1, $3, counted.base + n.ordinal, n.instance_id, n.instance, n.peer, n.kind, n.summary, n.statement, n.started_at
               from counted, unnest($5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                                    $12::timestamptz[]) with ordinality
                    as n (id, instance_id, instance, peer, kind, summary, statement, started_at, ordinal)
               returning ordinal, instance_name, peer, kind, summary),
           versioned as (
               update jobs j set version = j.version + $4 from counted where j.id = $1 returning j.version - $4 as base),
           told as (
               insert into job_events (job_id, seq, kind, data, at)
               select $1, v.base + row_number() over (order by w.ordinal), $13,
                      jsonb_build_object('attempt', $3::int, 'ordinal', w.ordinal, 'instance', w.instance_name,
                                         'peer', w.peer, 'kind', w.kind, 'summary', w.summary),
                      clock_timestamp()
               from versioned v, written w
               returning job_id)
           select exists (select from held) as "held!", clock_timestamp() as "now!",
                  (select pg_notify($14, $15) from told limit 1)::text as told"#,
        lease.job_id,
        lease.token,
        lease.attempt,
        count,
        &new.iter().map(|s| s.id).collect::<Vec<_>>(),
        &new.iter().map(|s| s.instance_id).collect::<Vec<_>>(),
        &text(|s| &s.instance),
        &peers as &[Option<String>],
        &text(|s| &s.kind),
        &text(|s| &s.summary),
        &text(|s| &s.statement),
        &new.iter().map(|s| s.started_at).collect::<Vec<_>>(),
        EventKind::StepStarted.as_str(),
        events::CHANNEL,
        Audience::Changed.payload(lease.job_id),
    )
    .fetch_one(conn)
    .await?;
    match started.held {
        true => Ok(started.now),
        false => Err(StoreError::LeaseLost),
    }
}

/// Writes down how these steps ended. Repeating it changes nothing. One statement, as [`start`].
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Inconsistent`] for a step that is not this attempt's or has ended otherwise.
pub async fn end(conn: &mut Conn, lease: &Lease, ends: &[StepEnd]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = ends.iter().map(|e| e.id).collect();
    let outcomes: Vec<String> = ends.iter().map(|e| e.outcome.as_str().to_owned()).collect();
    let errors: Vec<Option<Value>> = ends
        .iter()
        .map(|e| e.error.as_ref().map(to_json).transpose())
        .collect::<Result<_, _>>()?;
    let details: Vec<Option<String>> = ends.iter().map(|e| e.detail.clone()).collect();
    let ended = sqlx::query!(
        r#"with held as (
               select id from jobs where id = $1 and lease_token = $2 and lease_until > clock_timestamp() for no key update),
           ended as (
               update steps s set outcome = e.outcome, error = e.error, detail = e.detail, ended_at = e.ended_at
               from held, unnest($4::uuid[], $5::text[], $6::jsonb[], $7::text[], $8::timestamptz[])
                    as e (id, outcome, error, detail, ended_at)
               where s.id = e.id and s.job_id = held.id and s.attempt = $3 and s.outcome is null
               returning s.ordinal, s.instance_name, s.peer, s.kind, s.outcome),
           counted as (select count(*) as n from ended),
           versioned as (
               update jobs j set version = j.version + counted.n from counted where j.id = $1 and counted.n > 0
               returning j.version - counted.n as base),
           told as (
               insert into job_events (job_id, seq, kind, data, at)
               select $1, v.base + row_number() over (order by d.ordinal), $9,
                      jsonb_build_object('attempt', $3::int, 'ordinal', d.ordinal, 'instance', d.instance_name,
                                         'peer', d.peer, 'kind', d.kind, 'outcome', d.outcome),
                      clock_timestamp()
               from versioned v, ended d
               returning job_id)
           select exists (select from held) as "held!", (select n from counted) as "ended!",
                  (select pg_notify($10, $11) from told limit 1)::text as told"#,
        lease.job_id,
        lease.token,
        lease.attempt,
        &ids,
        &outcomes,
        &errors as &[Option<Value>],
        &details as &[Option<String>],
        &ends.iter().map(|e| e.ended_at).collect::<Vec<_>>(),
        EventKind::StepEnded.as_str(),
        events::CHANNEL,
        Audience::Changed.payload(lease.job_id),
    )
    .fetch_one(&mut *conn)
    .await?;
    if !ended.held {
        return Err(StoreError::LeaseLost);
    }
    let mut settled = ended.ended;
    if settled < ends.len() as i64 {
        settled = ended_alike(conn, lease, &ids, &outcomes).await?;
    }
    let at = At::new(TABLE, lease.job_id);
    at.exactly(settled == ends.len() as i64, "outcome")
}

async fn ended_alike(
    conn: &mut Conn,
    lease: &Lease,
    ids: &[Uuid],
    outcomes: &[String],
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from steps s join unnest($3::uuid[], $4::text[]) as e (id, outcome)
               on s.id = e.id and s.outcome = e.outcome
           where s.job_id = $1 and s.attempt = $2"#,
        lease.job_id,
        lease.attempt,
        ids,
        outcomes
    )
    .fetch_one(conn)
    .await?)
}

/// The steps whose attempt is over: nobody knows what became of them.
pub(super) async fn close_open(conn: &mut Conn, job: Uuid, attempt: i32) -> Result<(), StoreError> {
    let ended = sqlx::query_as!(
        Ended,
        "update steps set outcome = $3, ended_at = clock_timestamp()
         where job_id = $1 and attempt = $2 and outcome is null
         returning attempt, ordinal, instance_name, peer, kind, outcome",
        job,
        attempt,
        StepOutcome::Unknown.as_str()
    )
    .fetch_all(&mut *conn)
    .await?;
    tell_ended(conn, job, ended).await
}

struct Ended {
    attempt: i32,
    ordinal: i32,
    instance_name: String,
    peer: Option<String>,
    kind: String,
    outcome: Option<String>,
}

async fn tell_ended(conn: &mut Conn, job: Uuid, mut ended: Vec<Ended>) -> Result<(), StoreError> {
    ended.sort_by_key(|step| step.ordinal);
    let told = ended.into_iter().map(|step| {
        json!({
            "attempt": step.attempt,
            "ordinal": step.ordinal,
            "instance": step.instance_name,
            "peer": step.peer,
            "kind": step.kind,
            "outcome": step.outcome,
        })
    });
    let told = told.collect();
    events::record_all(conn, job, Audience::Changed, EventKind::StepEnded, told).await
}

struct Row {
    id: Uuid,
    attempt: i32,
    ordinal: i32,
    instance_id: Uuid,
    instance_name: String,
    peer: Option<String>,
    kind: String,
    summary: String,
    statement: String,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    error: Option<Value>,
    detail: Option<String>,
}

impl TryFrom<Row> for Step {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At {
            table: TABLE,
            id: row.id,
        };
        Ok(Self {
            id: row.id,
            attempt: row.attempt,
            ordinal: row.ordinal,
            instance_id: row.instance_id,
            instance: row.instance_name,
            peer: row.peer,
            kind: row.kind,
            summary: row.summary,
            statement: row.statement,
            started_at: row.started_at,
            ended_at: row.ended_at,
            outcome: row.outcome.map(|o| at.word("outcome", &o)).transpose()?,
            error: row.error.map(|e| at.json("error", e)).transpose()?,
            detail: row.detail,
        })
    }
}

/// A job's steps in order, after (attempt, ordinal).
pub async fn list(
    conn: &mut Conn,
    job: Uuid,
    after: Option<(i32, i32)>,
    limit: u32,
) -> Result<Page<Step, (i32, i32)>, StoreError> {
    let (attempt, ordinal) = after.unwrap_or((0, 0));
    let rows = sqlx::query_as!(
        Row,
        "select id, attempt, ordinal, instance_id, instance_name, peer, kind, summary, statement, started_at, ended_at,
                outcome, error, detail
         from steps where job_id = $1 and (attempt, ordinal) > ($2, $3) order by attempt, ordinal limit $4",
        job,
        attempt,
        ordinal,
        one_more(limit)
    )
    .fetch_all(conn)
    .await?;
    let all = rows
        .into_iter()
        .map(Step::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Page::of(all, limit, |s: &Step| (s.attempt, s.ordinal)))
}
