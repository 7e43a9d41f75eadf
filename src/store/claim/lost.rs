//! Attempts whose lease ran out: their process died, or cannot be reached, or cannot reach PostgreSQL. Their jobs are due again
//! since that moment, with another attempt to come.

use sqlx::Connection as _;
use uuid::Uuid;

use super::Terms;
use crate::domain::job::{FailureCode, JobEvent, JobState};
use crate::store::read::words;
use crate::store::{Conn, StoreError, ending};

struct Lost {
    id: Uuid,
    claims: i32,
    unended_claims: i32,
    /// Somebody asked for it to be cancelled while an attempt was running that nobody will end any more.
    cancel_requested: bool,
}

/// Puts the jobs back whose attempts are lost; those that were to be cancelled, or that never come to an end, end. One transaction
/// each; what somebody else is at is left to him.
pub(super) async fn put_back(conn: &mut Conn, terms: &Terms<'_>) -> Result<(), StoreError> {
    let (kinds, subjects) = (words(terms.known.kinds), words(terms.known.subjects));
    loop {
        let mut tx = conn.begin().await?;
        let lost = sqlx::query_as!(
            Lost,
            r#"select id, claims, unended_claims, cancel_requested_at is not null as "cancel_requested!"
               from jobs
               where state = $1 and lease_until <= clock_timestamp()
                 and kind = any($2) and subject_kind = any($3) and format <= $4
               order by lease_until limit 1
               for update skip locked"#,
            JobState::Running.as_str(),
            &kinds,
            &subjects,
            terms.known.format
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(lost) = lost else {
            return Ok(());
        };
        ending::lose_attempt(&mut tx, lost.id, lost.claims).await?;
        if lost.cancel_requested {
            ending::cancel(&mut tx, lost.id).await?;
        } else if lost.unended_claims >= terms.poison_after {
            let detail = poisoned(lost.unended_claims);
            ending::fail(&mut tx, lost.id, FailureCode::Poisoned, &detail).await?;
        } else {
            queue(&mut tx, lost.id).await?;
        }
        tx.commit().await?;
    }
}

async fn queue(conn: &mut Conn, job: Uuid) -> Result<(), StoreError> {
    let next = JobState::Running.after(JobEvent::Lost)?;
    sqlx::query!(
        "update jobs
         set state = $2, next_attempt_at = lease_until, lease_token = null, lease_until = null, lease_worker = null,
             parked_on = null
         where id = $1",
        job,
        next.as_str()
    )
    .execute(&mut *conn)
    .await?;
    ending::give_back(conn, job).await
}

/// Why a job is given up that kills its process.
pub(super) fn poisoned(claims: i32) -> String {
    format!(
        "begun {claims} times in a row without ever coming to an end; the last attempts show how far it got"
    )
}
