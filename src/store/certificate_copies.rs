//! Every copy of a certificate that an instance was seen to hold: whose it is there, and from when to when. Written when that
//! changes.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::read::{to_json, to_text};
use super::{Conn, StoreError};
use crate::domain::observation::HeldCertificate;

/// An instance, and what the newest look saw it hold.
#[derive(Debug)]
pub struct Holder<'a> {
    pub id: Uuid,
    pub held: &'a [HeldCertificate],
    /// A log-in that does not see every certificate cannot tell that one is gone.
    pub is_all: bool,
    /// When the look before was: what is gone was last seen then.
    pub before: Option<DateTime<Utc>>,
}

/// A copy as a row has it, but for its times.
#[derive(Serialize)]
struct Copy<'a> {
    holder: Uuid,
    thumbprint: String,
    sha256: Option<String>,
    name: &'a str,
    owner: Option<&'a str>,
    login: Option<&'a str>,
    has_private_key: bool,
    not_after: DateTime<Utc>,
}

impl<'a> Copy<'a> {
    fn of(holder: Uuid, held: &'a HeldCertificate) -> Self {
        let owner = held.owner.as_ref();
        let login = owner.and_then(|owner| owner.login.as_ref());
        Self {
            holder,
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

/// Everything of these certificates that is written here.
pub(super) fn text(held: &[HeldCertificate]) -> Result<String, StoreError> {
    let copies = held.iter().map(|held| Copy::of(Uuid::nil(), held));
    to_text(&copies.collect::<Vec<_>>())
}

/// Notes what the newest look at each of these, at `at`, saw held.
pub async fn note(
    conn: &mut Conn,
    holders: &[Holder<'_>],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let copies = holders
        .iter()
        .flat_map(|holder| holder.held.iter().map(|held| Copy::of(holder.id, held)));
    let copies = to_json(&copies.collect::<Vec<_>>())?;
    // What is closed is closed before anything is added: a server holds the same bytes once.
    sqlx::query!(
        "with looks as (
             select l.* from unnest($1::uuid[], $2::boolean[], $3::timestamptz[]) as l (holder, is_all, before)),
         now as (
             select s.holder, decode(s.thumbprint, 'hex') as thumbprint, decode(s.sha256, 'hex') as sha256, s.name, s.owner,
                    s.login, s.has_private_key, s.not_after
             from jsonb_to_recordset($4) as s (holder uuid, thumbprint text, sha256 text, name text, owner text, login text,
                                               has_private_key boolean, not_after timestamptz)),
         closed as (
             update certificate_copies c
             set last_seen_at = greatest(coalesce(l.before, c.first_seen_at), c.first_seen_at)
             from looks l
             where c.holder_id = any($1) and c.holder_id = l.holder and c.last_seen_at is null
               and not exists (
                   select from now s
                   where s.holder = c.holder_id and s.thumbprint = c.thumbprint and s.name = c.name
                     and s.owner is not distinct from c.owner and s.login is not distinct from c.login
                     and s.has_private_key = c.has_private_key)
               and (l.is_all or exists (
                   select from now s where s.holder = c.holder_id and s.thumbprint = c.thumbprint))
             returning c.holder_id, c.thumbprint)
         insert into certificate_copies
             (holder_id, thumbprint, sha256, name, owner, login, has_private_key, not_after, first_seen_at)
         select distinct on (s.holder, s.thumbprint)
                s.holder, s.thumbprint, s.sha256, s.name, s.owner, s.login, s.has_private_key, s.not_after, $5
         from now s
         where (select count(*) from closed) >= 0
           and not exists (
               select from certificate_copies c
               where c.holder_id = any($1) and c.holder_id = s.holder and c.last_seen_at is null and c.thumbprint = s.thumbprint
                 and not exists (
                     select from closed d where d.holder_id = c.holder_id and d.thumbprint = c.thumbprint))
         order by s.holder, s.thumbprint
         on conflict do nothing",
        &holders.iter().map(|h| h.id).collect::<Vec<_>>(),
        &holders.iter().map(|h| h.is_all).collect::<Vec<_>>(),
        &holders.iter().map(|h| h.before).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
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
