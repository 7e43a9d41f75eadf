//! Removing old history: ended jobs with all that belongs to them, in bounded pieces, by one process at a time.

use std::time::Duration;

use sqlx::Connection as _;
use uuid::Uuid;

use super::{Conn, StoreError, idempotency};

/// Held by whoever is at it; the others have nothing to do then. Any number, as long as it is this one.
const LOCK: i64 = 0x006d_6770_7275_6e65;

/// Removes at most `piece` jobs that ended more than `keep` ago (PostgreSQL's clock), the longest ended first, with their
/// attempts, steps and events. How many; 0 also when another process is at it.
///
/// Open jobs are never removed, nor is the job that last looked at a trust: what is shown of the trust refers to it; nor one
/// that a repeated request may still be answered with.
///
/// # Errors
/// When the database does not answer; nothing is removed then.
pub async fn prune(conn: &mut Conn, keep: Duration, piece: i64) -> Result<u64, StoreError> {
    let mut tx = conn.begin().await?;
    let ours = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "ours!""#, LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !ours {
        return Ok(0);
    }
    let old: Vec<Uuid> = sqlx::query_scalar!(
        "select j.id from jobs j
         where j.finished_at < clock_timestamp() - make_interval(secs => $1)
           and not exists (select from trusts t where t.job_id = j.id)
           and not exists (
               select from idempotency_keys k
               where k.object = j.id::text and k.created_at > clock_timestamp() - make_interval(secs => $3))
         order by j.finished_at limit $2 for update of j skip locked",
        keep.as_secs_f64(),
        piece,
        idempotency::KEPT.as_secs_f64()
    )
    .fetch_all(&mut *tx)
    .await?;
    for statement in [
        sqlx::query!("delete from job_events where job_id = any($1)", &old),
        sqlx::query!("delete from steps where job_id = any($1)", &old),
        sqlx::query!("delete from job_attempts where job_id = any($1)", &old),
        sqlx::query!("delete from job_instances where job_id = any($1)", &old),
        sqlx::query!("delete from jobs where id = any($1)", &old),
    ] {
        statement.execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(old.len() as u64)
}

#[cfg(test)]
mod tests;
