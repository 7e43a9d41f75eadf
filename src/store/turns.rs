//! Which declarations wait for which. Two that are each right by themselves could clash together, so those that could take
//! turns, and no others.
//!
//! What can clash are the names on one acceptor: its peers' names by its templates, which no two peers may share. They are made
//! of the acceptor's templates, of who its peers are, and of what those are called. They are changed by
//!
//! - a PUT of a pair, on every member it names (it may become an acceptor of the others);
//! - a PUT of an instance with another peer name or other templates, on itself and on all its peers.
//!
//! Each of them locks the rows of all acceptors whose names it changes before it reads what they are made of, and keeps them until
//! it ends. So two that change the names on one acceptor follow each other there, and the later one checks what the earlier one
//! has made. A pair's members are named in the request. An instance's peers are read first, without a lock, and once more when all
//! are locked: whoever adds a peer has to name the instance, whose row is locked, so that there can be no further ones from
//! then on. If there is one that came between, all is undone and begun again [alone](Turn::Alone). Peers that *go* (a pair
//! is forgotten, or names others) take names away, which clashes with nothing: that waits for nobody.
//!
//! Nobody waits in a circle, because all take the same way: the [turn](take) of what is declared, then of the
//! [peer names](rename) that are given up and taken, by number; then the row of the pair; then the rows of instances, by name; then
//! the credential; then the statuses of instances, by id. Others (uploads, jobs, deletions) enter on that way and go on in
//! its direction.
//!
//! A release before these turns has one for all, which it takes alone before any row. What is declared here shares it:
//! beside each other, and in turn with that release, for as long as both share a database.

use super::{Conn, StoreError};
use crate::domain::hash::Sha256;

/// The advisory lock of all declarations; any number that nothing else in the database uses.
const ALL: i64 = 0x6d69_7272_6e61_6d65;

/// Beside whom something is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Beside all that declare something else.
    Beside,
    /// Alone: no instance and no pair is declared meanwhile.
    Alone,
}

/// Takes the turn of declaring what is so called (lower case) until the transaction ends. Before any row is locked: of twins that
/// create it, the second finds what the first has made.
///
/// `kind` is the last part of its collection's path: `pairs`.
pub async fn take(
    conn: &mut Conn,
    turn: Turn,
    kind: &str,
    name_key: &str,
) -> Result<(), StoreError> {
    let own = number(&[kind, name_key]);
    match turn {
        // The inner one first, as the outer select list is made of its rows.
        Turn::Beside => {
            sqlx::query!(
                "select pg_advisory_xact_lock($2) from (select pg_advisory_xact_lock_shared($1) offset 0) as everyone",
                ALL,
                own
            )
            .execute(conn)
            .await?
        }
        Turn::Alone => {
            sqlx::query!("select pg_advisory_xact_lock($1)", ALL)
                .execute(conn)
                .await?
        }
    };
    Ok(())
}

/// Takes the turns of an instance's peer names (lower case), the one it gives up and the one it takes: two that exchange theirs
/// would wait for each other in a circle. After [`take`], before any row.
pub async fn rename(conn: &mut Conn, names: [&str; 2]) -> Result<(), StoreError> {
    let mut numbers = names.map(|name| number(&["peer name", name]));
    numbers.sort_unstable();
    // In this order: the rows of a function come as they are.
    sqlx::query!(
        "select pg_advisory_xact_lock(turn) from unnest($1::bigint[]) as turns (turn)",
        &numbers[..]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Two with one number would only wait for each other for nothing.
fn number(of: &[&str]) -> i64 {
    let digest = Sha256::of(of.join("\n").as_bytes());
    let mut number = [0; 8];
    number.copy_from_slice(&digest.as_bytes()[..8]);
    i64::from_be_bytes(number)
}
