//! Every copy of a certificate that an instance was seen to hold: whose it is there, and from when to when. Written when that
//! changes.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::read::to_json;
use super::{Conn, StoreError};
use crate::domain::observation::HeldCertificate;

/// A copy as a row has it, but for its times.
#[derive(Serialize)]
struct Copy<'a> {
    thumbprint: String,
    sha256: Option<String>,
    name: &'a str,
    owner: Option<&'a str>,
    login: Option<&'a str>,
    has_private_key: bool,
    not_after: DateTime<Utc>,
}

impl<'a> Copy<'a> {
    fn of(held: &'a HeldCertificate) -> Self {
        let owner = held.owner.as_ref();
        let login = owner.and_then(|owner| owner.login.as_ref());
        Self {
            thumbprint: held.thumbprint.to_string(),
            sha256: held.sha256.map(|hash| hash.to_string()),
            name: held.name.as_str(),
            owner: owner.map(|owner| owner.name.as_str()),
            login: login.map(|login| login.name.as_str()),
            has_private_key: held.has_private_key,
            not_after: held.not_after,
        }
    }
}

/// Notes what the newest look, at `at`, saw held. `before` is when the look before it was: what is gone was last seen then.
///
/// A log-in that does not see every certificate cannot tell that one is gone: `is_all` says whether it does.
pub async fn note(
    conn: &mut Conn,
    holder: Uuid,
    held: &[HeldCertificate],
    (at, before): (DateTime<Utc>, Option<DateTime<Utc>>),
    is_all: bool,
) -> Result<(), StoreError> {
    let copies: Vec<Copy<'_>> = held.iter().map(Copy::of).collect();
    let copies = to_json(&copies)?;
    sqlx::query!(
        "update certificate_copies c set last_seen_at = greatest(coalesce($4, c.first_seen_at), c.first_seen_at)
         where c.holder_id = $1 and c.last_seen_at is null
           and not exists (
               select from jsonb_to_recordset($2) as s(thumbprint text, name text, owner text, login text, has_private_key boolean)
               where decode(s.thumbprint, 'hex') = c.thumbprint and s.name = c.name
                 and s.owner is not distinct from c.owner and s.login is not distinct from c.login
                 and s.has_private_key = c.has_private_key)
           and ($3 or exists (
               select from jsonb_to_recordset($2) as s(thumbprint text) where decode(s.thumbprint, 'hex') = c.thumbprint))",
        holder,
        copies,
        is_all,
        before
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into certificate_copies
             (holder_id, thumbprint, sha256, name, owner, login, has_private_key, not_after, first_seen_at)
         select distinct on (s.thumbprint)
                $1, decode(s.thumbprint, 'hex'), decode(s.sha256, 'hex'), s.name, s.owner, s.login, s.has_private_key, s.not_after, $3
         from jsonb_to_recordset($2) as s(thumbprint text, sha256 text, name text, owner text, login text,
                                          has_private_key boolean, not_after timestamptz)
         where not exists (
             select from certificate_copies c
             where c.holder_id = $1 and c.last_seen_at is null and c.thumbprint = decode(s.thumbprint, 'hex'))
         order by s.thumbprint
         on conflict do nothing",
        holder,
        copies,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The registration leads to another server now: what the former one held says nothing of it.
pub async fn forget(conn: &mut Conn, holder: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from certificate_copies where holder_id = $1",
        holder
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
