//! Attempts of a job: one row per claim, whatever became of it. Written by `claim` and `lease` only.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::read::At;
use super::{Conn, StoreError};
use crate::domain::job::FailureCode;
use crate::domain::words::words;

const TABLE: &str = "job_attempts";

/// How an attempt ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AttemptEnd {
    Succeeded,
    Failed,
    /// Failed for now; another one follows.
    Retry,
    /// Its process was stopped; not counted.
    HandedBack,
    /// Its lease ran out. What became of its open steps is not known.
    Lost,
    Cancelled,
}

words!(AttemptEnd);

/// One attempt as the history shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// From 1, in the order of the claims.
    pub number: i32,
    /// The process that made it.
    pub worker: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Absent while it runs.
    pub outcome: Option<AttemptEnd>,
    pub failure: Option<(FailureCode, String)>,
}

/// All attempts of a job, in order.
pub async fn list(conn: &mut Conn, job: Uuid) -> Result<Vec<Attempt>, StoreError> {
    let at = At {
        table: TABLE,
        id: job,
    };
    sqlx::query!(
        "select number, worker, started_at, ended_at, outcome, failure_code, detail
         from job_attempts where job_id = $1 order by number",
        job
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        let failure = match (row.failure_code, row.detail) {
            (Some(code), Some(detail)) => {
                let code = FailureCode::parse(&code).ok_or(at.wrong("failure_code"))?;
                Some((code, detail))
            }
            _ => None,
        };
        Ok(Attempt {
            number: row.number,
            worker: row.worker,
            started_at: row.started_at,
            ended_at: row.ended_at,
            outcome: row.outcome.map(|o| at.word("outcome", &o)).transpose()?,
            failure,
        })
    })
    .collect()
}

pub(super) async fn end(
    conn: &mut Conn,
    job: Uuid,
    number: i32,
    outcome: AttemptEnd,
    code: Option<FailureCode>,
    detail: Option<&str>,
) -> Result<(), StoreError> {
    let ended = sqlx::query!(
        "update job_attempts
         set ended_at = clock_timestamp(), outcome = $3, failure_code = $4, detail = $5
         where job_id = $1 and number = $2 and outcome is null",
        job,
        number,
        outcome.as_str(),
        code.map(FailureCode::as_str),
        detail
    )
    .execute(conn)
    .await?;
    At {
        table: TABLE,
        id: job,
    }
    .exactly_one(ended.rows_affected())
}
