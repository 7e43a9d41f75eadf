//! Pairs as registered, with their members. What was seen of their trusts: `trusts`.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::list::{Page, one_more};
use super::read::{At, all, one, registered, to_json};
use super::{Conn, StoreError};
use crate::domain::pair::PairSpec;
use crate::domain::registration::Registered;

const TABLE: &str = "pairs";

/// A pair as it is registered.
pub type Pair = Registered<PairSpec>;

struct Row {
    id: Uuid,
    name: String,
    labels: Value,
    revision: i64,
    status_version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    operating_mode: Option<String>,
    /// In the order of their positions.
    member_ids: Vec<Uuid>,
    member_names: Vec<String>,
}

/// The one select list of this table; the rest of the statement is the caller's.
macro_rules! rows {
    ($rest:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            r#"select p.id, p.name, p.labels, p.revision, p.created_at, p.updated_at, p.operating_mode,
                      p.status_version + members.version as "status_version!",
                      members.ids as "member_ids!", members.names as "member_names!"
               from pairs p
               cross join lateral (
                   select sum(s.version)::bigint as version, array_agg(i.id order by m.position) as ids,
                          array_agg(i.name order by m.position) as names
                   from pair_members m
                   join instance_status s on s.instance_id = m.instance_id
                   join instances i on i.id = m.instance_id
                   where m.pair_id = p.id) members "# + $rest
            $(, $argument)*
        )
    };
}

impl TryFrom<Row> for Pair {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At::new(TABLE, row.id);
        let mut members = row
            .member_ids
            .iter()
            .zip(&row.member_names)
            .map(|(id, name)| at.named("members", *id, name));
        let mut member = || members.next().transpose();
        let (first, second, witness) = (member()?, member()?, member()?);
        let (Some(first), Some(second)) = (first, second) else {
            return Err(at.wrong("members"));
        };
        let spec = PairSpec {
            partners: [first, second],
            witness,
            operating_mode: row
                .operating_mode
                .map(|m| at.word("operating_mode", &m))
                .transpose()?,
        };
        registered!(at, row, spec)
    }
}

/// The live pair of this name (lower case).
pub async fn get(conn: &mut Conn, name_key: &str) -> Result<Option<Pair>, StoreError> {
    one(
        rows!("where p.name_key = $1 and p.deleted_at is null", name_key)
            .fetch_optional(conn)
            .await?,
    )
}

/// The live pair of this id.
pub async fn get_by_id(conn: &mut Conn, id: Uuid) -> Result<Option<Pair>, StoreError> {
    one(rows!("where p.id = $1 and p.deleted_at is null", id)
        .fetch_optional(conn)
        .await?)
}

/// Like [`get`], and nobody else changes, deletes or asks a job of it until the transaction ends.
pub async fn get_for_update(conn: &mut Conn, name_key: &str) -> Result<Option<Pair>, StoreError> {
    // Locked first and read afterwards: members read in the same statement could be older than the lock.
    let locked = sqlx::query_scalar!(
        "select id from pairs where name_key = $1 and deleted_at is null for no key update",
        name_key
    )
    .fetch_optional(&mut *conn)
    .await?;
    match locked {
        Some(id) => get_by_id(conn, id).await,
        None => Ok(None),
    }
}

/// The live pairs that have this instance as a member, by name.
pub async fn of_instance(conn: &mut Conn, instance: Uuid) -> Result<Vec<Pair>, StoreError> {
    all(rows!(
        "where p.deleted_at is null
           and p.id in (select m.pair_id from pair_members m where m.instance_id = $1)
         order by p.name_key",
        instance
    )
    .fetch_all(conn)
    .await?)
}

/// Writes a new pair; gives the status version it has.
///
/// # Errors
/// [`StoreError::Taken`] when the name is; [`StoreError::Referenced`] when a member was deleted meanwhile.
pub async fn insert(conn: &mut Conn, new: &Pair) -> Result<i64, StoreError> {
    sqlx::query!(
        "insert into pairs (id, name, labels, revision, status_version, created_at, updated_at, operating_mode)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        new.name.as_str(),
        to_json(&new.labels)?,
        new.revision,
        new.status_version,
        new.created_at,
        new.updated_at,
        new.spec.operating_mode.map(|m| m.as_str()),
    )
    .execute(&mut *conn)
    .await?;
    write_members(conn, new).await
}

/// Writes labels, spec, revision and time as the caller has set them; gives the status version it has now.
///
/// # Errors
/// As [`insert`].
pub async fn update(conn: &mut Conn, changed: &Pair) -> Result<i64, StoreError> {
    let updated = sqlx::query!(
        "update pairs set labels = $2, revision = $3, updated_at = $4, operating_mode = $5
         where id = $1 and deleted_at is null",
        changed.id,
        to_json(&changed.labels)?,
        changed.revision,
        changed.updated_at,
        changed.spec.operating_mode.map(|m| m.as_str()),
    )
    .execute(&mut *conn)
    .await?;
    At::new(TABLE, changed.id).exactly_one(updated.rows_affected())?;
    sqlx::query!("delete from pair_members where pair_id = $1", changed.id)
        .execute(&mut *conn)
        .await?;
    write_members(conn, changed).await
}

/// A foreign key does not see that an instance is marked deleted: the members are held against deletion as they are written.
async fn write_members(conn: &mut Conn, pair: &Pair) -> Result<i64, StoreError> {
    let members = pair.spec.members();
    let ids: Vec<Uuid> = members.iter().map(|(m, _)| m.id).collect();
    let roles: Vec<String> = members
        .iter()
        .map(|(_, role)| role.as_str().to_owned())
        .collect();
    let written = sqlx::query!(
        r#"with kept as (
               select id from instances where id = any($2) and deleted_at is null order by id for share),
           written as (
               insert into pair_members (pair_id, position, role, instance_id)
               select $1, m.position - 1, m.role, m.id
               from unnest($2::uuid[], $3::text[]) with ordinality as m (id, role, position)
               join kept on kept.id = m.id
               returning instance_id)
           select count(*) as "members!",
                  (sum(s.version) + (select status_version from pairs where id = $1))::bigint as version
           from written join instance_status s on s.instance_id = written.instance_id"#,
        pair.id,
        &ids,
        &roles
    )
    .fetch_one(conn)
    .await?;
    match written.version {
        Some(version) if written.members == ids.len() as i64 => Ok(version),
        _ => Err(StoreError::Referenced),
    }
}

/// Live pairs by name, after a name key.
pub async fn list(
    conn: &mut Conn,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<Pair>, StoreError> {
    let rows = rows!(
        "where p.deleted_at is null and p.name_key > $1 order by p.name_key limit $2",
        after.unwrap_or_default(),
        one_more(limit)
    )
    .fetch_all(conn)
    .await?;
    Ok(Page::of(all(rows)?, limit, |p: &Pair| p.name.key()))
}

/// Its open jobs of any kind, oldest first.
pub async fn open_jobs(conn: &mut Conn, id: Uuid) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select id from jobs where subject_id = $1 and finished_at is null order by id",
        id
    )
    .fetch_all(conn)
    .await?)
}

/// Forgets it. Take it with [`get_for_update`] and ask [`open_jobs`] first, in one transaction.
pub async fn mark_deleted(conn: &mut Conn, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let deleted = sqlx::query!(
        "update pairs set deleted_at = $2 where id = $1 and deleted_at is null",
        id,
        now
    )
    .execute(conn)
    .await?;
    At::new(TABLE, id).exactly_one(deleted.rows_affected())
}
