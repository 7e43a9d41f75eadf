//! Who else has a certificate, or one that is in its way: over all registrations, and over what their servers last showed.

use serde_json::json;
use uuid::Uuid;

use super::{Conn, StoreError};
use crate::domain::certificate::{Certificate, IssuerSerial};
use crate::domain::hash::Thumbprint;

/// How another instance comes to have a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Its endpoint uses it, as last seen.
    Endpoint,
    /// It counts for it.
    Pinned,
    /// It was uploaded for it or obtained from it, some time.
    Known,
}

/// Another certificate of the same issuer and serial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    pub instance_id: Uuid,
    /// The instance's name.
    pub instance: String,
    pub thumbprint: Thumbprint,
    /// Its name there, where that server holds it; absent where it is kept as the instance's own.
    pub held_as: Option<String>,
}

/// The other registered instances that have these very bytes, each once.
pub async fn by_others(
    conn: &mut Conn,
    instance: Uuid,
    certificate: &Certificate,
) -> Result<Vec<(String, Use)>, StoreError> {
    let rows = sqlx::query!(
        r#"select i.name, coalesce(c.pinned, false) as "pinned!",
                  coalesce(s.observation->'endpoint'->'certificate'->>'thumbprint' = $3, false) as "used!"
           from instances i
           left join certificates c on c.instance_id = i.id and c.sha256 = $2 and c.deleted_at is null
           left join instance_status s on s.instance_id = i.id
           where i.id <> $1 and i.deleted_at is null
             and (c.sha256 is not null or s.observation->'endpoint'->'certificate'->>'thumbprint' = $3)
           order by i.name"#,
        instance,
        certificate.sha256.as_bytes(),
        certificate.thumbprint.to_string(),
    )
    .fetch_all(conn)
    .await?;
    let how = |pinned, used| match (used, pinned) {
        (true, _) => Use::Endpoint,
        (false, true) => Use::Pinned,
        (false, false) => Use::Known,
    };
    Ok(rows
        .into_iter()
        .map(|row| (row.name, how(row.pinned, row.used)))
        .collect())
}

/// Certificates of the same issuer and serial and other bytes: those kept for any registered instance, this one included, and
/// those that any of their servers held when it was last looked at.
pub async fn clashes(conn: &mut Conn, certificate: &Certificate) -> Result<Vec<Clash>, StoreError> {
    fill_in(conn).await?;
    let kept = sqlx::query!(
        "select i.id, i.name, c.der from certificates c join instances i on i.id = c.instance_id
         where c.issuer_serial = $1 and c.sha256 <> $2 and c.deleted_at is null and i.deleted_at is null
         order by i.name, c.sha256",
        certificate.issuer_serial.as_bytes(),
        certificate.sha256.as_bytes(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found: Vec<Clash> = kept
        .into_iter()
        .map(|row| Clash {
            instance_id: row.id,
            instance: row.name,
            thumbprint: Thumbprint::of(&row.der),
            held_as: None,
        })
        .collect();
    found.extend(held(conn, certificate).await?);
    Ok(found)
}

async fn held(conn: &mut Conn, certificate: &Certificate) -> Result<Vec<Clash>, StoreError> {
    let alike = json!({"certificates": [{"issuer_serial": certificate.issuer_serial}]});
    let rows = sqlx::query!(
        r#"select i.id, i.name, held->>'name' as "held_as!", held->>'thumbprint' as "thumbprint!"
           from instance_status s
           join instances i on i.id = s.instance_id and i.deleted_at is null
           cross join lateral jsonb_array_elements(s.observation->'certificates') as held
           where s.observation @> $1 and held @> ($1::jsonb->'certificates'->0) and (held->>'sha256') <> $2
           order by i.name, 3"#,
        alike,
        certificate.sha256.to_string(),
    )
    .fetch_all(conn)
    .await?;
    // A memory of another version's making that does not read is as good as none.
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Clash {
                instance_id: row.id,
                instance: row.name,
                thumbprint: Thumbprint::parse(&row.thumbprint).ok()?,
                held_as: Some(row.held_as),
            })
        })
        .collect())
}

/// Rows of older versions lack what only the bytes tell. Those that somebody else is at are left to him.
async fn fill_in(conn: &mut Conn) -> Result<(), StoreError> {
    let lacking = sqlx::query!(
        "select instance_id, sha256, der from certificates where issuer_serial is null
         order by sha256, instance_id limit 10000 for update skip locked"
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in lacking {
        let Some(issuer_serial) = IssuerSerial::of(&row.der) else {
            continue;
        };
        sqlx::query!(
            "update certificates set issuer_serial = $3 where instance_id = $1 and sha256 = $2",
            row.instance_id,
            row.sha256,
            issuer_serial.as_bytes()
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
