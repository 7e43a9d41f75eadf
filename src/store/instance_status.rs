//! What is known of an instance beside its registration: pinned identity, last observation, a refused log-in.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::read::At;
use super::{Conn, StoreError};
use crate::domain::hash::Sha256;
use crate::domain::identity::ServerIdentity;
use crate::domain::memory::Memory;

const TABLE: &str = "instance_status";

/// What is known of one instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstanceStatus {
    /// The server the address led to when it was first observed.
    pub identity: Option<ServerIdentity>,
    pub observation: Option<Memory>,
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
            refused_login: refused(
                row.refused_credential_id,
                row.refused_credential_revision,
                row.refused_number,
                row.refused_at,
            ),
        })
    }
}

/// What an attempt starts from: the status without the memory of the last look.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    pub identity: Option<ServerIdentity>,
    pub refused_login: Option<RefusedLogin>,
    /// Every certificate the instance was ever known to have, deleted ones too.
    pub known: Vec<Sha256>,
}

/// What an attempt starts from at each of these instances.
pub async fn standings(
    conn: &mut Conn,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Standing>, StoreError> {
    let rows = sqlx::query!(
        r#"select s.instance_id, s.identity, s.refused_credential_id, s.refused_credential_revision, s.refused_number, s.refused_at,
                  array(select c.sha256 from certificates c where c.instance_id = s.instance_id
                        order by c.created_at, c.sha256) as "known!"
           from instance_status s where s.instance_id = any($1)"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let at = At::new(TABLE, row.instance_id);
            let known = row.known.iter().map(|bytes| Sha256::from_bytes(bytes));
            let standing = Standing {
                identity: row.identity.map(|v| at.json("identity", v)).transpose()?,
                refused_login: refused(
                    row.refused_credential_id,
                    row.refused_credential_revision,
                    row.refused_number,
                    row.refused_at,
                ),
                known: at.parsed("known", known.collect())?,
            };
            Ok((row.instance_id, standing))
        })
        .collect()
}

fn refused(
    credential_id: Option<Uuid>,
    credential_revision: Option<i64>,
    number: Option<i32>,
    at: Option<DateTime<Utc>>,
) -> Option<RefusedLogin> {
    Some(RefusedLogin {
        credential_id: credential_id?,
        credential_revision: credential_revision?,
        number: number?,
        at: at?,
    })
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
