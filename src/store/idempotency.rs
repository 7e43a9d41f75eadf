//! Requests that may be repeated: what one with a key has done, written in the transaction that did it. What counts as
//! the same request, and how an object is shown again, is the caller's.

use std::time::Duration;

use super::read::At;
use super::{Conn, StoreError};
use crate::domain::hash::Sha256;

const TABLE: &str = "idempotency_keys";
/// How long a key is remembered, by PostgreSQL's clock.
pub(super) const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Rows of forgotten keys that one new key removes: more than it adds, so that the table cannot grow beyond its week.
const PRUNED_AT_ONCE: i64 = 20;

/// A request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    pub caller: String,
    pub method: String,
    /// Lower case.
    pub path: String,
    pub key: String,
    /// Over everything else that is asked.
    pub digest: Sha256,
}

/// What is known of a keyed request at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Nobody has done it, and nobody else can until the transaction ends.
    New,
    /// It has been done.
    Done { status: u16, object: String },
    /// The key was used for another request.
    Another,
    /// A twin is at it, and has been for 5 s. The transaction is lost.
    UnderWay,
}

impl KeyedRequest {
    /// How the key is kept: whoever reads the table cannot send it.
    fn kept_key(&self) -> String {
        format!("sha256:{}", Sha256::of(self.key.as_bytes()))
    }

    /// What twins take turns on. Two different requests with one number would only wait for each other for nothing.
    fn turn(&self) -> i64 {
        let text = [&self.caller, &self.method, &self.path, &self.key]
            .map(String::as_str)
            .join("\n");
        let digest = Sha256::of(text.as_bytes());
        let mut number = [0; 8];
        number.copy_from_slice(&digest.as_bytes()[..8]);
        i64::from_be_bytes(number)
    }
}

/// Begins a keyed request: the first thing its transaction does. Waits up to 5 s for a twin's transaction to end.
pub async fn begin(conn: &mut Conn, request: &KeyedRequest) -> Result<Lookup, StoreError> {
    if !take_turn(conn, request.turn()).await? {
        return Ok(Lookup::UnderWay);
    }
    let row = sqlx::query!(
        "select request, status, object from idempotency_keys
         where caller = $1 and method = $2 and path = $3 and key = any($4)
           and created_at > clock_timestamp() - make_interval(secs => $5)",
        request.caller,
        request.method,
        request.path,
        // Releases up to 0.1.0 kept it as it was sent.
        &[request.kept_key(), request.key.clone()],
        KEPT.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await?;
    let at = At::new(TABLE, request.key.as_str());
    match row {
        None => Ok(Lookup::New),
        Some(row) if row.request != request.digest.as_bytes() => Ok(Lookup::Another),
        Some(row) => Ok(Lookup::Done {
            status: at.parsed("status", u16::try_from(row.status))?,
            object: row.object,
        }),
    }
}

/// Whether the turn was taken; it is given back when the transaction ends.
async fn take_turn(conn: &mut Conn, turn: i64) -> Result<bool, StoreError> {
    sqlx::query!("set local lock_timeout = '5s'")
        .execute(&mut *conn)
        .await?;
    let taken = sqlx::query!("select pg_advisory_xact_lock($1)", turn)
        .execute(&mut *conn)
        .await;
    match taken {
        Ok(_) => {}
        Err(error) if is_lock_timeout(&error) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    sqlx::query!("set local lock_timeout to default")
        .execute(conn)
        .await?;
    Ok(true)
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|e| e.code().as_deref() == Some("55P03"))
}

/// Remembers what the request has done, when and only if the transaction commits. [`begin`] it first.
pub async fn remember(
    conn: &mut Conn,
    request: &KeyedRequest,
    status: u16,
    object: &str,
) -> Result<(), StoreError> {
    prune(conn, PRUNED_AT_ONCE).await?;
    let status = i16::try_from(status).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    // What stands there can only be older than what is kept: `begin` has looked.
    sqlx::query!(
        "insert into idempotency_keys (caller, method, path, key, request, status, object, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())
         on conflict (caller, method, path, key) do update
         set request = excluded.request, status = excluded.status, object = excluded.object,
             created_at = excluded.created_at",
        request.caller,
        request.method,
        request.path,
        request.kept_key(),
        request.digest.as_bytes(),
        status,
        object,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes at most `limit` of the keys that are no longer remembered, oldest first; says how many.
pub async fn prune(conn: &mut Conn, limit: i64) -> Result<u64, StoreError> {
    // Rows that another request is removing are left to it: nobody waits here.
    let pruned = sqlx::query!(
        "delete from idempotency_keys k using (
             select caller, method, path, key from idempotency_keys
             where created_at <= clock_timestamp() - make_interval(secs => $1) order by created_at limit $2 for update skip locked) old
         where (k.caller, k.method, k.path, k.key) = (old.caller, old.method, old.path, old.key)",
        KEPT.as_secs_f64(),
        limit,
    )
    .execute(conn)
    .await?;
    Ok(pruned.rows_affected())
}
