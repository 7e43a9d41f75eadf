//! Jobs taken out of the front of the queue, because an instance they name has nobody to spare and they filled the front. They come
//! back one after the other as attempts give that instance back.

use std::time::Duration;

use uuid::Uuid;

use crate::store::{Conn, StoreError};

/// After this time a job comes back whatever has happened: a process that should have called it back may have died.
pub(super) const AT_MOST: Duration = Duration::from_secs(60);
/// How many come back when an instance is given back. More than one: the first may be one that only another process can do.
pub(in crate::store) const AT_ONCE: i64 = 3;
/// How many come back at once whose time is over.
const SOME: i64 = 200;

/// These instances have been given back, or answer again.
///
/// # Errors
/// When the database does not answer; those that wait come back in time all the same.
pub async fn back(conn: &mut Conn, instances: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs set parked_on = null, parked_until = null
         where id in (
             select w.id from unnest($1::uuid[]) as i (id)
             cross join lateral (
                 select j.id from jobs j where j.state = 'queued' and j.parked_on = i.id
                 order by j.next_attempt_at, j.queue_position limit $2
                 for no key update skip locked) w)",
        instances,
        AT_ONCE
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those that have been parked for long enough.
pub(super) async fn back_in_time(conn: &mut Conn) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs set parked_on = null, parked_until = null
         where id in (
             select id from jobs where state = 'queued' and parked_until <= statement_timestamp()
             order by parked_until limit $1
             for no key update skip locked)",
        SOME
    )
    .execute(conn)
    .await?;
    Ok(())
}
