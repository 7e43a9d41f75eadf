//! Instances as registered, and what other registrations have to do with them. What was observed: `instance_status`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::list::{Page, one_more};
use super::read::{At, all, one, registered, to_json};
use super::{Conn, StoreError};
use crate::domain::desired_state::NeededRoles;
use crate::domain::instance::{Address, InstanceSpec};
use crate::domain::object_name::ObjectName;
use crate::domain::registration::Registered;

const TABLE: &str = "instances";
/// The advisory lock of [`take_turn_at_names`]; any number that nothing else in the database uses.
const NAMES_TURN: i64 = 0x6d69_7272_6e61_6d65;

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
}

/// The one select list of this table; the rest of the statement is the caller's.
macro_rules! rows {
    ($rest:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "select i.id, i.name, i.labels, i.revision, s.version as status_version, i.created_at, i.updated_at,
                    i.host, i.port, i.instance_name, i.credential_id, c.name as credential_name, i.peer_name,
                    i.naming, i.tls, i.transport, i.endpoint
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
    one(rows!(
        "where i.name_key = $1 and i.deleted_at is null for no key update of i",
        name_key
    )
    .fetch_optional(conn)
    .await?)
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
        "where i.deleted_at is null and ($1::text is null or i.name_key > $1) order by i.name_key limit $2",
        after,
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
    let rows = sqlx::query!(
        r#"select m.instance_id, bool_or(m.role = 'partner') as "partner!", bool_or(m.role = 'witness') as "witness!"
           from pair_members m join pairs p on p.id = m.pair_id
           where m.instance_id = any($1) and p.deleted_at is null
           group by m.instance_id"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    let mut roles: HashMap<_, _> = ids.iter().map(|id| (*id, NeededRoles::default())).collect();
    roles.extend(rows.into_iter().map(|row| {
        let needed = NeededRoles {
            partner: row.partner,
            witness: row.witness,
        };
        (row.instance_id, needed)
    }));
    Ok(roles)
}

/// The instances that share a live pair with this one: on each it is, or will be, a peer.
pub async fn peers_of(conn: &mut Conn, id: Uuid) -> Result<Vec<Instance>, StoreError> {
    all(rows!(
        "where i.deleted_at is null and i.id <> $1 and exists (
             select from pair_members mine join pair_members theirs on theirs.pair_id = mine.pair_id
             join pairs p on p.id = mine.pair_id
             where mine.instance_id = $1 and theirs.instance_id = i.id and p.deleted_at is null)
         order by i.name_key",
        id
    )
    .fetch_all(conn)
    .await?)
}

/// Who is a peer on whom: every one of these instances with each instance it shares a live pair with, by the peers' names.
pub async fn peers_among(
    conn: &mut Conn,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Uuid>>, StoreError> {
    let rows = sqlx::query!(
        "select mine.instance_id as acceptor, i.id as peer
         from pair_members mine
         join pairs p on p.id = mine.pair_id and p.deleted_at is null
         join pair_members theirs on theirs.pair_id = mine.pair_id and theirs.instance_id <> mine.instance_id
         join instances i on i.id = theirs.instance_id and i.deleted_at is null
         where mine.instance_id = any($1)
         group by mine.instance_id, i.id order by i.name_key",
        ids
    )
    .fetch_all(conn)
    .await?;
    let mut peers: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for row in rows {
        peers.entry(row.acceptor).or_default().push(row.peer);
    }
    Ok(peers)
}

/// Lets one transaction at a time change what names are made of: peer names, naming templates, members of pairs. Two that
/// are each right by themselves could clash together. To be taken before any row is locked.
pub async fn take_turn_at_names(conn: &mut Conn) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock($1)", NAMES_TURN)
        .execute(conn)
        .await?;
    Ok(())
}

/// What `status` shows of this instance and of the members of its live pairs has changed: a pin or a registration moved,
/// and what was seen of their trusts no longer says anything. The pairs' own counts follow, because they add these up.
/// Gives the instance's own status version.
pub async fn bump_status_around(conn: &mut Conn, id: Uuid) -> Result<i64, StoreError> {
    // Locked in the order of ids: two of these at once must not wait for each other in a circle.
    Ok(sqlx::query_scalar!(
        "with around as (
             select s.instance_id from instance_status s
             where s.instance_id = $1 or exists (
                 select from pair_members mine join pair_members theirs on theirs.pair_id = mine.pair_id
                 join pairs p on p.id = mine.pair_id
                 where mine.instance_id = $1 and theirs.instance_id = s.instance_id and p.deleted_at is null)
             order by s.instance_id for no key update of s),
         bumped as (
             update instance_status s set version = version + 1 from around
             where s.instance_id = around.instance_id returning s.instance_id, s.version)
         select version from bumped where instance_id = $1",
        id
    )
    .fetch_one(conn)
    .await?)
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
