//! Who is a peer on whom, by the live pairs, and what hangs on that. Every statement begins from the members it is asked
//! about: what it reads grows with their own pairs, not with all there are.

use std::collections::HashMap;

use uuid::Uuid;

use super::instances::Instance;
use super::read::At;
use super::{Conn, StoreError};
use crate::domain::certificate::PinHashes;
use crate::domain::hash::Sha256;
use crate::domain::name::RegistrationName;
use crate::domain::object_name::ObjectName;

/// A peer, by what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub id: Uuid,
    pub name: RegistrationName,
    pub peer_name: ObjectName,
}

impl From<&Instance> for Peer {
    fn from(instance: &Instance) -> Self {
        Self {
            id: instance.id,
            name: instance.name.clone(),
            peer_name: instance.spec.peer_name.clone(),
        }
    }
}

/// What the trusts of an instance stand on: its registration as it is, and the certificates that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    pub id: Uuid,
    pub name: RegistrationName,
    pub revision: i64,
    pub pins: PinHashes,
}

/// Every acceptor of `$1` (`asked.id`) with each of its peers (`peer.instance_id`); the select list and the rest are the
/// caller's. `offset 0` keeps the planner to that order, which a plan made without knowing the ids would not take.
macro_rules! couples {
    ($select:tt, $rest:tt, $ids:expr) => {
        sqlx::query!(
            $select
                + "from unnest($1::uuid[]) as asked (id)
                   cross join lateral (
                       select distinct theirs.instance_id
                       from (select m.pair_id from pair_members m where m.instance_id = asked.id offset 0) mine
                       cross join lateral (
                           select t.instance_id from pairs p join pair_members t on t.pair_id = p.id
                           where p.id = mine.pair_id and p.deleted_at is null and t.instance_id <> asked.id
                           offset 0) theirs) peer "
                + $rest,
            $ids
        )
    };
}

/// The peers of every one of these instances: those it shares a live pair with, in the order of their ids.
pub async fn among(conn: &mut Conn, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Uuid>>, StoreError> {
    let rows = couples!(
        r#"select asked.id as "acceptor!", peer.instance_id as "peer!" "#,
        "order by 2",
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

/// Like [`among`], with what the peers are called, by their names.
pub async fn called(
    conn: &mut Conn,
    acceptors: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Peer>>, StoreError> {
    let rows = couples!(
        r#"select asked.id as "acceptor!", i.id, i.name, i.peer_name "#,
        "cross join lateral (select id, name, name_key, peer_name from instances where id = peer.instance_id offset 0) i
         order by i.name_key",
        acceptors
    )
    .fetch_all(conn)
    .await?;
    let mut peers: HashMap<Uuid, Vec<Peer>> = HashMap::new();
    for row in rows {
        let at = At::new("instances", row.id);
        peers.entry(row.acceptor).or_default().push(Peer {
            id: row.id,
            name: at.parsed("name", RegistrationName::parse(&row.name))?,
            peer_name: at.parsed("peer_name", ObjectName::parse(&row.peer_name))?,
        });
    }
    Ok(peers)
}

/// What the trusts of these instances stand on, as far as they are registered.
pub async fn parties(conn: &mut Conn, ids: &[Uuid]) -> Result<Vec<Party>, StoreError> {
    let rows = sqlx::query!(
        "select i.id, i.name, i.revision,
                (select c.sha256 from certificates c
                 where c.instance_id = i.id and c.purpose = 'current' and c.pinned) as current,
                (select c.sha256 from certificates c
                 where c.instance_id = i.id and c.purpose = 'next' and c.pinned) as next
         from instances i where i.id = any($1) and i.deleted_at is null",
        ids
    )
    .fetch_all(conn)
    .await?;
    let hash = |at: At<Uuid>, bytes: Option<Vec<u8>>| {
        let hash = bytes.as_deref().map(Sha256::from_bytes).transpose();
        at.parsed("sha256", hash)
    };
    rows.into_iter()
        .map(|row| {
            let at = At::new("instances", row.id);
            Ok(Party {
                id: row.id,
                name: at.parsed("name", RegistrationName::parse(&row.name))?,
                revision: row.revision,
                pins: PinHashes {
                    current: hash(at, row.current)?,
                    next: hash(at, row.next)?,
                },
            })
        })
        .collect()
}

/// What `status` shows of this instance and of the members of its live pairs has changed: a pin or a registration moved,
/// and what was seen of their trusts no longer says anything. The pairs' own counts follow, because they add these up.
/// Gives the instance's own status version.
pub async fn bump_status_around(conn: &mut Conn, id: Uuid) -> Result<i64, StoreError> {
    // Locked in the order of ids: two of these at once must not wait for each other in a circle.
    Ok(sqlx::query_scalar!(
        "with around as (
             select theirs.instance_id as id
             from (select m.pair_id from pair_members m where m.instance_id = $1 offset 0) mine
             cross join lateral (
                 select t.instance_id from pairs p join pair_members t on t.pair_id = p.id
                 where p.id = mine.pair_id and p.deleted_at is null offset 0) theirs
             union select $1),
         locked as (
             select s.instance_id
             from (select id from around order by id) a
             cross join lateral (
                 select instance_id from instance_status where instance_id = a.id for no key update) s),
         bumped as (
             update instance_status set version = version + 1
             where instance_id = any(array(select instance_id from locked)) returning instance_id, version)
         select version from bumped where instance_id = $1",
        id
    )
    .fetch_one(conn)
    .await?)
}
