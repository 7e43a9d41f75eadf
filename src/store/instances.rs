//! Instances as registered, and what other registrations have to do with them. What was observed: `instance_status`; who is
//! a peer on whom: `peers`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::list::{Page, one_more};
use super::peers::bump_status_around;
use super::read::{At, all, one, registered, to_json};
use super::{Conn, StoreError};
use crate::domain::desired_state::NeededRoles;
use crate::domain::instance::{Address, InstanceSpec};
use crate::domain::object_name::ObjectName;
use crate::domain::registration::Registered;

const TABLE: &str = "instances";

/// An instance as it is registered.
pub type Instance = Registered<InstanceSpec>;

struct Row {
    id: Uuid,
    name: String,
    labels: Value,
    revision: i64,
    status_version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    host: String,
    port: Option<i32>,
    instance_name: Option<String>,
    credential_id: Uuid,
    credential_name: String,
    peer_name: String,
    naming: Value,
    tls: Value,
    transport: Value,
    endpoint: Value,
    binding: Option<Vec<u8>>,
}

/// The one select list of this table; the rest of the statement is the caller's.
macro_rules! rows {
    ($rest:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "select i.id, i.name, i.labels, i.revision, s.version as status_version, i.created_at, i.updated_at,
                    i.host, i.port, i.instance_name, i.credential_id, c.name as credential_name, i.peer_name,
                    i.naming, i.tls, i.transport, i.endpoint, i.binding
             from instances i
             join instance_status s on s.instance_id = i.id
             join credentials c on c.id = i.credential_id " + $rest
            $(, $argument)*
        )
    };
}

impl TryFrom<Row> for Instance {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At::new(TABLE, row.id);
        let spec = InstanceSpec {
            address: Address {
                host: row.host,
                port: at.parsed("port", row.port.map(u16::try_from).transpose())?,
                instance_name: row.instance_name,
            },
            credential: at.named("credential_id", row.credential_id, &row.credential_name)?,
            peer_name: at.parsed("peer_name", ObjectName::parse(&row.peer_name))?,
            naming: at.json("naming", row.naming)?,
            tls: at.json("tls", row.tls)?,
            transport: at.json("transport", row.transport)?,
            endpoint: at.json("endpoint", row.endpoint)?,
        };
        registered!(at, row, spec)
    }
}

/// The live instance of this name (lower case).
pub async fn get(conn: &mut Conn, name_key: &str) -> Result<Option<Instance>, StoreError> {
    one(
        rows!("where i.name_key = $1 and i.deleted_at is null", name_key)
            .fetch_optional(conn)
            .await?,
    )
}

/// The live instance of this id.
pub async fn get_by_id(conn: &mut Conn, id: Uuid) -> Result<Option<Instance>, StoreError> {
    one(rows!("where i.id = $1 and i.deleted_at is null", id)
        .fetch_optional(conn)
        .await?)
}

/// Like [`get`], and nobody else changes, deletes or begins to use it until the transaction ends. A worker that notes a
/// trust on it need not wait: that takes the key only, which nobody changes.
pub async fn get_for_update(
    conn: &mut Conn,
    name_key: &str,
) -> Result<Option<Instance>, StoreError> {
    // Locked first and read afterwards: what is joined in the same statement could be older than the lock.
    let locked = sqlx::query_scalar!(
        "select id from instances where name_key = $1 and deleted_at is null for no key update",
        name_key
    )
    .fetch_optional(&mut *conn)
    .await?;
    match locked {
        Some(id) => get_by_id(conn, id).await,
        None => Ok(None),
    }
}

/// Like [`get_for_update`] of several, by name: those that there are, locked in one order whoever asks.
pub async fn by_names_for_update(
    conn: &mut Conn,
    name_keys: &[String],
) -> Result<Vec<Instance>, StoreError> {
    let locked = sqlx::query_scalar!(
        "select id from instances where name_key = any($1) and deleted_at is null
         order by name_key for no key update",
        name_keys
    )
    .fetch_all(&mut *conn)
    .await?;
    by_ids(conn, &locked).await
}

