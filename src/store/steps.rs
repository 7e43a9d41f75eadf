//! Steps of attempts: written as started before the batch is sent, ended when the answer is known. A record, never a
//! program counter.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::lease::Lease;
use super::list::{Page, one_more};
use super::read::{At, to_json};
use super::{Conn, StoreError, lease};
use crate::domain::step::{NewStep, Step, StepEnd, StepOutcome};

const TABLE: &str = "steps";

/// Writes the steps down as started, in this order, behind those the attempt has already.
///
/// # Errors
/// [`StoreError::LeaseLost`]: then the batch must not be sent.
pub async fn start(conn: &mut Conn, lease: &Lease, new: &[NewStep]) -> Result<(), StoreError> {
    if new.is_empty() {
        return lease::hold(conn, lease).await;
    }
    let count = i32::try_from(new.len()).map_err(|_| {
        At {
            table: TABLE,
            id: lease.job_id,
        }
        .wrong("ordinal")
    })?;
    let text = |of: fn(&NewStep) -> &String| new.iter().map(of).cloned().collect::<Vec<_>>();
    let peers: Vec<Option<String>> = new.iter().map(|s| s.peer.clone()).collect();
    // Instances work side by side: the counter in the attempt's row gives each of them its own ordinals.
    let started = sqlx::query!(
        "with held as (
             select id from jobs where id = $1 and lease_token = $2 and lease_until > clock_timestamp() for update),
         counted as (
             update job_attempts a set steps = a.steps + $4 from held
             where a.job_id = held.id and a.number = $3 returning a.steps - $4 as base)
         insert into steps (id, job_id, attempt, ordinal, instance_id, instance_name, peer, kind, summary, statement, started_at)
         select n.id, $1, $3, counted.base + n.ordinal, n.instance_id, n.instance, n.peer, n.kind, n.summary, n.statement, n.started_at
         from counted, unnest($5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                              $12::timestamptz[]) with ordinality
              as n (id, instance_id, instance, peer, kind, summary, statement, started_at, ordinal)",
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
    )
    .execute(conn)
    .await?;
    if started.rows_affected() == new.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::LeaseLost)
    }
}

/// Writes down how these steps ended.
///
/// # Errors
/// [`StoreError::LeaseLost`]; [`StoreError::Inconsistent`] for a step that is not this attempt's or has ended already.
pub async fn end(conn: &mut Conn, lease: &Lease, ends: &[StepEnd]) -> Result<(), StoreError> {
    let outcomes: Vec<String> = ends.iter().map(|e| e.outcome.as_str().to_owned()).collect();
    let errors: Vec<Option<Value>> = ends
        .iter()
        .map(|e| e.error.as_ref().map(to_json).transpose())
        .collect::<Result<_, _>>()?;
    let details: Vec<Option<String>> = ends.iter().map(|e| e.detail.clone()).collect();
    let counts = sqlx::query!(
        r#"with held as (
             select id from jobs where id = $1 and lease_token = $2 and lease_until > clock_timestamp() for update),
         ended as (
             update steps s set outcome = e.outcome, error = e.error, detail = e.detail, ended_at = e.ended_at
             from held, unnest($4::uuid[], $5::text[], $6::jsonb[], $7::text[], $8::timestamptz[])
                  as e (id, outcome, error, detail, ended_at)
             where s.id = e.id and s.job_id = held.id and s.attempt = $3 and s.outcome is null
             returning s.id)
         select (select count(*) from held) as "held!", (select count(*) from ended) as "ended!""#,
        lease.job_id,
        lease.token,
        lease.attempt,
        &ends.iter().map(|e| e.id).collect::<Vec<_>>(),
        &outcomes,
        &errors as &[Option<Value>],
        &details as &[Option<String>],
        &ends.iter().map(|e| e.ended_at).collect::<Vec<_>>(),
    )
    .fetch_one(conn)
    .await?;
    if counts.held == 0 {
        Err(StoreError::LeaseLost)
    } else if counts.ended == ends.len() as i64 {
        Ok(())
    } else {
        Err(At {
            table: TABLE,
            id: lease.job_id,
        }
        .wrong("outcome"))
    }
}

/// The steps whose attempt is over: nobody knows what became of them.
pub(super) async fn close_open(conn: &mut Conn, job: Uuid, attempt: i32) -> Result<(), StoreError> {
    sqlx::query!(
        "update steps set outcome = $3, ended_at = clock_timestamp()
         where job_id = $1 and attempt = $2 and outcome is null",
        job,
        attempt,
        StepOutcome::Unknown.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
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
