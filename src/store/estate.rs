//! What all registrations know, as an attempt starts from it.

use uuid::Uuid;

use super::read::At;
use super::{Conn, StoreError};
use crate::domain::estate::{Estate, KnownCertificate, KnownInstance, Mark};
use crate::domain::hash::{Sha256, Thumbprint};

const TABLE: &str = "estate";

/// Every registered instance with its certificates; of the trusts, those with both ends among `members`.
pub async fn read(conn: &mut Conn, members: &[Uuid]) -> Result<Estate, StoreError> {
    Ok(Estate {
        instances: instances(conn).await?,
        otherwise: super::trusts::otherwise(conn, members).await?,
    })
}

/// One row per instance, certificate and standing; an instance without any has one row without.
async fn instances(conn: &mut Conn) -> Result<Vec<KnownInstance>, StoreError> {
    // A deleted upload that nobody saw in use was a slip, maybe: it tells nothing about the instance.
    let rows = sqlx::query!(
        r#"select i.id as "id!", i.name as "name!", c.sha256, c.thumbprint, c.standing,
                  s.identity, s.observation->'server'->'start' as start, s.observed_at
           from instances i
           left join instance_status s on s.instance_id = i.id
           left join (
               select instance_id, sha256, null::bytea as thumbprint,
                      case when not pinned then 'earlier' else purpose end as standing
               from certificates
               where deleted_at is null and (pinned or purpose is distinct from 'next')
               union all
               select instance_id, sha256, thumbprint,
                      case when replaced_at is null then 'used' else 'earlier' end
               from endpoint_certificates) c on c.instance_id = i.id
           where i.deleted_at is null
           order by i.name_key"#
    )
    .fetch_all(conn)
    .await?;
    let mut found: Vec<KnownInstance> = Vec::new();
    for row in rows {
        let at = At {
            table: TABLE,
            id: row.id,
        };
        if found.last().is_none_or(|last| last.id != row.id) {
            found.push(KnownInstance {
                id: row.id,
                name: row.name,
                identity: row
                    .identity
                    .map(|identity| at.json("identity", identity))
                    .transpose()?,
                // A memory of another version's making that does not read is as good as none.
                started: row
                    .start
                    .and_then(|start| serde_json::from_value(start).ok())
                    .zip(row.observed_at),
                certificates: Vec::new(),
            });
        }
        let Some((standing, last)) = row.standing.zip(found.last_mut()) else {
            continue;
        };
        let sha256 = row.sha256.as_deref().map(Sha256::from_bytes).transpose();
        let thumbprint = row.thumbprint.as_deref();
        let thumbprint = thumbprint.map(Thumbprint::from_bytes).transpose();
        last.certificates.push(KnownCertificate {
            mark: Mark {
                sha256: at.parsed("sha256", sha256)?,
                thumbprint: at.parsed("thumbprint", thumbprint)?,
            },
            standing: at.word("standing", &standing)?,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
