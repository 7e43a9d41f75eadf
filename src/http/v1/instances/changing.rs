//! A PUT that changes an instance: whom it holds while it does, and the names it changes on itself and its peers. Why that is
//! enough: `store::turns`.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::wire::WantedInstance;
use crate::domain::instance::InstanceSpec;
use crate::http::api::Api;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::v1::object_names::{self, Acceptor};
use crate::http::v1::registration::{self, Changing, Registration};
use crate::store::instances::{self, Instance};
use crate::store::peers::{self, Peer};
use crate::store::turns::{self, Turn};
use crate::store::{Conn, Transaction};

/// Begins the declaration: with the instance as it is, locked, and all its peers with it where names would change.
///
/// # Errors
/// `precondition_failed`.
pub async fn begin(
    api: &Api,
    asked: &Changing,
    wanted: &WantedInstance,
) -> Result<(Transaction, Option<Instance>), Problem> {
    for turn in [Turn::Beside, Turn::Alone] {
        let mut tx = api.store.begin().await?;
        let key = asked.name.key();
        turns::take(&mut tx, turn, InstanceSpec::PATH, &key).await?;
        let held = hold_peers(&mut tx, &key, wanted).await?;
        let current = registration::current::<InstanceSpec>(&mut tx, asked).await?;
        if has_all_peers(&mut tx, &held, current.as_ref()).await? {
            return Ok((tx, current));
        }
        tx.rollback().await?;
    }
    Err(Problem::new(
        ProblemKind::ConcurrentChange,
        "its pairs changed at the same moment; repeat the request",
    ))
}

/// Locks the instance and its peers, in one order, where names would change; gives whom. Nobody where they would not.
async fn hold_peers(
    conn: &mut Conn,
    key: &str,
    wanted: &WantedInstance,
) -> Result<BTreeSet<Uuid>, Problem> {
    let Some(current) = instances::get(conn, key).await? else {
        return Ok(BTreeSet::new());
    };
    if !wanted.renames(&current) {
        return Ok(BTreeSet::new());
    }
    let names = [
        wanted.peer_name(&current.name),
        current.spec.peer_name.as_str(),
    ];
    let names = names.map(str::to_lowercase);
    turns::rename(conn, names.each_ref().map(String::as_str)).await?;
    let peers = peers::among(conn, &[current.id]).await?;
    let held: BTreeSet<Uuid> = peers.into_values().flatten().chain([current.id]).collect();
    let ids: Vec<Uuid> = held.iter().copied().collect();
    instances::hold(conn, &ids).await?;
    Ok(held)
}

/// Whether it has no other peers by now than those that are held. Where no names change nobody is, and nobody need be: it is
/// declared in turn, so that it cannot have been called otherwise since.
async fn has_all_peers(
    conn: &mut Conn,
    held: &BTreeSet<Uuid>,
    current: Option<&Instance>,
) -> Result<bool, Problem> {
    let Some(current) = current.filter(|_| !held.is_empty()) else {
        return Ok(true);
    };
    let peers = peers::among(conn, &[current.id]).await?;
    Ok(peers.values().flatten().all(|peer| held.contains(peer)))
}

/// The names this instance gives its peers, and those they give it.
///
/// # Errors
/// Those of [`object_names::check`].
pub async fn check_names(conn: &mut Conn, changed: &Instance) -> Result<(), Problem> {
    let peers = peers::called(conn, &[changed.id]).await?;
    let mine: Vec<Peer> = peers.into_values().flatten().collect();
    let as_acceptor = Acceptor {
        name: &changed.name,
        naming: &changed.spec.naming,
    };
    object_names::check(&as_acceptor, &mine, &|object, _| {
        format!("/spec/naming/{object}")
    })?;
    let ids: Vec<Uuid> = mine.iter().map(|peer| peer.id).collect();
    let mut others = peers::called(conn, &ids).await?;
    for peer in instances::by_ids(conn, &ids).await? {
        let mut theirs = others.remove(&peer.id).unwrap_or_default();
        theirs.retain(|other| other.id != changed.id);
        theirs.push(Peer::from(changed));
        let acceptor = Acceptor {
            name: &peer.name,
            naming: &peer.spec.naming,
        };
        object_names::check(&acceptor, &theirs, &|_, _| "/spec/peer_name".to_owned())?;
    }
    Ok(())
}