/// Holds the live ones of these ids as [`by_names_for_update`] does, in the same order.
pub async fn hold(conn: &mut Conn, ids: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "select id from instances where id = any($1) and deleted_at is null
         order by name_key for no key update",
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// The live ones of these ids, by name.
pub async fn by_ids(conn: &mut Conn, ids: &[Uuid]) -> Result<Vec<Instance>, StoreError> {
    all(rows!(
        "where i.id = any($1) and i.deleted_at is null order by i.name_key",
        ids
    )
    .fetch_all(conn)
    .await?)
}

/// Like [`by_ids`], with the bindings of those that have one, by their ids: each is of the very row it was read with.
pub async fn by_ids_with_bindings(
    conn: &mut Conn,
    ids: &[Uuid],
) -> Result<(Vec<Instance>, HashMap<Uuid, Vec<u8>>), StoreError> {
    let mut rows = rows!(
        "where i.id = any($1) and i.deleted_at is null order by i.name_key",
        ids
    )
    .fetch_all(conn)
    .await?;
    let bindings = rows
        .iter_mut()
        .filter_map(|row| Some((row.id, row.binding.take()?)))
        .collect();
    Ok((all(rows)?, bindings))
}

/// The live ones with this credential that have no binding, held against changes until the transaction ends.
pub(super) async fn unbound(
    conn: &mut Conn,
    credential: Uuid,
) -> Result<Vec<Instance>, StoreError> {
    let locked = sqlx::query_scalar!(
        "select id from instances where credential_id = $1 and binding is null and deleted_at is null
         order by name_key for no key update",
        credential
    )
    .fetch_all(&mut *conn)
    .await?;
    by_ids(conn, &locked).await
}

/// The live ones of these names (lower case), by name.
pub async fn by_names(conn: &mut Conn, name_keys: &[String]) -> Result<Vec<Instance>, StoreError> {
    all(rows!(
        "where i.name_key = any($1) and i.deleted_at is null order by i.name_key",
        name_keys
    )
    .fetch_all(conn)
    .await?)
}

/// Writes a new instance.
///
/// # Errors
/// [`StoreError::Taken`] when its name or peer name is; [`StoreError::Referenced`] when its credential is gone.
pub async fn insert(conn: &mut Conn, new: &Instance) -> Result<(), StoreError> {
    keep_credential(conn, new).await?;
    sqlx::query!(
        "insert into instances (id, name, labels, revision, created_at, updated_at, host, port, instance_name,
                                credential_id, peer_name, peer_name_key, naming, tls, transport, endpoint)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        new.id,
        new.name.as_str(),
        to_json(&new.labels)?,
        new.revision,
        new.created_at,
        new.updated_at,
        new.spec.address.host,
        new.spec.address.port.map(i32::from),
        new.spec.address.instance_name,
        new.spec.credential.id,
        new.spec.peer_name.as_str(),
        new.spec.peer_name.as_str().to_lowercase(),
        to_json(&new.spec.naming)?,
        to_json(&new.spec.tls)?,
        to_json(&new.spec.transport)?,
        to_json(&new.spec.endpoint)?,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into instance_status (instance_id, version) values ($1, $2)",
        new.id,
        new.status_version
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes labels, spec, revision and time as the caller has set them; what was seen of it and its pairs shows so. Gives the
/// status version it has now.
///
/// # Errors
/// As [`insert`].
pub async fn update(conn: &mut Conn, changed: &Instance) -> Result<i64, StoreError> {
    keep_credential(conn, changed).await?;
    let updated = sqlx::query!(
        "update instances
         set labels = $2, revision = $3, updated_at = $4, host = $5, port = $6, instance_name = $7,
             credential_id = $8, peer_name = $9, peer_name_key = $10, naming = $11, tls = $12, transport = $13,
             endpoint = $14
         where id = $1 and deleted_at is null",
        changed.id,
        to_json(&changed.labels)?,
        changed.revision,
        changed.updated_at,
        changed.spec.address.host,
        changed.spec.address.port.map(i32::from),
        changed.spec.address.instance_name,
        changed.spec.credential.id,
        changed.spec.peer_name.as_str(),
        changed.spec.peer_name.as_str().to_lowercase(),
        to_json(&changed.spec.naming)?,
        to_json(&changed.spec.tls)?,
        to_json(&changed.spec.transport)?,
        to_json(&changed.spec.endpoint)?,
    )
    .execute(&mut *conn)
    .await?;
    At::new(TABLE, changed.id).exactly_one(updated.rows_affected())?;
    bump_status_around(conn, changed.id).await
}

/// A foreign key does not see that a credential is marked deleted: hold it against deletion while it begins to be used.
async fn keep_credential(conn: &mut Conn, instance: &Instance) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "select id from credentials where id = $1 and deleted_at is null for share",
        instance.spec.credential.id
    )
    .fetch_optional(conn)
    .await?
    .map(drop)
    .ok_or(StoreError::Referenced)
}

/// Live instances by name, after a name key.
pub async fn list(
    conn: &mut Conn,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<Instance>, StoreError> {
    let rows = rows!(
        "where i.deleted_at is null and i.name_key > $1 order by i.name_key limit $2",
        after.unwrap_or_default(),
        one_more(limit)
    )
    .fetch_all(conn)
    .await?;
    Ok(Page::of(all(rows)?, limit, |i: &Instance| i.name.key()))
}

/// Names of the live pairs that have it as a member.
pub async fn used_by(conn: &mut Conn, id: Uuid) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select p.name from pairs p join pair_members m on m.pair_id = p.id
         where m.instance_id = $1 and p.deleted_at is null order by p.name_key",
        id
    )
    .fetch_all(conn)
    .await?)
}

/// Open jobs that name it, oldest first.
pub async fn open_jobs(conn: &mut Conn, id: Uuid) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select j.id from jobs j
         where j.finished_at is null
           and exists (select from job_instances n where n.job_id = j.id and n.instance_id = $1)
         order by j.id",
        id
    )
    .fetch_all(conn)
    .await?)
}

/// What each of these instances does over all live pairs; one that is in none has the default.
pub async fn needed_roles(
    conn: &mut Conn,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, NeededRoles>, StoreError> {
    // Each looks no further than the first pair of its kind.
    let rows = sqlx::query!(
        r#"select asked.id as "instance_id!",
                  coalesce((select true from pair_members m join pairs p on p.id = m.pair_id
                            where m.instance_id = asked.id and m.role = 'partner' and p.deleted_at is null limit 1), false) as "partner!",
                  coalesce((select true from pair_members m join pairs p on p.id = m.pair_id
                            where m.instance_id = asked.id and m.role = 'witness' and p.deleted_at is null limit 1), false) as "witness!"
           from unnest($1::uuid[]) as asked (id)"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let needed = NeededRoles {
                partner: row.partner,
                witness: row.witness,
            };
            (row.instance_id, needed)
        })
        .collect())
}

/// Forgets it. Take it with [`get_for_update`] and ask [`used_by`] and [`open_jobs`] first, in one transaction.
pub async fn mark_deleted(conn: &mut Conn, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let deleted = sqlx::query!(
        "update instances set deleted_at = $2 where id = $1 and deleted_at is null",
        id,
        now
    )
    .execute(conn)
    .await?;
    At::new(TABLE, id).exactly_one(deleted.rows_affected())
}
