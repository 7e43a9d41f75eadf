//! Which certificates each instance's endpoint was seen to use, and when. Written when that changes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, StoreError};
use crate::domain::hash::Sha256;
use crate::domain::observation::EndpointCertificate;

/// Notes what a look saw in use; to be called with the newest look only. What was in use before is an earlier one then.
pub async fn note(
    conn: &mut Conn,
    instance: Uuid,
    used: &EndpointCertificate,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sha256 = used.sha256();
    let thumbprint = used.thumbprint.as_bytes();
    sqlx::query!(
        "update endpoint_certificates set replaced_at = $3
         where instance_id = $1 and thumbprint <> $2 and replaced_at is null",
        instance,
        thumbprint,
        at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into endpoint_certificates as kept (instance_id, thumbprint, sha256, first_seen_at)
         values ($1, $2, $3, $4)
         on conflict (instance_id, thumbprint) do update
         set replaced_at = null, sha256 = coalesce(excluded.sha256, kept.sha256)
         where kept.replaced_at is not null or (kept.sha256 is null and excluded.sha256 is not null)",
        instance,
        thumbprint,
        sha256.as_ref().map(Sha256::as_bytes),
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The registration leads to another server now: what the former one used says nothing of it.
pub async fn forget(conn: &mut Conn, instance: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from endpoint_certificates where instance_id = $1",
        instance
    )
    .execute(conn)
    .await?;
    Ok(())
}
