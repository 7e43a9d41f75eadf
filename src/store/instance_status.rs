//! What is known of an instance beside its registration: pinned identity, last observation, a refused log-in.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::read::{At, to_json};
use super::{Conn, StoreError, certificate_copies, endpoint_certificates};
use crate::domain::identity::ServerIdentity;
use crate::domain::observation::Observation;

const TABLE: &str = "instance_status";

/// What is known of one instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstanceStatus {
    /// The server the address led to when it was first observed.
    pub identity: Option<ServerIdentity>,
    pub observation: Option<Observation>,
    pub observed_at: Option<DateTime<Utc>>,
    pub refused_login: Option<RefusedLogin>,
}

/// A credential version that the instance refused. It rests until it is changed or an inspection is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLogin {
    pub credential_id: Uuid,
    pub credential_revision: i64,
    /// SQL Server's error number, 18456 mostly.
    pub number: i32,
    pub at: DateTime<Utc>,
}

struct Row {
    instance_id: Uuid,
    identity: Option<Value>,
    observation: Option<Value>,
    observed_at: Option<DateTime<Utc>>,
    refused_credential_id: Option<Uuid>,
    refused_credential_revision: Option<i64>,
    refused_number: Option<i32>,
    refused_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for InstanceStatus {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At {
            table: TABLE,
            id: row.instance_id,
        };
        // An observation is a memory of the last look, not a fact to stand on: one written by an older version that
        // cannot be read any more counts as none, and the next look replaces it. The identity is a fact.
        let observation = row.observation.and_then(|o| serde_json::from_value(o).ok());
        Ok(Self {
            identity: row.identity.map(|v| at.json("identity", v)).transpose()?,
            observed_at: row.observed_at,
            observation,
            refused_login: match (
                row.refused_credential_id,
                row.refused_credential_revision,
                row.refused_number,
                row.refused_at,
            ) {
                (Some(credential_id), Some(credential_revision), Some(number), Some(at)) => {
                    Some(RefusedLogin {
                        credential_id,
                        credential_revision,
                        number,
                        at,
                    })
                }
                _ => None,
            },
        })
    }
}

/// What is known of one instance; nothing yet is the default.
pub async fn status(conn: &mut Conn, id: Uuid) -> Result<InstanceStatus, StoreError> {
    Ok(statuses(conn, &[id]).await?.remove(&id).unwrap_or_default())
}

/// What is known of each of these instances.
pub async fn statuses(
    conn: &mut Conn,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, InstanceStatus>, StoreError> {
    sqlx::query_as!(
        Row,
        "select instance_id, identity, observation, observed_at, refused_credential_id,
                refused_credential_revision, refused_number, refused_at
         from instance_status where instance_id = any($1)",
        ids
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| Ok((row.instance_id, row.try_into()?)))
    .collect()
}

/// Whether the registration is still the one of this revision. What was seen under another one may be another server's.
pub async fn is_at_revision(conn: &mut Conn, id: Uuid, revision: i64) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from instances where id = $1 and revision = $2) as "is!""#,
        id,
        revision
    )
    .fetch_one(conn)
    .await?)
}

/// Pins the server the address leads to, if none is pinned yet; `anew`: whatever is. What the former one said is forgotten.
pub async fn pin_identity(
    conn: &mut Conn,
    id: Uuid,
    identity: &ServerIdentity,
    anew: bool,
) -> Result<(), StoreError> {
    let former = sqlx::query!(
        "with former as (select identity from instance_status where instance_id = $1)
         update instance_status
         set identity = $2, version = version + 1,
             observation = case when identity is null then observation end,
             observed_at = case when identity is null then observed_at end
         where instance_id = $1 and (identity is null or $3 and identity <> $2)
         returning (select identity from former)",
        id,
        to_json(identity)?,
        anew
    )
    .fetch_optional(&mut *conn)
    .await?;
    match former.and_then(|row| row.identity) {
        Some(_) => {
            endpoint_certificates::forget(conn, id).await?;
            certificate_copies::forget(conn, id).await
        }
        None => Ok(()),
    }
}

/// Adds to the pinned identity what an earlier look could not see. To be called with the same server only.
pub async fn complete_identity(
    conn: &mut Conn,
    id: Uuid,
    identity: &ServerIdentity,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update instance_status set identity = $2, version = version + 1
         where instance_id = $1 and identity is not null and identity->'master' is null",
        id,
        to_json(identity)?
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps what the instance said at that time (PostgreSQL's clock), unless something newer is kept already: two jobs may look
/// at the same time. With it, in rows of their own, what lists ask for.
pub async fn save_observation(
    conn: &mut Conn,
    id: Uuid,
    seen: &Observation,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    // Locked before it is read: of two looks at once, the second compares with what the first has written.
    let kept = sqlx::query!(
        r#"with former as (
               select observed_at, observation->'certificates' as certificates,
                      observation->'endpoint'->'certificate' as used
               from instance_status
               where instance_id = $1 for no key update)
           update instance_status set observation = $2, observed_at = $3, version = version + 1
           where instance_id = $1 and (observed_at is null or observed_at <= $3)
           returning (select observed_at from former) as before, (select certificates from former) as certificates,
                     (select used from former) as used"#,
        id,
        to_json(seen)?,
        at
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(kept) = kept else {
        return Ok(());
    };
    let used = seen.endpoint.as_ref().and_then(|e| e.certificate.as_ref());
    if let Some(used) = used
        && kept.used != Some(to_json(used)?)
    {
        endpoint_certificates::note(conn, id, used, at).await?;
    }
    if kept.certificates == Some(to_json(&seen.certificates)?) {
        return Ok(());
    }
    let is_all = seen.login.sees_everything();
    certificate_copies::note(conn, id, &seen.certificates, (at, kept.before), is_all).await
}

/// Notes that the instance refused a credential version.
pub async fn note_refused_login(
    conn: &mut Conn,
    id: Uuid,
    refused: &RefusedLogin,
) -> Result<(), StoreError> {
    let written = sqlx::query!(
        "update instance_status
         set refused_credential_id = $2, refused_credential_revision = $3, refused_number = $4, refused_at = $5,
             version = version + 1
         where instance_id = $1",
        id,
        refused.credential_id,
        refused.credential_revision,
        refused.number,
        refused.at
    )
    .execute(conn)
    .await?;
    At { table: TABLE, id }.exactly_one(written.rows_affected())
}

/// The instance let us in: nothing rests any more.
pub async fn forget_refused_login(conn: &mut Conn, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "update instance_status
         set refused_credential_id = null, refused_credential_revision = null, refused_number = null, refused_at = null,
             version = version + 1
         where instance_id = $1 and refused_at is not null",
        id
    )
    .execute(conn)
    .await?;
    Ok(())
}
