//! Asking for a job to be cancelled. Who works on it ends it; where nobody does, it ends here.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Connection as _;
use uuid::Uuid;

use super::events::{self, Audience, EventKind};
use super::{Conn, StoreError, ending, jobs};
use crate::domain::job::{Job, JobState};

/// Asks for the job to be cancelled, and gives it as it is then; `None` when there is none.
///
/// A job that waits, or whose worker's lease ran out, is cancelled at once. A running one is asked: its worker stops before
/// it changes anything, or goes on to see what was changed. Asking again, or for a job that has ended, changes nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn request(
    conn: &mut Conn,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Job>, StoreError> {
    let mut tx = conn.begin().await?;
    let found = sqlx::query!(
        r#"select state, claims, cancel_requested_at is not null as "asked!",
                  coalesce(lease_until <= clock_timestamp(), false) as "abandoned!"
           from jobs where id = $1 for update"#,
        id
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    match JobState::parse(&found.state) {
        Some(JobState::Queued) => {
            // The event first: a waiting job that was asked has ended, and the table insists on it.
            tell(&mut tx, id, Audience::Changed).await?;
            ending::cancel(&mut tx, id).await?;
            note(&mut tx, id, now).await?;
        }
        Some(JobState::Running) => {
            if !found.asked {
                note(&mut tx, id, now).await?;
                tell(&mut tx, id, Audience::CancelAsked).await?;
            }
            if found.abandoned {
                ending::lose_attempt(&mut tx, id, found.claims).await?;
                ending::cancel(&mut tx, id).await?;
            }
        }
        _ => {}
    }
    let job = jobs::get(&mut tx, id).await?;
    tx.commit().await?;
    Ok(job)
}

async fn note(conn: &mut Conn, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs set cancel_requested_at = $2 where id = $1",
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn tell(conn: &mut Conn, id: Uuid, news: Audience) -> Result<(), StoreError> {
    events::record(conn, id, news, EventKind::CancelRequested, json!({})).await
}

#[cfg(test)]
mod tests;
